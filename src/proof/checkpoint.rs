//! A checkpoint: what a log signs about all of its records, in the form of C2SP tlog-checkpoint. It is a note of three
//! lines: the log's origin, the number of its records, the root of its tree.
//!
//! A log never signs two checkpoints of which one does not continue the other; that is for its caller to hold.

use super::base64;
use super::cosignature;
use super::fault::ProofFault;
use super::key::{KeyType, LogKey, VerifierKey, WitnessKey};
use super::note::{Note, NoteSignature, Signed};
use super::tree::{Hash, empty_root};
use std::fmt;

/// The largest tree that is read: its size fits into a signed 64-bit number, as others hold it.
pub const SIZE_LIMIT: u64 = i64::MAX as u64;

const FORM: &str = "checkpoint";

/// What a log says of itself at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of a log with this origin, so many records and this root.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`] if the origin is empty or more than a line, if the size is beyond [`SIZE_LIMIT`], or if
    /// the root of no records is not that of the empty tree.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, ProofFault> {
        if origin.is_empty() || origin.contains(|c: char| c < ' ') {
            return Err(malformed(1, "the origin is one line that is not empty"));
        }
        if size > SIZE_LIMIT {
            return Err(malformed(2, "the size is beyond 63 bits"));
        }
        if size == 0 && root != empty_root() {
            return Err(malformed(
                3,
                "no records have the root of the empty tree, SHA-256 of nothing",
            ));
        }
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size,
            root,
            extensions: Vec::new(),
        })
    }

    /// Reads the text of a note. Printing it gives back the same text.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ProofFault> {
        let whole = text
            .strip_suffix('\n')
            .ok_or(malformed(1, "it has no newline at its end"))?;
        let mut lines = whole.split('\n');
        let origin = lines.next().unwrap_or_default();
        let size = lines.next().ok_or(malformed(2, "the size is missing"))?;
        let size = decimal(size).ok_or(malformed(2, "the size is not a decimal number without leading zeros"))?;
        let root = lines.next().ok_or(malformed(3, "the root is missing"))?;
        let root = base64::decode_hash(root).ok_or(malformed(3, "the root is not 32 bytes in base64"))?;
        let mut checkpoint = Checkpoint::new(origin, size, root)?;
        for (line, number) in lines.zip(4..) {
            if line.is_empty() || line.contains(|c: char| c < ' ') {
                return Err(malformed(
                    number,
                    "an extension line is empty or holds a control character",
                ));
            }
            checkpoint.extensions.push(line.to_owned());
        }
        Ok(checkpoint)
    }

    /// Which log it is of.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many records the log has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Lines behind the root, which another log may write. Witnesses do not vouch for them; this crate never writes any.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64::encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint with its signatures, which are checked by [`SignedCheckpoint::verify`] and not before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// The checkpoint, signed by its log.
    ///
    /// # Errors
    ///
    /// [`ProofFault::NotSigned`] if the key is that of another log, or if there are extension lines.
    pub fn sign(checkpoint: Checkpoint, key: &LogKey) -> Result<Self, ProofFault> {
        if key.origin() != checkpoint.origin {
            return Err(ProofFault::NotSigned("the checkpoint is of another log than the key"));
        }
        if !checkpoint.extensions.is_empty() {
            return Err(ProofFault::NotSigned(
                "the checkpoint has extension lines, which no witness vouches for",
            ));
        }
        let mut note = Note::new(checkpoint.to_string())?;
        note.sign(key)?;
        Ok(SignedCheckpoint { note, checkpoint })
    }

    /// Reads a signed checkpoint. Printing it gives back the same bytes.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`], [`ProofFault::TooLong`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(SignedCheckpoint { note, checkpoint })
    }

    /// What is signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note that it is.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Checks the signatures and tells which of the known keys have signed.
    ///
    /// # Errors
    ///
    /// As [`Note::verify`], and [`ProofFault::NotTheLog`] unless one of the keys is of the log itself: of the type
    /// [`KeyType::Note`] and with the origin as its name.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, ProofFault> {
        let signed = self.note.verify(known)?;
        let of_the_log =
            |signed: &Signed<'_>| signed.key.key_type() == KeyType::Note && signed.key.name() == self.checkpoint.origin;
        if !signed.iter().any(of_the_log) {
            return Err(ProofFault::NotTheLog {
                origin: self.checkpoint.origin.clone(),
            });
        }
        Ok(signed)
    }

    /// The cosignature of a witness at a time in seconds since 1970. The witness has to have checked and stored before
    /// that this checkpoint continues the last one that it saw.
    ///
    /// # Errors
    ///
    /// [`ProofFault::NotSigned`] for a time beyond 63 bits.
    pub fn cosignature(&self, key: &WitnessKey, time: u64) -> Result<NoteSignature, ProofFault> {
        cosignature::sign(key, self.note.text(), time).ok_or(ProofFault::NotSigned("the time is beyond 63 bits"))
    }

    /// Adds a signature that somebody else made, unchecked.
    ///
    /// # Errors
    ///
    /// As [`Note::add`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), ProofFault> {
        self.note.add(signature)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A decimal number without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    plain.then(|| text.parse().ok()).flatten()
}

fn malformed(line: usize, problem: &'static str) -> ProofFault {
    ProofFault::Malformed {
        form: FORM,
        line,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::vector;

    #[test]
    fn the_fixed_vector_byte_for_byte() {
        let checkpoint = Checkpoint::new(vector::ORIGIN, 5, vector::tree(5).root()).unwrap();
        assert_eq!(checkpoint.to_string(), vector::CHECKPOINT);
        let mut signed = SignedCheckpoint::sign(checkpoint, &vector::log_key()).unwrap();
        let cosignature = signed.cosignature(&vector::witness_key(), vector::COSIGNED_AT).unwrap();
        signed.add(cosignature).unwrap();
        let whole = format!(
            "{}\n{}\n{}\n",
            vector::CHECKPOINT,
            vector::LOG_LINE,
            vector::WITNESS_LINE
        );
        assert_eq!(signed.to_string(), whole);
        assert_eq!(SignedCheckpoint::parse(whole.as_bytes()), Ok(signed.clone()));
        let keys = [vector::WITNESS_VKEY, vector::LOG_VKEY].map(|text| text.parse().unwrap());
        let by = signed.verify(&keys).unwrap();
        assert_eq!(
            by,
            [
                Signed {
                    key: &keys[1],
                    time: None
                },
                Signed {
                    key: &keys[0],
                    time: Some(vector::COSIGNED_AT)
                }
            ]
        );
        // A witness alone does not make it the log's.
        assert!(matches!(signed.verify(&keys[..1]), Err(ProofFault::NotTheLog { .. })));
    }

    #[test]
    fn a_log_signs_only_its_own() {
        let other = LogKey::from_seed("example.com/other", &[3; 32]).unwrap();
        let checkpoint = Checkpoint::parse(vector::CHECKPOINT).unwrap();
        assert!(SignedCheckpoint::sign(checkpoint.clone(), &other).is_err());
        // Nor does anybody else's signature under the text make it the log's.
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        note.sign(&other).unwrap();
        let signed = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
        let keys = [other.verifier().clone(), vector::log_key().verifier().clone()];
        assert!(matches!(signed.verify(&keys), Err(ProofFault::NotTheLog { .. })));
    }

    #[test]
    fn a_witness_of_the_logs_name_is_not_the_log_and_counts_once() {
        let witness = WitnessKey::from_seed(vector::ORIGIN, &[4; 32]).unwrap();
        let checkpoint = Checkpoint::parse(vector::CHECKPOINT).unwrap();
        let mut signed = SignedCheckpoint::sign(checkpoint, &vector::log_key()).unwrap();
        for time in [20, 10] {
            signed.add(signed.cosignature(&witness, time).unwrap()).unwrap();
        }
        let keys = [witness.verifier().clone(), vector::log_key().verifier().clone()];
        assert!(matches!(signed.verify(&keys[..1]), Err(ProofFault::NotTheLog { .. })));
        let times: Vec<_> = signed.verify(&keys).unwrap().iter().map(|signed| signed.time).collect();
        assert_eq!(times, [None, Some(20)]);
    }

    #[test]
    fn extension_lines_are_read_and_never_signed() {
        let text = format!("{}more\nand more\n", vector::CHECKPOINT);
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint.extensions(), ["more", "and more"]);
        assert_eq!(checkpoint.to_string(), text);
        assert!(SignedCheckpoint::sign(checkpoint, &vector::log_key()).is_err());
    }

    #[test]
    fn other_forms_are_refused() {
        let root = "zDc2UIC4U0+fK8tloWStUtIjiBJXf872mYTWIxtXEHk=";
        let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert!(Checkpoint::parse(&format!("a b+c\n9223372036854775807\n{root}\n")).is_ok());
        assert_eq!(Checkpoint::parse(&format!("a\n0\n{empty}\n")).unwrap().size(), 0);
        for (text, at) in [
            (String::new(), 1),
            ("a\n".to_owned(), 2),
            ("a\n5\n".to_owned(), 3),
            (format!("\n5\n{root}\n"), 1),
            (format!("a\tb\n5\n{root}\n"), 1),
            (format!("a\n\n{root}\n"), 2),
            (format!("a\n05\n{root}\n"), 2),
            (format!("a\n00\n{root}\n"), 2),
            (format!("a\n+5\n{root}\n"), 2),
            (format!("a\n-5\n{root}\n"), 2),
            (format!("a\n5 \n{root}\n"), 2),
            (format!("a\n9223372036854775808\n{root}\n"), 2),
            (format!("a\n18446744073709551616\n{root}\n"), 2),
            (format!("a\n0\n{root}\n"), 3),
            ("a\n5\nAAAA\n".to_owned(), 3),
            (format!("a\n5\n{root}"), 1),
            (format!("a\n5\n{root}\n\n"), 4),
            (format!("a\n5\n{root}\nx\n\ny\n"), 5),
        ] {
            match Checkpoint::parse(&text) {
                Err(ProofFault::Malformed { line, .. }) => assert_eq!(line, at, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
