//! The logs of a database beside the one that a handle is of: predecessors, successors that came to be since, and those
//! that records are routed to. They are
//! opened for reading when something is asked of them for the first time, and kept, with their indexes.
//!
//! What must hold: an answer shows what was in every log when it was asked; a log that is gone or cannot be opened is
//! named, and keeps nothing of the others back.

use super::{Indexes, lineage};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::{Fault, Files, Options, Reading, What};
use crate::query::{Askable, Unasked};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Those that were opened so far, by their names.
#[derive(Default)]
pub(super) struct Others {
    kept: Mutex<BTreeMap<String, Arc<Other>>>,
}

struct Other {
    reading: Reading,
    indexes: Indexes,
}

/// So many missing logs are named: a directory may be called anything, also `main.4000000000`.
const MISSING: usize = 100;

/// Where they are looked for.
pub(super) struct Line<'a> {
    pub(super) disk: &'a Arc<dyn Disk>,
    pub(super) path: &'a Path,
    pub(super) options: &'a Options,
    /// The log that the handle is of.
    pub(super) own: &'a str,
}

/// A log of the line, as far as it can be asked.
pub(super) enum Member {
    /// The handle's own.
    Own,
    Other(Askable),
    Not(Unasked),
}

impl Others {
    /// All logs of the line, the oldest first, as they are now.
    pub(super) fn line(&self, line: &Line<'_>) -> Vec<Member> {
        let listed = lineage::listed(&**line.disk, line.path);
        let unlisted = listed.as_ref().err().map(ToString::to_string);
        let mut names = listed.unwrap_or_default();
        if !names.iter().any(|name| name == line.own) {
            names.push(line.own.to_owned());
        }
        self.kept.lock().retain(|name, _| names.contains(name));
        let mut members: Vec<(String, Member)> = Vec::new();
        for name in names {
            let member = if name == line.own {
                Member::Own
            } else {
                match self.other(line, &name) {
                    Ok(other) => Member::Other(other.indexes.askable(Arc::clone(other.reading.files()))),
                    // One that is being created has no record yet; if a later one has, this one is missing.
                    Err(Error::NotADatabase { .. }) => continue,
                    Err(error) => not(line, &name, What::Unreadable(error.to_string())),
                }
            };
            members.push((name, member));
        }
        let known: BTreeSet<String> = members.iter().map(|(name, _)| name.clone()).collect();
        let missing = known.iter().flat_map(|name| lineage::before(name));
        let missing: BTreeSet<String> = missing.filter(|name| !known.contains(name)).take(MISSING).collect();
        for name in missing {
            let what = unlisted.clone().map_or(What::Missing, What::Unreadable);
            let member = not(line, &name, what);
            members.push((name, member));
        }
        members.sort_by(|(one, _), (other, _)| lineage::place(one).cmp(&lineage::place(other)));
        members.into_iter().map(|(_, member)| member).collect()
    }

    /// The files of the log of that name, if it is there.
    pub(super) fn files(&self, line: &Line<'_>, name: &str) -> Result<Option<Arc<Files>>> {
        if !lineage::listed(&**line.disk, line.path)?
            .iter()
            .any(|known| known == name)
        {
            return Ok(None);
        }
        match self.other(line, name) {
            Ok(other) => Ok(Some(Arc::clone(other.reading.files()))),
            Err(Error::NotADatabase { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One of the others, as it is now.
    fn other(&self, line: &Line<'_>, name: &str) -> Result<Arc<Other>> {
        let kept = self.kept.lock().get(name).cloned();
        if let Some(other) = kept {
            match other.reading.refresh() {
                Ok(()) => return Ok(other),
                // Perhaps another log stands in its place.
                Err(_) => _ = self.kept.lock().remove(name),
            }
        }
        let layout = lineage::layout(line.path, name, line.options);
        let other = Arc::new(Other {
            reading: Reading::open(Arc::clone(line.disk), layout)?,
            indexes: Indexes::of_a_reader(line.options),
        });
        self.kept.lock().insert(name.to_owned(), Arc::clone(&other));
        Ok(other)
    }
}

fn not(line: &Line<'_>, name: &str, what: What) -> Member {
    let layout = lineage::layout(line.path, name, line.options);
    Member::Not(Unasked {
        log: name.to_owned(),
        why: Fault::new(layout.root(), what),
    })
}
