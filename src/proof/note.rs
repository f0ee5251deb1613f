//! A note: text that keys have signed, in the form of C2SP signed-note.
//!
//! The text ends in a newline, an empty line follows, then a line for each signature. Nothing of the text may be
//! believed before [`Note::verify`] came back without a fault.

use super::base64;
use super::cosignature;
use super::fault::ProofFault;
use super::key::{KeyType, LogKey, VerifierKey, is_name};
use std::fmt;

/// The longest note that is read, in bytes.
pub const NOTE_LIMIT: usize = 1_000_000;

/// The most signatures of a note that are read; C2SP signed-note asks for 16 at least.
pub const SIGNATURE_LIMIT: usize = 100;

const FORM: &str = "signed note";

/// A text and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature of a note: one line, `— name base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

/// A key that has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signed<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// When it signed, in seconds since 1970, if its signature says so; that of its first signature.
    pub time: Option<u64>,
}

impl Note {
    /// A note that nobody has signed yet.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`] if the text does not end in a newline or holds other control characters,
    /// [`ProofFault::TooLong`].
    pub fn new(text: String) -> Result<Self, ProofFault> {
        check_text(&text)?;
        Ok(Note {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note. Printing it gives back the same bytes.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`], [`ProofFault::TooLong`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        if bytes.len() > NOTE_LIMIT {
            return Err(too_long());
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            malformed(1 + count_newlines(before), "it is not UTF-8")
        })?;
        check_text(whole)?;
        // The last empty line separates: the text itself may hold some.
        let separator = whole.rfind("\n\n").and_then(|at| whole.split_at_checked(at + 1));
        let (text, behind) = separator.ok_or(malformed(1, "no empty line separates text and signatures"))?;
        let first = 2 + count_newlines(text.as_bytes());
        let lines: Vec<&str> = behind.split_terminator('\n').skip(1).collect();
        if lines.is_empty() {
            return Err(malformed(first, "a signature has to follow the last empty line"));
        }
        if lines.len() > SIGNATURE_LIMIT {
            return Err(too_many());
        }
        let numbered = lines.into_iter().zip(first..);
        Ok(Note {
            text: text.to_owned(),
            signatures: numbered
                .map(|(line, number)| NoteSignature::parse(line).map_err(|fault| fault.lines_down(number - 1)))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What is signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, whether anybody checked them or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Signs the text.
    ///
    /// # Errors
    ///
    /// [`ProofFault::TooLong`] if there are too many signatures.
    pub fn sign(&mut self, key: &LogKey) -> Result<(), ProofFault> {
        let signature = key.sign(self.text.as_bytes());
        self.add(NoteSignature::new(key.verifier(), &signature))
    }

    /// Adds a signature that somebody else made, unchecked. One that is there already is not added again.
    ///
    /// # Errors
    ///
    /// [`ProofFault::TooLong`] if there are too many signatures.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), ProofFault> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() >= SIGNATURE_LIMIT {
            return Err(too_many());
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Checks the signatures of the keys that are known and tells which of them have signed, each once, in the order of
    /// the signatures. Signatures of others, by name and id, are ignored.
    ///
    /// # Errors
    ///
    /// [`ProofFault::BadSignature`] if one signature of a known key does not fit, whatever else does;
    /// [`ProofFault::Unsigned`] if no known key has signed.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, ProofFault> {
        let mut signed: Vec<Signed<'k>> = Vec::new();
        for signature in &self.signatures {
            let of_its_name = |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.id;
            for key in known.iter().filter(of_its_name) {
                let time = self.check(key, &signature.bytes).ok_or_else(|| signature.bad())?;
                if !signed.iter().any(|other| other.key == key) {
                    signed.push(Signed { key, time });
                }
            }
        }
        if signed.is_empty() {
            return Err(ProofFault::Unsigned);
        }
        Ok(signed)
    }

    /// `None` if the signature is bad, else the time in it, if it has one.
    fn check(&self, key: &VerifierKey, signature: &[u8]) -> Option<Option<u64>> {
        match key.key_type() {
            KeyType::Note => {
                let signature = signature.try_into().ok()?;
                key.has_signed(self.text.as_bytes(), signature).then_some(None)
            }
            KeyType::Cosignature => cosignature::check(key, &self.text, signature).map(Some),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl NoteSignature {
    /// The signature of a key.
    pub(super) fn new(key: &VerifierKey, bytes: &[u8]) -> Self {
        NoteSignature {
            name: key.name().to_owned(),
            id: key.id(),
            bytes: bytes.to_vec(),
        }
    }

    /// Reads a signature line without its newline, as a witness answers it. Printing it gives back the same line.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`].
    pub fn parse(line: &str) -> Result<Self, ProofFault> {
        let wrong = |problem| malformed(1, problem);
        let line = line
            .strip_prefix("\u{2014} ")
            .ok_or(wrong("a signature begins with an em dash and a space"))?;
        let (name, blob) = line
            .split_once(' ')
            .ok_or(wrong("a signature has a name, a space and base64"))?;
        if !is_name(name) {
            return Err(wrong("a key's name is not empty and holds no space and no plus"));
        }
        let blob = base64::decode(blob).ok_or(wrong("the signature is not base64"))?;
        match blob.split_first_chunk() {
            Some((id, bytes)) if !bytes.is_empty() => Ok(NoteSignature {
                name: name.to_owned(),
                id: u32::from_be_bytes(*id),
                bytes: bytes.to_vec(),
            }),
            _ => Err(wrong("the signature is shorter than 5 bytes")),
        }
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of that key.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The signature behind the key's id, in the form of its type.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn bad(&self) -> ProofFault {
        ProofFault::BadSignature {
            name: self.name.clone(),
            id: self.id,
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [self.id.to_be_bytes().as_slice(), &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, base64::encode(&blob))
    }
}

/// No control characters but newlines, one of which is the last.
fn check_text(text: &str) -> Result<(), ProofFault> {
    if text.len() > NOTE_LIMIT {
        return Err(too_long());
    }
    let bytes = text.as_bytes();
    if let Some(at) = bytes.iter().position(|byte| *byte < b' ' && *byte != b'\n') {
        let before = bytes.get(..at).unwrap_or_default();
        return Err(malformed(1 + count_newlines(before), "it holds a control character"));
    }
    match text.ends_with('\n') {
        true => Ok(()),
        false => Err(malformed(1 + count_newlines(bytes), "it has no newline at its end")),
    }
}

fn count_newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

fn malformed(line: usize, problem: &'static str) -> ProofFault {
    ProofFault::Malformed {
        form: FORM,
        line,
        problem,
    }
}

fn too_long() -> ProofFault {
    ProofFault::TooLong {
        form: FORM,
        limit: NOTE_LIMIT,
        unit: "bytes",
    }
}

fn too_many() -> ProofFault {
    ProofFault::TooLong {
        form: FORM,
        limit: SIGNATURE_LIMIT,
        unit: "signatures",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::vector;
    use proptest::prelude::*;

    /// The key of the specification's example, which signs nothing here.
    const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn key(name: &str, seed: u8) -> LogKey {
        LogKey::from_seed(name, &[seed; 32]).unwrap()
    }

    fn signed_by(keys: &[&LogKey]) -> Note {
        let mut note = Note::new("text\n".to_owned()).unwrap();
        keys.iter().for_each(|key| note.sign(key).unwrap());
        note
    }

    #[test]
    fn only_known_keys_count() {
        let (a, b) = (key("a", 1), key("b", 2));
        let note = signed_by(&[&a, &b, &a]);
        let known = [b.verifier().clone(), SPEC_KEY.parse().unwrap()];
        let signed = note.verify(&known).unwrap();
        assert_eq!(signed.len(), 1);
        assert_eq!((signed[0].key, signed[0].time), (b.verifier(), None));
        assert_eq!(note.verify(&known[1..]), Err(ProofFault::Unsigned));
        assert_eq!(note.verify(&[]), Err(ProofFault::Unsigned));
        // The same name with another key, and so another id, is somebody else.
        assert_eq!(
            note.verify(&[key("a", 3).verifier().clone()]),
            Err(ProofFault::Unsigned)
        );
        let both = [a.verifier().clone(), b.verifier().clone()];
        assert_eq!(note.verify(&both).unwrap().len(), 2);
    }

    #[test]
    fn one_bad_signature_of_a_known_key_spoils_all() {
        let (a, b) = (key("a", 1), key("b", 2));
        let mut note = signed_by(&[&a, &b]);
        note.signatures[1].bytes[63] ^= 1;
        let both = [a.verifier().clone(), b.verifier().clone()];
        assert!(matches!(note.verify(&both), Err(ProofFault::BadSignature { name, .. }) if name == "b"));
        assert!(note.verify(&both[..1]).is_ok());
        for bytes in [vec![], vec![0; 63], vec![0; 65]] {
            note.signatures[1].bytes = bytes;
            assert!(note.verify(&both).is_err());
        }
        // A good one before or after it does not help.
        let mut twice = signed_by(&[&a]);
        let mut bad = twice.signatures[0].clone();
        bad.bytes[0] ^= 1;
        twice.signatures.insert(0, bad);
        assert!(twice.verify(&both[..1]).is_err());
        twice.signatures.reverse();
        assert!(twice.verify(&both[..1]).is_err());
    }

    #[test]
    fn the_last_empty_line_separates() {
        let line = vector::LOG_LINE;
        for text in [
            "a\n",
            "a\n\nb\n",
            "a\n\n",
            "\n",
            "\n\n\n",
            "\u{2014} x AAAAAAA=\n\n\u{2014} y AAAAAAA=\n",
        ] {
            let whole = format!("{text}\n{line}\n");
            let note = Note::parse(whole.as_bytes()).unwrap();
            assert_eq!(note.text(), text);
            assert_eq!(note.to_string(), whole);
        }
    }

    #[test]
    fn what_is_no_note_is_refused_where_it_is_wrong() {
        let line = vector::LOG_LINE;
        let cases: Vec<(String, usize)> = vec![
            (String::new(), 1),
            ("\n".to_owned(), 1),
            ("text\n".to_owned(), 1),
            (format!("text\n{line}\n"), 1),
            ("text\n\n".to_owned(), 3),
            (format!("text\n\n{line}\n\n"), 5),
            (format!("text\n\n{line}"), 3),
            (format!("te\rxt\n\n{line}\n"), 1),
            (format!("text\n\n{line}\r\n"), 3),
            (format!("text\n\n{line}\n\u{2014} x\u{a0}y AAAAAAA=\n"), 4),
            (format!("text\n\n{line}\n\u{2014} x+y AAAAAAA=\n"), 4),
            (format!("text\n\n{line}\n\u{2014}  AAAAAAA=\n"), 4),
            (format!("text\n\n{line}\n\u{2014} x AAAAAA==\n"), 4),
            (format!("text\n\n{line}\n\u{2014} x AAAAAAB=\n"), 4),
            (format!("text\n\n{line}\n\u{2014} x AAAAAAA= \n"), 4),
            (format!("text\n\n{line}\n\u{2014} x\n"), 4),
            (format!("text\n\n{line}\n- x AAAAAAA=\n"), 4),
        ];
        for (text, at) in cases {
            match Note::parse(text.as_bytes()) {
                Err(ProofFault::Malformed { line, .. }) => assert_eq!(line, at, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        assert!(matches!(
            Note::parse(b"te\nx\xFF\n\n"),
            Err(ProofFault::Malformed { line: 2, .. })
        ));
    }

    #[test]
    fn limits() {
        let with = |count: usize| format!("text\n\n{}", format!("{}\n", vector::LOG_LINE).repeat(count));
        assert!(Note::parse(with(16).as_bytes()).is_ok());
        assert!(Note::parse(with(SIGNATURE_LIMIT).as_bytes()).is_ok());
        assert!(matches!(
            Note::parse(with(SIGNATURE_LIMIT + 1).as_bytes()),
            Err(ProofFault::TooLong { .. })
        ));
        let long = "x".repeat(NOTE_LIMIT);
        assert!(matches!(
            Note::parse(format!("{long}\n").as_bytes()),
            Err(ProofFault::TooLong { .. })
        ));
        assert!(matches!(Note::new(long + "\n"), Err(ProofFault::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn what_is_signed_is_read_again(text in "([^\\p{Cc}]{0,20}\n){1,5}", seed: [u8; 32]) {
            let key = LogKey::from_seed("example.com/log", &seed).unwrap();
            let mut note = Note::new(text).unwrap();
            note.sign(&key).unwrap();
            let read = Note::parse(note.to_string().as_bytes()).unwrap();
            prop_assert_eq!(&read, &note);
            prop_assert!(read.verify(std::slice::from_ref(key.verifier())).is_ok());
        }
    }
}
