//! What lines of text prove: their seqs, their leaves and chain, and all that a directory lists about them. The seal
//! writes what this finds, and verify holds what was written against what this finds.

use super::events::{mark_name, vouched_for};
use super::fault::What;
use super::keys::{conflict_key, definition_key, id_key, id_prefix, indexed_key, source_key, stream_key};
use crate::proof::{Hash, chain_next, leaf_hash};
use crate::record::{read_head, read_keys};

/// What some consecutive lines prove.
#[derive(Debug, Clone)]
pub(crate) struct Derived {
    pub(crate) first_seq: u64,
    pub(crate) chain_before: Hash,
    pub(crate) chain_after: Hash,
    /// The link before the last line.
    pub(crate) chain_before_last: Hash,
    pub(crate) leaves: Vec<Hash>,
    /// Hash and seq of every key.
    pub(crate) keys: Vec<(u64, u64)>,
    /// Hash and number of every emitter's count.
    pub(crate) streams: Vec<(u64, u64)>,
    pub(crate) spans: Spans,
    /// The records by which the log says how far it is and which keys are in force.
    pub(crate) marks: Vec<Mark>,
}

/// A record by which the log says where it stands, who signs, what its clock does or what is dropped: what it says can be
/// checked, given all that stands before it.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Its place among the lines.
    pub(crate) place: usize,
    /// The link of the chain before it.
    pub(crate) chain_before: Hash,
    /// Its line, without the newline.
    pub(crate) line: Vec<u8>,
}

/// The least and the greatest of what is searched by range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) time: (i64, i64),
    pub(crate) logged: (i64, i64),
    pub(crate) id: (u64, u64),
}

impl Spans {
    /// The span of nothing, from which any other only grows.
    pub(crate) const EMPTY: Spans = Spans {
        time: (i64::MAX, i64::MIN),
        logged: (i64::MAX, i64::MIN),
        id: (u64::MAX, 0),
    };

    /// The spans of one record. Ids that the log gave are the millisecond of `logged`, and are found by that.
    pub(crate) fn of(id: &[u8; 16], time: i64, logged: i64) -> Self {
        let prefix = id_prefix(id);
        let id = if i64::try_from(prefix) == Ok(logged.div_euclid(1_000_000)) {
            Spans::EMPTY.id
        } else {
            (prefix, prefix)
        };
        Spans {
            time: (time, time),
            logged: (logged, logged),
            id,
        }
    }

    /// Whether a record with an id that begins like this can be among these.
    pub(crate) fn may_hold(&self, prefix: u64) -> bool {
        let milliseconds = |time: i64| u64::try_from(time.div_euclid(1_000_000)).unwrap_or(0);
        (self.id.0..=self.id.1).contains(&prefix)
            || (milliseconds(self.logged.0)..=milliseconds(self.logged.1)).contains(&prefix)
    }

    pub(crate) fn join(&mut self, other: &Spans) {
        self.time = (self.time.0.min(other.time.0), self.time.1.max(other.time.1));
        self.logged = (self.logged.0.min(other.logged.0), self.logged.1.max(other.logged.1));
        self.id = (self.id.0.min(other.id.0), self.id.1.max(other.id.1));
    }
}

/// A line that is not what it should be.
#[derive(Debug)]
pub(crate) struct BadLine {
    /// The seq that it should have.
    pub(crate) seq: u64,
    pub(crate) what: What,
}

/// Reads lines that each end in a newline, the first of which should have that seq and follow that link of the chain.
pub(crate) fn derive(text: &[u8], first_seq: u64, chain_before: Hash) -> Result<Derived, BadLine> {
    let mut derived = Derived {
        first_seq,
        chain_before,
        chain_after: chain_before,
        chain_before_last: chain_before,
        leaves: Vec::new(),
        keys: Vec::new(),
        streams: Vec::new(),
        spans: Spans::EMPTY,
        marks: Vec::new(),
    };
    let (mut start, mut seq) = (0, first_seq);
    for end in memchr::memchr_iter(b'\n', text) {
        let line = text.get(start..end).unwrap_or_default();
        let bad = |what| BadLine { seq, what };
        let head = read_head(line).ok_or_else(|| bad(What::Line))?;
        if head.seq != seq {
            return Err(bad(What::Sequence { found: head.seq }));
        }
        if is_mark(line.get(head.members.clone()).unwrap_or_default()) {
            derived.marks.push(Mark {
                place: derived.leaves.len(),
                chain_before: derived.chain_after,
                line: line.to_vec(),
            });
        }
        let leaf = leaf_hash(line);
        derived.chain_before_last = derived.chain_after;
        derived.chain_after = chain_next(&derived.chain_after, &leaf);
        derived.leaves.push(leaf);
        derived.keys.push((id_key(&head.id), seq));
        let keys = read_keys(line.get(head.members.clone()).unwrap_or_default());
        if let Some(source) = keys.source {
            derived.keys.push((source_key(&source), seq));
            derived.streams.push((stream_key(&source), source.number));
        }
        derived
            .keys
            .extend(keys.defines.map(|digest| (definition_key(&digest), seq)));
        if let Some(first) = head.conflict {
            let part = |range: std::ops::Range<usize>| line.get(range).unwrap_or_default();
            let parts = head.parts.clone().map_or(&[][..], part);
            derived
                .keys
                .push((conflict_key(first, parts, part(head.members.clone())), seq));
        }
        let vouched = vouched_for(line.get(head.members.clone()).unwrap_or_default());
        derived
            .keys
            .extend(vouched.map(|(segment, digest)| (indexed_key(segment, &digest), seq)));
        derived.spans.join(&Spans::of(&head.id, head.time, head.logged));
        start = end + 1;
        seq += 1;
    }
    if start < text.len() {
        return Err(BadLine { seq, what: What::Line });
    }
    Ok(derived)
}

/// Whether a record with these members is one by which the log says where it stands. Only the log writes records that
/// begin like this, and it writes them in this way.
pub(crate) fn is_mark(members: &[u8]) -> bool {
    let names: [&[u8]; 13] = [
        b"genesis",
        b"state",
        b"epoch",
        b"key",
        b"clock",
        b"clock_accepted",
        b"hold",
        b"hold_released",
        b"people",
        b"tombstone",
        b"policy",
        b"log",
        b"anchor",
    ];
    mark_name(members).is_some_and(|name| names.contains(&name))
}
