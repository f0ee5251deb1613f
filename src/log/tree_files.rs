//! The tree's files: flat arrays of hashes. Level 0 holds the leaves of all sealed records; each hash of a higher level
//! is the root of 256 of the level below, as in C2SP tlog-tiles, so that a tile is a slice of a file.

use super::layout::Layout;
use crate::disk::{Disk, DiskFile, Open};
use crate::proof::{Frontier, Hash, TILE};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More levels than any log needs.
const LEVELS: u32 = 8;

/// Why the files could not be extended.
#[derive(Debug)]
pub(crate) struct TreeFailure {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// Writes the leaves of records that were sealed, the first of which has the seq `first`, and all that follows from
/// them on higher levels. Doing it again changes nothing.
pub(crate) fn extend(disk: &dyn Disk, layout: &Layout, first: u64, leaves: &[Hash]) -> Result<(), TreeFailure> {
    let (mut start, mut hashes) = (first, leaves.to_vec());
    for level in 0..LEVELS {
        if hashes.is_empty() {
            break;
        }
        let path = layout.tree(level);
        let extended = extend_level(disk, &path, start, &hashes);
        hashes = extended.map_err(|error| TreeFailure {
            path: path.clone(),
            error,
        })?;
        start /= TILE as u64;
    }
    disk.sync_dir(&layout.tree_dir()).map_err(|error| TreeFailure {
        path: layout.tree_dir(),
        error,
    })
}

/// The tree over the first `size` records, from as few hashes as the files' levels allow; `None` if they are not there.
pub(crate) fn frontier(disk: &dyn Disk, layout: &Layout, size: u64) -> Option<Frontier> {
    let (mut roots, mut at) = (Vec::new(), 0);
    for bit in (0..u64::BITS).rev().filter(|bit| size >> bit & 1 == 1) {
        // A subtree of 2^bit leaves is one of few hashes on the highest level that has whole ones of it.
        let level = (bit / TILE.ilog2()).min(LEVELS - 1);
        let below = level * TILE.ilog2();
        let hashes = read(disk, &layout.tree(level), at >> below, 1 << (bit - below))?;
        roots.push(root_of(&hashes));
        at += 1 << bit;
    }
    Frontier::from_roots(size, roots)
}

/// The same from level 0 alone.
pub(crate) fn frontier_of_leaves(disk: &dyn Disk, layout: &Layout, size: u64) -> Option<Frontier> {
    let mut tree = Frontier::new();
    while tree.size() < size {
        let count = (size - tree.size()).min(1 << 16);
        for leaf in read(disk, &layout.tree(0), tree.size(), count)? {
            tree.push(leaf);
        }
    }
    Some(tree)
}

/// So many hashes of a file, if it holds them.
pub(crate) fn read(disk: &dyn Disk, path: &Path, first: u64, count: u64) -> Option<Vec<Hash>> {
    let file = disk.open(path, Open::Read).ok()?;
    let end = first.checked_add(count)?.checked_mul(32)?;
    if file.len().ok()? < end {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(count * 32).ok()?];
    let read = file.read_at(&mut bytes, first * 32).ok()?;
    (read == bytes.len()).then(|| bytes.as_chunks::<32>().0.to_vec())
}

/// Writes hashes of one level and gives those of the next that became complete.
fn extend_level(disk: &dyn Disk, path: &Path, start: u64, hashes: &[Hash]) -> io::Result<Vec<Hash>> {
    let file = match disk.stat(path)? {
        Some(_) => disk.open(path, Open::Write)?,
        None => disk.open(path, Open::Create)?,
    };
    if file.len()? < start * 32 {
        return Err(io::Error::other(format!(
            "holds {} hashes and should hold {start}",
            file.len()? / 32
        )));
    }
    file.write_at(hashes.as_flattened(), start * 32)?;
    file.sync()?;
    let end = start + hashes.len() as u64;
    (start / TILE as u64..end / TILE as u64)
        .map(|tile| tile_root(&file, tile))
        .collect()
}

fn tile_root(file: &Arc<dyn DiskFile>, tile: u64) -> io::Result<Hash> {
    let mut bytes = vec![0; TILE * 32];
    if file.read_at(&mut bytes, tile * (TILE as u64) * 32)? < bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (hashes, _) = bytes.as_chunks::<32>();
    Ok(root_of(hashes))
}

/// The root over the hashes of one tile.
pub(crate) fn root_of(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    for hash in hashes {
        tree.push(*hash);
    }
    tree.root()
}
