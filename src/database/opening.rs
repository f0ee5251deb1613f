//! Creating and opening databases, and single logs of them.

use super::branches::Branches;
use super::indexes::Indexes;
use super::others::Others;
use super::policies::{Policies, options_of};
use super::{Database, Inner, Mode, lineage};
use crate::disk::{Disk, RealDisk, SimDisk};
use crate::error::{Error, Result};
use crate::log::{self, Core, Errand, Identity, Joining, Layout, Log, Options, Reading, Recovery};
use crate::policy::{DEFAULT_LOG, Policy};
use std::path::Path;
use std::sync::Arc;

impl Database {
    /// Creates a database in a directory that has none, and opens it for writing. A policy file (`auditdb.toml`) that is
    /// there already is taken up.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one already; [`Error::Policy`] if the policy file has mistakes.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Self::create_with(path, Arc::new(RealDisk), Options::default())
    }

    /// Creates a database on that disk.
    ///
    /// # Errors
    /// As [`Database::create`].
    pub fn create_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let opening = Opening::new(&disk, path, options)?;
        let io = |error| Error::io("creating", path, error);
        disk.create_dir(path).map_err(io)?;
        if let Some(group) = opening.options.group {
            disk.set_group(path, group)
                .map_err(|error| Error::io("giving to its group", path, error))?;
        }
        let identity = Identity {
            database: log::new_id(&*disk),
            log_id: log::new_id(&*disk),
            name: opening.name.clone(),
        };
        let (layout, options) = (opening.layout.clone(), opening.options.clone());
        let log = Log::create(Arc::clone(&disk), layout, identity, options, None)?;
        Ok(opening.done(path, disk, Mode::Writing(log)))
    }

    /// Opens a database for writing, with what its policy file says: a change of that is recorded first. A log that
    /// [`Options::log`] names is opened alone, and what is appended goes there wherever the policy leads.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process writes to it (see [`Database::join`]), [`Error::Damaged`] if its files are
    /// not as they were written: then it can still be read. [`Error::Policy`] if the policy file has mistakes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Arc::new(RealDisk), Options::default())
    }

    /// Opens a database on that disk for writing.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let opening = Opening::new(&disk, path, options)?;
        let log = Log::open(Arc::clone(&disk), opening.layout.clone(), opening.options.clone())?;
        Ok(opening.done(path, disk, Mode::Writing(log)))
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
        Self::join_with(path, Options::default())
    }

    /// The same with options, which name a log perhaps; they count if this process is the writer.
    ///
    /// # Errors
    /// As [`Database::join`].
    pub fn join_with(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let opening = Opening::new(&disk, path, options)?;
        let mode = match log::join(&disk, &opening.layout, &opening.options)? {
            Joining::Writer(log) => Mode::Writing(log),
            Joining::Joined(joined) => {
                // Where it is in force already this does nothing. That there is none any more the writer finds by itself.
                if let Some(policy) = opening.options.policy.as_ref().filter(|policy| policy.file.is_some()) {
                    joined.take_up(policy)?;
                }
                Mode::Joined(joined)
            }
        };
        Ok(opening.done(path, disk, mode))
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

    /// The names of a database's logs: `main` and its successors first, then the others by name, each with its successors
    /// behind it.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn logs(path: impl AsRef<Path>) -> Result<Vec<String>> {
        lineage::all(&RealDisk, path.as_ref(), &Options::default())
    }

    /// The names of the logs that are written: those that have no successor.
    ///
    /// # Errors
    /// As [`Database::logs`].
    pub fn written_logs(path: impl AsRef<Path>) -> Result<Vec<String>> {
        Ok(lineage::written(&Self::logs(path)?))
    }

    /// A database in memory, for tests of applications: the same code on a disk that is none. It is gone with its last
    /// handle.
    #[must_use]
    pub fn in_memory() -> Self {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::in_memory());
        let options = Options::default().zero_ahead(false);
        Self::create_with("/memory", disk, options).expect("a fresh disk in memory takes a new database")
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

    /// Recovers a database on that disk, or the log of it that the options name.
    ///
    /// # Errors
    /// As [`Database::recover`].
    pub fn recover_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: &Options) -> Result<Recovery> {
        let (name, layout) = lineage::newest(&*disk, path.as_ref(), options)?;
        log::recover(&disk, &layout, &name, options)
    }

    /// A handle of a log that is written, or is appended to through another process; without policies it is of that log alone.
    pub(super) fn new(
        path: &Path,
        disk: Arc<dyn Disk>,
        options: Options,
        indexes: Indexes,
        mode: Mode,
        policies: Option<Policies>,
    ) -> Self {
        let policy = policies.as_ref().map(Policies::current);
        let schedule = policy.is_some() && options.threads;
        let database = Database {
            schedule: schedule.then(Arc::default),
            inner: Arc::new(Inner {
                path: path.to_owned(),
                disk,
                options,
                mode,
                indexes,
                others: policies.is_some().then(Others::default),
                branches: policies.map(Branches::new),
            }),
        };
        database.reschedule(policy.flatten().as_deref());
        database
    }

    /// Drops what has expired as often as the options say, or else the policy.
    pub(super) fn reschedule(&self, policy: Option<&Policy>) {
        if let Some(schedule) = &self.schedule {
            let said = policy.and_then(|policy| policy.retain_every);
            schedule.keep(self.inner.options.retain_every.or(said), &self.inner);
        }
    }

    fn reading(path: &Path, disk: Arc<dyn Disk>, layout: Layout, others: Option<Others>) -> Result<Self> {
        let mode = Mode::Reading(Box::new(Reading::open(Arc::clone(&disk), layout)?));
        let options = Options::default();
        Ok(Database {
            schedule: None,
            inner: Arc::new(Inner {
                path: path.to_owned(),
                disk,
                indexes: Indexes::of_a_reader(&options),
                options,
                mode,
                others,
                branches: None,
            }),
        })
    }
}

/// A log that is about to be created or opened: which one it is, and how.
pub(super) struct Opening {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) options: Options,
    indexes: Indexes,
    policies: Policies,
}

impl Opening {
    /// The newest log of the line that the options name, by the policy as it is now.
    pub(super) fn new(disk: &Arc<dyn Disk>, path: &Path, options: Options) -> Result<Self> {
        let policies = Policies::read(disk, path)?;
        let (options, indexes) = begin(options, &policies);
        let (name, layout) = lineage::newest(&**disk, path, &options)?;
        Ok(Opening {
            name,
            layout,
            options,
            indexes,
            policies,
        })
    }

    /// The handle of it, now that it is open.
    pub(super) fn done(self, path: &Path, disk: Arc<dyn Disk>, mode: Mode) -> Database {
        // One that was asked for by its name is alone.
        let policies = self.options.log.is_none().then_some(self.policies);
        Database::new(path, disk, self.options, self.indexes, mode, policies)
    }
}

/// Options of a log that is about to be opened, with what later rooms do behind it.
pub(super) fn begin(options: Options, policies: &Policies) -> (Options, Indexes) {
    let line = options.log.as_deref().map_or(DEFAULT_LOG, lineage::line_of).to_owned();
    let mut options = options_of(options, policies.current(), &line);
    // Those of another log, whose options these were.
    options.followers.clear();
    let (mut options, indexes) = Indexes::begin(options);
    options.act = Some(act);
    options.followers.push(Arc::new(crate::anchor::Watcher::default()));
    options.router = Some(policies.router());
    (options, indexes)
}

/// What rooms behind the log do, for this process or for another one.
fn act(errand: Errand, core: &Core, asked: &[u8]) -> Result<Vec<u8>> {
    match errand {
        Errand::Retain => crate::retention::through_the_door(core, asked),
        Errand::Hold => crate::retention::hold_through_the_door(core, asked),
        Errand::Anchor => crate::anchor::through_the_door(core, asked),
    }
}
