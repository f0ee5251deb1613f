//! Anchors by themselves: one thread of a log that is open for writing, if the policy names targets for it.
//!
//! An anchor is due when a segment was closed that the target does not know, or when there is other news and the target's
//! interval has passed. One that failed is tried again after a minute, then two, four and so on up to an hour, as long as
//! there is anything that the target does not know.
//!
//! What must hold: closing the log waits for no target; without targets there is no thread.

use super::attempt::{AnchorAttempt, anchor};
use super::target::{Target, targets_in_force};
use crate::log::anchored::{Noted, Notes, read_notes};
use crate::log::{Follower, Haste, Pen, yield_to_others};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Anchors a log while it is open; see [`Follower`].
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    log: Option<Pen>,
    /// Something may have become due.
    looked: bool,
    stopped: bool,
}

/// After a failure, the first pause and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// So often it is looked whether anything is due, whatever happens.
const PATIENCE: Duration = Duration::from_secs(60);

impl Follower for Watcher {
    fn begin(&self, log: Pen) {
        *self.shared.state.lock() = State {
            log: Some(log),
            ..State::default()
        };
        self.look();
    }

    fn sealed(&self, _: u64) {
        self.look();
    }

    fn look(&self) {
        let log = {
            let mut state = self.shared.state.lock();
            state.looked = true;
            state.log.clone().filter(|_| !state.stopped)
        };
        self.shared.changed.notify_all();
        let mut thread = self.thread.lock();
        if let (Some(log), None) = (log, thread.as_ref())
            && !its_targets(&log).is_empty()
        {
            let shared = Arc::clone(&self.shared);
            let run = move || {
                yield_to_others(Haste::Whenever);
                shared.run(&log);
            };
            // The log is as good without; `status` shows how old the anchors become.
            *thread = std::thread::Builder::new()
                .name("auditdb-anchor".to_owned())
                .spawn(run)
                .ok();
        }
    }

    fn stop(&self) {
        {
            let mut state = self.shared.state.lock();
            (state.stopped, state.log) = (true, None);
        }
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // One that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, log: &Pen) {
        // What this thread knows itself: the note may be lost, or not be written.
        let mut own = Notes::new();
        loop {
            let mut wait = PATIENCE;
            let mut due = Vec::new();
            let (files, notes) = (log.files(), read_notes(&*log.files().disk, &log.files().layout));
            for target in its_targets(log) {
                // One of more than there is says nothing.
                let noted = notes.get(&target.name).filter(|noted| noted.size <= files.end_seq());
                let noted = newer(noted, own.get(&target.name));
                match until_due(log, &target, &noted) {
                    None => return,
                    Some(Duration::ZERO) => {
                        own.insert(target.name.clone(), noted);
                        due.push(target);
                    }
                    Some(later) => wait = wait.min(later),
                }
            }
            match anchor(log.core(), &due, &|| self.state.lock().stopped) {
                Ok(done) if done.is_empty() => {}
                Ok(done) => {
                    let now = log.files().disk.now();
                    done.iter().for_each(|attempt| note(&mut own, attempt, now));
                    continue;
                }
                // A log that takes no more records is not anchored either.
                Err(_) => wait = PATIENCE,
            }
            let mut state = self.state.lock();
            if !state.stopped && !state.looked {
                self.changed.wait_for(&mut state, wait);
            }
            state.looked = false;
            if state.stopped {
                return;
            }
        }
    }
}

/// Notes what became of an attempt.
fn note(notes: &mut Notes, attempt: &AnchorAttempt, now: i64) {
    let noted = notes.entry(attempt.to.clone().unwrap_or_default()).or_default();
    match &attempt.error {
        None => *noted = Noted::arrived(attempt.size, now),
        Some(why) => noted.failed(why, now),
    }
}

/// Which of two notes is the later one.
fn newer(one: Option<&Noted>, other: Option<&Noted>) -> Noted {
    let age = |noted: &&Noted| (noted.size, noted.at.max(noted.failed_at));
    one.into_iter()
        .chain(other)
        .max_by_key(age)
        .cloned()
        .unwrap_or_default()
}

/// After what time a target is due; `None` if the log takes nothing any more.
fn until_due(log: &Pen, target: &Target, noted: &Noted) -> Option<Duration> {
    let files = log.files();
    let core = log.core();
    let (all, closed) = core
        .act(|writer| Ok((writer.is_all_within(noted.size), writer.journal.first_seq > noted.size)))
        .ok()?;
    if all {
        return Some(PATIENCE);
    }
    let now = files.disk.now();
    let since = |then: Option<i64>| {
        let passed = then.map(|then| now.saturating_sub(then));
        // The clock may have gone back.
        let passed = passed.filter(|passed| *passed >= 0);
        passed.map_or(Duration::MAX, |passed| Duration::from_nanos(passed.unsigned_abs()))
    };
    Some(if noted.failures > 0 {
        pause(noted.failures).saturating_sub(since(noted.failed_at))
    } else if closed {
        Duration::ZERO
    } else {
        target.every.saturating_sub(since(noted.at))
    })
}

/// How long to wait behind so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSES.0.saturating_mul(doubled).min(PAUSES.1)
}

/// The targets of a log; none as long as the policy cannot be read, or is not taken up.
fn its_targets(log: &Pen) -> Vec<Target> {
    targets_in_force(log.core()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_more_and_more_rarely() {
        let minutes: Vec<u64> = (1..=9).map(|failures| pause(failures).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(u32::MAX), PAUSES.1);
    }
}
