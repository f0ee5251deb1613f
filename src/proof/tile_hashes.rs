//! The tree as its tiles hold it, and the root of any part of it.
//!
//! Level 0 holds the leaves; hash `i` of a higher level is the root over hashes `256 * i` to `256 * i + 255` of the level
//! below, and exists only once all of those do. So any subtree of 2^k leaves is at most 128 neighbours of one tile away,
//! and a proof reads a few kilobytes whatever the size of the log.

use super::fault::ProofFault;
use super::tree::{Frontier, Hash, TILE, empty_root, node_hash};
use std::ops::Range;

/// Where the hashes of a tree's tiles are read.
pub trait TileHashes {
    /// Why they cannot be.
    type Error: From<ProofFault>;

    /// Fills `hashes` with those of the level from index `first` on. They are never more than a tile and always of one
    /// tile.
    ///
    /// # Errors
    ///
    /// If one of them is not there: [`ProofFault::MissingHash`].
    fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<(), Self::Error>;
}

impl<T: TileHashes + ?Sized> TileHashes for &T {
    type Error = T::Error;

    fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<(), Self::Error> {
        (**self).read(level, first, hashes)
    }
}

/// The root of the tree at a size that it has or once had.
///
/// # Errors
///
/// Whatever reading the hashes fails with.
pub fn root_at<T: TileHashes>(hashes: &T, size: u64) -> Result<Hash, T::Error> {
    range_root(hashes, 0..size)
}

/// The root over the leaves of a range which begins where a subtree of its length may begin: at a multiple of the least
/// power of two that is not below its length. In RFC 6962, `MTH(D[start:end])`.
pub(super) fn range_root<T: TileHashes>(hashes: &T, range: Range<u64>) -> Result<Hash, T::Error> {
    let (mut start, mut roots) = (range.start, Vec::new());
    while start < range.end {
        let height = (range.end - start).ilog2();
        roots.push(perfect_root(hashes, height, start)?);
        start += 1 << height;
    }
    let mut roots = roots.into_iter().rev();
    let Some(last) = roots.next() else {
        return Ok(empty_root());
    };
    Ok(roots.fold(last, |right, left| node_hash(&left, &right)))
}

/// The root over 2^height leaves from a multiple of their number on.
fn perfect_root<T: TileHashes>(hashes: &T, height: u32, start: u64) -> Result<Hash, T::Error> {
    let level = height / 8;
    let mut nodes = vec![[0; 32]; 1 << (height % 8)];
    // A height is below 64, so the level is below 8.
    hashes.read(level as u8, start >> (8 * level), &mut nodes)?;
    Ok(nodes_root(&nodes))
}

/// All hashes of a tree's tiles in memory: 32 bytes a record, and a little.
#[derive(Debug, Clone, Default)]
pub struct MemoryTiles {
    levels: Vec<Vec<Hash>>,
}

impl MemoryTiles {
    /// The tree without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The hashes of a level, as a tree file holds them; none for a level that the tree does not have.
    #[must_use]
    pub fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Adds a leaf at the right end.
    pub fn push(&mut self, leaf: Hash) {
        let (mut hash, mut level) = (leaf, 0);
        loop {
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(level) else {
                return;
            };
            hashes.push(hash);
            if hashes.len() % TILE != 0 {
                return;
            }
            hash = nodes_root(hashes.rchunks(TILE).next().unwrap_or_default());
            level += 1;
        }
    }
}

impl Extend<Hash> for MemoryTiles {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl TileHashes for MemoryTiles {
    type Error = ProofFault;

    fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<(), ProofFault> {
        let missing = ProofFault::MissingHash { level, index: first };
        let stored = usize::try_from(first)
            .ok()
            .and_then(|first| self.level(level).get(first..));
        let stored = stored.and_then(|stored| stored.get(..hashes.len())).ok_or(missing)?;
        hashes.copy_from_slice(stored);
        Ok(())
    }
}

/// The tiles of a tree whose last leaves are not among the stored hashes yet. What stands above those is hashed anew
/// each time that it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct WithTail<'t, T> {
    /// Where the hashes over the first records are read.
    pub stored: T,
    /// How many records those are. Hashes that need more of them are not asked for there.
    pub count: u64,
    /// The leaves of the records behind.
    pub tail: &'t [Hash],
}

impl<T: TileHashes> WithTail<'_, T> {
    fn one(&self, level: u8, index: u64) -> Result<Hash, T::Error> {
        if index < self.count.checked_shr(8 * u32::from(level)).unwrap_or(0) {
            let mut hash = [[0; 32]];
            self.stored.read(level, index, &mut hash)?;
            let [hash] = hash;
            return Ok(hash);
        }
        let missing = ProofFault::MissingHash { level, index };
        if level == 0 {
            let place = usize::try_from(index - self.count).ok();
            return Ok(*place.and_then(|place| self.tail.get(place)).ok_or(missing)?);
        }
        let mut below = [[0; 32]; TILE];
        self.read(level - 1, index.checked_mul(TILE as u64).ok_or(missing)?, &mut below)?;
        Ok(nodes_root(&below))
    }
}

impl<T: TileHashes> TileHashes for WithTail<'_, T> {
    type Error = T::Error;

    fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<(), T::Error> {
        let held = self.count.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let stored = held.saturating_sub(first).min(hashes.len() as u64);
        let (old, new) = hashes.split_at_mut(stored as usize);
        if !old.is_empty() {
            self.stored.read(level, first, old)?;
        }
        for (hash, index) in new.iter_mut().zip(first + stored..) {
            *hash = self.one(level, index)?;
        }
        Ok(())
    }
}

/// The root over neighbours of one level.
fn nodes_root(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    hashes.iter().for_each(|hash| tree.push(*hash));
    tree.root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::naive;

    #[test]
    fn roots_of_every_size_and_place_of_the_tail() {
        let leaves = naive::leaves(1_200);
        let mut tiles = MemoryTiles::new();
        tiles.extend(leaves.iter().copied());
        for size in 0..=leaves.len() {
            let root = naive::root(&leaves[..size]);
            assert_eq!(root_at(&tiles, size as u64), Ok(root), "size {size}");
        }
        for count in [0, 1, 255, 256, 257, 512, 700, 1_199, 1_200] {
            let mut stored = MemoryTiles::new();
            stored.extend(leaves[..count].iter().copied());
            let both = WithTail {
                stored: &stored,
                count: count as u64,
                tail: &leaves[count..],
            };
            for level in 0..2 {
                for (index, hash) in tiles.level(level).iter().enumerate() {
                    let mut read = [[0; 32]];
                    both.read(level, index as u64, &mut read).unwrap();
                    assert_eq!(read, [*hash]);
                }
            }
            for size in [1, 256, 511, 800, 1_200] {
                assert_eq!(root_at(&both, size), root_at(&tiles, size));
            }
            assert_eq!(
                root_at(&both, 1_201),
                Err(ProofFault::MissingHash { level: 0, index: 1_200 })
            );
        }
    }

    #[test]
    fn far_beyond_is_missing_and_no_panic() {
        let tiles = MemoryTiles::new();
        let tail = [[7; 32]; 3];
        let both = WithTail {
            stored: &tiles,
            count: 0,
            tail: &tail,
        };
        for size in [4, 1 << 20, i64::MAX as u64] {
            assert!(root_at(&tiles, size).is_err());
            assert!(root_at(&both, size).is_err());
        }
    }
}
