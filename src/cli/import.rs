//! `auditdb import`: trajectories of agents that know nothing of auditdb.

use super::figures::count;
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::error::Error;
use crate::ingest::chat::{ChatOptions, Importer, read};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;

/// Import trajectories. Importing the same file again changes nothing.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb import [OPTIONS] --format <FORMAT> [DIR] <FILE>...",
    after_help = "Examples:\n  auditdb init my-db\n  echo '[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes\"}]' > chat.json\n  \
    auditdb import my-db --format chat chat.json\n  \
    auditdb import my-db --format chat --agent helpdesk chat.json"
)]
pub(super) struct Import {
    #[command(flatten)]
    at: Where,
    /// What the files hold: chat for OpenAI chat-completion messages.
    #[arg(long, value_enum)]
    format: Format,
    /// The agent's name, where the files do not say it.
    #[arg(long)]
    agent: Option<String>,
    /// JSON arrays or JSON Lines.
    #[arg(value_name = "FILE")]
    files: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Chat,
}

impl Import {
    pub(super) fn run(self) -> Outcome {
        let Format::Chat = self.format;
        let (dir, files) = self.at.dir_before(&self.files, 1..=usize::MAX, "FILE")?;
        let db = self.at.join(&dir)?;
        let before = db.len()?;
        let mut importer = Importer::new(ChatOptions {
            agent: self.agent.clone(),
        });
        let progress = Progress::new("importing", false);
        let (mut trajectories, mut records, mut skipped) = (0_u64, 0_u64, 0_u64);
        for path in &files {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Stop::CouldNot(format!("opening {name}: {error}")))?;
            for trajectory in read(BufReader::new(file), &name) {
                match trajectory {
                    Ok(trajectory) => {
                        let texts = importer.records(&trajectory);
                        match db.append_all_json(texts.iter().map(String::as_str)) {
                            Ok(_) => {
                                trajectories += 1;
                                records += texts.len() as u64;
                            }
                            // None of its records is in then.
                            Err(Error::Refused(refusal)) => {
                                skipped += 1;
                                output::say(&format!("skipped: {}: {refusal}", trajectory.place()));
                            }
                            Err(error) => return Err(error.into()),
                        }
                        progress.at(records, 0);
                    }
                    Err(error) => {
                        skipped += 1;
                        output::say(&format!("skipped: {error}"));
                    }
                }
            }
        }
        progress.end();
        let added = db.len()?.saturating_sub(before);
        if self.at.json {
            let answer = serde_json::json!({ "trajectories": trajectories, "records": records, "lines_added": added, "skipped": skipped });
            output::print(&answer.to_string())?;
        } else {
            output::print(&format!(
                "{} trajectories, {} records ({} lines added to the log), {} skipped",
                count(trajectories),
                count(records),
                count(added),
                count(skipped)
            ))?;
        }
        Ok(match (trajectories, skipped) {
            (0, _) => Answer::No,
            (_, 0) => Answer::Yes,
            _ => Answer::Partial,
        })
    }
}
