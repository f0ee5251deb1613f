//! A segment's directory and seek table, built from what the text proves.

use crate::log::derive::{Derived, Spans};
use crate::log::format::{
    DIRECTORY_FRAME, FORMAT, Fixed, FrameRow, KeyRow, SEEK_TABLE_FRAME, SEEK_TABLE_MAGIC, StreamRow, TRAILER_MAGIC,
    Trailer,
};
use crate::log::view::{Marked, Tip};
use std::collections::BTreeMap;

/// All that stands behind a segment's data frames.
#[derive(Debug)]
pub(crate) struct Directory {
    log_id: [u8; 16],
    rows: Vec<FrameRow>,
    keys: Vec<KeyRow>,
    /// The highest number of each emitter, by hash.
    streams: BTreeMap<u64, u64>,
    before: Tip,
    after: Tip,
    /// How far the log is before the last record.
    before_last: Tip,
    marks: Vec<Marked>,
    spans: Spans,
    text: u64,
}

impl Directory {
    /// Of a segment that goes on from that tree and that link of the chain.
    pub(crate) fn new(log_id: [u8; 16], before: Tip) -> Self {
        Directory {
            log_id,
            rows: Vec::new(),
            keys: Vec::new(),
            streams: BTreeMap::new(),
            before_last: before.clone(),
            marks: Vec::new(),
            after: before.clone(),
            before,
            spans: Spans::EMPTY,
            text: 0,
        }
    }

    /// Adds the next data frame: where it stands, its bytes, and what its text proves.
    pub(crate) fn push(&mut self, offset: u64, compressed: &[u8], text: usize, derived: &Derived) {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.rows.push(FrameRow {
            offset,
            compressed: narrow(compressed.len()),
            text: narrow(text),
            first_seq: derived.first_seq,
            count: narrow(derived.leaves.len()),
            crc: crc32fast::hash(compressed),
            time_min: derived.spans.time.0,
            time_max: derived.spans.time.1,
            logged_min: derived.spans.logged.0,
            logged_max: derived.spans.logged.1,
            chain_before: derived.chain_before,
        });
        let first = self.before.next_seq();
        let place = |seq: u64| u32::try_from(seq - first).unwrap_or(u32::MAX);
        self.keys.extend(derived.keys.iter().map(|(hash, seq)| KeyRow {
            hash: *hash,
            position: place(*seq),
        }));
        for (hash, number) in &derived.streams {
            let highest = self.streams.entry(*hash).or_default();
            *highest = (*highest).max(*number);
        }
        let advanced = self.after.advance(derived);
        self.before_last = advanced.before_last;
        self.marks.extend(advanced.marks);
        self.spans.join(&derived.spans);
        self.text += text as u64;
    }

    /// How far the log is after the segment.
    pub(crate) fn after(&self) -> &Tip {
        &self.after
    }

    /// The records by which the log says where it stands.
    pub(crate) fn marks(&self) -> &[Marked] {
        &self.marks
    }

    /// How far the log is before the segment's last record.
    pub(crate) fn before_last(&self) -> &Tip {
        &self.before_last
    }

    /// The two skippable frames that end the file.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        self.keys.sort_unstable();
        let frames: Vec<u8> = self.rows.iter().flat_map(Fixed::to_bytes).collect();
        let keys: Vec<u8> = self.keys.iter().flat_map(Fixed::to_bytes).collect();
        let streams = self.streams.iter().map(|(hash, highest)| StreamRow {
            hash: *hash,
            highest: *highest,
        });
        let streams: Vec<u8> = streams.flat_map(|row| row.to_bytes()).collect();
        let roots = [&self.before, &self.after]
            .map(|tip| tip.tree.roots().as_flattened())
            .concat();
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let trailer = Trailer {
            log_id: self.log_id,
            first_seq: self.before.next_seq(),
            count: self.after.next_seq() - self.before.next_seq(),
            text: self.text,
            time_min: self.spans.time.0,
            time_max: self.spans.time.1,
            logged_min: self.spans.logged.0,
            logged_max: self.spans.logged.1,
            id_min: self.spans.id.0,
            id_max: self.spans.id.1,
            chain_before: self.before.chain,
            chain_after: self.after.chain,
            frames: narrow(self.rows.len()),
            keys: narrow(self.keys.len()),
            streams: narrow(self.streams.len()),
            roots_before: narrow(self.before.tree.roots().len()),
            roots_after: narrow(self.after.tree.roots().len()),
            frames_crc: crc32fast::hash(&frames),
            keys_crc: crc32fast::hash(&keys),
            streams_crc: crc32fast::hash(&streams),
            roots_crc: crc32fast::hash(&roots),
            version: FORMAT,
            flags: 0,
            magic: TRAILER_MAGIC,
            crc: 0,
        };
        let directory = [frames, keys, streams, roots, trailer.sealed()].concat();
        framed(&self.rows, &directory)
    }
}

/// The two skippable frames that end a file with these data frames: the directory with this content, and the seek table.
pub(super) fn framed(rows: &[FrameRow], directory: &[u8]) -> Vec<u8> {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut out = skippable(DIRECTORY_FRAME, directory);
    let mut seek_table = Vec::new();
    for row in rows {
        seek_table.extend_from_slice(&row.compressed.to_le_bytes());
        seek_table.extend_from_slice(&row.text.to_le_bytes());
    }
    // The directory's own frame, which holds no text.
    seek_table.extend_from_slice(&narrow(out.len()).to_le_bytes());
    seek_table.extend_from_slice(&0_u32.to_le_bytes());
    seek_table.extend_from_slice(&narrow(rows.len() + 1).to_le_bytes());
    seek_table.push(0);
    seek_table.extend_from_slice(&SEEK_TABLE_MAGIC.to_le_bytes());
    out.extend_from_slice(&skippable(SEEK_TABLE_FRAME, &seek_table));
    out
}

fn skippable(magic: u32, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&magic.to_le_bytes(), &len.to_le_bytes(), content].concat()
}
