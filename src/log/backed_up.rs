//! Up to where a log is backed up, as the log itself says. Whoever copied it tells its writer how far the copy is, and with
//! which root; the writer believes that only if it is its own root at that size, and records it. Every later `state` repeats
//! it.

use super::copy::Copy;
use super::events::system;
use super::fault::{Fault, What};
use super::handle::{Core, Log};
use super::layout::Layout;
use super::open::newest_state;
use super::replay::{ReadFailure, read_view};
use super::writer::{CommitFailure, Writer};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::proof::root_at;
use crate::record::format_time;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How far a backup of a log was when its writer heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackedUpTo {
    /// Where the backup is, in the words of who made it.
    pub to: String,
    /// How many records it has, from the first on, and how many of these are in sealed segments.
    pub size: u64,
    /// See `size`.
    pub sealed: u64,
    /// The root of the tree over them, in hexadecimal digits: it is the log's own.
    pub root: String,
    /// When the writer heard of it.
    pub at: String,
}

impl BackedUpTo {
    pub(crate) fn new(to: &Path, copy: &Copy) -> Self {
        BackedUpTo {
            to: to.display().to_string(),
            size: copy.size,
            sealed: copy.sealed,
            root: copy.root.clone(),
            at: String::new(),
        }
    }
}

/// The event of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) said: BackedUpTo,
}

impl Writer {
    /// Records how far a backup is, unless the log has another root there; gives the record's seq.
    fn backed_up(&mut self, mut said: BackedUpTo) -> std::result::Result<u64, CommitFailure> {
        let root = || self.files.with_tiles(|tiles| root_at(tiles, said.size));
        let same = said.size <= self.tip.next_seq() && super::events::hex(&root()?) == said.root;
        if !same || said.sealed > said.size {
            let why = format!(
                "it is said to have {} records of root {}, and this log has not",
                said.size, said.root
            );
            return Err(Error::Apart {
                path: said.to.into(),
                why,
            }
            .into());
        }
        said.at = format_time(self.files.disk.now());
        let name = "backup".to_owned();
        self.record(system(&Backup {
            name,
            said: said.clone(),
        }))?;
        self.terms.backup = Some(said);
        Ok(self.tip.next_seq().saturating_sub(1))
    }
}

impl Core {
    /// Records how far a backup is.
    pub(crate) fn backed_up(&self, said: BackedUpTo) -> Result<u64> {
        self.act(|writer| writer.backed_up(said))
    }
}

impl Log {
    /// Records how far a backup is.
    pub(crate) fn backed_up(&self, said: BackedUpTo) -> Result<u64> {
        self.core().backed_up(said)
    }
}

/// Up to where a log is backed up, as it says; `None` if it does not.
pub(crate) fn backed_up(disk: &dyn Disk, layout: &Layout) -> Result<Option<BackedUpTo>> {
    let Some((identity, state)) = newest_state(disk, layout)? else {
        return Ok(None);
    };
    match read_view(disk, layout, identity.log_id) {
        Ok((_, last)) => Ok(last.backup.or(state.backup)),
        Err(ReadFailure::Io(error)) => Err(Error::io("listing", layout.root(), error)),
        Err(ReadFailure::Fault(Fault {
            what: What::Format { .. },
            ..
        })) => Ok(None),
        Err(ReadFailure::Fault(_)) => Ok(state.backup),
    }
}
