//! `auditdb append`: JSON Lines in, each durable before it is reported.
//!
//! A thread reads, so that a slow producer has each record at once and a fast one is batched: what has arrived goes
//! together.

use super::figures::count;
use super::output::Out;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::record::{Prepared, RECORD_LIMIT, Refusal};
use clap::Args;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

/// Append records, given as JSON Lines, also beside a running agent.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  echo '{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\"}' | auditdb append my-db --receipts\n  \
    auditdb append my-db --check < /dev/null"
)]
pub(super) struct Append {
    #[command(flatten)]
    at: Where,
    /// Where the records are; - for standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Print a receipt for each record, as JSON, as soon as it is durable.
    #[arg(long)]
    receipts: bool,
    /// Keep lines that are refused in this file, and go on; without it the first one ends the command.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    rejects: Option<PathBuf>,
    /// Only check the lines; nothing is stored.
    #[arg(long, conflicts_with = "receipts")]
    check: bool,
}

/// A line with its number, from 1, or what reading it came to.
type Line = (u64, io::Result<Vec<u8>>);

/// What arrived goes together up to this many lines and bytes.
const BATCH_LINES: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

impl Append {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let db = if self.check { None } else { Some(Database::join(dir)?) };
        let mut rejects = self.rejects.as_deref().map(open_rejects).transpose()?;
        let mut out = Out::new();
        let (mut stored, mut last_good, mut refused) = (0_u64, 0_u64, 0_u64);
        let outcome = (|| {
            for batch in self.lines()? {
                let (mut good, mut stop) = (Vec::new(), None);
                for (number, line) in batch {
                    let line = line.map_err(|error| Stop::CouldNot(format!("line {number}: {error}")))?;
                    if line.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    match Prepared::new(&line, RECORD_LIMIT) {
                        Ok(_) => good.push((number, line)),
                        Err(refusal) => {
                            refused += 1;
                            let message = say_refusal(number, &refusal);
                            match &mut rejects {
                                Some(file) => {
                                    output::say(&message);
                                    file.write_all(&[&line, b"\n".as_slice()].concat())
                                        .map_err(|error| Stop::CouldNot(format!("writing the rejects: {error}")))?;
                                }
                                None if self.check => output::say(&message),
                                None => {
                                    stop = Some(message);
                                    break;
                                }
                            }
                        }
                    }
                }
                if let Some(db) = &db {
                    // Every line is valid UTF-8 once it was accepted.
                    let texts = good.iter().filter_map(|(_, line)| std::str::from_utf8(line).ok());
                    let appended = db.append_all_json(texts)?;
                    if self.receipts {
                        for receipt in &appended.receipts {
                            out.line(&receipt.to_json())?;
                        }
                        out.flush()?;
                    }
                }
                stored += good.len() as u64;
                last_good = good.last().map_or(last_good, |(number, _)| *number);
                if let Some(message) = stop {
                    return Err(Stop::CouldNot(message));
                }
            }
            Ok(())
        })();
        self.report(outcome, stored, last_good, refused)
    }

    fn report(&self, outcome: Result<(), Stop>, stored: u64, last_good: u64, refused: u64) -> Outcome {
        let verb = if self.check { "are fine" } else { "are in" };
        if self.at.json && !self.receipts {
            output::print(
                &serde_json::json!({ "records": stored, "refused": refused, "last_line": last_good }).to_string(),
            )?;
        } else {
            output::say(&format!("{} records {verb}, {} refused", count(stored), count(refused)));
        }
        match outcome {
            Ok(()) if refused > 0 && self.check => Ok(Answer::No),
            Ok(()) if refused > 0 => Ok(Answer::Partial),
            Ok(()) => Ok(Answer::Yes),
            Err(stop) => {
                if !self.check && !matches!(stop, Stop::BrokenPipe) {
                    let (next, file, dir) = (last_good + 1, self.file.display(), self.at.dir.display());
                    output::say(&format!(
                        "everything up to line {last_good} is durable; once the line is mended, go on from line {next}: \
                         tail -n +{next} {file} | auditdb append {dir}"
                    ));
                }
                Err(stop)
            }
        }
    }

    /// The lines, as they come, in batches.
    fn lines(&self) -> Result<Receiver<Vec<Line>>, Stop> {
        let reader: Box<dyn Read + Send> = if self.file == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let file = File::open(&self.file);
            Box::new(file.map_err(|error| Stop::CouldNot(format!("opening {}: {error}", self.file.display())))?)
        };
        let (send, receive) = sync_channel(2);
        std::thread::spawn(move || {
            let mut reader = BufReader::with_capacity(BATCH_BYTES, reader);
            let (mut batch, mut bytes, mut number) = (Vec::new(), 0, 0);
            loop {
                number += 1;
                let line = next_line(&mut reader);
                let Some(line) = line.transpose() else { break };
                let failed = line.is_err();
                bytes += line.as_ref().map_or(0, Vec::len);
                batch.push((number, line));
                let more_is_here = reader.buffer().contains(&b'\n');
                if !more_is_here || bytes >= BATCH_BYTES || batch.len() >= BATCH_LINES || failed {
                    bytes = 0;
                    if send.send(std::mem::take(&mut batch)).is_err() || failed {
                        return;
                    }
                }
            }
            if !batch.is_empty() {
                let _ = send.send(batch);
            }
        });
        Ok(receive)
    }
}

fn say_refusal(number: u64, refusal: &Refusal) -> String {
    let path = if refusal.path.is_empty() {
        String::new()
    } else {
        format!("{}: ", refusal.path)
    };
    format!("line {number}, column {}: {path}{}", refusal.column, refusal.reason)
}

/// The next line without its newline; a record's limit is a line's limit.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = RECORD_LIMIT as u64 + 1;
    reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == limit {
        return Err(io::Error::other(format!(
            "longer than the limit of {RECORD_LIMIT} bytes"
        )));
    }
    Ok(Some(line))
}

#[expect(clippy::disallowed_methods, reason = "a file of the user's, not of the log")]
fn open_rejects(path: &Path) -> Result<File, Stop> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| Stop::CouldNot(format!("opening {}: {error}", path.display())))
}
