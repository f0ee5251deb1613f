//! The logs that records are led to beside the handle's own: created when the first record goes there, opened when the next
//! one does, and some of them kept open.
//!
//! What must hold: a log is named in the database's first log before it takes records, so that it is missed when it is gone;
//! however many logs there are, only so many are open at a time.

use super::opening::begin;
use super::policies::Policies;
use super::{Database, Mode, lineage};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::{self, Identity, Joining, Log, Options, Sibling};
use crate::policy::{DEFAULT_LOG, MOST_LOGS, Policy};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct Branches {
    pub(super) policies: Policies,
    /// By the names of their lines, the one that was used last at the end.
    open: Mutex<Vec<(String, Database)>>,
}

/// So many are kept open: each has threads of its own.
const KEPT_OPEN: usize = 16;

impl Branches {
    pub(super) fn new(policies: Policies) -> Self {
        Branches {
            policies,
            open: Mutex::default(),
        }
    }

    /// The policy as it is now. Another one than before is recorded first, here and in the logs that are open.
    pub(super) fn policy(&self, own: &Database) -> Result<Option<Arc<Policy>>> {
        if let Some(policy) = self.policies.changed() {
            let open: Vec<Database> = self.all_open();
            for database in open.iter().chain([own]) {
                database.take_up(policy.clone())?;
            }
            own.reschedule(policy.as_deref());
            self.policies.set(policy);
        }
        Ok(self.policies.current())
    }

    /// The logs that are open.
    pub(super) fn all_open(&self) -> Vec<Database> {
        self.open.lock().iter().map(|(_, database)| database.clone()).collect()
    }

    /// The newest log of that line, open for writing.
    pub(super) fn line(&self, own: &Database, line: &str) -> Result<Database> {
        let mut open = self.open.lock();
        if let Some(at) = open.iter().position(|(known, _)| known == line) {
            let found = open.remove(at);
            let database = found.1.clone();
            open.push(found);
            return Ok(database);
        }
        let database = self.open_line(own, line)?;
        open.push((line.to_owned(), database.clone()));
        let oldest = (open.len() > KEPT_OPEN).then(|| open.remove(0));
        drop(open);
        // Closed while nobody waits for the others.
        drop(oldest);
        Ok(database)
    }

    fn open_line(&self, own: &Database, line: &str) -> Result<Database> {
        let inner = &own.inner;
        let options = Options {
            log: Some(line.to_owned()),
            class: None,
            ..inner.options.clone()
        };
        #[cfg(feature = "search")]
        let options = options.index_threads(1);
        let (options, indexes) = begin(options, &self.policies);
        let mut tries = 0;
        let (mode, options) = loop {
            let (name, layout) = lineage::newest(&*inner.disk, &inner.path, &options)?;
            let opened = match options.door && options.threads {
                true => log::join(&inner.disk, &layout, &options),
                false => Log::open(Arc::clone(&inner.disk), layout.clone(), options.clone()).map(Joining::Writer),
            };
            match opened {
                Ok(Joining::Writer(log)) => break (Mode::Writing(log), options),
                Ok(Joining::Joined(joined)) => break (Mode::Joined(joined), options),
                Err(Error::NotADatabase { .. }) => {}
                Err(error) => return Err(error),
            }
            let listed = lineage::listed(&*inner.disk, &inner.path)?;
            if listed.len() >= MOST_LOGS {
                return Err(Error::TooManyLogs {
                    path: inner.path.clone(),
                    most: MOST_LOGS,
                });
            }
            let identity = Identity {
                database: own.identity().database,
                log_id: log::new_id(&*inner.disk),
                name,
            };
            let siblings = own.known_siblings(&options)?;
            let options = Options {
                siblings,
                holds: own.inherited_holds()?,
                ..options.clone()
            };
            match Log::create(Arc::clone(&inner.disk), layout, identity, options.clone(), None) {
                Ok(log) => break (Mode::Writing(log), options),
                // Somebody else was quicker.
                Err(Error::Exists { .. } | Error::Locked { .. }) if tries < 3 => tries += 1,
                Err(error) => return Err(error),
            }
        };
        let database = Database::new(&inner.path, Arc::clone(&inner.disk), options, indexes, mode, None);
        own.add_sibling(&database.sibling()?)?;
        Ok(database)
    }
}

impl Database {
    /// This log as the others name it.
    pub(super) fn sibling(&self) -> Result<Sibling> {
        Ok(Sibling::new(self.identity().name(), &self.genesis()?.leaf))
    }

    /// All logs that a new one names.
    fn known_siblings(&self, options: &Options) -> Result<Vec<Sibling>> {
        let mut known = match &self.inner.mode {
            Mode::Writing(log) => log.siblings()?,
            _ => return siblings(&self.inner.disk, &self.inner.path, options),
        };
        known.push(self.sibling()?);
        Ok(known)
    }

    fn add_sibling(&self, sibling: &Sibling) -> Result<()> {
        match &self.inner.mode {
            Mode::Writing(log) => log.add_sibling(sibling),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.add_sibling(sibling),
        }
    }

    /// Records that another policy is in force from here on, and keeps records as it says.
    pub(super) fn take_up(&self, policy: Option<Arc<Policy>>) -> Result<()> {
        let line = self.inner.options.log.as_deref().unwrap_or(DEFAULT_LOG);
        let options = super::policies::options_of(Options::default(), policy, line);
        if let Some(taken) = &options.policy {
            match &self.inner.mode {
                Mode::Writing(log) => log.take_up(taken)?,
                Mode::Reading(_) => return Err(self.read_only()),
                Mode::Joined(joined) => joined.take_up(taken)?,
            }
        }
        options.class.map_or(Ok(()), |class| self.set_class(&class))
    }
}

/// All logs of a database, as a new one names them.
pub(super) fn siblings(disk: &Arc<dyn Disk>, path: &Path, options: &Options) -> Result<Vec<Sibling>> {
    let names = lineage::all(&**disk, path, options)?;
    let of = |name: &String| Database::open_log_with(path, Arc::clone(disk), name)?.sibling();
    // One that cannot be read is named by those that knew it.
    Ok(names.iter().filter_map(|name| of(name).ok()).collect())
}
