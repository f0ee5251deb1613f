//! Inclusion proofs: that a record stands at one position of a tree (RFC 6962 section 2.1.1, RFC 9162 section 2.1.3).

use super::fault::ProofFault;
use super::tile_hashes::{TileHashes, range_root};
use super::tree::{Hash, node_hash};

/// The hashes that lead from the leaf at `index` to the root of the tree at `size`, the leaf's sibling first: `PATH` of
/// RFC 6962 section 2.1.1. Reads at most the tiles above the leaf and those at the right edge of the tree.
///
/// # Errors
///
/// [`ProofFault::Beyond`] unless the index is below the size, and whatever reading the hashes fails with.
pub fn prove_inclusion<T: TileHashes>(hashes: &T, index: u64, size: u64) -> Result<Vec<Hash>, T::Error> {
    if index >= size {
        return Err(ProofFault::Beyond { index, size }.into());
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        let sibling = if index < middle { middle..end } else { start..middle };
        path.push(range_root(hashes, sibling)?);
        if index < middle {
            end = middle;
        } else {
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that a leaf stands at `index` of the tree with this size and root: the algorithm of RFC 9162 section 2.1.3.2.
///
/// # Errors
///
/// [`ProofFault::Beyond`], [`ProofFault::NotIncluded`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofFault> {
    if index >= size {
        return Err(ProofFault::Beyond { index, size });
    }
    // The leaf's number and that of the last leaf, at each height of the walk up; `fn`, `sn` and `r` in the RFC.
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    let wrong = ProofFault::NotIncluded { index, size };
    for sibling in path {
        if last == 0 {
            return Err(wrong);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // Where the last node has no sibling it is its own parent.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(wrong) }
}

/// The largest power of two below a length of at least two: where RFC 6962 divides a tree.
pub(super) fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::tile_hashes::MemoryTiles;
    use crate::proof::{naive, root_at, vector};
    use proptest::prelude::*;
    use std::cell::Cell;

    /// The proofs that certificate-transparency's own tests expect; positions from 0.
    #[test]
    fn known_answers_of_rfc_6962() {
        let tiles = vector::rfc_tiles();
        for (index, size, path) in [
            (0, 1, vec![]),
            (
                0,
                8,
                vec![
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                5,
                8,
                vec![
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                3,
                vec!["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
            ),
            (
                1,
                5,
                vec![
                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ] {
            let proof = prove_inclusion(&tiles, index, size).unwrap();
            assert_eq!(proof, path.into_iter().map(vector::hash).collect::<Vec<_>>());
            let root = root_at(&tiles, size).unwrap();
            verify_inclusion(&tiles.level(0)[index as usize], index, size, &proof, &root).unwrap();
        }
    }

    #[test]
    fn every_position_of_every_small_tree() {
        let leaves = naive::leaves(70);
        let mut tiles = MemoryTiles::new();
        tiles.extend(leaves.iter().copied());
        for size in 1..=leaves.len() {
            let root = naive::root(&leaves[..size]);
            for index in 0..size {
                let proof = prove_inclusion(&tiles, index as u64, size as u64).unwrap();
                assert_eq!(proof, naive::path(index, &leaves[..size]));
                for claimed in 0..=size + 1 {
                    let verified = verify_inclusion(&leaves[index], claimed as u64, size as u64, &proof, &root);
                    assert_eq!(verified.is_ok(), claimed == index, "{index} as {claimed} of {size}");
                }
                let short = proof.get(1..).unwrap_or_default();
                let long = [&proof[..], &[root]].concat();
                assert!(
                    proof.is_empty()
                        || verify_inclusion(&leaves[index], index as u64, size as u64, short, &root).is_err()
                );
                assert!(verify_inclusion(&leaves[index], index as u64, size as u64, &long, &root).is_err());
            }
        }
        assert_eq!(
            prove_inclusion(&tiles, 70, 70),
            Err(ProofFault::Beyond { index: 70, size: 70 })
        );
    }

    /// A source that counts what is read of it.
    struct Counted<'t>(&'t MemoryTiles, Cell<usize>, Cell<usize>);

    impl TileHashes for Counted<'_> {
        type Error = ProofFault;

        fn read(&self, level: u8, first: u64, hashes: &mut [Hash]) -> Result<(), ProofFault> {
            assert_eq!(
                first / 256,
                (first + hashes.len() as u64 - 1) / 256,
                "it crosses a tile"
            );
            self.1.set(self.1.get() + 1);
            self.2.set(self.2.get() + hashes.len());
            self.0.read(level, first, hashes)
        }
    }

    #[test]
    fn a_proof_out_of_a_million_reads_little() {
        let mut tiles = MemoryTiles::new();
        tiles.extend((0..1_000_000_u64).map(|i| {
            let mut leaf = [0; 32];
            leaf[..8].copy_from_slice(&i.to_le_bytes());
            leaf
        }));
        let root = root_at(&tiles, 1_000_000).unwrap();
        for index in [0, 1, 255, 256, 499_999, 777_777, 983_040, 999_424, 999_999] {
            let counted = Counted(&tiles, Cell::new(0), Cell::new(0));
            let proof = prove_inclusion(&counted, index, 1_000_000).unwrap();
            verify_inclusion(&tiles.level(0)[index as usize], index, 1_000_000, &proof, &root).unwrap();
            assert!(counted.1.get() <= 40, "{} reads", counted.1.get());
            assert!(counted.2.get() <= 4 * 256, "{} hashes", counted.2.get());
        }
    }

    proptest! {
        #[test]
        fn proofs_are_the_naive_ones_and_no_other_passes(
            size in 1_usize..1_500, place: prop::sample::Index, other: prop::sample::Index, bit in 0_usize..256,
        ) {
            let leaves = naive::leaves(size);
            let mut tiles = MemoryTiles::new();
            tiles.extend(leaves.iter().copied());
            let index = place.index(size);
            let root = naive::root(&leaves);
            let proof = prove_inclusion(&tiles, index as u64, size as u64).unwrap();
            prop_assert_eq!(&proof, &naive::path(index, &leaves));
            let verify = |leaf: &Hash, proof: &[Hash], root: &Hash| {
                verify_inclusion(leaf, index as u64, size as u64, proof, root).is_ok()
            };
            prop_assert!(verify(&leaves[index], &proof, &root));
            let flipped = |hash: &Hash| { let mut hash = *hash; hash[bit / 8] ^= 1 << (bit % 8); hash };
            prop_assert!(!verify(&flipped(&leaves[index]), &proof, &root));
            prop_assert!(!verify(&leaves[index], &proof, &flipped(&root)));
            if !proof.is_empty() {
                let mut changed = proof.clone();
                let at = other.index(proof.len());
                changed[at] = flipped(&changed[at]);
                prop_assert!(!verify(&leaves[index], &changed, &root));
            }
        }
    }
}
