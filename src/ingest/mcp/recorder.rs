//! Making records durable while messages pass.
//!
//! What must hold: a record that could not be stored is kept and tried again, under the same number, so that it is stored
//! once; what is lost in the end is counted and said, and shows in the log as a gap in the numbers.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::log::Options;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When an answer passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Passing {
    /// When its record is durable.
    #[default]
    Recorded,
    /// At once; the record becomes durable behind it.
    AtOnce,
}

/// What happens while the log takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Trouble {
    /// Messages pass; what they are is recorded later.
    #[default]
    Open,
    /// Nothing that is to be recorded passes: the client gets an error.
    Closed,
}

/// Records of a proxy on their way into the log.
#[derive(Debug)]
pub struct Recorder {
    /// None once it has ended.
    work: Mutex<Option<Work>>,
    passing: Passing,
    trouble: Trouble,
    /// Bytes and records that are on their way.
    left: Arc<Left>,
    tell: fn(&str),
}

/// What is on its way.
#[derive(Debug, Default)]
struct Left {
    bytes: AtomicUsize,
    records: AtomicU64,
    lost: AtomicU64,
}

/// The thread that stores, and the way to it.
#[derive(Debug)]
struct Work {
    to: Sender<Batch>,
    thread: JoinHandle<()>,
}

/// Records of one message, and who waits for them.
#[derive(Debug)]
struct Batch {
    texts: Vec<String>,
    waits: Option<SyncSender<Option<String>>>,
}

/// So long does an answer wait for a log that is slow, where it may pass all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was not stored is tried again this often.
const AGAIN: Duration = Duration::from_millis(500);

/// What waits to be stored is not more than this, in bytes.
const BACKLOG: usize = 64 << 20;

/// How often it is looked whether that is done.
const SHORT: Duration = Duration::from_millis(5);

/// So long is it tried to store what is left at the end.
const LAST: Duration = Duration::from_secs(10);

impl Recorder {
    /// Records into the database in that directory, or a log of it that the options name, also through another process that
    /// writes it. What a person should hear meanwhile is told, a sentence each.
    ///
    /// # Errors
    /// The database cannot be opened, and nothing may pass then.
    pub fn start(dir: &Path, options: Options, (passing, trouble): (Passing, Trouble), tell: fn(&str)) -> Result<Self> {
        let opened = Database::join_with(dir, options.clone());
        if let (Err(error), Trouble::Closed) = (&opened, trouble) {
            return Err(error.clone());
        }
        let (to, from) = channel();
        let log = LogOf {
            dir: dir.to_owned(),
            options,
            failed: opened.as_ref().err().map(ToString::to_string),
            db: opened.ok(),
            tell,
        };
        if let Some(why) = &log.failed {
            tell(&format!("auditdb: {why}; what passes is recorded when that is over"));
        }
        let thread = std::thread::Builder::new().name("auditdb-mcp".to_owned());
        let left = Arc::new(Left::default());
        let kept = Arc::clone(&left);
        let thread = thread
            .spawn(move || keep(&from, log, &kept))
            .map_err(|error| Error::io("starting", "a thread", error))?;
        Ok(Recorder {
            work: Mutex::new(Some(Work { to, thread })),
            passing,
            trouble,
            left,
            tell,
        })
    }

    /// Records what a message is about, and returns when it may pass on; or why it may not.
    pub fn record(&self, texts: Vec<String>) -> std::result::Result<(), String> {
        if texts.is_empty() {
            return Ok(());
        }
        let (bytes, records) = (texts.iter().map(String::len).sum::<usize>(), texts.len() as u64);
        if self.left.bytes.load(Ordering::Relaxed) + bytes > BACKLOG {
            self.left.lost.fetch_add(records, Ordering::Relaxed);
            (self.tell)(&format!(
                "auditdb: {records} records are lost: more wait than can be kept"
            ));
            return match self.trouble {
                Trouble::Open => Ok(()),
                Trouble::Closed => Err("more records wait than can be kept".to_owned()),
            };
        }
        self.left.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.left.records.fetch_add(records, Ordering::Relaxed);
        let at_once = self.passing == Passing::AtOnce && self.trouble == Trouble::Open;
        let (waits, answer) = sync_channel(1);
        let waits = (!at_once).then_some(waits);
        let sent = self.send(Batch { texts, waits });
        let failed = match self.trouble {
            Trouble::Closed if sent => answer.recv().unwrap_or_else(|_| Some(ENDED.to_owned())),
            Trouble::Closed => Some(ENDED.to_owned()),
            Trouble::Open if at_once || !sent => None,
            // Slow or not: it goes on, and the recorder tries again.
            Trouble::Open => {
                let _ = answer.recv_timeout(PATIENCE);
                None
            }
        };
        failed.map_or(Ok(()), Err)
    }

    /// Why a request may not even reach the server: something before it is not stored yet, and nothing may pass unrecorded.
    pub fn objection(&self) -> Option<String> {
        if self.trouble == Trouble::Open {
            return None;
        }
        let (waits, answer) = sync_channel(1);
        let nothing = Batch {
            texts: Vec::new(),
            waits: Some(waits),
        };
        match self.send(nothing) {
            true => answer.recv().unwrap_or_else(|_| Some(ENDED.to_owned())),
            false => Some(ENDED.to_owned()),
        }
    }

    /// Whether nothing passes that cannot be recorded.
    pub(crate) fn is_closed(&self) -> bool {
        self.trouble == Trouble::Closed
    }

    /// Stores what is left, for so long as that may take; gives how many records were lost.
    #[must_use]
    pub fn finish(&self) -> u64 {
        if let Some(Work { to, thread }) = self.work.lock().take() {
            drop(to);
            let until = Instant::now() + LAST + PATIENCE;
            // It may wait for a writer that does not answer.
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(SHORT);
            }
        }
        self.left.lost.load(Ordering::Relaxed) + self.left.records.load(Ordering::Relaxed)
    }

    fn send(&self, batch: Batch) -> bool {
        let work = self.work.lock();
        work.as_ref().is_some_and(|work| work.to.send(batch).is_ok())
    }
}

/// What is said to whom comes too late.
const ENDED: &str = "the recorder has ended";

/// A log that may not be there yet.
struct LogOf {
    dir: PathBuf,
    options: Options,
    db: Option<Database>,
    /// What went wrong last, if it has been said and is not over.
    failed: Option<String>,
    tell: fn(&str),
}

impl LogOf {
    /// Stores records in their order, as far as it goes. One that is refused for ever is lost; says whether there was one.
    fn store(&mut self, waiting: &mut VecDeque<String>, left: &Left) -> bool {
        let mut is_refused = false;
        while let Some(text) = waiting.front() {
            match self.append(text) {
                Ok(()) => {}
                Err(Error::Refused(refusal)) => {
                    (self.tell)(&format!("auditdb: a record was refused: {refusal}"));
                    left.lost.fetch_add(1, Ordering::Relaxed);
                    is_refused = true;
                }
                Err(error) => {
                    self.fail(&error);
                    return is_refused;
                }
            }
            left.bytes.fetch_sub(text.len(), Ordering::Relaxed);
            left.records.fetch_sub(1, Ordering::Relaxed);
            waiting.pop_front();
        }
        if self.failed.take().is_some() {
            (self.tell)("auditdb: the log takes records again");
        }
        is_refused
    }

    fn append(&mut self, text: &str) -> Result<()> {
        let db = match &self.db {
            Some(db) => db.clone(),
            None => self
                .db
                .insert(Database::join_with(&self.dir, self.options.clone())?)
                .clone(),
        };
        db.append_json(text).map(|_| ())
    }

    fn fail(&mut self, error: &Error) {
        // A log that failed once takes nothing until it is opened anew.
        self.db = None;
        let why = error.to_string();
        if self.failed.as_ref() != Some(&why) {
            (self.tell)(&format!(
                "auditdb: {why}; what passes is kept, and recorded when that is over"
            ));
            self.failed = Some(why);
        }
    }
}

/// Stores what comes until nobody sends any more.
fn keep(from: &Receiver<Batch>, mut log: LogOf, left: &Left) {
    let mut waiting = VecDeque::new();
    loop {
        match from.recv_timeout(AGAIN) {
            Ok(Batch { texts, waits }) => {
                waiting.extend(texts);
                let refused = log.store(&mut waiting, left).then(|| "a record was refused".to_owned());
                let failed = log.failed.clone().filter(|_| !waiting.is_empty());
                if let Some(waits) = waits {
                    let _ = waits.send(failed.or(refused));
                }
            }
            Err(RecvTimeoutError::Timeout) => _ = log.store(&mut waiting, left),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let until = Instant::now() + LAST;
    loop {
        log.store(&mut waiting, left);
        if waiting.is_empty() || Instant::now() > until {
            return;
        }
        std::thread::sleep(AGAIN);
    }
}
