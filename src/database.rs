//! A directory of logs: `main`, those that the policy file leads records to, and the successors of each, of which the newest
//! is written. Everything a program does with a database goes through here: a record finds its log (`routing`), a question
//! goes to all of them (`asking`).

#[cfg(feature = "server")]
pub(crate) use appending::Pass;
pub use appending::{Appended, Pending};
pub use backup::{BackedUp, BackedUpLog, BackupOptions};
pub use evidence::Genesis;
pub use holds::HeldRecords;
pub use restore::{RestoreOptions, Restored};
#[cfg(feature = "cli")]
pub(crate) use ruling::Explained;
#[cfg(any(feature = "cli", feature = "server"))]
pub(crate) use taking::{Sender, Taken};
pub use verification::VerifyOptions;

mod access;
mod anchoring;
mod appending;
mod asking;
mod backup;
mod branches;
mod evidence;
mod facts;
mod holds;
#[cfg_attr(not(feature = "search"), path = "database/no_indexes.rs")]
mod indexes;
mod keeping;
mod lineage;
mod opening;
mod others;
mod policies;
mod restore;
#[cfg(feature = "cli")]
mod ruling;
mod schedule;
#[cfg(any(feature = "cli", feature = "server"))]
mod taking;
#[cfg(feature = "server")]
mod tokens;
mod verification;

use crate::disk::Disk;
use crate::entry::{At, Entry, Records};
use crate::error::{Error, Result};
use crate::log::{self, Files, Identity, Joined, Log, Options, Reading, Status};
use branches::Branches;
use indexes::Indexes;
use others::{Line, Member, Others};
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open database. Cloning it is cheap, and clones may be used from any thread; the last one that is dropped closes
/// it. What was acknowledged is durable without closing.
#[derive(Clone)]
pub struct Database {
    /// Drops what has expired now and then; it ends before what it works on.
    schedule: Option<Arc<schedule::Schedule>>,
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    options: Options,
    mode: Mode,
    indexes: Indexes,
    /// The other logs of the database; `None` if this handle is to have nothing to do with them.
    others: Option<Others>,
    /// The logs that records are led to; `None` if they all go to the handle's own.
    branches: Option<Branches>,
}

enum Mode {
    Writing(Log),
    Reading(Box<Reading>),
    /// Another process of this machine writes; it appends what this one hands it.
    Joined(Box<Joined>),
}

impl Database {
    /// The records with these seqs, in order, as far as they are there; those that were dropped are passed over. A handle that only reads sees what was there
    /// at the call. Where a record should be there and cannot be read, its place is taken by an
    /// error, and what stands behind it comes next.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn records(&self, seqs: impl RangeBounds<u64>) -> Result<Records> {
        self.refresh()?;
        let files = self.files();
        let start = match seqs.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match seqs.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(past) => *past,
            Bound::Unbounded => u64::MAX,
        };
        Ok(Records {
            lines: files.lines(start..end),
            files,
        })
    }

    /// The record with that seq (`get(7)`), in the log that this handle is of, the newest as a rule; the one with that seq of
    /// another log (`get("main/7")`); or the one with that id (`get("019a…")`), in the newest log that has it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none. [`Error::Damaged`] if it was found nowhere, and something could not be read
    /// that may have it.
    pub fn get(&self, at: impl Into<At>) -> Result<Entry> {
        self.refresh()?;
        let at = at.into();
        let not_found = || Error::NotFound {
            what: match &at {
                At::Seq(seq) => format!("record {seq}"),
                At::Id(id) => format!("record {}", crate::record::id_text(*id)),
                At::Text(text) => format!("record {text:?}"),
            },
        };
        let found = match &at {
            At::Seq(seq) => record_of(&self.files(), *seq)?,
            At::Id(id) => self.find_id(id)?,
            At::Text(text) => match (text.parse(), text.rsplit_once('/'), uuid::Uuid::try_parse(text)) {
                (Ok(seq), ..) => record_of(&self.files(), seq)?,
                (_, Some((log, seq)), _) => match (self.files_of(log)?, seq.parse()) {
                    (Some(files), Ok(seq)) => record_of(&files, seq)?,
                    _ => None,
                },
                (.., Ok(id)) => self.find_id(id.as_bytes())?,
                _ => None,
            },
        };
        found.ok_or_else(not_found)
    }

    /// The record's text with the values that stand in parts put back.
    ///
    /// # Errors
    /// A part cannot be read or is not what the record says.
    pub fn whole(&self, entry: &Entry) -> Result<String> {
        let files = self.files_of(entry.log())?;
        let gone = || Error::NotFound {
            what: format!("the log {} that the record is in", entry.log()),
        };
        entry.whole(&files.ok_or_else(gone)?)
    }

    /// The number of records, the log's own included: the seq that the next one gets.
    ///
    /// # Errors
    /// The files cannot be read, or not to their end: then nobody knows.
    pub fn len(&self) -> Result<u64> {
        self.refresh()?;
        self.files().broken().map_or_else(|| Ok(self.files().end_seq()), Err)
    }

    /// The seq of the first record that is still kept: those before it were dropped when their time had passed
    /// ([`Database::retain`]). Reading from 0 on begins here.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn earliest(&self) -> Result<u64> {
        self.refresh()?;
        Ok(self.files().kept_from())
    }

    /// Whether there is no record but the log's own first ones.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn is_empty(&self) -> Result<bool> {
        for entry in self.records(..)? {
            if !entry?.is_of_the_log() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The day's figures.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn status(&self) -> Result<Status> {
        let files = self.files();
        let mut status = log::status(&files)?;
        self.refresh()?;
        let oldest = crate::retention::oldest(&self.files())?;
        status.next_expiry = oldest.from.map(crate::record::format_time);
        status.oldest_held = oldest.held;
        status.delete_by = oldest.delete_by.map(crate::record::format_time);
        status.in_the_way = oldest.in_the_way;
        // That the policy cannot be read is no reason for showing nothing.
        status.anchors = crate::anchor::standing(&files, false).unwrap_or_default();
        Ok(status)
    }

    /// Which database and log this is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        match &self.inner.mode {
            Mode::Writing(log) => &log.files().identity,
            Mode::Reading(reading) => &reading.files().identity,
            Mode::Joined(joined) => &joined.reading().files().identity,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether another process writes and this one appends through it.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        matches!(&self.inner.mode, Mode::Joined(joined) if joined.own().is_none())
    }

    fn files(&self) -> Arc<Files> {
        Arc::clone(match &self.inner.mode {
            Mode::Writing(log) => log.files(),
            Mode::Reading(reading) => reading.files(),
            Mode::Joined(joined) => match joined.own() {
                Some(log) => return Arc::clone(log.files()),
                None => joined.reading().files(),
            },
        })
    }

    /// The files of the log of that name, if this handle has to do with it.
    fn files_of(&self, log: &str) -> Result<Option<Arc<Files>>> {
        let own = self.files();
        if *own.log == *log {
            return Ok(Some(own));
        }
        match &self.inner.others {
            Some(others) if lineage::number(log).is_some() => others.files(&self.line(), log),
            _ => Ok(None),
        }
    }

    /// The record of that id, in the newest log that has it.
    fn find_id(&self, id: &[u8; 16]) -> Result<Option<Entry>> {
        let mut unanswered = None;
        for member in self.line_of_logs().into_iter().rev() {
            let files = match member {
                Member::Own => self.files(),
                Member::Other(asked) => asked.files,
                Member::Not(unasked) => {
                    unanswered.get_or_insert(Error::damaged(&self.inner.path, unasked.why));
                    continue;
                }
            };
            match files.find_id(id) {
                Ok(Some(seq)) => return record_of(&files, seq),
                Ok(None) => {}
                Err(error) => _ = unanswered.get_or_insert(error),
            }
        }
        // Who was not asked may have it.
        unanswered.map_or(Ok(None), Err)
    }

    /// All logs that this handle has to do with, the oldest first, as they are now.
    fn line_of_logs(&self) -> Vec<Member> {
        match &self.inner.others {
            Some(others) => others.line(&self.line()),
            None => vec![Member::Own],
        }
    }

    fn line(&self) -> Line<'_> {
        Line {
            disk: &self.inner.disk,
            path: &self.inner.path,
            options: &self.inner.options,
            own: self.identity().name(),
        }
    }

    fn refresh(&self) -> Result<()> {
        match &self.inner.mode {
            Mode::Writing(_) => Ok(()),
            Mode::Reading(reading) => reading.refresh(),
            Mode::Joined(joined) if joined.own().is_some() => Ok(()),
            Mode::Joined(joined) => joined.reading().refresh(),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

/// The record of that seq, if the log has it; an error if it was dropped.
fn record_of(files: &Arc<Files>, seq: u64) -> Result<Option<Entry>> {
    let lines = files.lines(seq..seq.saturating_add(1));
    let mut records = Records {
        lines,
        files: Arc::clone(files),
    };
    let found = records.next().transpose()?;
    match files.dropped(seq).filter(|_| found.is_none()) {
        Some(said) => Err(Error::Dropped {
            seq,
            tombstone: said.record,
            on: said.dropped,
        }),
        None => Ok(found),
    }
}
