//! Where output goes: stdout in large pieces, stderr line by line. A reader that went away ends the command quietly.
//!
//! Records' own lines go out byte for byte ([`Out::line`]); what is said about them never holds anything that a terminal
//! would obey, whatever it quotes. The escapes are JSON's, so that an answer in JSON stays the same answer.

use super::Stop;
use crate::log::Fault;
use crate::query::{Reach, Stopped, Unasked};
use crate::record::printable_lines;
use std::io::{self, BufWriter, StdoutLock, Write};

/// Stdout, buffered.
pub(super) struct Out {
    to: BufWriter<StdoutLock<'static>>,
}

impl Out {
    pub(super) fn new() -> Self {
        Out {
            to: BufWriter::with_capacity(256 << 10, io::stdout().lock()),
        }
    }

    /// Writes a line as it is.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Stop> {
        self.to.write_all(text.as_bytes())?;
        Ok(self.to.write_all(b"\n")?)
    }

    /// Hands everything on.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        Ok(self.to.flush()?)
    }
}

/// Writes a line about records to stdout at once.
pub(super) fn print(text: &str) -> Result<(), Stop> {
    let mut out = Out::new();
    out.line(&printable_lines(text))?;
    out.flush()
}

/// Names to stderr what an answer had to leave out.
pub(super) fn unreadable(faults: &[Fault]) {
    for fault in faults {
        say(&format!("auditdb: could not be read: {fault}"));
    }
}

/// Names to stderr everything that an answer had to leave out.
pub(super) fn left_out(reach: &Reach) {
    for Unasked { log, why, .. } in &reach.unasked {
        say(&format!("auditdb: the log {log} could not be asked: {why}"));
    }
    unreadable(&reach.unreadable);
}

/// Why it was not looked any further, in words.
pub(super) fn stopped(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::Limit => "there were enough",
        Stopped::Deadline => "the time was up",
        Stopped::Cancelled => "it was cancelled",
    }
}

/// The logs that could not be asked, for machines.
pub(super) fn unasked(reach: &Reach) -> Vec<serde_json::Value> {
    let object = |unasked: &Unasked| serde_json::json!({ "log": unasked.log, "why": unasked.why.to_string() });
    reach.unasked.iter().map(object).collect()
}

/// Writes a line to stderr; nobody has to read it.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable_lines(text));
}
