//! `auditdb seal`: close what was appended into a file that any tool reads.

use super::progress::waiting;
use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use clap::Args;

/// Seal what was appended since the last seal, also beside a running agent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb seal my-db")]
pub(super) struct Seal {
    #[command(flatten)]
    at: Where,
}

impl Seal {
    pub(super) fn run(self) -> Outcome {
        let db = self.at.join(&self.at.dir()?)?;
        let sealed = waiting("sealing", || db.seal())?;
        wait_for_indexes(&db);
        let answer = if sealed { "sealed" } else { "nothing to seal" };
        if self.at.json {
            output::print(&serde_json::json!({ "sealed": sealed }).to_string())?;
        } else {
            output::print(answer)?;
        }
        Ok(Answer::Yes)
    }
}

/// Waits for the indexes of what is sealed: this process ends, and nobody else may come soon who writes.
pub(super) fn wait_for_indexes(db: &Database) {
    #[cfg(feature = "search")]
    if let Some(why) = waiting("indexing", || db.wait_for_indexes()) {
        output::say(&format!(
            "auditdb: an index could not be made; queries scan instead: {why}"
        ));
    }
    #[cfg(not(feature = "search"))]
    let _ = db;
}
