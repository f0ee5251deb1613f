//! `auditdb init`: create a database.

use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::disk::RealDisk;
use crate::log::Options;
use crate::proof::leaf_hash;
use clap::Args;
use std::sync::Arc;

/// Create a database in a directory that has none.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb init other-db --json\n  auditdb init shared-db --group $(id -g)"
)]
pub(super) struct Init {
    #[command(flatten)]
    at: Where,
    /// The group that may read it, by name or number; all its files will belong to it, whoever writes them.
    #[arg(long, value_name = "NAME|GID")]
    group: Option<String>,
}

impl Init {
    pub(super) fn run(self) -> Outcome {
        let mut options = Options::default();
        if let Some(group) = &self.group {
            options = options.group(group_number(group)?);
        }
        let db = Database::create_with(self.at.dir()?, Arc::new(RealDisk), options)?;
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

/// The number of a group.
fn group_number(group: &str) -> Result<u32, Stop> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group))
            .then(|| fields.nth(1)?.parse().ok())
            .flatten()
    });
    number.ok_or_else(|| {
        Stop::CouldNot(format!(
            "no group {group:?} in /etc/group; if it is kept elsewhere, give its number (`getent group {group}` shows it)"
        ))
    })
}
