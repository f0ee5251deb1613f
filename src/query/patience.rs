//! How long it is looked for an answer: until a moment, or until somebody says that it is enough.

use super::reach::Stopped;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How long an answer is looked for. What was found by then is a partial answer, which says so.
///
/// ```
/// # let db = auditdb::Database::in_memory();
/// use auditdb::{Stopped, Patience};
/// use std::time::{Duration, Instant};
///
/// let receipt = db.append_json(r#"{"agent":{"id":"a"},"kind":"decision","correlation":"c"}"#)?;
/// let record = db.get(receipt.seq)?;
/// let soon = Patience::new().deadline(Instant::now() + Duration::from_secs(60));
/// assert!(!db.trace_within(&[record.clone()], &soon)?.is_partial());
/// let late = db.trace_within(&[record], &Patience::new().deadline(Instant::now()))?;
/// assert_eq!(late.stopped, Some(Stopped::Deadline));
/// # Ok::<(), auditdb::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Patience {
    deadline: Option<Instant>,
    cancel: Option<Arc<AtomicBool>>,
}

impl Patience {
    /// To the end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No longer than until then.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(at);
        self
    }

    /// No longer than until this is set.
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Why to stop now, if there is a reason.
    pub(super) fn stop(&self) -> Option<Stopped> {
        self.cancelled().or_else(|| self.late())
    }

    /// Whether somebody said so, which costs nothing to ask.
    pub(super) fn cancelled(&self) -> Option<Stopped> {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        self.cancel.as_ref().is_some_and(is_set).then_some(Stopped::Cancelled)
    }

    /// Whether the clock says so.
    pub(super) fn late(&self) -> Option<Stopped> {
        let late = |deadline: Instant| Instant::now() >= deadline;
        self.deadline.is_some_and(late).then_some(Stopped::Deadline)
    }
}
