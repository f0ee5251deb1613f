//! `auditdb restore`: a database from a backup.

use super::figures::{bytes, count};
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output, waiting};
use crate::database::{Database, RestoreOptions, Restored};
use crate::proof::{NOTE_LIMIT, SignedCheckpoint};
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Copy a backup to a directory that has nothing, having verified it, and verify what was copied. What was restored is only
/// read any more: `auditdb log succeed` goes on in a new log.
#[derive(Debug, Args)]
#[command(
    after_help = "Whatever interrupts it, run it again and it goes on.\n\nExamples:\n  auditdb init my-db\n  auditdb backup my-db --to my-backup\n  \
    auditdb restore my-backup restored\n  auditdb log succeed restored --reason 'the disk is gone'\n  echo '{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\"}' | auditdb append restored"
)]
pub(super) struct Restore {
    #[command(flatten)]
    at: Where,
    /// Where it is restored to: a directory that has nothing, or is not there.
    #[arg(value_name = "TO")]
    to: Vec<OsString>,
    /// A checkpoint, or a directory of checkpoints, that was kept elsewhere: says which records are missing. More than once, if there are
    /// several.
    #[arg(long, value_name = "ANCHOR-DIR|CHECKPOINT")]
    against: Vec<PathBuf>,
}

impl Restore {
    pub(super) fn run(self) -> Outcome {
        let (from, to) = self.at.dir_before(&self.to, 1..=1, "directory to restore to")?;
        let Some(to) = to.first().map(PathBuf::from) else {
            return Err(Stop::CouldNot("no directory to restore to is given".to_owned()));
        };
        if self.at.log().is_some() {
            return Err(Stop::CouldNot(
                "a backup is restored with all of its logs; leave --log out".to_owned(),
            ));
        }
        let checkpoints = checkpoints(&self.against)?;
        let interrupted = waiting::interrupted()?;
        let stop = || interrupted.load(Ordering::Relaxed);
        let progress = Progress::new("restoring", true);
        let tell = |done, total| progress.at(done, total);
        let options = RestoreOptions {
            checkpoints: &checkpoints,
            progress: Some(&tell),
            stop: Some(&stop),
            ..RestoreOptions::default()
        };
        let restored = Database::restore(&from, &to, &options)?;
        progress.end();
        if self.at.json {
            output::print(&object(&restored))?;
        } else {
            show(&restored)?;
        }
        if restored.stopped {
            return Err(Stop::Partial("stopped before it had all: run it again".to_owned()));
        }
        output::say(&format!(
            "It is only read any more; to go on: auditdb log succeed {} --reason …",
            to.display()
        ));
        Ok(Answer::Yes)
    }
}

fn show(restored: &Restored) -> Result<(), Stop> {
    for report in &restored.reports {
        let (log, size) = (&report.log, report.size.unwrap_or(0));
        output::print(&format!("{log}: {} records restored and verified", count(size)))?;
    }
    for (log, gap) in &restored.gaps {
        output::print(&format!(
            "{log}: records {}..{} were there, as a checkpoint says, and are lost",
            gap.start, gap.end
        ))?;
    }
    output::print(&format!(
        "{} files, {} copied to {}",
        count(restored.files),
        bytes(restored.bytes),
        restored.to.display()
    ))
}

fn object(restored: &Restored) -> String {
    let gap = |log: &str| {
        let found = restored.gaps.iter().find(|(name, _)| name == log);
        found.map(|(_, gap)| [gap.start, gap.end])
    };
    let log = |report: &crate::log::Report| {
        serde_json::json!({
            "log": report.log, "size": report.size, "root": report.root, "chain": report.chain, "gap": gap(&report.log),
        })
    };
    serde_json::json!({
        "to": restored.to.display().to_string(),
        "files": restored.files,
        "bytes": restored.bytes,
        "stopped": restored.stopped,
        "logs": restored.reports.iter().map(log).collect::<Vec<_>>(),
    })
    .to_string()
}

/// How deep in a directory checkpoints are looked for, and how many files are looked at.
const DEPTH: usize = 4;
const FILES: usize = 1_000_000;

/// The checkpoints that these paths name: files, or all that are in directories. A file that somebody named has to be one.
pub(super) fn checkpoints(paths: &[PathBuf]) -> Result<Vec<SignedCheckpoint>, Stop> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            look(path, DEPTH, &mut found)?;
            if found.len() == before {
                return Err(Stop::CouldNot(format!("there is no checkpoint in {}", path.display())));
            }
        } else {
            let bytes = super::proof::read(path, NOTE_LIMIT)?;
            let signed = SignedCheckpoint::parse(&bytes)
                .map_err(|fault| Stop::CouldNot(format!("{}: {fault}", path.display())))?;
            found.push(signed);
        }
    }
    Ok(found)
}

fn look(dir: &Path, depth: usize, found: &mut Vec<SignedCheckpoint>) -> Result<(), Stop> {
    let could_not = |error: std::io::Error| Stop::CouldNot(format!("listing {}: {error}", dir.display()));
    for entry in std::fs::read_dir(dir).map_err(could_not)?.take(FILES) {
        let entry = entry.map_err(could_not)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(could_not)?);
        if kind.is_dir() && depth > 0 {
            look(&path, depth - 1, found)?;
        } else if kind.is_file()
            && let Ok(bytes) = super::proof::read(&path, NOTE_LIMIT)
        {
            found.extend(SignedCheckpoint::parse(&bytes));
        }
    }
    Ok(())
}
