//! `auditdb recover`: make a damaged database writable again.

use super::progress::waiting;
use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use clap::Args;

/// Make a damaged database writable again. What is cut off is kept beside the log, and what was done is recorded in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb recover my-db")]
pub(super) struct Recover {
    #[command(flatten)]
    at: Where,
}

impl Recover {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let recovery = waiting("recovering", || Database::recover(dir))?;
        if self.at.json {
            let faults: Vec<String> = recovery.faults.iter().map(ToString::to_string).collect();
            let kept = |(file, kept, offset): &(std::path::PathBuf, std::path::PathBuf, u64)| serde_json::json!({ "file": file.display().to_string(), "kept": kept.display().to_string(), "cut_at": offset });
            let kept: Vec<_> = recovery.kept.iter().map(kept).collect();
            output::print(&serde_json::json!({ "faults": faults, "kept": kept }).to_string())?;
            return Ok(Answer::Yes);
        }
        for fault in &recovery.faults {
            output::print(&format!("found: {fault}"))?;
        }
        for (file, kept, offset) in &recovery.kept {
            output::print(&format!(
                "{} was cut at byte {offset}; all of it is kept in {}",
                file.display(),
                kept.display()
            ))?;
        }
        if recovery.faults.is_empty() {
            output::print("nothing is damaged")?;
        } else {
            output::print("the database takes records again; verify still names what could not be mended")?;
        }
        Ok(Answer::Yes)
    }
}
