//! `auditdb init`: create a database.

use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use crate::proof::leaf_hash;
use clap::Args;

/// Create a database in a directory that has none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb init other-db --json")]
pub(super) struct Init {
    #[command(flatten)]
    at: Where,
}

impl Init {
    pub(super) fn run(self) -> Outcome {
        let db = Database::create(self.at.dir()?)?;
        let genesis = leaf_hash(db.get(0)?.text().as_bytes());
        let genesis: String = genesis.iter().map(|byte| format!("{byte:02x}")).collect();
        let (database, log) = (db.identity().database_id(), db.identity().log_id());
        if self.at.json {
            let answer = serde_json::json!({ "database": database, "log": "main", "log_id": log, "genesis": genesis, "format": 0 });
            output::print(&answer.to_string())?;
        } else {
            let dir = db.path().display();
            output::print(&format!(
                "created {dir}\n  database  {database}\n  log       main {log}\n  genesis   {genesis}"
            ))?;
            output::say("format 0: it carries no promise yet, and nothing in it is signed");
        }
        Ok(Answer::Yes)
    }
}
