//! Restoring a database from a backup into a directory that has nothing. What was restored is read, and never written again:
//! a successor goes on from it, whose first record says what is missing.

use super::backup::{BackupOptions, LOCK, alone, copy_log, is_elsewhere, layout};
use super::verification::VerifyOptions;
use super::{Database, lineage};
use crate::disk::{Disk, Kind, RealDisk, read_short};
use crate::error::{Error, Result};
use crate::log::{self, CopyKind, Fault, Layout, Note, Options, Report, What, finish, gap, has_file, no_links};
use crate::policy::POLICY_FILE;
use crate::proof::SignedCheckpoint;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How [`Database::restore`] restores.
#[derive(Default)]
pub struct RestoreOptions<'a> {
    /// Checkpoints that were kept elsewhere: the logs have to agree with those that are for as many records as they have, or
    /// fewer; the newest of those for more says which records are missing.
    pub checkpoints: &'a [SignedCheckpoint],
    /// How many threads copy, read and hash; as many as there are processors if it is not said.
    pub threads: Option<usize>,
    /// Told how many bytes of how many are done; three times: of verifying, copying, and verifying what was copied.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    /// Asked between two files whether to leave it at that; it can be run again, and goes on.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl fmt::Debug for RestoreOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("checkpoints", &self.checkpoints)
            .finish_non_exhaustive()
    }
}

/// What was restored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// Where it is now.
    pub to: PathBuf,
    /// What verify found of each log where it is now.
    pub reports: Vec<Report>,
    /// The records of each log that are known to have been there and are not, by the log's name.
    pub gaps: Vec<(String, Range<u64>)>,
    /// How many files were copied now, and how many bytes that were.
    pub files: u64,
    /// See `files`.
    pub bytes: u64,
    /// Whether it was stopped before it had all: then it is to be run again.
    pub stopped: bool,
}

impl Database {
    /// Copies a backup into a directory that has nothing, having verified it, and verifies what was copied. The restored
    /// logs are only read any more: [`Database::succeed`] goes on. If it is interrupted, it can be run again and goes on.
    ///
    /// # Errors
    /// [`Error::Damaged`] with all that is wrong with the backup, and then nothing is restored; [`Error::Exists`] if the
    /// directory has something.
    pub fn restore(from: impl AsRef<Path>, to: impl AsRef<Path>, options: &RestoreOptions<'_>) -> Result<Restored> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Self::restore_with(from, to, &disk, options)
    }

    /// Restores on that disk.
    ///
    /// # Errors
    /// As [`Database::restore`].
    pub fn restore_with(
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        disk: &Arc<dyn Disk>,
        options: &RestoreOptions<'_>,
    ) -> Result<Restored> {
        let (from, to) = (from.as_ref(), to.as_ref());
        is_elsewhere(&**disk, from, to)?;
        has_room(&**disk, to)?;
        let names = lineage::all(&**disk, from, &Options::default())?;
        if names.is_empty() {
            return Err(Error::NotADatabase { path: from.to_owned() });
        }
        for name in &names {
            let layout = layout(from, name);
            no_links(&**disk, &layout)?;
            if let (Some(_), Some(log_id)) = (Note::read(&**disk, &layout)?, log::log_id(&**disk, &layout)?) {
                // A backup that was cut short is finished first, from what it has.
                finish(&**disk, &layout, log_id)?;
            }
        }
        let gaps = names
            .iter()
            .map(|name| Ok((name.clone(), gap(&**disk, &layout(from, name), options.checkpoints)?)))
            .collect::<Result<Vec<_>>>()?;
        sound(from, disk, options)?;
        disk.create_dir(to).map_err(|error| Error::io("creating", to, error))?;
        let _alone = alone(&**disk, to)?;
        let mut restored = Restored {
            to: to.to_owned(),
            reports: Vec::new(),
            gaps: Vec::new(),
            files: 0,
            bytes: 0,
            stopped: false,
        };
        let copying = BackupOptions {
            threads: options.threads,
            progress: options.progress,
            stop: options.stop,
            ..BackupOptions::default()
        };
        for name in &names {
            begin_again(&**disk, &layout(to, name))?;
        }
        for name in &names {
            let copy = copy_log(disk, from, to, name, CopyKind::Restoring, &copying)?;
            if !copy.faults.is_empty() {
                return Err(Error::Damaged {
                    path: layout(from, name).root().to_owned(),
                    faults: copy.faults,
                });
            }
            restored.files += copy.files;
            restored.bytes += copy.bytes;
            if copy.stopped {
                restored.stopped = true;
                return Ok(restored);
            }
        }
        // Behind the logs: beside them it is known whose it is, if this is cut short and run again.
        let policy = policy_file(&**disk, from, to).map_err(|fault| Error::damaged(from, fault))?;
        restored.files += u64::from(policy > 0);
        restored.bytes += policy;
        restored.reports = sound(to, disk, options)?;
        for (name, gap) in gaps {
            let layout = layout(to, &name);
            if let Some(gap) = &gap {
                restored.gaps.push((name, gap.from..gap.to));
            }
            if let Some(mut note) = Note::read(&**disk, &layout)? {
                (note.kind, note.gap) = (CopyKind::Restored, gap);
                note.write(&**disk, &layout)?;
            }
        }
        for report in &mut restored.reports {
            report.copy = Some(CopyKind::Restored);
        }
        Ok(restored)
    }
}

/// Verifies all of a database, and says no if anything is wrong.
fn sound(path: &Path, disk: &Arc<dyn Disk>, options: &RestoreOptions<'_>) -> Result<Vec<Report>> {
    let verify = VerifyOptions {
        threads: options.threads,
        progress: options.progress,
        ..VerifyOptions::default()
    };
    let reports = Database::verify_logs_with(path, disk, None, &[], &verify)?;
    let faults: Vec<Fault> = reports.iter().flat_map(|report| report.faults.clone()).collect();
    if faults.is_empty() {
        return Ok(reports);
    }
    Err(Error::Damaged {
        path: path.to_owned(),
        faults,
    })
}

/// Whether a directory has nothing but what a restore left that was interrupted.
fn has_room(disk: &dyn Disk, to: &Path) -> Result<()> {
    let exists = |path: PathBuf| Err(Error::Exists { path });
    let names = match disk.list(to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        names => names.map_err(|error| Error::io("listing", to, error))?,
    };
    let own = ["logs", POLICY_FILE, POLICY_TEMPORARY, LOCK];
    if let Some(other) = names.iter().find(|name| !own.contains(&name.as_str())) {
        return exists(to.join(other));
    }
    let strays = lineage::strays(disk, to);
    if let Some(other) = strays.into_iter().next() {
        return exists(other);
    }
    let logs = lineage::listed(disk, to)?;
    if logs.is_empty() && names.iter().any(|name| name == POLICY_FILE) {
        // Written before any log is, and perhaps by somebody else.
        return exists(to.join(POLICY_FILE));
    }
    let layouts: Vec<Layout> = logs.iter().map(|name| layout(to, name)).collect();
    let notes = layouts.iter().map(|layout| Note::read(disk, layout));
    let kinds: Vec<Option<CopyKind>> = notes
        .map(|note| Ok(note?.map(|note| note.kind)))
        .collect::<Result<_>>()?;
    // The logs are called restored one after the other.
    let unfinished = kinds.contains(&Some(CopyKind::Restoring));
    for (layout, kind) in layouts.iter().zip(kinds) {
        let own = match kind {
            None => !has_file(disk, layout),
            Some(CopyKind::Restoring) => true,
            Some(CopyKind::Restored) => unfinished,
            Some(CopyKind::Backup) => false,
        };
        if !own {
            return exists(layout.root().to_owned());
        }
    }
    Ok(())
}

/// Takes up a log that was called restored before all of them were.
fn begin_again(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    match Note::read(disk, layout)? {
        Some(mut note) if note.kind == CopyKind::Restored => {
            (note.kind, note.gap) = (CopyKind::Restoring, None);
            note.write(disk, layout)
        }
        _ => Ok(()),
    }
}

/// The name of the policy file while it is written.
const POLICY_TEMPORARY: &str = "auditdb.toml.new";

/// The longest policy file that is copied, in bytes.
const POLICY_LIMIT: usize = 16 << 20;

/// Copies the policy file, if there is one that is not there yet; says how many bytes that were.
pub(super) fn policy_file(disk: &dyn Disk, from: &Path, to: &Path) -> std::result::Result<u64, Fault> {
    let (source, path) = (from.join(POLICY_FILE), to.join(POLICY_FILE));
    let unreadable = |why: String| Fault::new(&source, What::Unreadable(why));
    let io = |error: std::io::Error| unreadable(error.to_string());
    match disk.stat(&source).map_err(io)? {
        None => return Ok(0),
        Some(stat) if stat.kind != Kind::File => {
            return Err(unreadable(
                "it is a link or a directory, and should be a file".to_owned(),
            ));
        }
        Some(_) => {}
    }
    let read = |path: &Path| read_short(disk, path, POLICY_LIMIT);
    let bytes = read(&source).map_err(io)?;
    if bytes.len() > POLICY_LIMIT {
        return Err(unreadable("it is too long".to_owned()));
    }
    if disk.stat(&path).map_err(io)?.is_some() && read(&path).map_err(io)? == bytes {
        return Ok(0);
    }
    let written = log::put_file(disk, &to.join(POLICY_TEMPORARY), &path, &bytes).and_then(|()| disk.sync_dir(to));
    written.map_err(|error| Fault::new(&path, What::Unreadable(error.to_string())))?;
    Ok(bytes.len() as u64)
}
