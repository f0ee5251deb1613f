//! Where a record is, and its text with everything in its place.

use super::askable::Logs;
use super::scan::whole_text;
use super::trace;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::log::Fault;
use crate::query::Askable;
use crate::record::look::shown;
use crate::record::read_keys;

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

    /// The record that defines the text behind a digest which the record there names, and what could not be asked. The first
    /// one of which the text fits; if none does, the first of all.
    pub(super) fn defined(&self, digest: &str, named_by: &Place) -> Result<(Option<Defined>, Vec<Fault>)> {
        let (mut found, mut faults): (Option<Defined>, Vec<Fault>) = (None, Vec::new());
        let logs = &self.logs.asked;
        let own = |asked: &&Askable| *asked.files.log == *named_by.log;
        let beside = logs.iter().filter(own).map(|asked| (asked, Some(named_by.seq)));
        for (Askable { files, .. }, beside) in beside.chain(logs.iter().map(|asked| (asked, None))) {
            let (seqs, fault) = files.find_definitions(digest, beside);
            Fault::add_new(&mut faults, fault);
            for seq in seqs {
                let line = match files.line(seq) {
                    Ok(line) => line,
                    Err(Error::Damaged { faults: more, .. }) => {
                        faults.extend(more);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let Some(entry) = line.and_then(|line| Entry::new(&files.log, line)) else {
                    continue;
                };
                let defines = read_keys(entry.members()).defines;
                if defines.as_deref() != Some(digest) {
                    continue;
                }
                let (text, unread) = self.of(&entry);
                faults.extend(unread);
                let fits = fits(digest, shown(&text, &["definition", "text"]).as_deref());
                let defined = Defined {
                    place: place_of(&entry),
                    text,
                    fits,
                };
                if fits != Fits::Not {
                    return Ok((Some(defined), Vec::new()));
                }
                found.get_or_insert(defined);
            }
        }
        Ok((found, faults))
    }
}

/// A record that defines the text behind a digest.
pub(super) struct Defined {
    pub(super) place: Place,
    /// The whole record.
    pub(super) text: String,
    pub(super) fits: Fits,
}

/// Whether the digest of a text is the one that its record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    /// It is another one, or there is no text.
    Not,
    /// It is of a kind that is not known here.
    Unknown,
}

fn fits(digest: &str, text: Option<&str>) -> Fits {
    match text {
        None => Fits::Not,
        Some(_) if !digest.starts_with("sha256:") => Fits::Unknown,
        Some(text) if crate::record::digest(text.as_bytes()).eq_ignore_ascii_case(digest) => Fits::Yes,
        Some(_) => Fits::Not,
    }
}
