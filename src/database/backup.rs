//! Backing a database up, while it is written or not: all of its logs and its policy file, into a directory that is itself a
//! database to be read and verified. See `log::copy` for how one log is copied.

use super::restore::policy_file;
use super::verification::VerifyOptions;
use super::{Database, Mode, lineage};
use crate::disk::{Disk, LockAttempt, LockGuard};
use crate::error::{Error, Result};
use crate::log::{self, BackedUpTo, Copy, CopyKind, Copying, Fault, Layout, Note, Options, What, backed_up, shown};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How [`Database::backup`] copies.
#[derive(Default)]
pub struct BackupOptions<'a> {
    /// Whether all of the backup is verified afterwards as [`Database::verify`] does. Otherwise what is new in it is read back
    /// and compared with what it was copied from, with its checksums, its chain and its tree, but no text is hashed again.
    pub verify_all: bool,
    /// Leave it out of the log's records that it was backed up.
    pub unrecorded: bool,
    /// How many threads copy, read and hash; as many as there are processors if it is not said.
    pub threads: Option<usize>,
    /// Told how many bytes of how many are done.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    /// Asked between two files whether to leave it at that; what was copied by then is kept, and it can be run again.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl fmt::Debug for BackupOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupOptions")
            .field("verify_all", &self.verify_all)
            .field("unrecorded", &self.unrecorded)
            .finish_non_exhaustive()
    }
}

impl BackupOptions<'_> {
    pub(super) fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(all)
    }

    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop())
    }
}

/// What a backup came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackedUp {
    /// Where the backup is.
    pub to: PathBuf,
    /// Its logs, in the order of their names.
    pub logs: Vec<BackedUpLog>,
    /// How many files were copied or grew now, and how many bytes that were.
    pub files: u64,
    /// See `files`.
    pub bytes: u64,
    /// How long it took, in nanoseconds.
    pub nanoseconds: u64,
    /// What is wrong beside the logs.
    pub faults: Vec<Fault>,
    /// Whether it was stopped before it had come to all logs.
    pub stopped: bool,
}

/// What a backup came to for one log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackedUpLog {
    /// Its name.
    pub log: String,
    /// How far the backup is now: the number of records, the root of the tree over them and the last link of the chain.
    pub size: u64,
    /// See `size`; in hexadecimal digits.
    pub root: String,
    /// See `size`; in hexadecimal digits.
    pub chain: String,
    /// How many of the records are in sealed segments.
    pub sealed: u64,
    /// How many segments were dropped from the backup, since the log had dropped them.
    pub dropped: u64,
    /// What is wrong with the log: it is in the backup as it is, or not at all.
    pub faults: Vec<Fault>,
    /// What was wrong with the backup and was copied again.
    pub repaired: Vec<Fault>,
    /// Whether it was stopped before it had all.
    pub stopped: bool,
    /// Why the log could not be copied.
    pub failed: Option<Error>,
    /// The log's record that says so, if one was written now.
    pub recorded: Option<u64>,
    /// Why the log has no record that says so.
    pub unrecorded: Option<String>,
}

impl BackedUp {
    /// Whether everything is in the backup as it was written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let whole = |log: &BackedUpLog| log.faults.is_empty() && log.failed.is_none() && !log.stopped;
        self.faults.is_empty() && !self.stopped && self.logs.iter().all(whole)
    }
}

/// Between two looks of [`Database::follow_backup`], while it is asked whether to stop.
const LOOK: Duration = Duration::from_millis(100);

impl Database {
    /// Copies what a backup of this database does not have yet, and compares it there; also while another process writes.
    /// What was acknowledged before the call is in the backup. If it is interrupted, it can be run again and goes on.
    ///
    /// The backup is a database to be read and verified, and is never written; it holds no secret. What the log has
    /// dropped is dropped from it too, once the tombstones are verified.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let (path, to) = (dir.path().join("audit"), dir.path().join("backup"));
    /// let db = auditdb::Database::create(&path)?;
    /// db.append_json(r#"{"agent":{"id":"a"},"kind":"decision"}"#)?;
    /// let done = db.backup(&to, &auditdb::BackupOptions::default())?;
    /// assert!(done.is_whole());
    /// assert_eq!(auditdb::Database::open_read_only(&to)?.len()?, done.logs[0].size);
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The files cannot be listed, or the backup cannot be written. What is wrong with a log stands in the result.
    pub fn backup(&self, to: impl AsRef<Path>, options: &BackupOptions<'_>) -> Result<BackedUp> {
        let (disk, path, to) = (&self.inner.disk, self.path(), to.as_ref());
        let started = disk.monotonic();
        is_elsewhere(&**disk, path, to)?;
        let names = lineage::all(&**disk, path, &self.inner.options)?;
        if names.is_empty() {
            return Err(Error::NotADatabase { path: path.to_owned() });
        }
        is_backup(&**disk, to)?;
        let mut done = BackedUp {
            to: to.to_owned(),
            logs: Vec::new(),
            files: 0,
            bytes: 0,
            nanoseconds: 0,
            faults: Vec::new(),
            stopped: false,
        };
        disk.create_dir(to).map_err(|error| Error::io("creating", to, error))?;
        let _alone = alone(&**disk, to)?;
        match policy_file(&**disk, path, to) {
            Ok(bytes) => (done.files, done.bytes) = (u64::from(bytes > 0), bytes),
            Err(fault) => done.faults.push(fault),
        }
        let lost = lineage::listed(&**disk, to)?;
        for name in lost.into_iter().filter(|name| !names.contains(name)) {
            done.faults.push(Fault::new(layout(path, &name).root(), What::Missing));
        }
        // `main` names the others, so it comes last; and what it names that came to be meanwhile comes behind it.
        let mut waiting = names;
        waiting.reverse();
        while let Some(name) = waiting.first().cloned() {
            if options.stopped() {
                break;
            }
            waiting.remove(0);
            let log = self.back_up_log(&name, to, options, &mut done);
            done.logs.push(log);
            if waiting.is_empty() {
                waiting = lineage::all(&**disk, path, &self.inner.options)?;
                waiting.retain(|name| !done.logs.iter().any(|log| log.log == *name));
            }
        }
        done.stopped = !waiting.is_empty();
        done.logs
            .sort_by(|one, other| lineage::place(&one.log).cmp(&lineage::place(&other.log)));
        done.nanoseconds = disk.monotonic().saturating_sub(started);
        Ok(done)
    }

    /// Backs up again and again: at once when a segment was sealed, and what is not sealed after `every`, until
    /// [`BackupOptions::stop`] says so. `told` hears of each time that there was something to copy, and of the first.
    ///
    /// # Errors
    /// As [`Database::backup`].
    pub fn follow_backup(
        &self,
        to: impl AsRef<Path>,
        options: &BackupOptions<'_>,
        every: Duration,
        mut told: impl FnMut(&BackedUp),
    ) -> Result<()> {
        let (to, mut known, mut sealed, mut first) = (to.as_ref(), None, None, true);
        let mut waited = every;
        while !options.stopped() {
            let now = self.shown();
            let has_sealed = now.as_ref().map(|(segments, _)| segments) != sealed.as_ref();
            if has_sealed || (waited >= every && (now.is_none() || now != known)) {
                let done = self.backup(to, options)?;
                if std::mem::take(&mut first) || done.files > 0 || !done.is_whole() {
                    told(&done);
                }
                // What was shown before: whatever came meanwhile is copied next time.
                sealed = now.as_ref().map(|(segments, _)| segments.clone());
                known = now;
                waited = Duration::ZERO;
            }
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        Ok(())
    }

    /// Up to where the newest log is backed up, as it says itself: its writer heard of a backup and held it against its own
    /// tree. It may be further by now, and never was less.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn backed_up(&self) -> Result<Option<BackedUpTo>> {
        backed_up(&*self.inner.disk, &self.files().layout)
    }

    /// Has the log record how far a backup is, if it has more sealed segments than the log knows of.
    pub(crate) fn record_backup(&self, to: &Path, log: &mut BackedUpLog) {
        let said = || {
            let layout = layout(self.path(), &log.log);
            let known = backed_up(&*self.inner.disk, &layout)?;
            if log.sealed == 0 || known.is_some_and(|known| known.sealed >= log.sealed) {
                return Ok(None);
            }
            let names = lineage::all(&*self.inner.disk, self.path(), &self.inner.options)?;
            if !lineage::written(&names).contains(&log.log) {
                // Nobody writes it any more, and nothing is dropped from it.
                return Ok(None);
            }
            let copy = Copy {
                size: log.size,
                sealed: log.sealed,
                root: log.root.clone(),
                ..Copy::default()
            };
            let said = BackedUpTo::new(&std::path::absolute(to).unwrap_or_else(|_| to.to_owned()), &copy);
            match &self.writing(&log.log)?.inner.mode {
                Mode::Writing(log) => log.backed_up(said).map(Some),
                Mode::Joined(joined) => joined.backed_up(&said).map(Some),
                Mode::Reading(_) => Err(self.read_only()),
            }
        };
        (log.recorded, log.unrecorded) = match said() {
            Ok(seq) => (seq, None),
            Err(error) => (None, Some(error.to_string())),
        };
    }

    /// This database with that log open for writing, if this handle writes.
    pub(super) fn writing(&self, name: &str) -> Result<Database> {
        if self.identity().name() == name {
            return Ok(self.clone());
        }
        match (&self.inner.mode, &self.inner.branches) {
            (Mode::Writing(_) | Mode::Joined(_), Some(branches)) => branches.line(self, lineage::line_of(name)),
            _ => Err(self.read_only()),
        }
    }

    fn back_up_log(&self, name: &str, to: &Path, options: &BackupOptions<'_>, done: &mut BackedUp) -> BackedUpLog {
        let copy = copy_log(&self.inner.disk, self.path(), to, name, CopyKind::Backup, options).and_then(|copy| {
            if options.verify_all && !copy.stopped {
                self.verify_copied(name, to, copy, options)
            } else {
                Ok(copy)
            }
        });
        let failed = copy.as_ref().err().cloned();
        let copy = copy.unwrap_or_default();
        done.files += copy.files;
        done.bytes += copy.bytes;
        let mut log = BackedUpLog {
            log: name.to_owned(),
            size: copy.size,
            root: copy.root,
            chain: copy.chain,
            sealed: copy.sealed,
            dropped: copy.dropped,
            faults: copy.faults,
            repaired: copy.repaired,
            stopped: copy.stopped,
            failed,
            recorded: None,
            unrecorded: None,
        };
        if log.failed.is_none() && !log.stopped && !options.unrecorded {
            self.record_backup(to, &mut log);
        }
        log
    }

    /// Verifies all of a log's backup. A segment that is damaged there is copied again, once.
    fn verify_copied(&self, name: &str, to: &Path, mut copy: Copy, options: &BackupOptions<'_>) -> Result<Copy> {
        let (disk, copied) = (&self.inner.disk, layout(to, name));
        let verify = VerifyOptions {
            threads: options.threads,
            progress: options.progress,
            ..VerifyOptions::default()
        };
        for again in [true, false] {
            let mut reports = Database::verify_logs_with(to, disk, Some(name), &[], &verify)?;
            let faults = reports.pop().map(|report| report.faults).unwrap_or_default();
            let listed = disk.list(&copied.segment_dir()).unwrap_or_default();
            let firsts = listed.iter().filter_map(|name| log::segment_seq(name));
            let damaged: Vec<u64> = firsts
                .filter(|first| faults.iter().any(|fault| fault.file == copied.segment(*first)))
                .collect();
            let note = Note::read(&**disk, &copied)?;
            let unknown = |note: &Note| damaged.iter().any(|first| !note.damaged.contains(first));
            match note {
                Some(mut note) if again && unknown(&note) => {
                    note.damaged = damaged;
                    note.write(&**disk, &copied)?;
                    let more = copy_log(disk, self.path(), to, name, CopyKind::Backup, options)?;
                    copy = Copy {
                        files: copy.files + more.files,
                        bytes: copy.bytes + more.bytes,
                        repaired: [copy.repaired, more.repaired].concat(),
                        dropped: copy.dropped + more.dropped,
                        ..more
                    };
                }
                _ => {
                    Fault::add_new(&mut copy.faults, faults);
                    return Ok(copy);
                }
            }
        }
        Ok(copy)
    }

    /// What shows of all logs without looking into them; `None` where that does not tell.
    fn shown(&self) -> Option<(Vec<u64>, Vec<u8>)> {
        let (disk, path) = (&*self.inner.disk, self.path());
        let (mut segments, mut all) = (Vec::new(), Vec::new());
        for name in lineage::listed(disk, path).ok()? {
            let (sealed, rest) = shown(disk, &layout(path, &name))?;
            segments.extend(sealed);
            all.extend(rest);
        }
        Some((segments, all))
    }
}

/// Copies a log into the database at `to`.
pub(super) fn copy_log(
    disk: &Arc<dyn Disk>,
    from: &Path,
    to: &Path,
    name: &str,
    kind: CopyKind,
    options: &BackupOptions<'_>,
) -> Result<Copy> {
    let copying = Copying {
        disk,
        from: &layout(from, name),
        to: &layout(to, name),
        kind,
        threads: options.threads(),
        progress: options.progress.unwrap_or(&|_, _| {}),
        stop: options.stop.unwrap_or(&|| false),
    };
    copying.run()
}

pub(super) fn layout(path: &Path, name: &str) -> Layout {
    lineage::layout(path, name, &Options::default())
}

/// Whether a directory may take a backup: it is none yet, or its logs are backups.
fn is_backup(disk: &dyn Disk, to: &Path) -> Result<()> {
    for name in lineage::listed(disk, to)? {
        let layout = layout(to, &name);
        let note = Note::read(disk, &layout)?;
        let files = [layout.journal_dir(), layout.segment_dir()];
        let empty = files.iter().all(|dir| {
            disk.list(dir).is_ok_and(|names| names.is_empty()) || disk.stat(dir).is_ok_and(|stat| stat.is_none())
        });
        if note.map_or(!empty, |note| note.kind != CopyKind::Backup) {
            return Err(Error::Exists {
                path: layout.root().to_owned(),
            });
        }
    }
    Ok(())
}

/// The lock of whoever copies to a directory, in it. There is only one at a time; it stands beside the logs, so that no log
/// has one that its writer would take for its own.
pub(super) const LOCK: &str = "backup.lock";

pub(super) fn alone(disk: &dyn Disk, to: &Path) -> Result<Box<dyn LockGuard>> {
    let path = to.join(LOCK);
    match disk.lock(&path).map_err(|error| Error::io("locking", &path, error))? {
        LockAttempt::Held(guard) => Ok(guard),
        LockAttempt::Busy(pid) => {
            let pid = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            let why = std::io::Error::other(format!("{pid} is copying to this directory"));
            Err(Error::io("locking", path, why))
        }
    }
}

/// Whether one directory is not within the other: a copy of a copy of a copy would never end.
pub(super) fn is_elsewhere(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    let real = |path: &Path| {
        let known = path
            .ancestors()
            .find(|part| disk.stat(part).is_ok_and(|stat| stat.is_some()));
        let known = known.unwrap_or(path);
        let rest = path.strip_prefix(known).unwrap_or(Path::new(""));
        disk.real_path(known).unwrap_or_else(|| known.to_owned()).join(rest)
    };
    let (from, to) = (real(from), real(to));
    if from.starts_with(&to) || to.starts_with(&from) {
        return Err(Error::Exists { path: to });
    }
    Ok(())
}
