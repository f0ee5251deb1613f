//! What a reader sees of a log: its sealed segments and its journals up to the last durable frame. The writing process
//! keeps one view and moves it on with every commit; any other process builds its own from the files.
//!
//! What must hold: a view never shows a record that was not durable, and its size grows with the unsealed part of the
//! log, plus some two hundred bytes for each sealed segment.

use super::derive::Derived;
use super::fault::Fault;
use super::format::Trailer;
use super::segment::SegmentFile;
use super::status::Ends;
use crate::disk::{Disk, DiskFile};
use crate::proof::{CHAIN_START, Frontier, Hash, chain_next};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// How far a log is: the tree over its records (whose size is the next seq) and the last link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) tree: Frontier,
    pub(crate) chain: Hash,
}

impl Tip {
    /// The log without records.
    pub(crate) fn empty() -> Self {
        Tip {
            tree: Frontier::new(),
            chain: CHAIN_START,
        }
    }

    /// The seq of the next record.
    pub(crate) fn next_seq(&self) -> u64 {
        self.tree.size()
    }

    /// Goes on over some leaves.
    pub(crate) fn extend(&mut self, leaves: &[Hash]) {
        for leaf in leaves {
            self.chain = chain_next(&self.chain, leaf);
            self.tree.push(*leaf);
        }
    }

    /// Goes on over some lines.
    pub(crate) fn advance(&mut self, derived: &Derived) -> Advanced {
        let mut marks = derived.marks.iter().peekable();
        let mut advanced = Advanced {
            before_last: self.clone(),
            marks: Vec::with_capacity(derived.marks.len()),
        };
        for (place, leaf) in derived.leaves.iter().enumerate() {
            if let Some(mark) = marks.next_if(|mark| mark.place == place) {
                advanced.marks.push(Marked {
                    seq: self.tree.size(),
                    root: self.tree.root(),
                    chain: mark.chain_before,
                    line: mark.line.clone(),
                });
            }
            if place + 1 == derived.leaves.len() {
                advanced.before_last = Tip {
                    tree: self.tree.clone(),
                    chain: derived.chain_before_last,
                };
            }
            self.tree.push(*leaf);
        }
        self.chain = derived.chain_after;
        advanced
    }
}

/// What was met on the way over some lines.
#[derive(Debug)]
pub(crate) struct Advanced {
    /// How far the log was before the last of them.
    pub(crate) before_last: Tip,
    pub(crate) marks: Vec<Marked>,
}

/// A record by which the log says where it stands, and where it really stood before that record.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    /// The record's seq: the size of the log before it.
    pub(crate) seq: u64,
    pub(crate) root: Hash,
    pub(crate) chain: Hash,
    pub(crate) line: Vec<u8>,
}

/// A sealed segment, opened when it is needed.
#[derive(Debug)]
pub(crate) struct SegmentRef {
    pub(crate) first_seq: u64,
    pub(crate) path: PathBuf,
    trailer: OnceLock<Trailer>,
    /// What is known of how long it is kept, once somebody had to know.
    pub(super) ends: OnceLock<Ends>,
}

impl SegmentRef {
    pub(crate) fn new(first_seq: u64, path: PathBuf) -> Self {
        SegmentRef {
            first_seq,
            path,
            trailer: OnceLock::new(),
            ends: OnceLock::new(),
        }
    }

    pub(crate) fn open(&self, disk: &dyn Disk) -> Result<SegmentFile, Fault> {
        let file = SegmentFile::open(disk, &self.path)?;
        let _ = self.trailer.set(file.trailer().clone());
        Ok(file)
    }

    /// The summary of what it holds, read once.
    pub(crate) fn trailer(&self, disk: &dyn Disk) -> Result<&Trailer, Fault> {
        if self.trailer.get().is_none() {
            self.open(disk)?;
        }
        self.trailer
            .get()
            .ok_or_else(|| Fault::new(&self.path, super::fault::What::Directory))
    }
}

/// A durable frame: where it stands, and what is listed about its lines.
#[derive(Debug)]
pub(crate) struct Framed<'a> {
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
    pub(crate) offset: u64,
    pub(crate) end: u64,
    /// The length of its lines in bytes.
    pub(crate) text: u64,
    pub(crate) keys: &'a [(u64, u64)],
    pub(crate) streams: &'a [(u64, u64)],
    pub(crate) leaves: &'a [Hash],
}

/// A journal with an index of its frames.
#[derive(Debug, Clone)]
pub(crate) struct LiveJournal {
    pub(crate) first_seq: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    /// First seq and offset of every frame.
    pub(crate) frames: Vec<(u64, u64)>,
    /// Hash and seq of every key.
    pub(crate) keys: BTreeSet<(u64, u64)>,
    /// The highest number of each emitter, by hash.
    pub(crate) streams: HashMap<u64, u64>,
    /// The leaves of its records, which the tree's files get only when it is sealed.
    pub(crate) leaves: Vec<Hash>,
    /// The end of the last durable frame, and the seq behind its last record.
    pub(crate) end: u64,
    pub(crate) end_seq: u64,
    /// The length of all lines in bytes.
    pub(crate) text: u64,
}

impl LiveJournal {
    pub(crate) fn new(first_seq: u64, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        LiveJournal {
            first_seq,
            path,
            file,
            frames: Vec::new(),
            keys: BTreeSet::new(),
            streams: HashMap::new(),
            leaves: Vec::new(),
            end: 0,
            end_seq: first_seq,
            text: 0,
        }
    }

    /// Adds a frame that is durable.
    pub(crate) fn push(&mut self, frame: &Framed<'_>) {
        self.frames.push((frame.first_seq, frame.offset));
        self.keys.extend(frame.keys.iter().copied());
        self.leaves.extend_from_slice(frame.leaves);
        for (hash, number) in frame.streams {
            let highest = self.streams.entry(*hash).or_default();
            *highest = (*highest).max(*number);
        }
        self.end = frame.end;
        self.end_seq = frame.first_seq + frame.count;
        self.text += frame.text;
    }

    /// Where the frame that holds this seq begins, and the first seq of the one behind it.
    pub(crate) fn frame_of(&self, seq: u64) -> Option<(u64, Option<u64>)> {
        if seq >= self.end_seq {
            return None;
        }
        let behind = self.frames.partition_point(|(first, _)| *first <= seq);
        let (_, offset) = self.frames.get(behind.checked_sub(1)?)?;
        Some((*offset, self.frames.get(behind).map(|(first, _)| *first)))
    }

    /// The seqs of the records that may have this key.
    pub(crate) fn find(&self, hash: u64) -> impl Iterator<Item = u64> {
        self.keys.range((hash, 0)..=(hash, u64::MAX)).map(|(_, seq)| *seq)
    }
}

/// All of a log that can be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) segments: Arc<Vec<Arc<SegmentRef>>>,
    pub(crate) journals: Vec<LiveJournal>,
    /// The first record that is still kept: the segments before it were dropped when their time had passed.
    pub(crate) kept_from: u64,
    /// What is wrong where the view ends, if the log goes on there and cannot be read.
    pub(crate) broken: Option<Fault>,
}

/// Where a record stands.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Segment(Arc<SegmentRef>),
    Journal {
        file: Arc<dyn DiskFile>,
        path: PathBuf,
        /// Where its frame begins, and where the last durable one ends.
        offset: u64,
        end: u64,
        /// The first seq of the frame behind it.
        next: Option<u64>,
    },
}

impl Place {
    /// Whether it is a segment that is no longer there.
    pub(crate) fn is_gone(&self, disk: &dyn Disk) -> bool {
        match self {
            Place::Segment(segment) => matches!(disk.stat(&segment.path), Ok(None)),
            Place::Journal { .. } => false,
        }
    }
}

impl View {
    /// The seq behind the last record; the records before the first segment's are not there.
    pub(crate) fn end_seq(&self) -> Option<u64> {
        self.journals.last().map(|journal| journal.end_seq)
    }

    /// Where the record of that seq stands, if it can be read.
    pub(crate) fn place(&self, seq: u64) -> Option<Place> {
        if let Some(journal) = self.journals.iter().rev().find(|journal| journal.first_seq <= seq) {
            let (offset, next) = journal.frame_of(seq)?;
            let (file, path) = (Arc::clone(&journal.file), journal.path.clone());
            return Some(Place::Journal {
                file,
                path,
                offset,
                end: journal.end,
                next,
            });
        }
        let behind = self.segments.partition_point(|segment| segment.first_seq <= seq);
        self.segments
            .get(behind.checked_sub(1)?)
            .map(|segment| Place::Segment(Arc::clone(segment)))
    }
}
