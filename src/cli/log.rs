//! `auditdb log`: what a person decides about a log as a whole.

use super::init::announce;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::error::Error;
use crate::log::Options;
use crate::policy::Class;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What a person decides about a log as a whole.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb log list my-db\n  auditdb log adopt my-db --reason 'moved to the new disk'\n  \
    auditdb log class my-db --to financial"
)]
pub(super) struct LogNoun {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    List(List),
    Adopt(Adopt),
    Succeed(Succeed),
    Class(SetClass),
}

impl LogNoun {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::List(list) => list.run(),
            Act::Adopt(adopt) => adopt.run(),
            Act::Succeed(succeed) => succeed.run(),
            Act::Class(class) => class.run(),
        }
    }
}

/// Take a log back that was moved to another place, and record why. It has to hold exactly what its keys have signed; where
/// it was before nothing may write any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb log adopt my-db --reason 'moved to the new disk'")]
pub(super) struct Adopt {
    #[command(flatten)]
    at: Where,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Adopt {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        for log in self.at.written(&dir)? {
            Database::adopt(&dir, Options::default().log(log), &self.reason)?;
        }
        let path = dir.display().to_string();
        output::print(&if self.at.json {
            serde_json::json!({ "adopted": path }).to_string()
        } else {
            format!("adopted {path}")
        })?;
        Ok(Answer::Yes)
    }
}

/// Go on in a new log, because the newest cannot be written any more: it was rolled back, forked or copied, or its keys are
/// lost. (One that is only damaged is better mended with `auditdb recover`.) The old log stays as it is, to be read with
/// --log; the new one has keys of its own, and its first record says how far the old one was.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  cp -r my-db restored\n  auditdb log succeed restored --reason 'the old disk is gone'\n  \
    auditdb verify restored"
)]
pub(super) struct Succeed {
    #[command(flatten)]
    at: Where,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A checkpoint, or a directory of checkpoints, that was kept elsewhere: the new log's first record says which records
    /// of the old one are missing. (What was given to `auditdb restore` need not be given again.)
    #[arg(long, value_name = "ANCHOR-DIR|CHECKPOINT")]
    against: Vec<PathBuf>,
}

impl Succeed {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.written(&dir)?;
        let mut writable = None;
        let mut made = 0;
        let checkpoints = super::restore::checkpoints(&self.against)?;
        for log in logs {
            match Database::succeed_against(&dir, Options::default().log(log), &self.reason, &checkpoints) {
                Ok(db) => announce(&db, "went on in a new log of", self.at.json)?,
                // One of several may need none.
                Err(error @ Error::Writable { .. }) => {
                    writable = Some(error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            made += 1;
        }
        match writable {
            Some(error) if made == 0 => Err(error.into()),
            _ => Ok(Answer::Yes),
        }
    }
}

/// The database's logs: `main` and its successors first, then the others. The last one of each line is written, those before
/// it are only read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb log list my-db --json")]
pub(super) struct List {
    #[command(flatten)]
    at: Where,
}

impl List {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let names = Database::logs(&dir)?;
        if names.is_empty() {
            return Err(Error::NotADatabase { path: dir }.into());
        }
        output::print(&if self.at.json {
            serde_json::json!({ "logs": names, "written": Database::written_logs(&dir)? }).to_string()
        } else {
            names.join("\n")
        })?;
        Ok(Answer::Yes)
    }
}

/// Keep the records that come from now on for another time. Older records are kept as long as was promised when they were
/// appended, or as long as is promised now, whichever is longer.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb log class my-db --to financial --keep 36\n  \
    auditdb log class my-db --to financial --keep 12 --override --reason 'a test system'"
)]
pub(super) struct SetClass {
    #[command(flatten)]
    at: Where,
    /// The class: standard (12 months), financial or health (24), eu-ai-act (6), or one of the policy file.
    #[arg(long, value_name = "NAME")]
    to: String,
    /// So many calendar months instead; not fewer than the class asks for.
    #[arg(long, value_name = "MONTHS")]
    keep: Option<u32>,
    /// Keep records for less than the law of the class asks for; from here on only, and recorded.
    #[arg(long = "override", requires_all = ["reason", "keep"])]
    overriding: bool,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT", requires = "overriding")]
    reason: Option<String>,
}

impl SetClass {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        self.at.check_newest(&dir)?;
        let db = self.at.join(&dir)?;
        let class = match (self.keep, self.overriding) {
            (Some(months), true) => known_class(&dir, &self.to)?.overriding(months)?,
            (Some(months), false) => known_class(&dir, &self.to)?.keeping(months)?,
            (None, _) => known_class(&dir, &self.to)?,
        };
        match &self.reason {
            Some(reason) => db.override_class(&class, reason)?,
            None => db.set_class(&class)?,
        }
        let (name, months) = (class.name(), class.months());
        output::print(&if self.at.json {
            serde_json::json!({ "class": name, "months": months }).to_string()
        } else {
            format!("class {name}: records are kept for {months} months")
        })?;
        Ok(Answer::Yes)
    }
}

/// A class of the database's policy, or one that every database knows.
fn known_class(dir: &Path, name: &str) -> Result<Class, Stop> {
    let policy = Database::policy_file(dir)?;
    match policy.and_then(|policy| policy.class(name)) {
        Some(class) => Ok(class),
        None => Ok(Class::named(name)?),
    }
}
