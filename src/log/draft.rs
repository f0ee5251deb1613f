//! The next frame while it is put together: lines with their seqs, and how far the log will be when it is durable.
//! Nothing of it is anywhere else, so a draft that could not be written is simply dropped.

use super::derive::Spans;
use super::events::vouched_for;
use super::keys::{conflict_key, definition_key, id_key, indexed_key, source_key, stream_key};
use super::view::Tip;
use crate::proof::{Hash, chain_next, leaf_hash};
use crate::record::{Front, Prepared, Writer, id_text, part_members, parts_list, write_line};
use std::collections::{HashMap, HashSet};

/// Lines that become one frame, and what is listed about them: the same that [`super::derive::derive`] would find.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Each with its newline.
    pub(crate) lines: Vec<u8>,
    /// How far the log is before these lines.
    pub(crate) before: Tip,
    /// Hash and seq of every key.
    pub(crate) keys: Vec<(u64, u64)>,
    /// Hash and number of every emitter's count.
    pub(crate) streams: Vec<(u64, u64)>,
    pub(crate) spans: Spans,
    /// Where every line begins, and its record's id.
    starts: Vec<(usize, [u8; 16])>,
    /// The hashes of all keys, so that looking one up does not take longer the longer the draft is.
    hashes: HashSet<u64>,
    highest: HashMap<u64, u64>,
}

/// What commits to a draft's lines.
#[derive(Debug)]
pub(crate) struct Hashed {
    /// How far the log will be.
    pub(crate) after: Tip,
    pub(crate) leaves: Vec<Hash>,
    /// The link of the chain behind every line.
    pub(crate) links: Vec<Hash>,
}

/// What the log puts in front of a record besides its seq.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) id: [u8; 16],
    pub(crate) logged: i64,
    pub(crate) time: i64,
    pub(crate) writer: &'a Writer,
    pub(crate) salt: Option<[u8; 16]>,
    pub(crate) conflict: Option<u64>,
}

impl Draft {
    /// A draft behind that end of the log, with room for so many bytes.
    pub(crate) fn new(tip: &Tip, room: usize) -> Self {
        Draft {
            lines: Vec::with_capacity(room),
            before: tip.clone(),
            keys: Vec::new(),
            streams: Vec::new(),
            spans: Spans::EMPTY,
            starts: Vec::new(),
            hashes: HashSet::new(),
            highest: HashMap::new(),
        }
    }

    /// How many lines there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// The seq that the next line gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.before.next_seq() + self.starts.len() as u64
    }

    /// Hashes every line.
    pub(crate) fn hash(&self) -> Hashed {
        let mut after = self.before.clone();
        let (mut leaves, mut links) = (Vec::with_capacity(self.count()), Vec::with_capacity(self.count()));
        for place in 0..self.count() {
            let leaf = leaf_hash(self.line_at(place).unwrap_or_default());
            after.chain = chain_next(&after.chain, &leaf);
            after.tree.push(leaf);
            leaves.push(leaf);
            links.push(after.chain);
        }
        Hashed { after, leaves, links }
    }

    /// Adds a record behind its parts and returns its seq. `part_id` gives the parts' ids.
    pub(crate) fn add(
        &mut self,
        record: &Prepared,
        stamp: &Stamp<'_>,
        log_itself: &Writer,
        mut part_id: impl FnMut() -> [u8; 16],
    ) -> u64 {
        for moved in &record.moved {
            for members in part_members(moved, &id_text(stamp.id)) {
                let part = Stamp {
                    id: part_id(),
                    writer: log_itself,
                    time: stamp.logged,
                    salt: None,
                    conflict: None,
                    ..*stamp
                };
                self.push(&part, &Prepared::part(members));
            }
        }
        self.push(stamp, record)
    }

    /// The seqs of the records in this draft that may have this key.
    pub(crate) fn find(&self, hash: u64) -> impl Iterator<Item = u64> {
        let keys = if self.hashes.contains(&hash) {
            self.keys.as_slice()
        } else {
            &[]
        };
        keys.iter().filter(move |(key, _)| *key == hash).map(|(_, seq)| *seq)
    }

    /// The highest number of that emitter in this draft.
    pub(crate) fn highest(&self, stream: u64) -> Option<u64> {
        self.highest.get(&stream).copied()
    }

    /// The place among these lines of the record of that seq, if it is one of them.
    pub(crate) fn place(&self, seq: u64) -> Option<usize> {
        let place = usize::try_from(seq.checked_sub(self.before.next_seq())?).ok()?;
        (place < self.count()).then_some(place)
    }

    /// The line at that place, without its newline.
    pub(crate) fn line_at(&self, place: usize) -> Option<&[u8]> {
        let (start, _) = *self.starts.get(place)?;
        let end = self.starts.get(place + 1).map_or(self.lines.len(), |(start, _)| *start);
        self.lines.get(start..end.checked_sub(1)?)
    }

    /// The id of the record at that place.
    pub(crate) fn id_at(&self, place: usize) -> Option<[u8; 16]> {
        self.starts.get(place).map(|(_, id)| *id)
    }

    fn push(&mut self, stamp: &Stamp<'_>, record: &Prepared) -> u64 {
        let seq = self.next_seq();
        let Stamp {
            id,
            logged,
            time,
            writer,
            salt,
            conflict,
        } = *stamp;
        self.starts.push((self.lines.len(), id));
        let moved = &record.moved;
        write_line(
            &mut self.lines,
            &Front {
                seq,
                id,
                logged,
                time,
                writer,
                salt,
                conflict,
                moved,
                unrouted: record.unrouted.as_deref(),
            },
            &record.members,
        );
        self.lines.push(b'\n');
        let known = self.keys.len();
        self.keys.push((id_key(&id), seq));
        if let Some(source) = &record.source {
            let stream = stream_key(source);
            self.keys.push((source_key(source), seq));
            self.streams.push((stream, source.number));
            let highest = self.highest.entry(stream).or_default();
            *highest = (*highest).max(source.number);
        }
        self.keys
            .extend(record.defines.iter().map(|digest| (definition_key(digest), seq)));
        self.keys
            .extend(conflict.map(|first| (conflict_key(first, &parts_list(moved), &record.members), seq)));
        let vouched = vouched_for(&record.members);
        self.keys
            .extend(vouched.map(|(segment, digest)| (indexed_key(segment, &digest), seq)));
        self.hashes.extend(self.keys.iter().skip(known).map(|(hash, _)| *hash));
        self.spans.join(&Spans::of(&id, time, logged));
        seq
    }
}
