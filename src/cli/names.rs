//! How a command names the records that it shows: by their seqs alone where the database has one log, as LOG/SEQ where it
//! has more.

use super::Where;
use super::query::quoted;
use crate::database::Database;
use crate::record::printable;

/// See the module.
#[derive(Debug)]
pub(super) struct Names {
    /// Whether more than one log is asked.
    pub(super) several: bool,
    /// The log that was asked for.
    log: Option<String>,
}

impl Names {
    pub(super) fn of(at: &Where, db: &Database) -> Self {
        Names {
            several: db.asked_logs().len() > 1,
            log: at.log().map(str::to_owned),
        }
    }

    /// As it is shown: `#7`, or `main.2/7`.
    pub(super) fn shown(&self, log: &str, seq: u64) -> String {
        if self.several {
            format!("{}/{seq}", printable(log))
        } else {
            format!("#{seq}")
        }
    }

    /// As it is typed in another command, with what has to stand behind it there.
    pub(super) fn typed(&self, log: &str, seq: u64) -> String {
        match &self.log {
            Some(log) => format!("{seq} --log {}", quoted(log)),
            None if self.several => format!("{}/{seq}", quoted(log)),
            None => seq.to_string(),
        }
    }
}
