//! The threads that index: every segment when it is sealed, and whichever has no index that can be used when the log is
//! opened or when a query finds out.
//!
//! What must hold: they hold nothing up. They take the writer only for the one record that vouches for a finished file, give
//! the processor to whoever appends, give up what they are at when the log is closed, and whatever fails is noted and left
//! for the next opening. No two are at the same segment.

use super::make::{make, segment, vouched, write};
use super::unfit::Unfit;
use crate::log::{Files, Follower, Haste, Pen, yield_to_others};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Indexes behind a log that is written; see [`Follower`].
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// How many threads there are to be; none is one.
    count: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    stopped: bool,
    /// The first seqs of segments to look at, the newest first: those are asked for most.
    wanted: BTreeSet<u64>,
    /// Those that failed when they were asked; they are made anew however well they look.
    distrusted: BTreeSet<u64>,
    /// Those that are at work.
    at: BTreeSet<u64>,
    /// Those that could not be indexed, and are not tried again.
    failed: BTreeSet<u64>,
    failure: Option<Unfit>,
}

impl Indexer {
    /// With so many threads, which take as many segments at a time.
    pub(crate) fn new(count: usize) -> Self {
        Indexer {
            count,
            ..Indexer::default()
        }
    }

    /// Has a look taken at that segment's index.
    pub(crate) fn want(&self, first_seq: u64) {
        let mut state = self.shared.state.lock();
        if state.running && !state.at.contains(&first_seq) && !state.failed.contains(&first_seq) {
            state.wanted.insert(first_seq);
            self.shared.changed.notify_all();
        }
    }

    /// Has that segment's index made anew.
    pub(crate) fn distrust(&self, first_seq: u64) {
        let mut state = self.shared.state.lock();
        if state.running {
            state.distrusted.insert(first_seq);
            state.wanted.insert(first_seq);
            self.shared.changed.notify_all();
        }
    }

    /// Waits until there is nothing left to do; gives what failed last, if anything did.
    pub(crate) fn wait(&self) -> Option<Unfit> {
        let mut state = self.shared.state.lock();
        while state.running && !state.stopped && !(state.at.is_empty() && state.wanted.is_empty()) {
            self.shared.changed.wait(&mut state);
        }
        state.failure.clone()
    }
}

impl Follower for Indexer {
    fn begin(&self, log: Pen) {
        let mut state = self.shared.state.lock();
        let segments = log.files().view.read().segments.clone();
        *state = State {
            running: true,
            wanted: segments.iter().map(|segment| segment.first_seq).collect(),
            ..State::default()
        };
        drop(state);
        let spawn = |_| {
            let (shared, log) = (Arc::clone(&self.shared), log.clone());
            let thread = std::thread::Builder::new().name("auditdb-index".to_owned());
            thread.spawn(move || shared.run(&log)).ok()
        };
        let threads: Vec<_> = (0..self.count.max(1)).map_while(spawn).collect();
        // The log is as good without any.
        self.shared.state.lock().running = !threads.is_empty();
        *self.threads.lock() = threads;
    }

    fn sealed(&self, first_seq: u64) {
        self.want(first_seq);
    }

    fn stop(&self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // One that panicked has nothing left to do.
            let _ = thread.join();
        }
        self.shared.state.lock().running = false;
    }
}

impl Shared {
    fn run(&self, log: &Pen) {
        yield_to_others(Haste::Whenever);
        loop {
            let (first_seq, distrusted) = {
                let mut state = self.state.lock();
                loop {
                    if state.stopped {
                        return;
                    }
                    let free = state.wanted.iter().rev().find(|next| !state.at.contains(next));
                    if let Some(next) = free.copied() {
                        state.wanted.remove(&next);
                        state.at.insert(next);
                        break (next, state.distrusted.remove(&next));
                    }
                    self.changed.wait(&mut state);
                }
            };
            let done = mend(log, first_seq, distrusted, &|| self.state.lock().stopped);
            // What was dropped meanwhile needs none.
            let is_kept = segment(log.files(), first_seq).is_ok();
            let mut state = self.state.lock();
            state.at.remove(&first_seq);
            if let Err(unfit) = done
                && is_kept
            {
                state.failed.insert(first_seq);
                state.failure = Some(unfit);
            }
            self.changed.notify_all();
        }
    }
}

/// Gives a segment an index that can be used, if it has none. Says why it had none.
pub(super) fn mend(
    log: &Pen,
    first_seq: u64,
    distrusted: bool,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Unfit>, Unfit> {
    let files: &Arc<Files> = log.files();
    let segment = segment(files, first_seq)?;
    let was = match vouched(files, &segment) {
        Ok(_) if !distrusted => return Ok(None),
        Ok(_) => Unfit::Damaged("it failed when it was asked"),
        Err(was) => was,
    };
    let Some(packed) = make(files, &segment, stopped)? else {
        return Ok(Some(was));
    };
    write(files, first_seq, &packed)?;
    // The same bytes as before need no other record.
    if !files.vouches(first_seq, &packed.digest) {
        let count = segment.trailer(&*files.disk).map_or(0, |trailer| trailer.count);
        log.vouch(first_seq, count, &packed.digest)
            .map_err(|error| Unfit::Failed(error.to_string()))?;
    }
    Ok(Some(was))
}
