//! The head of an index file: which segment it is of, what is in the file and where, and the hashes that all of it is held
//! against. `storage-format.md` draws it byte by byte.
//!
//! ```text
//! front | one row for each of tantivy's files | hashes of agents | hashes of correlations | hashes of pieces | digest
//! tantivy's files, one behind the other
//! ```
//! The digest is over the head before it, and the head has a hash of every 64 KiB of what follows: who knows the digest
//! can check any part of the file without reading the rest.
//!
//! What must hold: nothing of a head is used before its digest is right, and no number in it is believed to fit before
//! it was held against the file's length, for anybody can compute a digest.

use crate::proof::Hash;
use std::collections::BTreeSet;
use std::ops::Range;
use wincode::{SchemaRead, SchemaWrite};

/// The first bytes of an index file.
pub(super) const MAGIC: [u8; 8] = *b"\xFFAUDITX\0";
/// The version of the file around tantivy's files.
pub(super) const VERSION: u16 = 0;
/// What is hashed by itself, in bytes.
pub(super) const PIECE: usize = 64 << 10;
/// The longest head that is believed, in bytes.
pub(super) const HEAD_LIMIT: u64 = 64 << 20;
/// So many files tantivy has at most.
const FILES: u32 = 16;

/// The beginning of the head.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(super) struct Front {
    pub(super) magic: [u8; 8],
    pub(super) version: u16,
    pub(super) flags: u16,
    /// How many of tantivy's files there are.
    pub(super) files: u32,
    pub(super) log_id: [u8; 16],
    /// The segment's first seq, how many lines it has, and the chain behind the last one.
    pub(super) first_seq: u64,
    pub(super) count: u64,
    pub(super) chain_after: Hash,
    /// See [`super::schema::fingerprint`].
    pub(super) rules: Hash,
    pub(super) time_min: i64,
    pub(super) time_max: i64,
    pub(super) logged_min: i64,
    pub(super) logged_max: i64,
    /// How many hashes of agents, and of correlations, there are.
    pub(super) agents: u32,
    pub(super) correlations: u32,
    /// The length of tantivy's files together.
    pub(super) body: u64,
}

/// One of tantivy's files.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(super) struct FileRow {
    /// The end of its name, behind the dot, filled up with zeros.
    pub(super) kind: [u8; 16],
    /// Where it begins behind the head, and its length in bytes.
    pub(super) offset: u64,
    pub(super) len: u64,
}

const FRONT: usize = 160;
const ROW: usize = 32;
const DIGEST: usize = 32;

impl Front {
    /// The length of the whole head, if it can be one.
    pub(super) fn head_len(&self) -> Option<u64> {
        let pieces = self.body.div_ceil(PIECE as u64);
        let rows = u64::from(self.files) * ROW as u64;
        let hashes = (u64::from(self.agents) + u64::from(self.correlations)) * 4;
        let len = pieces.checked_mul(32)?.checked_add(rows + hashes)?;
        let len = len.checked_add((FRONT + DIGEST) as u64)?;
        (len <= HEAD_LIMIT && self.files <= FILES).then_some(len)
    }

    /// The front in the first bytes of a file, if they are one of this version.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let front: Self = wincode::deserialize_exact(bytes.get(..FRONT)?).ok()?;
        (front.magic == MAGIC && front.version == VERSION && front.flags == 0).then_some(front)
    }
}

/// How much of a file's beginning is enough for [`Front::read`].
pub(super) const FRONT_LEN: usize = FRONT;

/// A whole head.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) front: Front,
    files: Vec<FileRow>,
    agents: Vec<u32>,
    correlations: Vec<u32>,
    pieces: Vec<Hash>,
    pub(super) digest: Hash,
}

impl Head {
    /// The head in these bytes, which are all that the front says; `None` if the digest is not right or the rows do not fit.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let front = Front::read(bytes)?;
        if front.head_len()? != bytes.len() as u64 {
            return None;
        }
        let (covered, digest) = bytes.split_last_chunk::<DIGEST>()?;
        if blake3::hash(covered).as_bytes() != digest {
            return None;
        }
        let mut reader = covered.get(FRONT..)?;
        let mut take = |len: usize| {
            let (taken, rest) = reader.split_at_checked(len)?;
            reader = rest;
            Some(taken)
        };
        let files: Option<Vec<FileRow>> = take(front.files as usize * ROW)?
            .chunks_exact(ROW)
            .map(|row| wincode::deserialize_exact(row).ok())
            .collect();
        let numbers = |bytes: &[u8]| -> Vec<u32> {
            let (numbers, _) = bytes.as_chunks::<4>();
            numbers.iter().map(|number| u32::from_le_bytes(*number)).collect()
        };
        let agents = numbers(take(front.agents as usize * 4)?);
        let correlations = numbers(take(front.correlations as usize * 4)?);
        let (pieces, _) = reader.as_chunks::<32>();
        let head = Head {
            files: files?,
            agents,
            correlations,
            pieces: pieces.to_vec(),
            digest: *digest,
            front,
        };
        let fits = |row: &FileRow| {
            row.offset
                .checked_add(row.len)
                .is_some_and(|end| end <= head.front.body)
        };
        head.files.iter().all(fits).then_some(head)
    }

    /// Where tantivy's file with that end of its name stands behind the head.
    pub(super) fn file(&self, kind: &str) -> Option<Range<usize>> {
        let row = self.files.iter().find(|row| row.kind == file_kind(kind))?;
        let start = usize::try_from(row.offset).ok()?;
        Some(start..start + usize::try_from(row.len).ok()?)
    }

    /// The hash of that piece of what follows the head.
    pub(super) fn piece(&self, place: usize) -> Option<&Hash> {
        self.pieces.get(place)
    }

    /// Whether a record may have that agent; if not, none has.
    pub(super) fn may_have_agent(&self, agent: &str) -> bool {
        self.agents.binary_search(&short_hash(agent)).is_ok()
    }

    /// Whether a record may have that correlation; if not, none has.
    pub(super) fn may_have_correlation(&self, correlation: &str) -> bool {
        self.correlations.binary_search(&short_hash(correlation)).is_ok()
    }
}

/// Agents and correlations stand in the head as sorted hashes of four bytes. Of 5,000 one in 860,000 others is taken for
/// one of them; a Bloom filter that errs as rarely is as large, and is no simpler.
pub(super) fn short_hash(text: &str) -> u32 {
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes()
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn file_kind(kind: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(kind.bytes()).for_each(|(to, from)| *to = from);
    bytes
}

/// What a head says besides what is computed from the files.
#[derive(Debug)]
pub(super) struct About {
    pub(super) log_id: [u8; 16],
    pub(super) first_seq: u64,
    pub(super) count: u64,
    pub(super) chain_after: Hash,
    pub(super) time: (i64, i64),
    pub(super) logged: (i64, i64),
    pub(super) agents: BTreeSet<u32>,
    pub(super) correlations: BTreeSet<u32>,
}

/// A whole index file, of tantivy's files by the ends of their names.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Hash,
}

/// Puts a file together.
pub(super) fn pack(about: &About, rules: Hash, files: &[(String, Vec<u8>)]) -> Packed {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let body: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let front = Front {
        magic: MAGIC,
        version: VERSION,
        flags: 0,
        files: narrow(files.len()),
        log_id: about.log_id,
        first_seq: about.first_seq,
        count: about.count,
        chain_after: about.chain_after,
        rules,
        time_min: about.time.0,
        time_max: about.time.1,
        logged_min: about.logged.0,
        logged_max: about.logged.1,
        agents: narrow(about.agents.len()),
        correlations: narrow(about.correlations.len()),
        body: body.len() as u64,
    };
    // Writing numbers and arrays into a vector cannot fail.
    let mut bytes = wincode::serialize(&front).unwrap_or_default();
    let mut offset = 0;
    for (kind, file) in files {
        let row = FileRow {
            kind: file_kind(kind),
            offset,
            len: file.len() as u64,
        };
        bytes.extend_from_slice(&wincode::serialize(&row).unwrap_or_default());
        offset += row.len;
    }
    for hash in about.agents.iter().chain(&about.correlations) {
        bytes.extend_from_slice(&hash.to_le_bytes());
    }
    for piece in body.chunks(PIECE) {
        bytes.extend_from_slice(blake3::hash(piece).as_bytes());
    }
    let digest = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(&body);
    Packed { bytes, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            log_id: [7; 16],
            first_seq: 100,
            count: 3,
            chain_after: [9; 32],
            time: (-5, 6),
            logged: (7, 8),
            agents: ["support", "refunds"].into_iter().map(short_hash).collect(),
            correlations: ["case-1"].into_iter().map(short_hash).collect(),
        }
    }

    #[test]
    fn the_bytes_are_those_of_bincode() {
        let packed = pack(&about(), [3; 32], &[("idx".to_owned(), vec![1; 70_000])]);
        let front = Front::read(&packed.bytes).unwrap();
        let legacy = bincode::config::legacy();
        assert_eq!(bincode::encode_to_vec(&front, legacy).unwrap(), &packed.bytes[..FRONT]);
        let row: (FileRow, usize) = bincode::decode_from_slice(&packed.bytes[FRONT..FRONT + ROW], legacy).unwrap();
        assert_eq!((row.0.offset, row.0.len, row.1), (0, 70_000, ROW));
    }

    #[test]
    fn a_head_finds_its_files_and_shows_every_flipped_bit() {
        let files = [("term".to_owned(), vec![1; 70_000]), ("idx".to_owned(), vec![2; 5])];
        let packed = pack(&about(), [3; 32], &files);
        let len = usize::try_from(Front::read(&packed.bytes).unwrap().head_len().unwrap()).unwrap();
        let bytes = &packed.bytes[..len];
        let head = Head::read(bytes).unwrap();
        assert_eq!(
            (head.file("term"), head.file("idx")),
            (Some(0..70_000), Some(70_000..70_005))
        );
        assert_eq!(head.file("pos"), None);
        assert_eq!(head.digest, packed.digest);
        assert!(head.may_have_agent("refunds") && !head.may_have_agent("case-1"));
        assert!(head.may_have_correlation("case-1") && !head.may_have_correlation("refunds"));
        let body = &packed.bytes[len..];
        for (place, piece) in body.chunks(PIECE).enumerate() {
            assert_eq!(head.piece(place), Some(blake3::hash(piece).as_bytes()));
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::read(&flipped).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_front_that_says_anything_asks_for_no_memory() {
        let mut front = Front::read(&pack(&about(), [3; 32], &[]).bytes).unwrap();
        (front.body, front.agents, front.files) = (u64::MAX, u32::MAX, u32::MAX);
        assert_eq!(front.head_len(), None);
        (front.body, front.agents, front.files) = (1, 1, 17);
        assert_eq!(front.head_len(), None);
    }
}
