//! Why a key, a signed text or a proof is not accepted. Every message says what is wrong, where, and what to do.

use std::fmt;

/// Why a key, a signed text or a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofFault {
    /// A verifier key is not of the form `name+id+key`: what is wrong with it.
    Key(&'static str),
    /// The id in a verifier key is not the one of its name and public key.
    KeyId {
        /// The id that it says.
        said: u32,
        /// The id that follows from the rest of it.
        computed: u32,
    },
    /// A verifier key is of a signature type that is not read here.
    KeyType(u8),
    /// No key may have this name.
    KeyName {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A text or a file is not in its form.
    Malformed {
        /// What it should be, as in `signed note`.
        form: &'static str,
        /// The line concerned, from 1; for a form without lines its part, from 1.
        line: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A text or a file is longer than anything that is read.
    TooLong {
        /// What it should be.
        form: &'static str,
        /// The limit, in what `unit` says.
        limit: usize,
        /// What the limit counts.
        unit: &'static str,
    },
    /// A signature of a key that is known does not fit the text.
    BadSignature {
        /// The key's name.
        name: String,
        /// The key's id.
        id: u32,
    },
    /// None of the keys that are known has signed.
    Unsigned,
    /// No key with the name of the checkpoint's origin has signed it as the log.
    NotTheLog {
        /// The checkpoint's origin.
        origin: String,
    },
    /// A log was asked to sign what it never signs.
    NotSigned(&'static str),
    /// The position is not within the tree.
    Beyond {
        /// The position, or the size of the older tree.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// An inclusion proof does not lead from the record to the tree's root.
    NotIncluded {
        /// The position that was claimed.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A consistency proof does not lead from one tree to the other.
    Inconsistent {
        /// The size of the older tree.
        old: u64,
        /// The size of the newer tree.
        new: u64,
    },
    /// A hash of the tree that a proof needs is not there.
    MissingHash {
        /// The level of tiles, 0 for the leaves.
        level: u8,
        /// Which hash of that level.
        index: u64,
    },
}

impl ProofFault {
    /// The same fault in a text that begins so many lines further down.
    pub(super) fn lines_down(self, lines: usize) -> Self {
        match self {
            ProofFault::Malformed { form, line, problem } => ProofFault::Malformed {
                form,
                line: line + lines,
                problem,
            },
            fault => fault,
        }
    }
}

impl fmt::Display for ProofFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProofFault::Key(problem) => write!(
                f,
                "not a verifier key: {problem}. A verifier key is one line, name+id+key, with 8 hexadecimal digits and \
                 base64; copy it from whoever runs the log"
            ),
            ProofFault::KeyId { said, computed } => write!(
                f,
                "the verifier key says id {said:08x} and its name and key have {computed:08x}: one of them was changed. \
                 Get it anew from whoever runs the log"
            ),
            ProofFault::KeyType(found) => write!(
                f,
                "the verifier key is of signature type 0x{found:02x}; only 0x01 (Ed25519) and 0x04 (Ed25519 cosignature \
                 with a time) are read"
            ),
            ProofFault::KeyName { name, problem } => write!(
                f,
                "{name:?} cannot name a key: {problem}; use something like example.com/log1"
            ),
            ProofFault::Malformed { form, line, problem } => {
                write!(f, "line {line} is not that of a {form}: {problem}")
            }
            ProofFault::TooLong { form, limit, unit } => {
                write!(f, "a {form} of more than {limit} {unit} is not read")
            }
            ProofFault::BadSignature { name, id } => write!(
                f,
                "the signature of {name:?} (key {id:08x}) does not fit the text: one of them was changed, so nothing of \
                 it is believed"
            ),
            ProofFault::Unsigned => f.write_str("none of the keys given has signed this; give the key of the log"),
            ProofFault::NotTheLog { origin } => write!(
                f,
                "none of the keys given signs as {origin:?}, which the checkpoint says it is of; give the key of that log"
            ),
            ProofFault::NotSigned(what) => write!(f, "not signed: {what}"),
            ProofFault::Beyond { index, size } => write!(f, "{index} lies beyond the tree, which has {size} records"),
            ProofFault::NotIncluded { index, size } => write!(
                f,
                "the proof does not lead from this record to the root: record {index} of the {size} is another one, or \
                 the proof was changed"
            ),
            ProofFault::Inconsistent { old, new } => write!(
                f,
                "the tree of {new} records does not continue the one of {old}: records were changed or taken away \
                 between the two, or the proof was changed"
            ),
            ProofFault::MissingHash { level, index } => write!(
                f,
                "hash {index} of level {level} of the tree is missing; the tree's files are shorter than the checkpoint"
            ),
        }
    }
}

impl std::error::Error for ProofFault {}
