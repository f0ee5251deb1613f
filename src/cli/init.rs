//! `auditdb init`: create a database.

use super::{Answer, Outcome, Stop, Where, output};
use crate::database::{Database, Genesis};
use crate::disk::RealDisk;
use crate::log::Options;
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
    /// Where the secret keys go: a directory that only you can read. Without it (and without AUDITDB_KEYS) DIR.keys.
    #[arg(long, value_name = "KEYS", env = "AUDITDB_KEYS")]
    keys: Option<std::path::PathBuf>,
    /// The group that may read it, by name or number; all its files will belong to it, whoever writes them.
    #[arg(long, value_name = "NAME|GID")]
    group: Option<String>,
}

impl Init {
    pub(super) fn run(self) -> Outcome {
        let mut options = Options::default();
        if let Some(keys) = &self.keys {
            options = options.keys(keys);
        }
        if let Some(group) = &self.group {
            options = options.group(group_number(group)?);
        }
        let db = Database::create_with(self.at.dir()?, Arc::new(RealDisk), options)?;
        let Genesis { key, leaf, .. } = db.genesis()?;
        let (genesis, keys) = (crate::log::hex(&leaf), db.keys_dir().display().to_string());
        let (database, log) = (db.identity().database_id(), db.identity().log_id());
        if self.at.json {
            let answer = serde_json::json!({ "database": database, "log": "main", "log_id": log, "key": key.to_string(), "genesis": genesis, "secrets": keys, "format": 0 });
            output::print(&answer.to_string())?;
        } else {
            let dir = db.path().display();
            output::print(&format!(
                "created {dir}\n  database  {database}\n  log       main {log}\n  key       {key}\n  genesis   {genesis}\n  secrets   {keys}"
            ))?;
            output::say(
                "Note key and genesis somewhere else: `auditdb verify --key … --genesis …` wants them. The secrets belong to this\n\
                 place alone: leave them out of every copy and backup. Format 0: a later release may refuse it.",
            );
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
