//! `auditdb key`: the keys that sign.

use super::{Answer, Outcome, Where, output};
use crate::database::{Database, Genesis};
use crate::log::hex;
use clap::{Args, Subcommand};

/// The keys of a log: what to note elsewhere, and a new one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb key show my-db\n  auditdb key rotate my-db")]
pub(super) struct Key {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Show(Show),
    Rotate(Rotate),
}

impl Key {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Show(show) => show.run(),
            Act::Rotate(rotate) => rotate.run(),
        }
    }
}

/// Print what identifies a log: its first key and the leaf of its first record. Note both somewhere else: only who has them
/// from elsewhere can tell the log from one that was written anew.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb key show my-db")]
pub(super) struct Show {
    #[command(flatten)]
    at: Where,
}

impl Show {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.shown(&dir)?;
        for (place, log) in logs.iter().enumerate() {
            let db = Database::open_log(&dir, log)?;
            let Genesis { key, leaf, .. } = db.genesis()?;
            let (leaf, keys) = (hex(&leaf), db.keys_dir().display().to_string());
            output::print(&if self.at.json {
                serde_json::json!({ "key": key.to_string(), "genesis": leaf, "origin": db.identity().origin(), "secrets": keys })
                    .to_string()
            } else {
                let apart = if place > 0 { "\n" } else { "" };
                format!("{apart}key      {key}\ngenesis  {leaf}\nsecrets  {keys}")
            })?;
        }
        Ok(Answer::Yes)
    }
}

/// Sign checkpoints with a new key from here on. The old and the new key sign the change, which is recorded; what the old
/// one signed stays valid.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb key rotate my-db")]
pub(super) struct Rotate {
    #[command(flatten)]
    at: Where,
}

impl Rotate {
    fn run(self) -> Outcome {
        let key = self.at.join(&self.at.dir()?)?.rotate_key()?;
        output::print(&if self.at.json {
            serde_json::json!({ "key": key.to_string() }).to_string()
        } else {
            format!("checkpoints are signed by {key}")
        })?;
        Ok(Answer::Yes)
    }
}
