//! `auditdb export`: the exact lines.

use super::output::Out;
use super::{Answer, Outcome, Where};
use crate::database::Database;
use clap::Args;
use std::ops::Range;

/// Print records exactly as they were hashed, one a line.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb export my-db > all.jsonl\n  auditdb export my-db --seq 0..100"
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
        let db = Database::open_read_only(self.at.dir()?)?;
        let mut out = Out::new();
        for entry in db.records(self.seq.unwrap_or(0..u64::MAX))? {
            match entry {
                Ok(entry) => out.line(entry.text())?,
                Err(error) => {
                    // What can be read is out before what is wrong is said.
                    out.flush()?;
                    return Err(error.into());
                }
            }
        }
        out.flush()?;
        Ok(Answer::Yes)
    }
}

/// Reads `A..B`, `A..`, `..B`, or a single seq.
pub(super) fn seqs(text: &str) -> Result<Range<u64>, String> {
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
