//! A directory of logs. So far a database has one log, `main`, and its successors, of which the newest is written;
//! everything a program does with it goes through here.

pub use evidence::Genesis;
pub use verification::VerifyOptions;

mod asking;
mod evidence;
#[cfg_attr(not(feature = "search"), path = "database/no_indexes.rs")]
mod indexes;
mod keeping;
mod lineage;
mod others;
mod verification;

use crate::disk::{Disk, RealDisk, SimDisk};
use crate::entry::{At, Entry, Records};
use crate::error::{Error, Result};
use crate::log::{
    self, Files, Identity, Joined, Joining, Layout, Log, Options, Reading, Receipt, Recovery, Status, Ticket,
};
use crate::record::{Prepared, Record};
use indexes::Indexes;
use others::{Line, Member, Others};
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a database's first log.
const MAIN: &str = "main";

/// An open database. Cloning it is cheap, and clones may be used from any thread; the last one that is dropped closes
/// it. What was acknowledged is durable without closing.
#[derive(Clone)]
pub struct Database {
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
}

enum Mode {
    Writing(Log),
    Reading(Box<Reading>),
    /// Another process of this machine writes; it appends what this one hands it.
    Joined(Box<Joined>),
}

/// What became of a list of records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// A receipt for each record, in their order.
    pub receipts: Vec<Receipt>,
    /// Whether all of them became durable as one: a list that is longer than one commit takes is not, and a crash in
    /// the middle may leave its first part.
    pub atomic: bool,
}

/// A record that was handed over and becomes durable while its caller goes on.
#[derive(Debug)]
pub struct Pending {
    ticket: Arc<Ticket>,
}

impl Pending {
    /// Waits until the record is durable.
    ///
    /// # Errors
    /// The record was not stored: the disk is full, or the log takes nothing any more since a write failed.
    pub fn wait(self) -> Result<Receipt> {
        one(self.ticket.wait()?)
    }
}

impl Database {
    /// Creates a database in a directory that has none, and opens it for writing.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one already.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Self::create_with(path, Arc::new(RealDisk), Options::default())
    }

    /// Creates a database on that disk.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one already.
    pub fn create_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let (options, indexes) = begin(options);
        let (name, layout) = lineage::newest(&*disk, path, &options)?;
        let io = |error| Error::io("creating", path, error);
        disk.create_dir(path).map_err(io)?;
        if let Some(group) = options.group {
            disk.set_group(path, group)
                .map_err(|error| Error::io("giving to its group", path, error))?;
        }
        let identity = Identity {
            database: log::new_id(&*disk),
            log_id: log::new_id(&*disk),
            name,
        };
        let log = Log::create(Arc::clone(&disk), layout, identity, options.clone(), None)?;
        Ok(Self::new(path, disk, options, indexes, Mode::Writing(log)))
    }

    /// Opens a database for writing.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process writes to it (see [`Database::join`]), [`Error::Damaged`] if its files are
    /// not as they were written: then it can still be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Arc::new(RealDisk), Options::default())
    }

    /// Opens a database on that disk for writing.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let (options, indexes) = begin(options);
        let (_, layout) = lineage::newest(&*disk, path, &options)?;
        let log = Log::open(Arc::clone(&disk), layout, options.clone())?;
        Ok(Self::new(path, disk, options, indexes, Mode::Writing(log)))
    }

    /// Opens a database for writing, or, if another process of this machine writes to it already, appends through that
    /// process. Its records then name this process's user as their writer all the same.
    ///
    /// When the other process ends, this one finds the next writer or becomes it, and what was not acknowledged yet is
    /// sent again. So that the log can tell a record that it has already, a record without an `id` and a `source` gets
    /// its id before it is sent for the first time, and with it a `salt`, like every record whose id was chosen.
    /// Appending waits for an answer for as long as the other process is there, and looks for another one for some
    /// seconds; [`Error::Uncertain`] says that there was no answer and no other writer.
    ///
    /// # Errors
    /// As [`Database::open`]; [`Error::Locked`] only if the other process does not let others append.
    pub fn join(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (options, indexes) = begin(Options::default());
        let (_, layout) = lineage::newest(&*disk, path, &options)?;
        let mode = match log::join(&disk, &layout, &options)? {
            Joining::Writer(log) => Mode::Writing(log),
            Joining::Joined(joined) => Mode::Joined(joined),
        };
        Ok(Self::new(path, disk, options, indexes, mode))
    }

    /// Opens a database for reading; any number of processes may, beside the one that writes.
    ///
    /// # Errors
    /// [`Error::NotADatabase`] if there is none, [`Error::Damaged`] if what is not sealed yet cannot be read.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_read_only_with(path, Arc::new(RealDisk))
    }

    /// Opens a database on that disk for reading.
    ///
    /// # Errors
    /// As [`Database::open_read_only`].
    pub fn open_read_only_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>) -> Result<Self> {
        let path = path.as_ref();
        let (_, layout) = lineage::newest(&*disk, path, &Options::default())?;
        Self::reading(path, disk, layout, Some(Others::default()))
    }

    /// Opens one of a database's logs for reading, such as one that has a successor (see [`Database::succeed`]). Questions
    /// to this handle go to that log alone, and not to the others of the database.
    ///
    /// # Errors
    /// As [`Database::open_read_only`]; [`Error::NotFound`] if there is no log of that name.
    pub fn open_log(path: impl AsRef<Path>, name: &str) -> Result<Self> {
        Self::open_log_with(path, Arc::new(RealDisk), name)
    }

    /// Opens one of a database's logs on that disk for reading.
    ///
    /// # Errors
    /// As [`Database::open_log`].
    pub fn open_log_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, name: &str) -> Result<Self> {
        let path = path.as_ref();
        let names = lineage::all(&*disk, path, &Options::default())?;
        if !names.iter().any(|known| known == name) {
            return Err(lineage::no_log(path, name, &names));
        }
        let layout = lineage::layout(path, name, &Options::default());
        Self::reading(path, disk, layout, None)
    }

    /// The names of a database's logs, the oldest first; the last one is written.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn logs(path: impl AsRef<Path>) -> Result<Vec<String>> {
        lineage::all(&RealDisk, path.as_ref(), &Options::default())
    }

    /// A database in memory, for tests of applications: the same code on a disk that is none. It is gone with its last
    /// handle.
    #[must_use]
    pub fn in_memory() -> Self {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::in_memory());
        let options = Options::default().zero_ahead(false);
        Self::create_with("/memory", disk, options).expect("a fresh disk in memory takes a new database")
    }

    /// Appends a record and waits until it is durable.
    ///
    /// # Errors
    /// [`Error::Refused`] if the record is not as the schema says, [`Error::DiskFull`] if there is no room (nothing was
    /// stored then), [`Error::Poisoned`] once a write failed in any other way.
    pub fn append(&self, record: &Record) -> Result<Receipt> {
        self.append_json(&record.to_json())
    }

    /// Appends records in their order and waits until all are durable.
    ///
    /// # Errors
    /// As [`Database::append`]; if one record is refused, none is stored.
    pub fn append_all<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Result<Appended> {
        let texts: Vec<String> = records.into_iter().map(Record::to_json).collect();
        self.append_all_json(texts.iter().map(String::as_str))
    }

    /// Appends a record given as a JSON object and waits until it is durable.
    ///
    /// # Errors
    /// As [`Database::append`].
    pub fn append_json(&self, text: &str) -> Result<Receipt> {
        one(self.append_texts(&[text.as_bytes()])?.receipts)
    }

    /// Appends records given as JSON objects, in their order, and waits until all are durable.
    ///
    /// # Errors
    /// As [`Database::append_all`].
    pub fn append_all_json<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Appended> {
        let texts: Vec<&[u8]> = texts.into_iter().map(str::as_bytes).collect();
        self.append_texts(&texts)
    }

    /// Hands a record over without waiting until it is durable; it waits only while the queue is full. Records become
    /// durable in the order in which they were handed over.
    ///
    /// # Errors
    /// As [`Database::append`], as far as it shows already.
    pub fn submit(&self, record: &Record) -> Result<Pending> {
        self.submit_json(&record.to_json())
    }

    /// Hands over a record given as a JSON object; see [`Database::submit`].
    ///
    /// # Errors
    /// As [`Database::submit`].
    pub fn submit_json(&self, text: &str) -> Result<Pending> {
        let prepare = || Prepared::new(text.as_bytes(), self.inner.options.record_bytes);
        let ticket = match &self.inner.mode {
            Mode::Writing(log) => log.submit(prepare()?)?,
            Mode::Joined(joined) if let Some(log) = joined.own() => log.submit(prepare()?)?,
            _ => Ticket::settled(self.append_json(text).map(|receipt| vec![receipt])),
        };
        Ok(Pending { ticket })
    }

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

    /// Seals what was appended since the last seal and waits until it is done. Says whether there was anything.
    ///
    /// # Errors
    /// The segment could not be written; the records stay in the journal, and it is tried again later.
    pub fn seal(&self) -> Result<bool> {
        match &self.inner.mode {
            Mode::Writing(log) => log.seal(),
            Mode::Reading(_) => Err(Error::ReadOnly {
                path: self.inner.path.clone(),
            }),
            Mode::Joined(joined) => joined.seal(),
        }
    }

    /// Makes a damaged database writable again: the only way, and only when a person asks for it. What is replaced or cut
    /// off is kept beside the log, and what was done is recorded in it. Records that are lost stay lost: verify goes on
    /// naming them. If it is interrupted, nothing is lost; it can be run again.
    ///
    /// # Errors
    /// Another process writes to it, it cannot be told whose log this is, or [`Error::Lost`]: nothing intact says where
    /// the log stands.
    pub fn recover(path: impl AsRef<Path>) -> Result<Recovery> {
        Self::recover_with(path, Arc::new(RealDisk), &Options::default())
    }

    /// Recovers a database on that disk.
    ///
    /// # Errors
    /// As [`Database::recover`].
    pub fn recover_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: &Options) -> Result<Recovery> {
        let (name, layout) = lineage::newest(&*disk, path.as_ref(), options)?;
        log::recover(&disk, &layout, &name, options)
    }

    /// The day's figures.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn status(&self) -> Result<Status> {
        log::status(&self.files())
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

    fn new(path: &Path, disk: Arc<dyn Disk>, options: Options, indexes: Indexes, mode: Mode) -> Self {
        Self::with(path, disk, options, indexes, mode, Some(Others::default()))
    }

    fn with(
        path: &Path,
        disk: Arc<dyn Disk>,
        options: Options,
        indexes: Indexes,
        mode: Mode,
        others: Option<Others>,
    ) -> Self {
        Database {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                disk,
                options,
                mode,
                indexes,
                others,
            }),
        }
    }

    fn reading(path: &Path, disk: Arc<dyn Disk>, layout: Layout, others: Option<Others>) -> Result<Self> {
        let mode = Mode::Reading(Box::new(Reading::open(Arc::clone(&disk), layout)?));
        let options = Options::default();
        let indexes = Indexes::of_a_reader(&options);
        Ok(Self::with(path, disk, options, indexes, mode, others))
    }

    fn append_texts(&self, texts: &[&[u8]]) -> Result<Appended> {
        // Checked here in any case: a refusal names its place best before the text travels.
        let limit = self.inner.options.record_bytes;
        let prepared = texts
            .iter()
            .map(|text| Prepared::new(text, limit))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let (receipts, atomic) = match &self.inner.mode {
            Mode::Writing(log) => log.append(prepared)?,
            Mode::Reading(_) => {
                return Err(Error::ReadOnly {
                    path: self.inner.path.clone(),
                });
            }
            Mode::Joined(joined) => joined.append(texts, prepared)?,
        };
        Ok(Appended { receipts, atomic })
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

/// Options of a log that is about to be opened, with what later rooms do behind it.
fn begin(options: Options) -> (Options, Indexes) {
    let (mut options, indexes) = Indexes::begin(options);
    options.retain = Some(crate::retention::through_the_door);
    (options, indexes)
}

fn one(receipts: Vec<Receipt>) -> Result<Receipt> {
    receipts.into_iter().next().ok_or(Error::Closed)
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
