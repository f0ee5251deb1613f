//! A tombstone: what is left of a segment that was dropped when its time had passed. It says what the segment was and why
//! it could go, signed by the log key, and keeps verbatim every record of it by which the log says where it stands and who
//! signs. With the leaves in the tree files these are proved as before, so that trust goes on across what is gone.
//!
//! What must hold: no byte of it can change unseen (the record that announces it has the digest of the whole file), and
//! nothing in it is believed before it was held against the log.

use super::events::{Standing, hex, unhex};
use super::fault::{Fault, What};
use super::layout::{Layout, list_numbered, tombstone_seq};
use super::view::Tip;
use crate::disk::{Disk, Open};
use crate::proof::{Frontier, Hash, LogKey, Note, VerifierKey};
use serde::{Deserialize, Serialize};
use std::path::Path;
use zstd::zstd_safe::{CParameter, find_frame_compressed_size, get_frame_content_size};

/// What the signed text begins with: no checkpoint does.
const TITLE: &str = "auditdb tombstone v1\n";

/// The longest file, and the longest text in it, that are read, in bytes.
const FILE_LIMIT: u64 = 64 << 20;
const TEXT_LIMIT: u64 = 256 << 20;

/// What is said of a segment that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) log_id: String,
    /// The seq of its first record, and how many it had.
    pub(crate) segment: u64,
    pub(crate) count: u64,
    /// The length of its text and of its file in bytes, and a digest of the file.
    pub(crate) text: u64,
    pub(crate) file: u64,
    pub(crate) digest: String,
    /// The least and the greatest `time` and `logged` in it.
    pub(crate) time: (String, String),
    pub(crate) logged: (String, String),
    /// Where the log stood before and behind it, and the roots of the tree behind it.
    pub(crate) before: Standing,
    pub(crate) after: Standing,
    pub(crate) frontier: Vec<String>,
    /// The class and the number of months for which it was kept, and until when that was.
    pub(crate) class: String,
    pub(crate) months: u32,
    pub(crate) kept_until: String,
    /// The time, as far as it could be relied on, when it was dropped, and the record that says so.
    pub(crate) dropped: String,
    pub(crate) record: u64,
    /// The policy that said so, if it was not the class alone.
    pub(crate) policy: Option<String>,
    /// A signed checkpoint that covers it, if one is stored.
    pub(crate) checkpoint: Option<String>,
    /// The holds that were in force and do not cover it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) holds: Vec<NotHeld>,
}

/// A hold that was found not to cover a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotHeld {
    pub(crate) id: String,
    /// What was looked at: `seqs`, or `query` where every record was held against the hold's query.
    pub(crate) by: String,
}

impl Manifest {
    /// The seq behind its last record.
    pub(crate) fn end(&self) -> u64 {
        self.segment.saturating_add(self.count)
    }

    /// How far the log is behind it.
    pub(crate) fn tip(&self) -> Option<Tip> {
        let roots: Vec<Hash> = self.frontier.iter().map(|root| unhex(root)).collect::<Option<_>>()?;
        let tree = Frontier::from_roots(self.end(), roots)?;
        let chain = unhex(&self.after.chain)?;
        (hex(&tree.root()) == self.after.root && self.after.size == self.end()).then_some(Tip { tree, chain })
    }
}

/// A tombstone as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    pub(crate) said: Manifest,
    /// The lines that it keeps.
    pub(crate) lines: Vec<Vec<u8>>,
    /// BLAKE3 over the whole file.
    pub(crate) digest: Hash,
    note: Note,
}

impl Tombstone {
    /// The bytes of a tombstone, signed; `None` if it cannot be put into words.
    pub(crate) fn encode(said: &Manifest, lines: &[Vec<u8>], key: &LogKey) -> Option<Vec<u8>> {
        let json = serde_json::to_string(said).ok()?;
        let mut note = Note::new(format!("{TITLE}{json}\n{}\n", digest_of(lines))).ok()?;
        note.sign(key).ok()?;
        let mut text = format!("{note}\n").into_bytes();
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).ok()?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).ok()?;
        compressor.compress(&text).ok()
    }

    /// Reads the tombstone of the segment that began there.
    pub(crate) fn read(disk: &dyn Disk, layout: &Layout, first_seq: u64) -> Result<Self, Fault> {
        Self::read_at(disk, &layout.tombstone(first_seq))
    }

    /// Reads a tombstone.
    pub(crate) fn read_at(disk: &dyn Disk, path: &Path) -> Result<Self, Fault> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(path, What::Missing),
            _ => Fault::new(path, What::Unreadable(error.to_string())),
        };
        let file = disk.open(path, Open::Read).map_err(unreadable)?;
        let len = file.len().map_err(unreadable)?.min(FILE_LIMIT + 1);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = file.read_at(&mut bytes, 0).map_err(unreadable)?;
        bytes.truncate(read);
        Self::parse(&bytes).ok_or_else(|| Fault::new(path, What::Tombstone("is not in the form of one".to_owned())))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > FILE_LIMIT || find_frame_compressed_size(bytes).ok()? != bytes.len() {
            return None;
        }
        let len = get_frame_content_size(bytes).ok()??;
        if len > TEXT_LIMIT {
            return None;
        }
        let text = zstd::bulk::decompress(bytes, usize::try_from(len).ok()?).ok()?;
        // Text, signatures, lines: an empty line behind each but the last.
        let mut ends = memchr::memmem::find_iter(&text, b"\n\n");
        let (_, end) = (ends.next()?, ends.next()?);
        let note = Note::parse(text.get(..end + 1)?).ok()?;
        let body = text.get(end + 2..)?.strip_suffix(b"\n")?;
        let lines: Vec<Vec<u8>> = body.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let (json, digest) = note.text().strip_prefix(TITLE)?.strip_suffix('\n')?.split_once('\n')?;
        let said: Manifest = serde_json::from_str(json).ok()?;
        if digest != digest_of(&lines) || said.count == 0 || said.segment.checked_add(said.count).is_none() {
            return None;
        }
        Some(Tombstone {
            said,
            lines,
            digest: *blake3::hash(bytes).as_bytes(),
            note,
        })
    }

    /// Whether one of these keys has signed it.
    pub(crate) fn is_signed_by(&self, keys: &[VerifierKey]) -> bool {
        self.note.verify(keys).is_ok()
    }
}

/// What the level costs is paid while the log waits.
const LEVEL: i32 = 9;

/// What stands in the signed text for the lines.
fn digest_of(lines: &[Vec<u8>]) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in lines {
        hasher.update(line);
        hasher.update(b"\n");
    }
    format!("lines {} blake3:{}", lines.len(), hasher.finalize().to_hex())
}

/// The first seqs of the segments that have a tombstone, in order, and the names that are none.
pub(crate) fn list(disk: &dyn Disk, layout: &Layout) -> std::io::Result<(Vec<u64>, Vec<String>)> {
    list_numbered(disk, &layout.tombstone_dir(), tombstone_seq)
}

/// The tombstone of the segment that held that record.
pub(crate) fn covering(disk: &dyn Disk, layout: &Layout, seq: u64) -> Option<Tombstone> {
    let (seqs, _) = list(disk, layout).ok()?;
    let first = seqs.into_iter().rfind(|first| *first <= seq)?;
    let found = Tombstone::read(disk, layout, first).ok()?;
    (found.said.segment == first && seq < found.said.end()).then_some(found)
}

/// How far the log is before its first file that is left, if that begins at this seq and what stood before it was
/// dropped.
pub(crate) fn tip_before(disk: &dyn Disk, layout: &Layout, first_seq: u64) -> Option<Tip> {
    let last = covering(disk, layout, first_seq.checked_sub(1)?)?;
    (last.said.end() == first_seq).then(|| last.said.tip())?
}
