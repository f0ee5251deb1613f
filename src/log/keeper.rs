//! What is done behind the writer's back, by one plain thread: closed journals are sealed, and the next journal is
//! filled with zeros ahead of time. Where everything has to happen in a fixed order (tests with a simulated disk) there
//! is no thread, and sealing happens at once.

use super::layout::Layout;
use super::options::Options;
use super::read::Files;
use super::seal::seal_oldest;
use super::segment::Encoding;
use crate::disk::{Disk, DiskFile, Open};
use crate::error::{Error, Result};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// The work that waits, and what came of it.
pub(crate) struct Keeper {
    encoding: Encoding,
    threaded: bool,
    state: Mutex<State>,
    changed: Condvar,
    followers: Vec<Arc<dyn super::follow::Follower>>,
}

#[derive(Default)]
struct State {
    /// How long a journal zeroed ahead should be, if one is wanted.
    wanted: Option<u64>,
    next: Option<Arc<dyn DiskFile>>,
    /// There was no room for one: nothing is zeroed ahead until a journal was sealed and gave its room back.
    no_room: bool,
    /// Counts the journals that were closed, so that a failed seal is tried again when another one is.
    closed: u64,
    tried: u64,
    failure: Option<Error>,
    stopped: bool,
}

/// Zeros are written in pieces of this many bytes, so that the writer's fsyncs have little to wait for.
const PIECE: usize = 256 << 10;

impl Keeper {
    pub(crate) fn new(options: &Options) -> Self {
        Keeper {
            encoding: options.encoding(),
            threaded: options.threads,
            followers: options.followers.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A journal was closed and can be sealed.
    pub(crate) fn closed_one(&self, files: &Files) {
        if self.threaded {
            self.state.lock().closed += 1;
            self.changed.notify_all();
        } else {
            self.seal_all(files);
        }
    }

    /// Has a journal of that length zeroed ahead.
    pub(crate) fn want_next(&self, len: u64) {
        let mut state = self.state.lock();
        if self.threaded && state.next.is_none() && state.wanted.is_none() && !state.no_room {
            state.wanted = Some(len);
            self.changed.notify_all();
        }
    }

    /// The journal that was zeroed ahead, if there is one; it bears the name `next`.
    pub(crate) fn take_next(&self) -> Option<Arc<dyn DiskFile>> {
        self.state.lock().next.take()
    }

    /// Takes back what [`Keeper::take_next`] gave.
    pub(crate) fn give_next_back(&self, next: Arc<dyn DiskFile>) {
        self.state.lock().next = Some(next);
    }

    /// The disk is full: gives back the room of what was zeroed ahead.
    pub(crate) fn give_room_back(&self, files: &Files) {
        let mut state = self.state.lock();
        state.no_room = true;
        state.wanted = None;
        if state.next.take().is_some() {
            // If it stays it is removed at the next opening; the append says what came of it all.
            let _ = files.disk.remove(&files.layout.next_journal());
        }
    }

    /// Waits until nothing is left to seal, or sealing failed.
    pub(crate) fn wait(&self, files: &Files) -> Result<()> {
        let mut state = self.state.lock();
        loop {
            if files.view.read().journals.len() < 2 {
                return Ok(());
            }
            if state.tried == state.closed
                && let Some(error) = &state.failure
            {
                return Err(error.clone());
            }
            if state.stopped {
                return Err(Error::Closed);
            }
            self.changed.wait_for(&mut state, std::time::Duration::from_millis(50));
        }
    }

    /// What sealing failed with last.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.lock().failure.clone()
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The thread's work, until it is stopped.
    pub(crate) fn run(&self, files: &Files) {
        loop {
            let wanted = {
                let mut state = self.state.lock();
                loop {
                    if state.stopped {
                        return;
                    }
                    let to_seal = state.tried < state.closed;
                    if to_seal || (state.wanted.is_some() && state.next.is_none()) {
                        break if to_seal { None } else { state.wanted };
                    }
                    self.changed.wait(&mut state);
                }
            };
            match wanted {
                None => {
                    // Whoever waits for the seal must hear of it.
                    let sealing = std::panic::AssertUnwindSafe(|| self.seal_all(files));
                    if std::panic::catch_unwind(sealing).is_err() {
                        let mut state = self.state.lock();
                        state.tried = state.closed;
                        state.failure = Some(Error::Poisoned {
                            path: files.layout.root().to_owned(),
                            cause: "a thread panicked while it sealed".to_owned(),
                        });
                        self.changed.notify_all();
                    }
                }
                Some(len) => {
                    let given_up = || {
                        let state = self.state.lock();
                        state.stopped || state.no_room
                    };
                    let next = zero_ahead(&*files.disk, &files.layout, len, given_up);
                    let mut state = self.state.lock();
                    state.wanted = None;
                    // Without it the writer lets its journal grow, which is only slower.
                    match next {
                        Ok(Some(next)) if !state.no_room => state.next = Some(next),
                        _ => {
                            state.no_room = !state.stopped;
                            let _ = files.disk.remove(&files.layout.next_journal());
                        }
                    }
                }
            }
        }
    }

    /// Says that a segment is sealed.
    fn tell(&self, first_seq: u64) {
        self.followers.iter().for_each(|follower| follower.sealed(first_seq));
    }

    fn seal_all(&self, files: &Files) {
        let seen = self.state.lock().closed;
        let outcome = loop {
            match seal_oldest(files, self.encoding) {
                Ok(Some(first_seq)) => self.tell(first_seq),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
            if self.state.lock().stopped {
                break None;
            }
        };
        let mut state = self.state.lock();
        state.tried = seen;
        state.no_room &= outcome.is_some();
        state.failure = outcome;
        self.changed.notify_all();
    }
}

/// Creates the file `next` and writes it full of zeros.
fn zero_ahead(
    disk: &dyn Disk,
    layout: &Layout,
    len: u64,
    given_up: impl Fn() -> bool,
) -> std::io::Result<Option<Arc<dyn DiskFile>>> {
    let path = layout.next_journal();
    if disk.stat(&path)?.is_some() {
        disk.remove(&path)?;
    }
    let file = disk.open(&path, Open::Create)?;
    let zeros = vec![0; PIECE];
    let mut at = 0;
    while at < len {
        if given_up() {
            return Ok(None);
        }
        let piece = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
        file.write_at(zeros.get(..piece).unwrap_or(&zeros), at)?;
        file.sync()?;
        at += piece as u64;
    }
    Ok(Some(file))
}
