//! The clocks of the one that writes: a step of the time is noticed by a clock that does not step, and time that nobody has
//! accepted is no time that has passed.

use super::act::Asking;
use super::terms::{self, Clocks, accepting};
use super::writer::{CommitFailure, Writer};
use crate::record::id_text;

/// What the clocks said at the last commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Nothing before the first record.
    pub(crate) wall: Option<i64>,
    /// By the monotonic clock of this process, also of what was committed before it began; unknown over a restart of
    /// the machine.
    pub(crate) monotonic: Option<i128>,
}

/// The time, and how much of it is in doubt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// In nanoseconds since 1970.
    pub(crate) now: i64,
    /// By how much the clock went forward without anybody having accepted that, in nanoseconds; never less than 0.
    pub(crate) ahead: i64,
}

impl Times {
    /// The time that has surely come.
    pub(crate) fn safe(&self) -> i64 {
        self.now.saturating_sub(self.ahead)
    }
}

/// A difference of this much between the clocks is a step.
const STEP_NS: i128 = 1_000_000_000;

/// Over a restart of the machine nobody can tell how long it took. So much is believed.
const RESTART_NS: i128 = 3600 * 1_000_000_000;

impl Writer {
    /// What the clock said at the last commit, what passed since as far as that is known, and by how much the clock
    /// stepped, if it did.
    pub(super) fn step(&self, now: i64, monotonic: u64) -> Option<(i64, Option<u64>, i64)> {
        let before = self.clock.wall?;
        let passed = self
            .clock
            .monotonic
            .map(|before| (i128::from(monotonic) - before).max(0));
        let step = i128::from(now) - i128::from(before) - passed.unwrap_or(0);
        let believed = if passed.is_some() { STEP_NS } else { RESTART_NS };
        if (-STEP_NS..=believed).contains(&step) {
            return None;
        }
        let elapsed = passed.and_then(|passed| u64::try_from(passed).ok());
        let step = step.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Some((before, elapsed, i64::try_from(step).unwrap_or(i64::MAX)))
    }

    /// By how much the clock is ahead at that moment without anybody having accepted that.
    pub(super) fn ahead_at(&self, now: i64, monotonic: u64) -> i64 {
        let step = self.step(now, monotonic).map_or(0, |(_, _, step)| step);
        self.terms.clock.ahead_ns.saturating_add(step)
    }

    /// What the clock says now, and how far it can be relied on.
    pub(crate) fn times(&self) -> Times {
        let (now, monotonic) = (self.files.disk.now(), self.files.disk.monotonic());
        Times {
            now,
            ahead: self.ahead_at(now, monotonic).max(0),
        }
    }

    /// A person says that the clock is right, however it came to where it is. Only where the policy names people it has to
    /// be said who.
    pub(crate) fn accept_clock(&mut self, reason: &str, asking: Option<&Asking>) -> Result<(), CommitFailure> {
        let ahead = self.times().ahead;
        if ahead == 0 {
            return Ok(());
        }
        let nobody = Asking::nobody();
        let by = match asking {
            None if self.terms.people.is_empty() => None,
            asking => Some(self.admit(&accepting(ahead, reason), asking.unwrap_or(&nobody))?),
        };
        let now = self.files.disk.now();
        self.act_at(now, terms::clock_accepted(ahead, reason, by), Some(0))?;
        Ok(())
    }

    /// What the clocks say, for a state.
    pub(super) fn clocks(&self) -> Clocks {
        Clocks {
            boot: self.files.disk.boot_id().map(id_text),
            uptime_ns: self.files.disk.uptime(),
            ahead_ns: self.terms.clock.ahead_ns,
        }
    }
}
