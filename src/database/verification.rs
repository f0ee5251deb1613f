//! Verifying a database: one of its logs, or all of them and how they hang together.

use super::{Database, lineage};
use crate::disk::{Disk, RealDisk};
use crate::error::{Error, Result};
use crate::log::{self, Anchors, Continued, Fault, Layout, Options, Report, Sibling, What};
use crate::policy::DEFAULT_LOG;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What [`Database::verify_with`] checks.
#[derive(Default)]
pub struct VerifyOptions<'a> {
    /// Only the records of these seqs; the rest of the log is then not looked at, and it is held against no anchor.
    pub seqs: Option<Range<u64>>,
    /// What the log has to be, as somebody noted who saw it before.
    pub anchors: Anchors<'a>,
    /// How many threads read and hash; as many as there are processors if it is not said.
    pub threads: Option<usize>,
    /// Whether the indexes are held against the text too, by making each one anew: one from which somebody took something
    /// is then named. They are no evidence, but queries rely on them. Not together with [`VerifyOptions::seqs`].
    #[cfg(feature = "search")]
    pub index: bool,
    /// Told how many bytes of how many are done.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

impl fmt::Debug for VerifyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyOptions")
            .field("seqs", &self.seqs)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Reads and hashes everything in this log and names what is not as it was written.
    ///
    /// # Errors
    /// The directory cannot be listed; whatever else is wrong stands in the report.
    pub fn verify(&self) -> Result<Report> {
        self.verify_with(&VerifyOptions::default())
    }

    /// Verifies this log with a choice of what and how.
    ///
    /// # Errors
    /// As [`Database::verify`].
    pub fn verify_with(&self, options: &VerifyOptions<'_>) -> Result<Report> {
        let identity = self.identity();
        let task = Task {
            disk: &self.inner.disk,
            path: &self.inner.path,
            log_id: Some(identity.log_id),
            options,
        };
        task.verify(identity.name(), options.anchors, None)
    }

    /// Verifies the newest log of a database that may be too damaged to be opened.
    ///
    /// # Errors
    /// As [`Database::verify`]; [`Error::NotADatabase`] if there is nothing to verify.
    pub fn verify_at(path: impl AsRef<Path>, options: &VerifyOptions<'_>) -> Result<Report> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Self::verify_at_with(path, &disk, options)
    }

    /// Verifies the newest log of a database on that disk that may be too damaged to be opened.
    ///
    /// # Errors
    /// As [`Database::verify_at`].
    pub fn verify_at_with(path: impl AsRef<Path>, disk: &Arc<dyn Disk>, options: &VerifyOptions<'_>) -> Result<Report> {
        let path = path.as_ref();
        let (name, _) = lineage::newest(&**disk, path, &Options::default())?;
        Task::new(disk, path, options).verify(&name, options.anchors, None)
    }

    /// Verifies all logs of a database, the oldest first, and that each is still what its successor says of it. Of
    /// several anchors each counts for the log that its key or checkpoint names; of those of the options only what was found
    /// counts, for all logs.
    ///
    /// # Errors
    /// As [`Database::verify_at`].
    pub fn verify_logs(
        path: impl AsRef<Path>,
        anchors: &[Anchors<'_>],
        options: &VerifyOptions<'_>,
    ) -> Result<Vec<Report>> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Self::verify_logs_with(path, &disk, None, anchors, options)
    }

    /// Verifies all logs of a database on that disk, or only one.
    ///
    /// # Errors
    /// As [`Database::verify_logs`]; [`Error::NotFound`] if there is no log of that name.
    pub fn verify_logs_with(
        path: impl AsRef<Path>,
        disk: &Arc<dyn Disk>,
        only: Option<&str>,
        anchors: &[Anchors<'_>],
        options: &VerifyOptions<'_>,
    ) -> Result<Vec<Report>> {
        let path = path.as_ref();
        let all = lineage::all(&**disk, path, &Options::default())?;
        let names = match only {
            Some(name) if !all.iter().any(|known| known == name) => return Err(lineage::no_log(path, name, &all)),
            Some(name) => vec![name.to_owned()],
            // Nothing there: said by whoever looks into it.
            None if all.is_empty() => vec![DEFAULT_LOG.to_owned()],
            None => all.clone(),
        };
        let named = |anchor: &&Anchors<'_>| names.iter().any(|name| names_log(anchor, name));
        // Of a single log a key of another name is the wrong key, and not that of a log that is missing.
        let wrong_key = names.len() == 1 && !anchors.iter().any(|anchor| named(&anchor));
        let task = Task::new(disk, path, options);
        let mut reports: Vec<Report> = Vec::new();
        // The newest first: each says how far the one before it was.
        for name in names.iter().rev() {
            let mine = anchors.iter().filter(|anchor| wrong_key || names_log(anchor, name));
            let anywhere = Anchors {
                found: options.anchors.found,
                ..Anchors::default()
            };
            let mine = mine.fold(anywhere, Anchors::and);
            let continued = reports.last().and_then(|newer| newer.continued_from(name));
            let report = task.verify(name, mine, continued)?;
            reports.push(report);
        }
        for report in &mut reports {
            let lost = report
                .predecessor()
                .filter(|before| !all.iter().any(|name| name == before));
            if let Some(name) = lost.map(str::to_owned) {
                report.faults.push(Fault::new(task.layout(&name).root(), What::Missing));
            }
        }
        reports.reverse();
        task.siblings(&mut reports, &all);
        if let Some(first) = reports
            .iter_mut()
            .rfind(|report| lineage::line_of(&report.log) == DEFAULT_LOG)
        {
            first.policy_edited = super::policies::edited(&**disk, path, first.policy())?;
        }
        if let Some(first) = reports.first_mut().filter(|_| only.is_none()) {
            let strays = lineage::strays(&**disk, path);
            first
                .faults
                .extend(strays.into_iter().map(|path| Fault::new(path, What::Stray)));
        }
        if let Some(first) = reports.first_mut().filter(|_| !wrong_key) {
            for anchor in anchors.iter().filter(|anchor| !named(anchor)) {
                let name = anchored_log(anchor).unwrap_or_default();
                first.faults.push(Fault::new(task.layout(name).root(), What::Missing));
            }
        }
        Ok(reports)
    }
}

/// The verifying of one log after another.
struct Task<'a> {
    disk: &'a Arc<dyn Disk>,
    path: &'a Path,
    log_id: Option<[u8; 16]>,
    options: &'a VerifyOptions<'a>,
}

impl<'a> Task<'a> {
    fn new(disk: &'a Arc<dyn Disk>, path: &'a Path, options: &'a VerifyOptions<'a>) -> Self {
        Task {
            disk,
            path,
            log_id: None,
            options,
        }
    }

    fn layout(&self, name: &str) -> Layout {
        lineage::layout(self.path, name, &Options::default())
    }

    /// Holds every log against what the others say of it.
    fn siblings(&self, reports: &mut [Report], all: &[String]) {
        let said: Vec<(String, Sibling)> = reports
            .iter()
            .flat_map(|report| {
                report
                    .household
                    .siblings
                    .iter()
                    .map(|sibling| (report.log.clone(), sibling.clone()))
            })
            .collect();
        let mut missing = BTreeSet::new();
        for (by, sibling) in said {
            let fault = |what| Fault::new(self.layout(&sibling.log).root(), what);
            if !all.contains(&sibling.log) {
                let namer = reports.iter_mut().find(|report| report.log == by);
                if let Some(report) = namer.filter(|_| missing.insert(sibling.log.clone())) {
                    report.faults.push(fault(What::Missing));
                }
                continue;
            }
            let named = reports.iter_mut().find(|report| report.log == sibling.log);
            if let Some(report) = named
                && report.genesis.is_some_and(|genesis| Some(genesis) != sibling.leaf())
                && !report
                    .faults
                    .iter()
                    .any(|fault| matches!(fault.what, What::Sibling { .. }))
            {
                report.faults.push(fault(What::Sibling { by }));
            }
        }
    }

    fn verify(&self, name: &str, anchors: Anchors<'_>, continued: Option<Continued>) -> Result<Report> {
        let layout = self.layout(name);
        let threads = || std::thread::available_parallelism().map_or(1, usize::from);
        let task = log::Verify {
            disk: &**self.disk,
            layout: &layout,
            log: name,
            log_id: self.log_id,
            seqs: self.options.seqs.clone(),
            anchors,
            continued,
            threads: self.options.threads.unwrap_or_else(threads),
            progress: self.options.progress.unwrap_or(&|_, _| {}),
        };
        let report = log::verify(&task).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotADatabase {
                path: self.path.to_owned(),
            },
            _ => Error::io("reading", self.path, error),
        });
        #[cfg(feature = "search")]
        if self.options.index && self.options.seqs.is_none() {
            return report.map(|mut report| {
                report.faults.extend(super::indexes::compared(self.disk, layout));
                report
            });
        }
        report
    }
}

/// The log that an anchor is about, by what its key or checkpoint is called; one that is only a first record says nothing.
fn anchored_log<'a>(anchor: &Anchors<'a>) -> Option<&'a str> {
    let key = anchor.key.map(|key| key.name());
    let origin = || anchor.checkpoints.first().map(|signed| signed.checkpoint().origin());
    key.or_else(origin)?.split('/').next()
}

fn names_log(anchor: &Anchors<'_>, name: &str) -> bool {
    anchored_log(anchor).is_none_or(|about| about == name)
}
