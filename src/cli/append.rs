//! `auditdb append`: JSON Lines in, each durable before it is reported.
//!
//! What must hold: what the command says is in is in, to the record; and whatever ends it early, it says from which line
//! on to go on, so that nothing is left out and nothing is sent twice.

use super::figures::count;
use super::lines::{Line, What, lines};
use super::output::Out;
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::error::Error;
use crate::log::{Options, Receipt};
use crate::record::{Prepared, RECORD_LIMIT, Refusal, printable};
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Append records, given as JSON Lines, also beside a running agent.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  echo '{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\"}' | auditdb append my-db --receipts\n  \
    auditdb append my-db --check < /dev/null"
)]
pub(super) struct Append {
    #[command(flatten)]
    at: Where,
    /// Where the records are; - for standard input, which is the default.
    #[arg(value_name = "FILE")]
    file: Option<OsString>,
    /// Print a receipt for each record, as JSON, as soon as it is durable. If nobody reads them any more, the input is
    /// stored to its end all the same, and the exit code is 3.
    #[arg(long)]
    receipts: bool,
    /// Keep lines that are refused in this file, and go on; without it the first one ends the command.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    rejects: Option<PathBuf>,
    /// Only check the lines; nothing is stored.
    #[arg(long, conflicts_with = "receipts")]
    check: bool,
}

impl Append {
    pub(super) fn run(self) -> Outcome {
        let (dir, rest) = self.at.dir_before(self.file.as_slice(), 0..=1, "FILE")?;
        let file = rest.into_iter().next().unwrap_or_else(|| "-".into());
        let (reader, total) = open(&file)?;
        let db = if self.check { None } else { Some(self.at.join(&dir)?) };
        let rejects = self.rejects.as_deref().map(open_rejects).transpose()?;
        let mut intake = Intake {
            db,
            rejects,
            receipts: self.receipts.then(Out::new),
            goes_on: self.check || self.rejects.is_some(),
            pending: Pending::default(),
            stored: 0,
            refused: 0,
            settled: 0,
            unreceipted: 0,
        };
        let progress = Progress::new("appending", true);
        let shown = total.filter(|_| !(self.receipts && io::stdout().is_terminal()));
        let mut outcome = Ok(());
        for (batch, read) in lines(reader) {
            outcome = batch.into_iter().try_for_each(|line| intake.line(line));
            outcome = outcome.and_then(|()| intake.flush());
            if outcome.is_err() {
                break;
            }
            if let Some(total) = shown {
                progress.at(read, total);
            }
        }
        progress.end();
        self.report(outcome, &intake, &dir, &file)
    }

    fn report(&self, outcome: Result<(), Halt>, intake: &Intake, dir: &Path, file: &OsStr) -> Outcome {
        let Intake {
            stored,
            refused,
            settled,
            unreceipted,
            ..
        } = *intake;
        let mut printed = Ok(());
        if self.at.json && !self.receipts {
            let answer = serde_json::json!({ "records": stored, "refused": refused, "last_line": settled });
            printed = output::print(&answer.to_string());
        } else {
            let verb = if self.check { "are fine" } else { "are in" };
            output::say(&format!("{} records {verb}, {} refused", count(stored), count(refused)));
        }
        if unreceipted > 0 {
            let unreceipted = count(unreceipted);
            output::say(&format!(
                "the receipts of the last {unreceipted} records are not out, or not in full; the records are in"
            ));
        }
        if let Err(halt) = outcome {
            if !self.check {
                output::say(&halt.how_to_go_on(settled, &self.command(dir, file, settled + 1)));
            }
            return Err(halt.into());
        }
        printed?;
        Ok(match (refused, unreceipted) {
            (0, 0) => Answer::Yes,
            _ if self.check => Answer::No,
            _ => Answer::Partial,
        })
    }

    /// What goes on from that line with what is left.
    fn command(&self, dir: &Path, file: &OsStr, next: u64) -> String {
        let input = if file == "-" {
            format!("… | tail -n +{next}")
        } else {
            format!("tail -n +{next} {}", for_a_shell(file))
        };
        let mut command = format!("{input} | auditdb append {}", for_a_shell(dir.as_os_str()));
        if self.receipts {
            command.push_str(" --receipts");
        }
        if let Some(rejects) = &self.rejects {
            command.push_str(&format!(" --rejects {}", for_a_shell(rejects.as_os_str())));
        }
        command
    }
}

/// Why the input was not taken to its end.
enum Halt {
    /// This line is no record.
    Refused(String),
    /// The input cannot be read any further.
    Reading(String),
    /// Refused lines cannot be kept.
    Rejects(String),
    /// The lines up to this one could not be stored.
    Storing(Error, u64),
}

impl Halt {
    fn how_to_go_on(&self, settled: u64, command: &str) -> String {
        let next = settled + 1;
        let sure = match settled {
            0 => "no line is done yet".to_owned(),
            settled => format!("everything up to line {settled} is durable"),
        };
        match self {
            Halt::Refused(_) => format!("{sure}; once the line is mended, go on from line {next}: {command}"),
            Halt::Reading(_) | Halt::Rejects(_) => format!("{sure}; go on from line {next}: {command}"),
            Halt::Storing(Error::DiskFull { .. }, _) => {
                format!("{sure}; make room, then go on from line {next}: {command}")
            }
            Halt::Storing(_, last) => format!(
                "{sure}; whether lines {next} to {last} are in cannot be told from here: look with `auditdb tail`, then \
                 go on (a record with an id or a source is stored once, however often it is sent): {command}"
            ),
        }
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Refused(message) | Halt::Reading(message) | Halt::Rejects(message) => Stop::CouldNot(message),
            Halt::Storing(error, _) => error.into(),
        }
    }
}

/// Lines on their way into the log.
struct Intake {
    /// None if lines are only checked.
    db: Option<Database>,
    rejects: Option<File>,
    receipts: Option<Out>,
    /// Whether refused lines do not end it.
    goes_on: bool,
    pending: Pending,
    stored: u64,
    refused: u64,
    /// Nothing up to this line has to be sent again.
    settled: u64,
    /// So many records are in without that their receipts went out.
    unreceipted: u64,
}

/// What was read and goes together: one commit, so that it is in as a whole or not at all.
#[derive(Default)]
struct Pending {
    good: Vec<Vec<u8>>,
    weight: usize,
    bad: Vec<(String, Vec<u8>)>,
    last: u64,
}

impl Intake {
    fn line(&mut self, Line { number, what }: Line) -> Result<(), Halt> {
        match what {
            What::Text(text) if text.iter().all(u8::is_ascii_whitespace) => Ok(()),
            What::Text(text) => match Prepared::new(&text, RECORD_LIMIT) {
                Ok(prepared) => self.take(number, text, prepared.weight()),
                Err(refusal) => self.refuse(number, said(number, &refusal), text),
            },
            What::Overlong(text) => {
                let message = format!("line {number}: longer than the {RECORD_LIMIT} bytes that a record may have");
                self.flush()?;
                self.refuse(number, message, text)?;
                self.pending.last = number;
                self.keep_refused(false)
            }
            What::More(text) => self.keep(&text),
            What::Failed(error) => {
                self.flush()?;
                Err(Halt::Reading(format!("reading line {number}: {error}")))
            }
        }
    }

    fn take(&mut self, number: u64, text: Vec<u8>, weight: usize) -> Result<(), Halt> {
        if self.pending.weight + weight > Options::default().frame_bytes {
            self.flush()?;
        }
        self.pending.weight += weight;
        self.pending.good.push(text);
        self.pending.last = number;
        Ok(())
    }

    fn refuse(&mut self, number: u64, message: String, text: Vec<u8>) -> Result<(), Halt> {
        if !self.goes_on {
            self.flush()?;
            self.refused += 1;
            return Err(Halt::Refused(message));
        }
        self.pending.bad.push((message, text));
        self.pending.last = number;
        Ok(())
    }

    /// Stores what is pending; only then are its refused lines kept, so that going on keeps none of them twice.
    fn flush(&mut self) -> Result<(), Halt> {
        let good = std::mem::take(&mut self.pending.good);
        self.pending.weight = 0;
        if let Some(db) = self.db.as_ref().filter(|_| !good.is_empty()) {
            // Every line is valid UTF-8 once it was accepted.
            let texts = good.iter().filter_map(|line| std::str::from_utf8(line).ok());
            let appended = db.append_all_json(texts);
            let appended = appended.map_err(|error| Halt::Storing(error, self.pending.last))?;
            self.stored += good.len() as u64;
            self.hand_out(&appended.receipts);
        } else {
            self.stored += good.len() as u64;
        }
        self.keep_refused(true)
    }

    /// Says what was refused and keeps it; the newline is left out where the line goes on.
    fn keep_refused(&mut self, ends: bool) -> Result<(), Halt> {
        self.settled = self.settled.max(self.pending.last);
        let bad = std::mem::take(&mut self.pending.bad);
        self.refused += bad.len() as u64;
        for (message, _) in &bad {
            output::say(message);
        }
        for (_, text) in bad {
            self.keep(&text)?;
            if ends {
                self.keep(b"\n")?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, text: &[u8]) -> Result<(), Halt> {
        let Some(file) = &mut self.rejects else { return Ok(()) };
        let kept = file.write_all(text);
        kept.map_err(|error| {
            Halt::Rejects(format!(
                "writing the rejects: {error}; refused lines named above may be missing there"
            ))
        })
    }

    /// Prints receipts. The records are in whether or not anybody reads that, so the input goes on.
    fn hand_out(&mut self, receipts: &[Receipt]) {
        let Some(out) = &mut self.receipts else { return };
        let print = |out: &mut Out| {
            for receipt in receipts {
                out.line(&receipt.to_json())?;
            }
            out.flush()
        };
        if self.unreceipted > 0 || print(out).is_err() {
            if self.unreceipted == 0 {
                output::say("receipts cannot be printed any more; the rest of the input is stored all the same");
            }
            self.unreceipted += receipts.len() as u64;
        }
    }
}

fn said(number: u64, refusal: &Refusal) -> String {
    let path = match refusal.path.as_str() {
        "" => String::new(),
        path => format!("{}: ", printable(path)),
    };
    format!("line {number}, column {}: {path}{}", refusal.column, refusal.reason)
}

/// The input, and how long it is where that is known.
fn open(file: &OsStr) -> Result<(Box<dyn Read + Send>, Option<u64>), Stop> {
    if file == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let io = |error| Stop::CouldNot(format!("opening {}: {error}", file.display()));
    let opened = File::open(file).map_err(io)?;
    let meta = opened.metadata().map_err(io)?;
    if meta.is_dir() {
        return Err(io(io::ErrorKind::IsADirectory.into()));
    }
    Ok((Box::new(opened), Some(meta.len()).filter(|_| meta.is_file())))
}

#[expect(clippy::disallowed_methods, reason = "a file of the user's, not of the log")]
fn open_rejects(path: &Path) -> Result<File, Stop> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| Stop::CouldNot(format!("opening {}: {error}", path.display())))
}

/// A word as a shell takes it.
fn for_a_shell(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_the_cause() {
        let full = Error::DiskFull { path: "journal".into() };
        assert!(!full.to_string().contains("append"));
        let hint = Halt::Storing(full, 9).how_to_go_on(4, "tail …");
        assert!(hint.contains("make room") && hint.contains("line 5") && !hint.contains("mended"));
        let hint = Halt::Storing(Error::Closed, 9).how_to_go_on(4, "tail …");
        assert!(hint.contains("lines 5 to 9"), "{hint}");
        assert!(Halt::Refused(String::new()).how_to_go_on(0, "").contains("mended"));
        assert_eq!(for_a_shell(OsStr::new("a b'c")), "'a b'\\''c'");
    }
}
