//! Where queries get indexes from. So many are kept open as are allowed, and the heads of some more, by which most segments
//! are told to hold nothing of interest without being opened.
//!
//! What must hold: what is handed out is vouched for and of the segment as it is; memory and open maps are bounded,
//! however many segments there are.

use super::Indexer;
use super::ask::Question;
use super::make::{open, segment, vouched};
use super::opened::{Index, Summary};
use super::unfit::Unfit;
use crate::log::Files;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// So many heads are kept at most: each has four bytes for every chain of its segment, and 32 for every 64 KiB of the index.
const HEADS: usize = 1024;

/// The indexes of one log.
#[derive(Debug)]
pub(crate) struct Shelf {
    open: usize,
    /// Told of what cannot be used, where this process can make it anew.
    indexer: Option<Arc<Indexer>>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    heads: Recent<Summary>,
    indexes: Recent<Arc<Index>>,
}

impl Shelf {
    /// Keeps so many indexes open at most.
    pub(crate) fn new(open: usize, indexer: Option<Arc<Indexer>>) -> Self {
        Shelf {
            open: open.max(1),
            indexer,
            kept: Mutex::default(),
        }
    }

    /// The index of the sealed segment that begins there, if it can be used. Otherwise the segment has to be scanned, and the
    /// reason belongs into the answer.
    pub(crate) fn get(&self, files: &Files, first_seq: u64) -> Result<Arc<Index>, Unfit> {
        if let Some(index) = self.kept.lock().indexes.get(first_seq) {
            return Ok(index);
        }
        self.noted(first_seq, self.open(files, first_seq))
    }

    /// Whether a record of that segment may fit, as far as that can be told without opening the index; what cannot be told
    /// may.
    pub(crate) fn may_match(&self, files: &Files, first_seq: u64, question: &Question) -> bool {
        let head = self.noted(first_seq, self.head(files, first_seq));
        head.map_or(true, |head| head.may_match(question))
    }

    /// An index that was handed out failed: it is used no more.
    pub(crate) fn distrust(&self, first_seq: u64) {
        let mut kept = self.kept.lock();
        kept.heads.remove(first_seq);
        kept.indexes.remove(first_seq);
        drop(kept);
        if let Some(indexer) = &self.indexer {
            indexer.distrust(first_seq);
        }
    }

    fn open(&self, files: &Files, first_seq: u64) -> Result<Arc<Index>, Unfit> {
        let head = self.head(files, first_seq)?;
        let segment = segment(files, first_seq)?;
        let index = Arc::new(open(files, &segment, &head)?);
        self.kept.lock().indexes.put(first_seq, Arc::clone(&index), self.open);
        Ok(index)
    }

    fn head(&self, files: &Files, first_seq: u64) -> Result<Summary, Unfit> {
        if let Some(head) = self.kept.lock().heads.get(first_seq) {
            return Ok(head);
        }
        let segment = segment(files, first_seq)?;
        let head = vouched(files, &segment)?;
        self.kept.lock().heads.put(first_seq, head.clone(), HEADS);
        Ok(head)
    }

    fn noted<T>(&self, first_seq: u64, found: Result<T, Unfit>) -> Result<T, Unfit> {
        if found.is_err() {
            // The head may be that of a file that was replaced.
            self.kept.lock().heads.remove(first_seq);
            if let Some(indexer) = &self.indexer {
                indexer.want(first_seq);
            }
        }
        found
    }
}

/// The things that were used last, by the first seq of their segment.
#[derive(Debug)]
struct Recent<T> {
    things: HashMap<u64, (u64, T)>,
    /// Counts the uses.
    uses: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent {
            things: HashMap::new(),
            uses: 0,
        }
    }
}

impl<T: Clone> Recent<T> {
    fn get(&mut self, first_seq: u64) -> Option<T> {
        self.uses += 1;
        let (used, thing) = self.things.get_mut(&first_seq)?;
        *used = self.uses;
        Some(thing.clone())
    }

    fn put(&mut self, first_seq: u64, thing: T, most: usize) {
        while self.things.len() >= most && !self.things.contains_key(&first_seq) {
            let oldest = self.things.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(first_seq, _)| *first_seq) else {
                break;
            };
            self.things.remove(&oldest);
        }
        self.uses += 1;
        self.things.insert(first_seq, (self.uses, thing));
    }

    fn remove(&mut self, first_seq: u64) {
        self.things.remove(&first_seq);
    }
}
