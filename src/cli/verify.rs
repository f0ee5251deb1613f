//! `auditdb verify`: read and hash everything.

use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::{Database, VerifyOptions};
use clap::Args;
use std::ops::Range;

/// Read and hash every byte and name everything that is not as it was written.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb verify my-db\n  auditdb verify my-db --seq 0..100 --json"
)]
pub(super) struct Verify {
    #[command(flatten)]
    at: Where,
    /// Only these records: A..B, A.. or ..B, B excluded.
    #[arg(long, value_name = "A..B", value_parser = super::export::seqs)]
    seq: Option<Range<u64>>,
}

impl Verify {
    pub(super) fn run(self) -> Outcome {
        let progress = Progress::new("verifying", true);
        let tell = |done, total| progress.at(done, total);
        let options = VerifyOptions {
            seqs: self.seq.clone(),
            threads: None,
            progress: Some(&tell),
        };
        let report = Database::verify_at(self.at.dir()?, &options)?;
        progress.end();
        if let Some(seqs) = self.seq.filter(|_| report.records == 0 && report.is_sound()) {
            return Err(Stop::No(super::export::none_there(&seqs)));
        }
        output::print(&if self.at.json {
            report.to_json()
        } else {
            report.to_string()
        })?;
        Ok(if report.is_sound() { Answer::Yes } else { Answer::No })
    }
}
