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
        let dir = self.at.dir()?;
        let logs = self.at.written(&dir)?;
        let mut sealed = Vec::new();
        for log in &logs {
            let db = self.at.join_log(&dir, log)?;
            if waiting("sealing", || db.seal())? {
                sealed.push(log.as_str());
            }
            wait_for_indexes(&db);
        }
        output::print(&if self.at.json {
            serde_json::json!({ "sealed": !sealed.is_empty(), "logs": sealed }).to_string()
        } else if sealed.is_empty() {
            "nothing to seal".to_owned()
        } else if logs.len() == 1 {
            "sealed".to_owned()
        } else {
            format!("sealed {}", sealed.join(", "))
        })?;
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
