//! `auditdb init`: create a database.

use super::{Answer, Outcome, Stop, Where, output};
use crate::database::{Database, Genesis};
use crate::disk::RealDisk;
use crate::log::Options;
use crate::policy::Class;
use clap::Args;
use std::sync::Arc;

/// Create a database in a directory that has none.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb init other-db --json\n  auditdb init shared-db --group $(id -g)\n  auditdb init bank-db --class financial --keep 36"
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
    /// For how long records are kept: standard (12 months), financial or health (24), eu-ai-act (6).
    #[arg(long, value_name = "NAME", default_value = "standard")]
    class: String,
    /// So many calendar months instead; not fewer than the class asks for.
    #[arg(long, value_name = "MONTHS")]
    keep: Option<u32>,
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
        options = options.class(class(&self.class, self.keep)?);
        let db = Database::create_with(self.at.dir()?, Arc::new(RealDisk), options)?;
        announce(&db, "created", self.at.json)?;
        Ok(Answer::Yes)
    }
}

/// Says which log was made, and what to note of it.
pub(super) fn announce(db: &Database, did: &str, json: bool) -> Result<(), Stop> {
    let Genesis { key, leaf, .. } = db.genesis()?;
    let (genesis, keys) = (crate::log::hex(&leaf), db.keys_dir().display().to_string());
    let identity = db.identity();
    let (database, log, log_id) = (identity.database_id(), identity.name(), identity.log_id());
    if json {
        let answer = serde_json::json!({ "database": database, "log": log, "log_id": log_id, "key": key.to_string(), "genesis": genesis, "secrets": keys, "format": crate::log::FORMAT });
        output::print(&answer.to_string())?;
        return Ok(());
    }
    let dir = db.path().display();
    output::print(&format!(
        "{did} {dir}\n  database  {database}\n  log       {log} {log_id}\n  key       {key}\n  genesis   {genesis}\n  secrets   {keys}"
    ))?;
    output::say(
        "Note key and genesis somewhere else: `auditdb verify --key … --genesis …` wants them. The secrets belong to this\n\
         place alone: leave them out of every copy and backup.",
    );
    Ok(())
}

/// The class of that name, with another number of months where one is given.
pub(super) fn class(name: &str, months: Option<u32>) -> Result<Class, Stop> {
    let class = Class::named(name)?;
    Ok(match months {
        Some(months) => class.keeping(months)?,
        None => class,
    })
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
