//! Where a record is, and its text with everything in its place.

use super::askable::Logs;
use super::scan::whole_text;
use super::trace;
use crate::entry::Entry;
use crate::error::Result;
use crate::log::Fault;

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The log.
    pub log: String,
    /// Its place in that log.
    pub seq: u64,
}

pub(super) fn place_of(entry: &Entry) -> Place {
    Place {
        log: entry.log().to_owned(),
        seq: entry.seq(),
    }
}

/// The records' texts with everything in its place.
pub(super) struct Texts<'a> {
    pub(super) logs: &'a Logs,
}

impl Texts<'_> {
    /// Where its parts cannot be read, the line as it stands, and why.
    pub(super) fn of(&self, entry: &Entry) -> (String, Vec<Fault>) {
        let log = self.logs.named(entry.log()).and_then(|log| self.logs.asked.get(log));
        match log {
            Some(asked) => whole_text(&asked.files, entry),
            None => (entry.text().to_owned(), Vec::new()),
        }
    }

    /// The record of that id, in whichever log it is.
    pub(super) fn find(&self, id: &str) -> Result<Option<(Place, String)>> {
        let found = trace::find(self.logs, id)?;
        Ok(found.map(|entry| (place_of(&entry), self.of(&entry).0)))
    }
}
