//! Where a record is, and its text with everything in its place.

use super::scan::whole_text;
use super::trace::{self, Step};
use crate::entry::Entry;
use crate::error::Result;
use crate::log::{Fault, Files};
use crate::query::Askable;
use std::sync::Arc;

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The log.
    pub log: String,
    /// Its place in that log.
    pub seq: u64,
}

pub(super) fn place_of(step: &Step) -> Place {
    Place {
        log: step.log.clone(),
        seq: step.entry.seq(),
    }
}

/// The records' texts with everything in its place.
pub(super) struct Texts<'a> {
    pub(super) logs: &'a [Askable],
}

impl Texts<'_> {
    pub(super) fn of_step(&self, step: &Step) -> (String, Vec<Fault>) {
        self.of(
            self.logs
                .iter()
                .map(|asked| &asked.files)
                .find(|files| files.identity.name() == step.log),
            &step.entry,
        )
    }

    /// Where its parts cannot be read, the line as it stands, and why.
    pub(super) fn of(&self, files: Option<&Arc<Files>>, entry: &Entry) -> (String, Vec<Fault>) {
        match files {
            Some(files) => whole_text(files, entry),
            None => (entry.text().to_owned(), Vec::new()),
        }
    }

    /// The record of that id, in whichever log it is.
    pub(super) fn find(&self, id: &str) -> Result<Option<(Place, String)>> {
        let found = trace::find(self.logs, id)?;
        Ok(found.and_then(|(log, entry)| {
            let files = &self.logs.get(log)?.files;
            let place = Place {
                log: files.identity.name().to_owned(),
                seq: entry.seq(),
            };
            Some((place, self.of(Some(files), &entry).0))
        }))
    }
}
