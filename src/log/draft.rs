//! The next frame while it is put together: lines with their seqs, and how far the log will be when it is durable.
//! Nothing of it is anywhere else, so a draft that could not be written is simply dropped.

use super::derive::{Derived, Spans};
use super::keys::{conflict_key, definition_key, id_key, source_key, stream_key};
use super::view::Tip;
use crate::proof::{chain_next, leaf_hash};
use crate::record::{Front, Prepared, Writer, id_text, part_members, parts_list, write_line};
use std::collections::{HashMap, HashSet};

/// Lines that become one frame.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Each with its newline.
    pub(crate) lines: Vec<u8>,
    pub(crate) count: u32,
    /// How far the log was before, and will be after these lines.
    pub(crate) before: Tip,
    pub(crate) after: Tip,
    /// What the lines prove: the same that [`super::derive::derive`] would find in them.
    pub(crate) derived: Derived,
    /// Where every line begins.
    starts: Vec<usize>,
    /// The hashes of all keys, so that looking one up does not take longer the longer the draft is.
    hashes: HashSet<u64>,
    highest: HashMap<u64, u64>,
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
    pub(crate) fn new(tip: &Tip) -> Self {
        let (before, after) = (tip.clone(), tip.clone());
        let derived = Derived {
            first_seq: tip.next_seq(),
            chain_before: tip.chain,
            chain_after: tip.chain,
            leaves: Vec::new(),
            keys: Vec::new(),
            streams: Vec::new(),
            spans: Spans::EMPTY,
        };
        Draft {
            lines: Vec::new(),
            count: 0,
            before,
            after,
            derived,
            starts: Vec::new(),
            hashes: HashSet::new(),
            highest: HashMap::new(),
        }
    }

    /// Adds a record behind its parts and returns its seq. `part_id` gives the parts' ids.
    pub(crate) fn add(
        &mut self,
        record: &Prepared,
        stamp: &Stamp<'_>,
        log_itself: &Writer,
        mut part_id: impl FnMut() -> [u8; 16],
    ) -> u64 {
        let owner = id_text(stamp.id);
        for moved in &record.moved {
            for members in part_members(moved, &owner) {
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
            self.derived.keys.as_slice()
        } else {
            &[]
        };
        keys.iter().filter(move |(key, _)| *key == hash).map(|(_, seq)| *seq)
    }

    /// The highest number of that emitter in this draft.
    pub(crate) fn highest(&self, stream: u64) -> Option<u64> {
        self.highest.get(&stream).copied()
    }

    /// The line of a seq that stands in this draft.
    pub(crate) fn line(&self, seq: u64) -> Option<&[u8]> {
        let place = usize::try_from(seq.checked_sub(self.before.next_seq())?).ok()?;
        let start = *self.starts.get(place)?;
        let end = self.starts.get(place + 1).copied().unwrap_or(self.lines.len());
        self.lines.get(start..end.checked_sub(1)?)
    }

    fn push(&mut self, stamp: &Stamp<'_>, record: &Prepared) -> u64 {
        let seq = self.after.next_seq();
        let Stamp {
            id,
            logged,
            time,
            writer,
            salt,
            conflict,
        } = *stamp;
        let start = self.lines.len();
        self.starts.push(start);
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
            },
            &record.members,
        );
        let leaf = leaf_hash(self.lines.get(start..).unwrap_or_default());
        self.after.chain = chain_next(&self.after.chain, &leaf);
        self.after.tree.push(leaf);
        let derived = &mut self.derived;
        derived.chain_after = self.after.chain;
        derived.leaves.push(leaf);
        let known = derived.keys.len();
        derived.keys.push((id_key(&id), seq));
        if let Some(source) = &record.source {
            let stream = stream_key(source);
            derived.keys.push((source_key(source), seq));
            derived.streams.push((stream, source.number));
            let highest = self.highest.entry(stream).or_default();
            *highest = (*highest).max(source.number);
        }
        derived
            .keys
            .extend(record.defines.iter().map(|digest| (definition_key(digest), seq)));
        derived
            .keys
            .extend(conflict.map(|first| (conflict_key(first, &parts_list(moved), &record.members), seq)));
        self.hashes
            .extend(derived.keys.iter().skip(known).map(|(hash, _)| *hash));
        derived.spans.join(&Spans::of(&id, time, logged));
        self.lines.push(b'\n');
        self.count += 1;
        seq
    }
}
