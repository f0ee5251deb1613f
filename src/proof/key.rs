//! The Ed25519 keys that sign for a log and for its witnesses, and the line of text that spreads their public half.
//!
//! That line is the verifier key (vkey) of C2SP signed-note, `name+id+key`. A secret key exists only from a seed that
//! the caller keeps; it is wiped from memory when it is dropped and never printed.

use super::base64;
use super::fault::ProofFault;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The longest name of a key and of a log in bytes: newer cosignatures count it in 8 bits.
pub const NAME_LIMIT: usize = 255;

/// What a key signs, by the signature type bytes of C2SP signed-note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// `0x01`: the text of a note, as a log does with its checkpoints.
    Note,
    /// `0x04`: a checkpoint and the time when it was seen, as a witness does (C2SP tlog-cosignature).
    Cosignature,
}

impl KeyType {
    /// The byte that stands for it.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            KeyType::Note => 0x01,
            KeyType::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, ProofFault> {
        match byte {
            0x01 => Ok(KeyType::Note),
            0x04 => Ok(KeyType::Cosignature),
            other => Err(ProofFault::KeyType(other)),
        }
    }
}

/// A public key with its name, which checks signatures. As text it is the vkey of C2SP signed-note.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key_type: KeyType,
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key with this name and these 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    ///
    /// [`ProofFault::KeyName`], or [`ProofFault::Key`] for bytes that are no point of the curve, or one of small order,
    /// for which anybody can sign.
    pub fn new(name: &str, key_type: KeyType, public: &[u8; 32]) -> Result<Self, ProofFault> {
        check_name(name)?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| ProofFault::Key("its key is no Ed25519 public key"))?;
        if key.is_weak() {
            return Err(ProofFault::Key("its key is one for which anybody can sign"));
        }
        Ok(VerifierKey {
            name: name.to_owned(),
            id: key_id(name, key_type, public),
            key_type,
            key,
        })
    }

    /// The key's name; a log's is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id: the first four bytes, the highest first, of SHA-256 over name, newline, type and public key
    /// (C2SP signed-note).
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether the key has signed exactly these bytes. Strict: no key or commitment of small order, so that no
    /// signature fits two messages.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key
            .verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.key_type.byte()];
        bytes.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, base64::encode(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = ProofFault;

    /// Reads a vkey. It has one spelling: `to_string` gives back what was read.
    fn from_str(text: &str) -> Result<Self, ProofFault> {
        // No name holds a plus, but base64 may, so only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ProofFault::Key("it has fewer than two plus signs"));
        };
        check_name(name)?;
        let said = hex_id(id).ok_or(ProofFault::Key("its id is not 8 hexadecimal digits in lower case"))?;
        let bytes = base64::decode(key).ok_or(ProofFault::Key("its key is not base64"))?;
        let (kind, public) = bytes.split_first().ok_or(ProofFault::Key("its key is empty"))?;
        let key_type = KeyType::from_byte(*kind)?;
        let public = public
            .try_into()
            .map_err(|_| ProofFault::Key("its key does not have 32 bytes behind the type"))?;
        let computed = key_id(name, key_type, public);
        if said != computed {
            return Err(ProofFault::KeyId { said, computed });
        }
        VerifierKey::new(name, key_type, public)
    }
}

/// The secret key of a log. Its name is the log's origin, and its signatures are of the type [`KeyType::Note`].
pub struct LogKey(Secret);

impl LogKey {
    /// The key of the log with this origin from 32 secret random bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    ///
    /// [`ProofFault::KeyName`].
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, ProofFault> {
        Secret::new(origin, KeyType::Note, seed).map(LogKey)
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.0.public.name()
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({}, secret)", self.0.public)
    }
}

/// The secret key of a witness. Its signatures are of the type [`KeyType::Cosignature`]; no log's key may be used again
/// here, and one key serves one witness, because a cosignature does not commit to its name.
pub struct WitnessKey(Secret);

impl WitnessKey {
    /// The key of the witness with this name from 32 secret random bytes.
    ///
    /// # Errors
    ///
    /// [`ProofFault::KeyName`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, ProofFault> {
        Secret::new(name, KeyType::Cosignature, seed).map(WitnessKey)
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({}, secret)", self.0.public)
    }
}

/// A secret key with its public half; the Ed25519 crate wipes it on drop.
struct Secret {
    key: SigningKey,
    public: VerifierKey,
}

impl Secret {
    fn new(name: &str, key_type: KeyType, seed: &[u8; 32]) -> Result<Self, ProofFault> {
        let key = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, key_type, key.verifying_key().as_bytes())?;
        Ok(Secret { key, public })
    }
}

/// Whether a signature line may carry this name: not empty, no Unicode space, no plus (C2SP signed-note).
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

/// The rules for a key of our own set, which are tighter by a length.
fn check_name(name: &str) -> Result<(), ProofFault> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_LIMIT {
        "it is longer than 255 bytes"
    } else if !is_name(name) {
        "it holds a space, a plus or a control character"
    } else {
        return Ok(());
    };
    Err(ProofFault::KeyName {
        name: name.to_owned(),
        problem,
    })
}

fn key_id(name: &str, key_type: KeyType, public: &[u8; 32]) -> u32 {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', key_type.byte()])
        .chain_update(public)
        .finalize();
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
    u32::from_be_bytes([a, b, c, d])
}

fn hex_id(text: &str) -> Option<u32> {
    let digits = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digits.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::vector;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn vkeys_of_others_and_ours() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        assert_eq!(
            (key.name(), key.id(), key.key_type()),
            ("example.com/foo", 0x530d_903a, KeyType::Note)
        );
        assert_eq!(key.to_string(), EXAMPLE);
        // This one has a plus within its base64.
        assert_eq!(vector::log_key().verifier().to_string(), vector::LOG_VKEY);
        assert_eq!(vector::witness_key().verifier().to_string(), vector::WITNESS_VKEY);
        for text in [vector::LOG_VKEY, vector::WITNESS_VKEY] {
            assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for place in 0..EXAMPLE.len() {
            for bit in 0..7 {
                let mut bytes = EXAMPLE.as_bytes().to_vec();
                bytes[place] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(changed.parse::<VerifierKey>().is_err(), "{changed:?}");
            }
        }
        for text in [
            "",
            "+",
            "++",
            "a+b",
            "a++",
            " +530d903a+AA==",
            "a+530D903A+AA==",
            "a+530d903a+",
        ] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
        }
        let unread = "x+00000000+".to_owned() + &base64::encode(&[0x06; 1313]);
        assert_eq!(unread.parse::<VerifierKey>(), Err(ProofFault::KeyType(6)));
    }

    #[test]
    fn weak_keys_are_refused() {
        // The neutral point, and the point of order 2.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut order_2 = [0xFF; 32];
        (order_2[0], order_2[31]) = (0xEC, 0x7F);
        for public in [neutral, [0; 32], order_2] {
            assert!(VerifierKey::new("a", KeyType::Note, &public).is_err(), "{public:?}");
        }
    }

    #[test]
    fn names() {
        for name in [
            "",
            "a b",
            "a+b",
            "a\u{a0}b",
            "a\u{2028}b",
            "a\tb",
            "a\0b",
            &"a".repeat(256),
        ] {
            assert!(LogKey::from_seed(name, &[1; 32]).is_err(), "{name:?}");
        }
        for name in ["a", "é/日志", &"a".repeat(255)] {
            assert_eq!(LogKey::from_seed(name, &[1; 32]).unwrap().origin(), name);
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let seed = [0xA7; 32];
        let log = format!("{0:?} {0:#?}", LogKey::from_seed("a", &seed).unwrap());
        let witness = format!("{0:?} {0:#?}", WitnessKey::from_seed("a", &seed).unwrap());
        for text in [log, witness] {
            for spelling in ["167", "a7a7", "A7A7", &base64::encode(&seed)] {
                assert!(!text.contains(spelling), "{text}");
            }
        }
    }
}
