//! `auditdb log`: what a person decides about a log as a whole.

use super::{Answer, Outcome, Where, output};
use crate::database::Database;
use crate::log::Options;
use clap::{Args, Subcommand};

/// What a person decides about a log as a whole.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb log adopt my-db --reason 'moved to the new disk'")]
pub(super) struct LogNoun {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Adopt(Adopt),
}

impl LogNoun {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Adopt(adopt) => adopt.run(),
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
        let db = Database::adopt(self.at.dir()?, Options::default(), &self.reason)?;
        let path = db.path().display().to_string();
        output::print(&if self.at.json {
            serde_json::json!({ "adopted": path }).to_string()
        } else {
            format!("adopted {path}")
        })?;
        Ok(Answer::Yes)
    }
}
