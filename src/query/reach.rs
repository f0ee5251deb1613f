//! How far an answer goes: of how many records it was made, and what it had to leave out.

use crate::log::Fault;

/// How far an answer goes, over all logs that were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// The logs that were asked.
    pub logs: usize,
    /// The records that the question is about: these logs' whole, or what lies behind the cursor. Here and below, the
    /// pieces of large records count as the lines that they are.
    pub in_range: u64,
    /// Of them, those whose text was looked at.
    pub scanned: u64,
    /// Of them, those that could not fit by their time or seq, so that their text was not read.
    pub pruned: u64,
    /// The records that fit, as far as was looked: where there are several logs that is a little further than was given,
    /// since each is looked through for what it has next.
    pub matched: u64,
    /// The records that were given.
    pub returned: u64,
    /// Of how many sealed segments the index was asked; of all others its head alone, or their times, said that nothing in
    /// them fits, or there was no index. What a count adds up from indexes alone is not in here.
    pub indexes: u64,
    /// The sealed segments that were scanned because their index could not be used. The answer is none the worse.
    pub unindexed: Vec<Unindexed>,
    /// The logs that could not be asked; the answer is partial if there is any.
    pub unasked: Vec<Unasked>,
    /// What could not be read of the others; the answer is partial if there is any.
    pub unreadable: Vec<Fault>,
    /// Why it was not looked any further; `None` at the end of the logs.
    pub stopped: Option<Stopped>,
}

/// A sealed segment that was scanned because its index could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unindexed {
    /// The log that it belongs to.
    pub log: String,
    /// The seq of its first record.
    pub segment: u64,
    /// What is wrong with the index, as the end of a sentence that begins with "the index".
    pub why: String,
}

/// A log of the database that could not be asked: one that is missing from the line of its successors, or cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unasked {
    /// What it is called.
    pub log: String,
    /// Where it should be, and what is wrong.
    pub why: Fault,
}

/// Why a search ended before the logs did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// As many records as were wanted are found.
    Limit,
    /// The deadline has passed.
    Deadline,
    /// It was cancelled.
    Cancelled,
}

impl Stopped {
    /// In a word, for machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stopped::Limit => "limit",
            Stopped::Deadline => "deadline",
            Stopped::Cancelled => "cancelled",
        }
    }
}

impl Reach {
    /// Whether records may be missing that should have been given: something could not be read, or time ran out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.unreadable.is_empty()
            || !self.unasked.is_empty()
            || matches!(self.stopped, Some(Stopped::Deadline | Stopped::Cancelled))
    }

    /// Takes in how far it was looked in one log.
    pub(super) fn add(&mut self, one: &Reach) {
        self.logs += one.logs;
        self.in_range += one.in_range;
        self.scanned += one.scanned;
        self.pruned += one.pruned;
        self.matched += one.matched;
        self.returned += one.returned;
        self.indexes += one.indexes;
        self.unindexed.extend(one.unindexed.iter().cloned());
        self.unasked.extend(one.unasked.iter().cloned());
        self.unreadable.extend(one.unreadable.iter().cloned());
        self.stopped = self.stopped.or(one.stopped);
    }
}
