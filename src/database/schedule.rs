//! Dropping what has expired while a database is open, without that anybody asks: the first time a while after it was
//! opened, since agents come and go, and then at an interval.

use super::{Database, Inner};
use crate::retention::RetainOptions;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Ends the schedule when it is dropped.
#[derive(Debug)]
pub(super) struct Schedule {
    _until_dropped: SyncSender<()>,
}

/// So long after the opening it is done for the first time.
const FIRST: Duration = Duration::from_secs(60);

impl Schedule {
    /// Begins one for the database that the handle will be of. Without a thread there is none.
    pub(super) fn begin(every: Duration, database: Weak<Inner>) -> Option<Self> {
        let (sender, receiver) = sync_channel(0);
        let thread = std::thread::Builder::new().name("auditdb-retain".to_owned());
        let run = move || keep_to(every, &receiver, &database);
        thread.spawn(run).ok()?;
        Some(Schedule { _until_dropped: sender })
    }
}

fn keep_to(every: Duration, until: &Receiver<()>, database: &Weak<Inner>) {
    let mut pause = FIRST.min(every);
    while let Err(RecvTimeoutError::Timeout) = until.recv_timeout(pause) {
        let Some(inner) = database.upgrade() else { return };
        // What goes wrong goes wrong again, and is then told to whoever asks for it.
        let _ = Database { inner }.retain_all(&RetainOptions::default());
        pause = every;
    }
}
