//! The tree's hashes where the log has them: in the tree's files those over sealed records, in memory the leaves of the
//! others. A proof reads a few kilobytes of this, whatever the size of the log.

use super::layout::Layout;
use super::read::Files;
use super::tree_files;
use super::view::View;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::proof::{Hash, ProofFault, TileHashes, WithTail, root_at};

/// The tree's files.
pub(crate) struct StoredTiles<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) layout: &'a Layout,
}

impl TileHashes for StoredTiles<'_> {
    type Error = Error;

    fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<()> {
        let path = self.layout.tree(u32::from(level));
        let stored = tree_files::read(self.disk, &path, first, hashes.len() as u64);
        let stored = stored.ok_or(ProofFault::MissingHash { level, index: first })?;
        hashes.copy_from_slice(&stored);
        Ok(())
    }
}

/// Does something with the hashes over all records of a view.
pub(crate) fn with_tiles<T>(
    disk: &dyn Disk,
    layout: &Layout,
    view: &View,
    work: impl FnOnce(&WithTail<'_, StoredTiles<'_>>) -> Result<T>,
) -> Result<T> {
    let (count, tail) = unsealed(view);
    work(&WithTail {
        stored: StoredTiles { disk, layout },
        count,
        tail: &tail,
    })
}

/// The first record that is not sealed, and the leaves from it on.
fn unsealed(view: &View) -> (u64, Vec<Hash>) {
    let first = view.journals.first().map_or(0, |journal| journal.first_seq);
    let leaves = view.journals.iter().flat_map(|journal| journal.leaves.iter().copied());
    (first, leaves.collect())
}

impl Files {
    /// The root of the tree over the first records, so many of them.
    pub(crate) fn root_at(&self, size: u64) -> Result<Hash> {
        self.with_tiles(|tiles| root_at(tiles, size))
    }

    /// Does something with the hashes over all records. The view is held only as long as its leaves are copied.
    pub(crate) fn with_tiles<T>(&self, work: impl FnOnce(&WithTail<'_, StoredTiles<'_>>) -> Result<T>) -> Result<T> {
        let (count, tail) = unsealed(&self.view.read());
        let (disk, layout) = (&*self.disk, &self.layout);
        work(&WithTail {
            stored: StoredTiles { disk, layout },
            count,
            tail: &tail,
        })
    }
}
