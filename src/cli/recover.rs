//! `auditdb recover`: make a damaged database writable again.

use super::progress::waiting;
use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use crate::disk::RealDisk;
use crate::log::{Did, Done, Options, Recovery};
use clap::Args;
use std::sync::Arc;

/// Make a damaged database writable again. What is replaced is kept beside the log, and what was done is recorded in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb recover my-db")]
pub(super) struct Recover {
    #[command(flatten)]
    at: Where,
}

impl Recover {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        self.at.check_newest(&dir)?;
        let mut logs = Database::written_logs(&dir)?;
        if let Some(log) = self.at.log() {
            logs = vec![log.to_owned()];
        }
        let mut recovery = Recovery::default();
        // One that has no log is said to be none.
        for log in logs.iter().map(String::as_str).chain(logs.is_empty().then_some("main")) {
            let options = Options::default().log(log);
            let of_one = waiting("recovering", || {
                Database::recover_with(&dir, Arc::new(RealDisk), &options)
            })?;
            recovery.faults.extend(of_one.faults);
            recovery.done.extend(of_one.done);
        }
        if self.at.json {
            let faults: Vec<String> = recovery.faults.iter().map(ToString::to_string).collect();
            let done: Vec<_> = recovery.done.iter().map(as_json).collect();
            output::print(&serde_json::json!({ "faults": faults, "done": done }).to_string())?;
            return Ok(Answer::Yes);
        }
        for fault in &recovery.faults {
            output::print(&format!("found: {fault}"))?;
        }
        for done in &recovery.done {
            output::print(&in_words(done))?;
        }
        if recovery.faults.is_empty() {
            output::print("nothing is damaged")?;
        } else {
            output::print("the database takes records again; verify still names what could not be mended")?;
        }
        Ok(Answer::Yes)
    }
}

fn as_json(done: &Done) -> serde_json::Value {
    serde_json::json!({
        "file": done.file.display().to_string(),
        "did": done.did,
        "cut_at": (done.did == Did::Cut).then_some(done.offset),
        "kept": done.kept.as_ref().map(|kept| kept.display().to_string()),
        "unreadable": done.unreadable.iter().map(|(first, last)| [first, last]).collect::<Vec<_>>(),
    })
}

fn in_words(done: &Done) -> String {
    let file = done.file.display();
    let mut text = match done.did {
        Did::Cut => format!("{file} was cut at byte {}", done.offset),
        Did::Removed => format!("{file} was taken away"),
        Did::Rebuilt => format!("{file} was written anew from what is intact"),
        Did::Left => format!("{file} could not be mended"),
    };
    if let Some(kept) = &done.kept {
        text += &format!("; all of it as it was is kept in {}", kept.display());
    }
    for (first, last) in &done.unreadable {
        text += &match last - first {
            0 => format!("\n  record {first} cannot be read any more"),
            more => format!(
                "\n  records {first} to {last} cannot be read any more: {} in all",
                more + 1
            ),
        };
    }
    text
}
