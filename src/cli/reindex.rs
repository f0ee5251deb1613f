//! `auditdb reindex`: make the indexes that are missing or cannot be used.

use super::progress::Progress;
use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use crate::disk::RealDisk;
use crate::log::Options;
use clap::Args;
use std::sync::Arc;

/// Look at the index of every sealed segment and make anew what cannot be used. Queries scan what has none, and answer the
/// same. A program that has the database open for writing does this by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb reindex my-db\n  auditdb reindex my-db --check")]
pub(super) struct Reindex {
    #[command(flatten)]
    at: Where,
    /// Only say what cannot be used; exit 1 if anything cannot.
    #[arg(long)]
    check: bool,
}

impl Reindex {
    pub(super) fn run(self) -> Outcome {
        let progress = Progress::new(if self.check { "checking" } else { "indexing" }, false);
        let tell = |done, total| progress.at(done, total);
        let disk = Arc::new(RealDisk);
        let dir = self.at.dir()?;
        let logs = self.at.written(&dir)?;
        let mut answer = Answer::Yes;
        for log in &logs {
            let options = Options::default().log(log);
            let reindexed = Database::reindex_with(&dir, disk.clone(), options, self.check, &tell)?;
            progress.end();
            output::print(&match (self.at.json, logs.len()) {
                (true, _) => reindexed.to_json(),
                (false, 1) => reindexed.to_string(),
                (false, _) => format!("{log}: {reindexed}"),
            })?;
            if !reindexed.is_complete() {
                answer = Answer::No;
            }
        }
        Ok(answer)
    }
}
