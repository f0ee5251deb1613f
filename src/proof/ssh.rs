//! People's keys: Ed25519 keys of OpenSSH, and what they sign, in the form of `ssh-keygen -Y sign` (PROTOCOL.sshsig). So a
//! person signs with the key that they have, and a stranger checks it with the tool that they have:
//! `ssh-keygen -Y verify -n auditdb`.
//!
//! What must hold: a signature counts for nothing outside its namespace; secret keys are wiped from memory and never printed.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ssh_key::private::KeypairData;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::fmt;
use zeroize::Zeroizing;

/// What the signatures are for; `ssh-keygen -Y verify` wants it as `-n`.
pub const SSH_NAMESPACE: &str = "auditdb";

/// Longer texts are no keys and no signatures of this kind, in bytes.
const TEXT_LIMIT: usize = 16 << 10;

/// A person's public key: `ssh-ed25519 AAAA…` as text.
#[derive(Clone, PartialEq, Eq)]
pub struct SshPublicKey {
    key: VerifyingKey,
}

impl SshPublicKey {
    /// Reads a line as it stands in `id_ed25519.pub`; what stands behind the key is a comment.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_LIMIT {
            return Err("is too long for a key".to_owned());
        }
        let key = PublicKey::from_openssh(text.trim())
            .map_err(|error| format!("is no public key as OpenSSH writes it, ssh-ed25519 AAAA… ({error})"))?;
        Self::of(key.key_data())
    }

    fn of(data: &KeyData) -> Result<Self, String> {
        let KeyData::Ed25519(Ed25519PublicKey(bytes)) = data else {
            return Err(format!(
                "is of the kind {}; only ssh-ed25519 is taken",
                data.algorithm().as_str()
            ));
        };
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| "is no point of the curve".to_owned())?;
        if key.is_weak() {
            return Err("is one for which anybody can sign".to_owned());
        }
        Ok(SshPublicKey { key })
    }

    /// Whether this key has signed that text, for auditdb.
    ///
    /// # Errors
    /// Why it has not, as the end of a sentence that begins with the signature.
    pub fn verify(&self, text: &str, signature: &str) -> Result<(), String> {
        if signature.len() > TEXT_LIMIT {
            return Err("is too long".to_owned());
        }
        let parsed = SshSig::from_pem(signature)
            .map_err(|error| format!("is not in the form of ssh-keygen -Y sign ({error})"))?;
        if parsed.version() != SshSig::VERSION || !parsed.reserved().is_empty() {
            return Err("is of another version".to_owned());
        }
        // One spelling: what is not signed, such as lengths, must not be free.
        let spelled = parsed.to_pem(LineEnding::LF).unwrap_or_default();
        if !spelled.split_whitespace().eq(signature.split_whitespace()) {
            return Err("is not spelled as ssh-keygen spells it".to_owned());
        }
        let signature = parsed;
        if signature.namespace() != SSH_NAMESPACE {
            return Err(format!(
                "is for {:?} and not for {SSH_NAMESPACE:?}",
                signature.namespace()
            ));
        }
        if Self::of(signature.public_key())? != *self {
            return Err("is by another key".to_owned());
        }
        let malformed = |error: ssh_key::Error| format!("is malformed ({error})");
        let bytes: [u8; 64] = signature
            .signature_bytes()
            .try_into()
            .map_err(|_| "is of another length".to_owned())?;
        let signed = SshSig::signed_data(SSH_NAMESPACE, signature.hash_alg(), text.as_bytes()).map_err(malformed)?;
        // Strict, as everywhere: no key or commitment of small order.
        self.key
            .verify_strict(&signed, &Signature::from_bytes(&bytes))
            .map_err(|_| "does not fit what is said to be signed".to_owned())
    }
}

impl fmt::Display for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = KeyData::Ed25519(Ed25519PublicKey(self.key.to_bytes()));
        f.write_str(&PublicKey::from(data).to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshPublicKey({self})")
    }
}

/// A person's secret key.
pub struct SshKey {
    key: SigningKey,
}

impl SshKey {
    /// Reads a file as `ssh-keygen -t ed25519` writes it. `passphrase` is asked for if the key is encrypted.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the key.
    pub fn from_openssh(
        text: &str,
        passphrase: impl FnOnce() -> Result<Zeroizing<String>, String>,
    ) -> Result<Self, String> {
        if text.len() > TEXT_LIMIT {
            return Err("is too long for a key".to_owned());
        }
        let mut key = PrivateKey::from_openssh(text)
            .map_err(|error| format!("is no secret key as ssh-keygen -t ed25519 writes it ({error})"))?;
        if key.is_encrypted() {
            key = decrypted(&key, &passphrase()?)?;
        }
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(format!(
                "is of the kind {}; only ssh-ed25519 is taken",
                key.algorithm().as_str()
            ));
        };
        let signing = SigningKey::from_bytes(&Zeroizing::new(pair.private.to_bytes()));
        if signing.verifying_key().to_bytes() != pair.public.0 {
            return Err("is damaged: its two halves do not belong together".to_owned());
        }
        Ok(SshKey { key: signing })
    }

    /// The key of that seed, as RFC 8032 makes one.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SshKey {
            key: SigningKey::from_bytes(seed),
        }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> SshPublicKey {
        SshPublicKey {
            key: self.key.verifying_key(),
        }
    }

    /// Signs a text, as `ssh-keygen -Y sign -n auditdb` does.
    pub(crate) fn sign(&self, text: &str) -> Result<String, String> {
        let malformed = |error: ssh_key::Error| error.to_string();
        let hash = HashAlg::Sha512;
        let signed = SshSig::signed_data(SSH_NAMESPACE, hash, text.as_bytes()).map_err(malformed)?;
        let signature = self.key.sign(&signed).to_bytes();
        let signature = ssh_key::Signature::new(Algorithm::Ed25519, signature).map_err(malformed)?;
        let public = KeyData::Ed25519(Ed25519PublicKey(self.key.verifying_key().to_bytes()));
        let signature = SshSig::new(public, SSH_NAMESPACE, hash, signature).map_err(malformed)?;
        signature.to_pem(LineEnding::LF).map_err(malformed)
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshKey({})", self.public())
    }
}

#[cfg(feature = "cli")]
fn decrypted(key: &PrivateKey, passphrase: &str) -> Result<PrivateKey, String> {
    key.decrypt(passphrase)
        .map_err(|error| format!("cannot be decrypted: the passphrase is wrong, or the key damaged ({error})"))
}

#[cfg(not(feature = "cli"))]
fn decrypted(_: &PrivateKey, _: &str) -> Result<PrivateKey, String> {
    Err("is encrypted, which is read with the feature cli only".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Result<Zeroizing<String>, String> {
        panic!("it is not encrypted")
    }

    /// Made with `ssh-keygen -t ed25519 -N '' -C test`.
    const PLAIN: &str = include_str!("ssh/plain");
    const PLAIN_PUB: &str = include_str!("ssh/plain.pub");
    /// Made with `ssh-keygen -t ed25519 -N 'correct horse'`.
    #[cfg(feature = "cli")]
    const ENCRYPTED: &str = include_str!("ssh/encrypted");
    /// Made with `ssh-keygen -Y sign -n auditdb -f plain` over "hello\n".
    const SIGNED: &str = include_str!("ssh/hello.sig");
    /// The same with `-n file`.
    const OTHER_NAMESPACE: &str = include_str!("ssh/hello.file.sig");
    const ECDSA_PUB: &str = include_str!("ssh/ecdsa.pub");

    #[test]
    fn what_ssh_keygen_wrote_is_read() {
        let key = SshKey::from_openssh(PLAIN, never).unwrap();
        let public = SshPublicKey::parse(PLAIN_PUB).unwrap();
        assert_eq!(key.public(), public);
        assert!(PLAIN_PUB.starts_with(&public.to_string()));
        public.verify("hello\n", SIGNED).unwrap();
        // Ed25519 is deterministic: ours is the same to the byte.
        assert_eq!(key.sign("hello\n").unwrap().trim_end(), SIGNED.trim_end());
    }

    #[cfg(feature = "cli")]
    #[test]
    fn an_encrypted_key_wants_its_passphrase() {
        let with = |passphrase: &str| {
            let passphrase = passphrase.to_owned();
            SshKey::from_openssh(ENCRYPTED, move || Ok(Zeroizing::new(passphrase)))
        };
        assert!(with("wrong").unwrap_err().contains("the passphrase is wrong"));
        let key = with("correct horse").unwrap();
        let signature = key.sign("text").unwrap();
        key.public().verify("text", &signature).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused_with_words() {
        let public = SshPublicKey::parse(PLAIN_PUB).unwrap();
        let fault = |text: &str, signature: &str| public.verify(text, signature).unwrap_err();
        assert!(fault("hullo\n", SIGNED).contains("does not fit"));
        assert!(fault("hello\n", OTHER_NAMESPACE).contains("is for \"file\""));
        assert!(fault("hello\n", "nothing").contains("form of ssh-keygen"));
        let other = SshKey::from_seed(&[7; 32]).sign("hello\n").unwrap();
        assert!(fault("hello\n", &other).contains("by another key"));
        // Every byte of its base64 counts, also those that are not the signature.
        for place in 0..SIGNED.len() {
            let mut changed = SIGNED.as_bytes().to_vec();
            changed[place] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else {
                continue;
            };
            let same = changed.split_whitespace().eq(SIGNED.split_whitespace());
            assert!(same || public.verify("hello\n", &changed).is_err(), "byte {place}");
        }
        assert!(SshPublicKey::parse(ECDSA_PUB).is_err());
        assert!(SshPublicKey::parse("ssh-ed25519 AAAA").is_err());
        // The identity of the curve: anybody can sign for it.
        let mut weak = [0; 32];
        weak[0] = 1;
        let data = KeyData::Ed25519(Ed25519PublicKey(weak));
        let line = PublicKey::from(data).to_openssh().unwrap();
        assert!(SshPublicKey::parse(&line).unwrap_err().contains("anybody can sign"));
        assert!(SshKey::from_openssh(PLAIN_PUB, never).is_err());
        let damaged = PLAIN.replacen('b', "c", 1);
        assert!(damaged == PLAIN || SshKey::from_openssh(&damaged, never).is_err());
    }
}
