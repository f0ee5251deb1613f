//! `auditdb checkpoint`: how far the log is, signed.

use super::{Answer, Outcome, Stop, Where, output};
use clap::Args;

/// Print a signed checkpoint (C2SP tlog-checkpoint): how many records there are, and the root over them. Keep it elsewhere:
/// a log from which records were cut off or changed no longer fits it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb checkpoint my-db > newest.checkpoint\n  auditdb checkpoint my-db --stored"
)]
pub(super) struct Checkpoint {
    #[command(flatten)]
    at: Where,
    /// Print the newest one that was signed before, and sign none.
    #[arg(long)]
    stored: bool,
}

impl Checkpoint {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let signed = if self.stored {
            let newest = self.at.read(&dir)?.newest_checkpoint()?;
            newest.ok_or_else(|| Stop::No("no checkpoint was signed yet".to_owned()))?
        } else {
            self.at.join(&dir)?.checkpoint()?
        };
        let checkpoint = signed.checkpoint();
        if self.at.json {
            let answer = serde_json::json!({
                "origin": checkpoint.origin(),
                "size": checkpoint.size(),
                "root": crate::log::hex(checkpoint.root()),
                "note": signed.to_string(),
            });
            output::print(&answer.to_string())?;
        } else {
            output::print(signed.to_string().trim_end_matches('\n'))?;
        }
        Ok(Answer::Yes)
    }
}
