//! A proof in a file that stands alone: that one record is in a log, checked without the log and without a network
//! (C2SP tlog-proof, `.tlog-proof`).
//!
//! It holds the record's position, the path from its leaf to the root, and the signed checkpoint with that root. It
//! does not hold the record, nor the keys; whoever checks has to have both from elsewhere.

use super::base64;
use super::checkpoint::{SignedCheckpoint, decimal};
use super::fault::ProofFault;
use super::inclusion::verify_inclusion;
use super::key::VerifierKey;
use super::note::{NOTE_LIMIT, Signed};
use super::tree::{Hash, leaf_hash};
use std::fmt;

/// The longest proof that is read, in bytes: a note and whatever can stand before it.
pub const PROOF_FILE_LIMIT: usize = 2 * NOTE_LIMIT;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const FORM: &str = "proof (c2sp.org/tlog-proof@v1)";

/// No tree is higher: its size has 63 bits.
const PATH_LIMIT: usize = 63;

/// The proof that a record is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

impl ProofFile {
    /// The proof that the record at `index` is in the tree of the checkpoint, by the path of
    /// [`prove_inclusion`](super::prove_inclusion).
    ///
    /// # Errors
    ///
    /// [`ProofFault::Beyond`] unless the index is below the checkpoint's size, [`ProofFault::TooLong`] for a path longer
    /// than any tree is high.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: SignedCheckpoint) -> Result<Self, ProofFault> {
        let size = checkpoint.checkpoint().size();
        if index >= size {
            return Err(ProofFault::Beyond { index, size });
        }
        if path.len() > PATH_LIMIT {
            return Err(ProofFault::TooLong {
                form: FORM,
                limit: PATH_LIMIT,
                unit: "hashes",
            });
        }
        Ok(ProofFile {
            extra: None,
            index,
            path,
            checkpoint,
        })
    }

    /// Reads a proof. Printing it gives back the same bytes.
    ///
    /// # Errors
    ///
    /// [`ProofFault::Malformed`], [`ProofFault::TooLong`], [`ProofFault::Beyond`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        if bytes.len() > PROOF_FILE_LIMIT {
            return Err(ProofFault::TooLong {
                form: FORM,
                limit: PROOF_FILE_LIMIT,
                unit: "bytes",
            });
        }
        let mut lines = Lines { rest: bytes, read: 0 };
        if lines.next() != Some(HEADER) {
            return Err(lines.wrong("the first line is c2sp.org/tlog-proof@v1"));
        }
        let mut line = lines.next().unwrap_or_default();
        let mut extra = None;
        if let Some(text) = line.strip_prefix("extra ") {
            let decoded = base64::decode(text).filter(|extra| !extra.is_empty());
            extra = Some(decoded.ok_or(lines.wrong("extra data is base64 and not empty"))?);
            line = lines.next().unwrap_or_default();
        }
        let index = line.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or(lines.wrong("here stands index and a decimal number without leading zeros"))?;
        let mut path = Vec::new();
        loop {
            match lines.next() {
                Some("") => break,
                Some(line) if path.len() < PATH_LIMIT => {
                    path.push(base64::decode_hash(line).ok_or(lines.wrong("a hash is 32 bytes in base64"))?);
                }
                Some(_) => return Err(lines.wrong("a path has at most 63 hashes")),
                None => return Err(lines.wrong("an empty line and a checkpoint have to follow the hashes")),
            }
        }
        let read = lines.read;
        let checkpoint = SignedCheckpoint::parse(lines.rest).map_err(|fault| fault.lines_down(read))?;
        let mut proof = ProofFile::new(index, path, checkpoint)?;
        proof.extra = extra;
        Ok(proof)
    }

    /// Checks that the log has signed the checkpoint and that this record, without a newline, stands at its position in
    /// that tree. Tells which of the known keys have signed; how many of which there have to be is for the caller to say.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::verify`] and [`verify_inclusion`].
    pub fn verify<'k>(&self, record: &[u8], known: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, ProofFault> {
        let signed = self.checkpoint.verify(known)?;
        let checkpoint = self.checkpoint.checkpoint();
        verify_inclusion(
            &leaf_hash(record),
            self.index,
            checkpoint.size(),
            &self.path,
            checkpoint.root(),
        )?;
        Ok(signed)
    }

    /// The position of the record that the proof is of.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes from the leaf's sibling up to the root's child.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// What somebody put into the file besides. Nobody has signed it, and nothing checks it.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", base64::encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The lines of a file, and how many of them were read.
struct Lines<'b> {
    rest: &'b [u8],
    read: usize,
}

impl<'b> Lines<'b> {
    /// The next line without its newline; one without a newline or in no UTF-8 is none.
    fn next(&mut self) -> Option<&'b str> {
        self.read += 1;
        let (line, rest) = self.rest.split_at_checked(memchr::memchr(b'\n', self.rest)?)?;
        self.rest = rest.get(1..)?;
        std::str::from_utf8(line).ok()
    }

    fn wrong(&self, problem: &'static str) -> ProofFault {
        ProofFault::Malformed {
            form: FORM,
            line: self.read,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{prove_inclusion, vector};

    fn proof(index: u64) -> ProofFile {
        let signed = format!(
            "{}\n{}\n{}\n",
            vector::CHECKPOINT,
            vector::LOG_LINE,
            vector::WITNESS_LINE
        );
        let checkpoint = SignedCheckpoint::parse(signed.as_bytes()).unwrap();
        ProofFile::new(index, prove_inclusion(&vector::tiles(), index, 5).unwrap(), checkpoint).unwrap()
    }

    fn keys() -> [VerifierKey; 2] {
        [vector::LOG_VKEY, vector::WITNESS_VKEY].map(|text| text.parse().unwrap())
    }

    #[test]
    fn proves_its_record_and_no_other() {
        for index in 0..5 {
            let text = proof(index).to_string();
            let read = ProofFile::parse(text.as_bytes()).unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(read.verify(vector::record(index).as_bytes(), &keys()).unwrap().len(), 2);
            let other = vector::record((index + 1) % 5);
            assert!(matches!(
                read.verify(other.as_bytes(), &keys()),
                Err(ProofFault::NotIncluded { .. })
            ));
        }
        assert!(ProofFile::new(5, Vec::new(), proof(0).checkpoint).is_err());
    }

    #[test]
    fn the_form_is_the_specifications() {
        let text = proof(4).to_string();
        // The sibling of the fifth leaf is the root over the four before it.
        let expected = format!(
            "c2sp.org/tlog-proof@v1\nindex 4\n{}\n\n{}\n{}\n{}\n",
            base64::encode(&vector::tree(4).root()),
            vector::CHECKPOINT,
            vector::LOG_LINE,
            vector::WITNESS_LINE
        );
        assert_eq!(text, expected);
        let with_extra = text.replace("index 4", "extra aGk=\nindex 4");
        let read = ProofFile::parse(with_extra.as_bytes()).unwrap();
        assert_eq!(read.extra(), Some(b"hi".as_slice()));
        assert_eq!(read.to_string(), with_extra);
        assert!(read.verify(vector::record(4).as_bytes(), &keys()).is_ok());
    }

    #[test]
    fn no_changed_bit_goes_unseen() {
        let text = proof(2).to_string();
        let (record, keys) = (vector::record(2), keys());
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verified = ProofFile::parse(&bytes).and_then(|proof| Ok(proof.verify(record.as_bytes(), &keys)?.len()));
            // A signature line under another name or id is not the known key's any more, so it does not count.
            assert_ne!(verified, Ok(2), "bit {bit} of {text}");
        }
    }

    #[test]
    fn other_forms_are_refused_where_they_are_wrong() {
        let text = proof(4).to_string();
        let change = |from: &str, to: &str| text.replacen(from, to, 1);
        let hash = text.lines().nth(2).unwrap();
        for (text, at) in [
            (String::new(), 1),
            (change("@v1", "@v2"), 1),
            (change("@v1\n", "@v1\r\n"), 1),
            (change("index", "extra\nindex"), 2),
            (change("index", "extra \nindex"), 2),
            (change("index", "extra aGl=\nindex"), 2),
            (change("index", "extra aGk=\nextra aGk=\nindex"), 3),
            (change("index 4", "index 04"), 2),
            (change("index 4", "index"), 2),
            (change("index 4\n", ""), 2),
            (change(hash, &hash[4..]), 3),
            (change(hash, &format!("{hash}\n").repeat(64)), 66),
            (format!("c2sp.org/tlog-proof@v1\nindex 4\n{hash}\n"), 4),
            (change("\n5\n", "\n05\n"), 6),
        ] {
            match ProofFile::parse(text.as_bytes()) {
                Err(ProofFault::Malformed { line, .. }) => assert_eq!(line, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(matches!(
            ProofFile::parse(change("index 4", "index 5").as_bytes()),
            Err(ProofFault::Beyond { index: 5, size: 5 })
        ));
    }
}
