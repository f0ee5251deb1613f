//! `auditdb export`: the exact lines.

use super::output::Out;
use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::error::Error;
use clap::Args;
use std::io::IsTerminal;
use std::ops::Range;

/// Print records exactly as they were hashed, one a line: of all logs that are written, one log after the other.
#[derive(Debug, Args)]
#[command(
    after_help = "Records that cannot be read are named on standard error and stepped over; the exit code is then 3.\n\nExamples:\n  auditdb init my-db\n  auditdb export my-db > all.jsonl\n  auditdb export my-db --seq 0..100"
)]
pub(super) struct Export {
    #[command(flatten)]
    at: Where,
    /// Only these records: A..B, A.. or ..B, B excluded.
    #[arg(long, value_name = "A..B", value_parser = seqs)]
    seq: Option<Range<u64>>,
}

impl Export {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = match (self.at.log(), &self.seq) {
            // Seqs are of one log.
            (None, Some(_)) => vec![Database::open_read_only(&dir)?.identity().name().to_owned()],
            _ => self.at.shown(&dir)?,
        };
        let mut answer = Answer::Yes;
        for log in logs {
            if self.export(&Database::open_log(&dir, &log)?)? == Answer::Partial {
                answer = Answer::Partial;
            }
        }
        Ok(answer)
    }

    fn export(&self, db: &Database) -> Outcome {
        // Where the end cannot be read, what stands before it still can.
        let end = match db.len() {
            Err(Error::Damaged { .. }) => u64::MAX,
            len => len?,
        };
        if let Some(seqs) = self.seq.as_ref().filter(|seqs| seqs.start >= end) {
            return Err(Stop::No(none_there(seqs)));
        }
        let seqs = self.seq.clone().unwrap_or(0..u64::MAX);
        let earliest = db.earliest()?;
        if seqs.end <= earliest {
            // It says when they were dropped.
            db.get(seqs.start)?;
        }
        if seqs.start < earliest {
            output::say(&format!(
                "records {}..{earliest} were dropped by retention; what follows is all that is left",
                seqs.start
            ));
        }
        let seqs = seqs.start.max(earliest)..seqs.end;
        let (start, total) = (seqs.start, seqs.end.min(end).saturating_sub(seqs.start));
        let progress = Progress::new("exporting", false);
        // Lines on the same terminal are progress enough.
        let shown = !std::io::stdout().is_terminal();
        let mut out = Out::new();
        let mut answer = Answer::Yes;
        for entry in db.records(seqs)? {
            match entry {
                Ok(entry) => {
                    out.line(entry.text())?;
                    if shown {
                        progress.at(entry.seq().saturating_sub(start) + 1, total);
                    }
                }
                Err(error) => {
                    // What stands before it is out before what is wrong is said; then it goes on behind it.
                    out.flush()?;
                    output::say(&format!("auditdb: {error}"));
                    answer = Answer::Partial;
                }
            }
        }
        out.flush()?;
        progress.end();
        Ok(answer)
    }
}

/// What is said where no record has any of these seqs.
pub(super) fn none_there(seqs: &Range<u64>) -> String {
    let end = match seqs.end {
        u64::MAX => String::new(),
        end => end.to_string(),
    };
    format!(
        "no record has a seq in {}..{end}; `auditdb status` says how many there are",
        seqs.start
    )
}

/// Reads `A..B`, `A..`, `..B`, or a single seq.
pub(super) fn seqs(text: &str) -> Result<Range<u64>, String> {
    let seqs = range(text)?;
    if seqs.is_empty() {
        return Err(format!(
            "{text:?} has no seq in it: A..B goes from A up to, but not including, B"
        ));
    }
    Ok(seqs)
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str, absent: u64| match text {
        "" => Ok(absent),
        text => text
            .parse()
            .map_err(|_| format!("{text:?} is no seq; write A..B, as in 100..200")),
    };
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from, 0)?..number(to, u64::MAX)?),
        None => {
            let seq: u64 = text
                .parse()
                .map_err(|_| format!("{text:?} is no range; write A..B, as in 100..200"))?;
            Ok(seq..seq.saturating_add(1))
        }
    }
}
