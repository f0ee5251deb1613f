//! `auditdb backup`: copy what a backup does not have yet, and compare it there.

use super::figures::{bytes, count};
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output, waiting};
use crate::database::{BackedUp, BackedUpLog, BackupOptions, Database};
use crate::log::{Fault, Options};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Copy all logs and the policy file to another directory, also while an agent is running; what is there already is not copied
/// again. Everything is read back and compared where it was copied to. The backup is a database of its own to verify, query and restore; it
/// holds no secret and is never written.
#[derive(Debug, Args)]
#[command(
    after_help = "Whatever interrupts it, run it again and it goes on. What retention has dropped is dropped from the backup too, once\n\
    the tombstones in it are verified. The exit code is 1 if a log is not as it was written, or not the one that was backed up\n\
    before, 3 if it was stopped.\n\nExamples:\n  \
    auditdb init my-db\n  auditdb backup my-db --to my-backup\n  auditdb backup my-db --to my-backup --verify-all\n  auditdb verify my-backup"
)]
pub(super) struct Backup {
    #[command(flatten)]
    at: Where,
    /// The directory of the backup. It is made if it is not there.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Go on with what is appended, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Verify all of the backup as `verify` does, also what was copied earlier and the texts of every record.
    #[arg(long, conflicts_with = "follow")]
    verify_all: bool,
    /// Do not have the log record that it was backed up. Without it a record says so whenever sealed segments are new in the
    /// backup.
    #[arg(long)]
    no_record: bool,
}

/// How often what is not sealed yet is copied.
const EVERY: Duration = Duration::from_secs(3);

impl Backup {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        if self.at.log().is_some() {
            return Err(Stop::CouldNot(
                "a backup is one of all logs; leave --log out".to_owned(),
            ));
        }
        let db = Database::open_read_only(&dir)?;
        let interrupted = waiting::interrupted()?;
        let stop = || interrupted.load(Ordering::Relaxed);
        let progress = Progress::new("backing up", true);
        let tell = |done, total| progress.at(done, total);
        let options = BackupOptions {
            verify_all: self.verify_all,
            unrecorded: true,
            progress: Some(&tell),
            stop: Some(&stop),
            ..BackupOptions::default()
        };
        if !self.follow {
            let mut done = db.backup(&self.to, &options)?;
            progress.end();
            self.record(&dir, &mut done);
            self.show(&done)?;
            return answer(&done);
        }
        let (mut shown, mut last) = (Ok(()), Ok(Answer::Yes));
        db.follow_backup(&self.to, &options, EVERY, |done| {
            let mut done = done.clone();
            self.record(&dir, &mut done);
            progress.end();
            shown = std::mem::replace(&mut shown, Ok(())).and_then(|()| self.show(&done));
            // That it is over is what was asked for.
            if !stop() {
                last = answer(&done);
            }
        })?;
        shown?;
        last
    }

    /// Has the logs record how far the backup is, through their writers if there are any.
    fn record(&self, dir: &Path, done: &mut BackedUp) {
        let written = Database::written_logs(dir).unwrap_or_default();
        let known = |name: &str| Database::open_log(dir, name).and_then(|log| log.backed_up());
        for log in done.logs.iter_mut().filter(|log| log.failed.is_none() && !log.stopped) {
            let news = log.sealed > 0
                && written.contains(&log.log)
                && !known(&log.log).is_ok_and(|known| known.is_some_and(|known| known.sealed >= log.sealed));
            if self.no_record || !news {
                continue;
            }
            match Database::join_with(dir, Options::default().log(log.log.clone())) {
                Ok(db) => db.record_backup(&self.to, log),
                Err(error) => log.unrecorded = Some(error.to_string()),
            }
        }
    }

    fn show(&self, done: &BackedUp) -> Result<(), Stop> {
        if self.at.json {
            return output::print(&object(done));
        }
        for fault in &done.faults {
            output::print(&format!("FAULT {fault}"))?;
        }
        for log in &done.logs {
            for fault in &log.faults {
                output::print(&format!("FAULT {fault}"))?;
            }
            for fault in &log.repaired {
                output::print(&format!("copied again: {fault}"))?;
            }
            if let Some(why) = &log.failed {
                output::print(&format!("{}: NOT BACKED UP: {why}", log.log))?;
            } else {
                output::print(&line(log))?;
            }
            if let Some(why) = &log.unrecorded {
                output::say(&format!("{}: the log has no record of this backup: {why}", log.log));
            }
        }
        output::print(&format!(
            "{} files, {} copied to {} and read back, in {:.2} s",
            count(done.files),
            bytes(done.bytes),
            done.to.display(),
            Duration::from_nanos(done.nanoseconds).as_secs_f64()
        ))
    }
}

fn line(log: &BackedUpLog) -> String {
    let dropped = match log.dropped {
        0 => String::new(),
        dropped => format!("; {} segments dropped as in the log", count(dropped)),
    };
    let recorded = log
        .recorded
        .map_or_else(String::new, |seq| format!("; recorded as {seq}"));
    format!(
        "{}: {} records are backed up, {} of them sealed{dropped}{recorded}{}",
        log.log,
        count(log.size),
        count(log.sealed),
        if log.stopped {
            "; STOPPED before it had all: run it again"
        } else {
            ""
        }
    )
}

fn answer(done: &BackedUp) -> Outcome {
    for log in &done.logs {
        if let Some(error) = &log.failed {
            return Err(error.clone().into());
        }
    }
    if done.is_whole() {
        return Ok(Answer::Yes);
    }
    let faults = done.logs.iter().any(|log| !log.faults.is_empty()) || !done.faults.is_empty();
    Ok(if faults { Answer::No } else { Answer::Partial })
}

fn object(done: &BackedUp) -> String {
    let texts = |faults: &[Fault]| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let log = |log: &BackedUpLog| {
        serde_json::json!({
            "log": log.log, "size": log.size, "root": log.root, "chain": log.chain, "sealed": log.sealed,
            "dropped_segments": log.dropped, "faults": texts(&log.faults), "copied_again": texts(&log.repaired),
            "stopped": log.stopped, "failed": log.failed.as_ref().map(ToString::to_string),
            "recorded": log.recorded, "unrecorded": log.unrecorded,
        })
    };
    serde_json::json!({
        "to": done.to.display().to_string(),
        "whole": done.is_whole(),
        "files": done.files,
        "bytes": done.bytes,
        "seconds": Duration::from_nanos(done.nanoseconds).as_secs_f64(),
        "faults": texts(&done.faults),
        "logs": done.logs.iter().map(log).collect::<Vec<_>>(),
    })
    .to_string()
}
