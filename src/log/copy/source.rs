//! What there is to copy, listed once.

use crate::disk::{Disk, Kind};
use crate::error::{Error, Result};
use crate::log::layout::Layout;
use crate::log::open::identify;
use crate::log::replay::{Listing, OpenedJournal, committed, list_and_open};
use crate::log::tombstone;
use std::path::Path;

/// The files of the log that is copied.
pub(super) struct Source {
    pub(super) log: String,
    pub(super) log_id: [u8; 16],
    /// Listed before the records are: what announces them is copied then.
    pub(super) tombstones: Vec<u64>,
    pub(super) listing: Listing,
    /// Its journals, opened: one that is sealed meanwhile stays readable.
    pub(super) files: Vec<OpenedJournal>,
}

impl Source {
    pub(super) fn read(disk: &dyn Disk, layout: &Layout) -> Result<Self> {
        no_links(disk, layout)?;
        let io = |error| Error::io("listing", layout.root(), error);
        let identity = identify(disk, layout)?.ok_or_else(|| Error::NotADatabase {
            path: layout.root().to_owned(),
        })?;
        let (tombstones, _) = tombstone::list(disk, layout).map_err(io)?;
        let (mut listing, files) = list_and_open(disk, layout).map_err(io)?;
        // Until a journal is gone it is what counts.
        let first_journal = listing.journals.first().copied().unwrap_or(u64::MAX);
        listing.segments.retain(|seq| *seq < first_journal);
        Ok(Source {
            log: identity.name().to_owned(),
            log_id: identity.log_id,
            tombstones,
            listing,
            files,
        })
    }

    /// The seq of the first record in any of its files.
    pub(super) fn first_file(&self) -> u64 {
        let first = self.listing.segments.first().or(self.listing.journals.first());
        first.copied().unwrap_or(0)
    }
}

/// Whether a log's directories are directories: a link in their place could lead anywhere.
pub(crate) fn no_links(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    let logs = layout.root().parent().map(Path::to_owned);
    let more = [layout.tombstone_dir(), layout.index_dir()];
    for dir in logs.into_iter().chain(layout.dirs()).chain(more) {
        let stat = disk.stat(&dir).map_err(|error| Error::io("looking for", &dir, error))?;
        if stat.is_some_and(|stat| stat.kind != Kind::Dir) {
            let why = "it is a link or a file, and should be a directory";
            return Err(Error::io("reading", dir, std::io::Error::other(why)));
        }
    }
    Ok(())
}

/// The id of a log, if it has a record.
pub(crate) fn log_id(disk: &dyn Disk, layout: &Layout) -> Result<Option<[u8; 16]>> {
    Ok(identify(disk, layout)?.map(|identity| identity.log_id))
}

/// Whether a log's directory has a file of records.
pub(crate) fn has_file(disk: &dyn Disk, layout: &Layout) -> bool {
    Listing::read(disk, layout).is_ok_and(|listing| !listing.journals.is_empty() || !listing.segments.is_empty())
}

/// What shows of a log without looking into its files: its segments, and everything else that tells that there is something
/// to copy; `None` where nothing tells how far its journal is.
pub(crate) fn shown(disk: &dyn Disk, layout: &Layout) -> Option<(Vec<u64>, Vec<u8>)> {
    let told = committed(disk, layout)?;
    let listing = Listing::read(disk, layout).ok()?;
    let mut all = format!("{told:?}{:?}", listing.journals).into_bytes();
    for dir in [layout.checkpoint_dir(), layout.tombstone_dir(), layout.index_dir()] {
        all.extend(disk.list(&dir).unwrap_or_default().concat().into_bytes());
    }
    Some((listing.segments, all))
}
