//! The side that appends through another process, for as long as there is one: when the writer is gone, whoever joined
//! finds the next one, or becomes it.
//!
//! What must hold: a request that may have been carried out is repeated only under the ids that it had the first time,
//! so that the log recognises it as a retry and answers with the first receipt. So a record that has neither an id nor
//! a source of its own gets its id here, before it is sent. To the log it is a record whose caller chose the id, and so
//! it carries a salt; its time, if it says none, is the moment at which it was stored.

use super::client::{Asked, Remote};
use super::message::{
    self, APPEND, APPEND_AS, BACKED_UP, CHECKPOINT, LIST_LIMIT, MESSAGE_LIMIT, POLICY, RECORD_HEAD, ROTATE_KEY, SEAL,
    SET_CLASS, SIBLING,
};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::backed_up::BackedUpTo;
use crate::log::handle::Log;
use crate::log::keys::new_id;
use crate::log::layout::Layout;
use crate::log::options::{Errand, Options, TakenUp};
use crate::log::reading::Reading;
use crate::log::receipt::Receipt;
use crate::log::siblings::Sibling;
use crate::log::terms::NewClass;
#[cfg(feature = "server")]
use crate::log::token::TokenEvent;
use crate::policy::Class;
use crate::proof::{SignedCheckpoint, VerifierKey};
use crate::record::Prepared;
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A log that this process appends to through whoever writes to it.
pub(crate) struct Joined {
    disk: Arc<dyn Disk>,
    options: Options,
    reading: Reading,
    way: RwLock<Way>,
}

/// What joining came to.
pub(crate) enum Joining {
    /// Nobody wrote to the log, so this process does now.
    Writer(Log),
    /// Another process does.
    Joined(Box<Joined>),
}

/// How records get into the log.
#[derive(Clone)]
enum Way {
    Through(Arc<Remote>),
    /// The writer was gone, and this process took its place.
    Own(Arc<Log>),
}

/// Why a request was not carried out, and whether it may have been all the same.
struct Undone {
    error: Error,
    doubtful: bool,
}

/// How long to look for a writer: one that opens a log may have a journal to read first.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two attempts, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// Joins whoever writes, or becomes the writer.
pub(crate) fn join(disk: &Arc<dyn Disk>, layout: &Layout, options: &Options) -> Result<Joining> {
    let mut pace = Pace::new();
    loop {
        match Joining::attempt(disk, layout, options) {
            Err(error) if is_passing(&error) && pace.pause() => {}
            done => return done,
        }
    }
}

impl Joining {
    fn attempt(disk: &Arc<dyn Disk>, layout: &Layout, options: &Options) -> Result<Self> {
        let Some(remote) = Remote::connect(&**disk, layout)? else {
            let log = Log::open(Arc::clone(disk), layout.clone(), options.clone())?;
            return Ok(Joining::Writer(log));
        };
        Ok(Joining::Joined(Box::new(Joined {
            disk: Arc::clone(disk),
            options: options.clone(),
            reading: Reading::open(Arc::clone(disk), layout.clone())?,
            way: RwLock::new(Way::Through(Arc::new(remote))),
        })))
    }
}

/// Whether the other process may be just about to open its door, or to let go.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Locked { no_door: None, .. })
}

impl Joined {
    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The log, if this process became its writer.
    pub(crate) fn own(&self) -> Option<Arc<Log>> {
        match &*self.way.read() {
            Way::Own(log) => Some(Arc::clone(log)),
            Way::Through(_) => None,
        }
    }

    /// Appends records, given as text and made ready, in their order. The flag says whether they went as a whole.
    pub(crate) fn append(&self, texts: &[&[u8]], records: Vec<Prepared>) -> Result<(Vec<Receipt>, bool)> {
        if let Some(log) = self.own() {
            return log.append(records);
        }
        let (mut receipts, mut whole, mut messages) = (Vec::with_capacity(records.len()), true, 0);
        // All of a list are in one name.
        let writer = records.first().and_then(|record| record.writer.as_deref());
        let name = writer.map(|writer| message::in_the_name_of(writer.id()));
        let (what, head) = name.map_or((APPEND, Vec::new()), |name| (APPEND_AS, name));
        let (mut body, mut ready) = (head.clone(), Vec::new());
        for (place, (text, mut record)) in texts.iter().zip(records).enumerate() {
            let mut given = None;
            if record.id.is_none() && record.source.is_none() {
                given = Some(new_id(&*self.disk));
                record.id = given;
            }
            message::push_record(&mut body, given, text);
            ready.push(record);
            let next = texts.get(place + 1).map(|next| next.len() + RECORD_HEAD);
            if next.is_none_or(|next| body.len() + next > LIST_LIMIT) {
                let body = std::mem::replace(&mut body, head.clone());
                let (stored, at_once) = self.append_some(what, &body, std::mem::take(&mut ready))?;
                receipts.extend(stored);
                whole &= at_once;
                messages += 1;
            }
        }
        Ok((receipts, whole && messages < 2))
    }

    /// Seals what is in the journal; says whether there was anything.
    pub(crate) fn seal(&self) -> Result<bool> {
        let sealed = self.ask(SEAL, &[], |_, answer| Ok(answer == [1]), Log::seal);
        sealed.map_err(|undone| undone.error)
    }

    /// Signs and stores how far the log is.
    pub(crate) fn checkpoint(&self) -> Result<SignedCheckpoint> {
        let read = |_: &Remote, answer: &[u8]| Ok(SignedCheckpoint::parse(answer)?);
        let signed = self.ask(CHECKPOINT, &[], read, Log::checkpoint);
        signed.map_err(|undone| undone.error)
    }

    /// Signs checkpoints with a new key from here on.
    pub(crate) fn rotate_key(&self) -> Result<VerifierKey> {
        let read = |remote: &Remote, answer: &[u8]| {
            let key = std::str::from_utf8(answer).ok().and_then(|key| key.parse().ok());
            key.ok_or_else(|| remote.error("an answer that cannot be read".to_owned()))
        };
        let rotated = self.ask(ROTATE_KEY, &[], read, Log::rotate_key);
        rotated.map_err(|undone| undone.error)
    }

    /// Keeps records for another time from here on.
    pub(crate) fn set_class(&self, class: &Class, reason: Option<&str>) -> Result<()> {
        let body = serde_json::to_vec(&NewClass::new(class, reason)).unwrap_or_default();
        let own = |log: &Log| log.set_class(class.clone(), reason);
        let set = self.ask(SET_CLASS, &body, |_, _| Ok(()), own);
        set.map_err(|undone| undone.error)
    }

    /// Runs an errand; the answer as it came.
    pub(crate) fn run(&self, errand: Errand, asked: &[u8]) -> Result<Vec<u8>> {
        let own = |log: &Log| log.run(errand, asked);
        let done = self.ask(message::of_errand(errand), asked, |_, answer| Ok(answer.to_vec()), own);
        done.map_err(|undone| match errand {
            // Asked once more, a writer says that it has been done, which it may well have been.
            Errand::Hold => self.perhaps(undone),
            Errand::Retain | Errand::Anchor => undone.error,
        })
    }

    /// Records that the database has another log.
    pub(crate) fn add_sibling(&self, sibling: &Sibling) -> Result<()> {
        let body = serde_json::to_vec(sibling).unwrap_or_default();
        let added = self.ask(SIBLING, &body, |_, _| Ok(()), |log| log.add_sibling(sibling));
        added.map_err(|undone| undone.error)
    }

    /// Records that another policy is in force from here on.
    pub(crate) fn take_up(&self, policy: &TakenUp) -> Result<()> {
        let body = serde_json::to_vec(policy).unwrap_or_default();
        let taken = self.ask(POLICY, &body, |_, _| Ok(()), |log| log.take_up(policy));
        taken.map_err(|undone| undone.error)
    }

    /// Records that a token was made or revoked.
    #[cfg(feature = "server")]
    pub(crate) fn token(&self, said: &TokenEvent) -> Result<()> {
        let body = serde_json::to_vec(said).unwrap_or_default();
        let recorded = self.ask(message::TOKEN, &body, |_, _| Ok(()), |log| log.token(said));
        recorded.map_err(|undone| undone.error)
    }

    fn perhaps(&self, Undone { error, doubtful }: Undone) -> Error {
        if doubtful {
            Error::Uncertain {
                path: self.reading.files().layout.root().to_owned(),
                cause: error.to_string(),
            }
        } else {
            error
        }
    }

    /// Records how far a backup is; gives the record's seq.
    pub(crate) fn backed_up(&self, said: &BackedUpTo) -> Result<u64> {
        let body = serde_json::to_vec(said).unwrap_or_default();
        let read = |remote: &Remote, answer: &[u8]| {
            let seq = answer.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            seq.ok_or_else(|| remote.error("an answer that cannot be read".to_owned()))
        };
        let recorded = self.ask(BACKED_UP, &body, read, |log| log.backed_up(said.clone()));
        recorded.map_err(|undone| undone.error)
    }

    /// Appends what goes in one message.
    fn append_some(&self, what: u8, body: &[u8], records: Vec<Prepared>) -> Result<(Vec<Receipt>, bool)> {
        if body.len() > MESSAGE_LIMIT as usize {
            let reason = format!("a record of {} bytes is too long for the door", body.len());
            return Err(Error::Door {
                path: self.reading.files().layout.door(),
                message: reason,
            });
        }
        let count = records.len();
        let stored = |remote: &Remote, answer: &[u8]| {
            receipts(answer, count).ok_or_else(|| remote.error("an answer that cannot be read".to_owned()))
        };
        let appended = self.ask(what, body, stored, |log| log.append(records));
        appended.map_err(|undone| self.perhaps(undone))
    }

    /// Asks the writer for something that may be repeated, or does it as the writer.
    fn ask<T>(
        &self,
        what: u8,
        body: &[u8],
        answered: impl FnOnce(&Remote, &[u8]) -> Result<T>,
        own: impl FnOnce(&Log) -> Result<T>,
    ) -> std::result::Result<T, Undone> {
        let (mut doubtful, mut pace) = (false, Pace::new());
        let undone = |error, doubtful| Undone { error, doubtful };
        loop {
            let way = self.way.read().clone();
            let remote = match way {
                Way::Own(log) => return own(&log).map_err(|error| undone(error, doubtful)),
                Way::Through(remote) => remote,
            };
            let error = match remote.ask(what, body) {
                Asked::Done(answer) => return answered(&remote, &answer).map_err(|error| undone(error, true)),
                Asked::Failed(error) => return Err(undone(error, doubtful)),
                Asked::Busy(error) => error,
                Asked::Gone(sent, error) => {
                    doubtful |= sent;
                    error
                }
            };
            if !pace.pause() {
                return Err(undone(error, doubtful));
            }
            self.find_another(&remote, &mut pace)
                .map_err(|error| undone(error, doubtful))?;
        }
    }

    /// Finds another way than this one.
    fn find_another(&self, dead: &Arc<Remote>, pace: &mut Pace) -> Result<()> {
        loop {
            match self.try_another(dead) {
                Err(error) if is_passing(&error) && pace.pause() => {}
                done => return done,
            }
        }
    }

    /// Looks for another way once, unless another thread found one meanwhile.
    fn try_another(&self, dead: &Arc<Remote>) -> Result<()> {
        let mut way = self.way.write();
        if !matches!(&*way, Way::Through(remote) if Arc::ptr_eq(remote, dead)) {
            return Ok(());
        }
        let layout = &self.reading.files().layout;
        *way = match Remote::connect(&*self.disk, layout)? {
            Some(remote) => Way::Through(Arc::new(remote)),
            None => {
                let log = Log::open(Arc::clone(&self.disk), layout.clone(), self.options.clone())?;
                Way::Own(Arc::new(log))
            }
        };
        Ok(())
    }
}

/// The receipts in an answer, as many as there were records, and whether they went as a whole.
fn receipts(answer: &[u8], count: usize) -> Option<(Vec<Receipt>, bool)> {
    let (whole, lines) = answer.split_first()?;
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let receipts = lines
        .map(|line| Receipt::from_json(std::str::from_utf8(line).ok()?))
        .collect::<Option<Vec<_>>>()?;
    (receipts.len() == count).then_some((receipts, *whole == 1))
}

/// Attempts that become rarer, and end.
struct Pace {
    deadline: Instant,
    next: Duration,
}

impl Pace {
    fn new() -> Self {
        Pace {
            deadline: Instant::now() + PATIENCE,
            next: Duration::ZERO,
        }
    }

    /// Waits before the next attempt, the first time not at all; or says that there is to be none.
    fn pause(&mut self) -> bool {
        if Instant::now() > self.deadline {
            return false;
        }
        std::thread::sleep(self.next);
        self.next = (self.next * 2).clamp(PAUSES.0, PAUSES.1);
        true
    }
}
