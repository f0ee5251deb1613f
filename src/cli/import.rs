//! `auditdb import`: what agents that know nothing of auditdb leave in files.

use super::figures::count;
use super::import_transcript::Until;
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, import_otlp, import_transcript, output};
use crate::database::Database;
use crate::error::Error;
use crate::ingest::chat::{ChatOptions, Importer, read};
use crate::ingest::transcript::{self, TranscriptOptions};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

/// Import what agents left in files. Importing the same file again changes nothing.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb import [OPTIONS] --format <FORMAT> [DIR] <FILE>...",
    after_help = "Examples:\n  auditdb init my-db\n  echo '[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes\"}]' > chat.json\n  \
    auditdb import my-db --format chat chat.json\n  \
    auditdb import my-db --format chat --agent helpdesk chat.json\n  \
    echo '{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"b7ad6b7169203331\"}' > span\n  \
    echo '{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":['$(cat span)']}]}]}' > traces.jsonl\n  \
    auditdb import my-db --format otlp traces.jsonl\n  \
    echo '{\"type\":\"user\",\"uuid\":\"1\",\"message\":{\"content\":\"hi\"}}' > session.jsonl\n  \
    auditdb import my-db --format claude-code session.jsonl\n  \
    mkdir sessions\n  \
    echo '{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}' > sessions/rollout.jsonl\n  \
    auditdb import my-db --format codex sessions"
)]
pub(super) struct Import {
    #[command(flatten)]
    at: Where,
    /// What the files hold: chat for OpenAI chat-completion messages, otlp for spans and events of OpenTelemetry, claude-code and
    /// codex for the transcripts of these coding agents.
    #[arg(long, value_enum)]
    format: Format,
    /// The agent's name, where the files do not say it.
    #[arg(long)]
    agent: Option<String>,
    /// Transcripts: go on with what is written to them, and with new ones in a directory, until Ctrl-C or SIGTERM.
    #[arg(long, conflicts_with = "ended")]
    follow: bool,
    /// Transcripts: the agents are done, so that a tool call without a result never had one. Without this it waits for the import
    /// that finds the result.
    #[arg(long)]
    ended: bool,
    /// JSON arrays or JSON Lines; for otlp an export request in protobuf, or JSON Lines as the collector's file exporter writes
    /// them; for transcripts also directories, which stand for every *.jsonl below them.
    #[arg(value_name = "FILE")]
    files: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Chat,
    Otlp,
    ClaudeCode,
    Codex,
}

impl Import {
    pub(super) fn run(self) -> Outcome {
        let (dir, files) = self.at.dir_before(&self.files, 1..=usize::MAX, "FILE")?;
        let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
        if matches!(self.format, Format::Chat | Format::Otlp) && (self.follow || self.ended) {
            let what = "--follow and --ended are for transcripts: --format claude-code or codex";
            return Err(Stop::CouldNot(what.to_owned()));
        }
        let db = self.at.join(&dir)?;
        let before = db.len()?;
        let progress = Progress::new("importing", false);
        let tally = match self.format {
            Format::Chat => self.chat(&db, &files, &progress)?,
            Format::Otlp => import_otlp::run(&db, &files, &progress)?,
            Format::ClaudeCode => self.transcripts(&db, &files, transcript::Format::ClaudeCode, &progress)?,
            Format::Codex => self.transcripts(&db, &files, transcript::Format::Codex, &progress)?,
        };
        progress.end();
        let added = db.len()?.saturating_sub(before);
        if self.at.json {
            let mut answer = serde_json::json!({ tally.of: tally.count, "records": tally.records, "lines_added": added, "skipped": tally.skipped });
            if let (Some(waiting), Some(members)) = (tally.waiting, answer.as_object_mut()) {
                members.insert("waiting".to_owned(), waiting.into());
            }
            output::print(&answer.to_string())?;
        } else {
            output::print(&format!(
                "{} {}, {} records ({} lines added to the log), {} skipped",
                count(tally.count),
                tally.of,
                count(tally.records),
                count(added),
                count(tally.skipped)
            ))?;
        }
        Ok(match (tally.count, tally.skipped) {
            (0, _) => Answer::No,
            (_, 0) => Answer::Yes,
            _ => Answer::Partial,
        })
    }

    fn transcripts(
        &self,
        db: &Database,
        files: &[PathBuf],
        format: transcript::Format,
        progress: &Progress,
    ) -> Result<Tally, Stop> {
        let options = TranscriptOptions {
            format,
            agent: self.agent.clone(),
        };
        let until = match (self.follow, self.ended) {
            (true, _) => Until::Interrupted,
            (_, true) => Until::Ended,
            _ => Until::Now,
        };
        import_transcript::run(db, files, &options, until, progress)
    }

    fn chat(&self, db: &Database, files: &[PathBuf], progress: &Progress) -> Result<Tally, Stop> {
        let mut importer = Importer::new(ChatOptions {
            agent: self.agent.clone(),
        });
        let mut tally = Tally::of("trajectories");
        for path in files {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Stop::CouldNot(format!("opening {name}: {error}")))?;
            for trajectory in read(BufReader::new(file), &name) {
                match trajectory {
                    Ok(trajectory) => {
                        let texts = importer.records(&trajectory);
                        match db.append_all_json(texts.iter().map(String::as_str)) {
                            Ok(_) => {
                                tally.count += 1;
                                tally.records += texts.len() as u64;
                            }
                            // None of its records is in then.
                            Err(Error::Refused(refusal)) => {
                                tally.skip(&format!("{}: {refusal}", trajectory.place()));
                            }
                            Err(error) => return Err(error.into()),
                        }
                        progress.at(tally.records, 0);
                    }
                    Err(error) => tally.skip(&error.to_string()),
                }
            }
        }
        Ok(tally)
    }
}

/// What was imported.
pub(super) struct Tally {
    /// What is counted.
    of: &'static str,
    pub(super) count: u64,
    pub(super) records: u64,
    skipped: u64,
    /// What is not recorded yet, for those formats in which something may have to wait.
    waiting: Option<u64>,
}

impl Tally {
    pub(super) fn of(of: &'static str) -> Self {
        Tally {
            of,
            count: 0,
            records: 0,
            skipped: 0,
            waiting: None,
        }
    }

    /// So much has to wait.
    pub(super) fn waits(&mut self, number: u64) {
        *self.waiting.get_or_insert(0) += number;
    }

    /// Something could not be taken.
    pub(super) fn skip(&mut self, why: &str) {
        self.skipped += 1;
        output::say(&format!("skipped: {why}"));
    }
}
