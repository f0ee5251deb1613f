//! Consistency proofs: that a tree continues an older one, so that nothing of it was changed or taken away (RFC 6962
//! section 2.1.2, RFC 9162 section 2.1.4).

use super::fault::ProofFault;
use super::inclusion::split;
use super::tile_hashes::{TileHashes, range_root};
use super::tree::{Hash, empty_root, node_hash};

/// The hashes that lead from the root of the tree at size `old` to that at size `new`: `PROOF` of RFC 6962 section 2.1.2.
/// There are none if the sizes are equal, or if the old one is 0, which everything continues.
///
/// # Errors
///
/// [`ProofFault::Beyond`] if the old tree is the larger one, and whatever reading the hashes fails with.
pub fn prove_consistency<T: TileHashes>(hashes: &T, old: u64, new: u64) -> Result<Vec<Hash>, T::Error> {
    if old > new {
        return Err(ProofFault::Beyond { index: old, size: new }.into());
    }
    let (mut start, mut end, mut proof) = (0, new, Vec::new());
    // Down to the subtree at whose end the old tree ends.
    while old != 0 && old != end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range_root(hashes, middle..end)?);
            end = middle;
        } else {
            proof.push(range_root(hashes, start..middle)?);
            start = middle;
        }
    }
    // If that is all of the old tree, whoever checks knows its root.
    if old != 0 && start != 0 {
        proof.push(range_root(hashes, start..end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree of size `new` and root `new_root` continues the one of size `old` and root `old_root`: the
/// algorithm of RFC 9162 section 2.1.4.2. Between equal sizes the roots have to be equal and the proof empty; from size
/// 0 the proof is empty too.
///
/// # Errors
///
/// [`ProofFault::Beyond`] if the old tree is the larger one, [`ProofFault::Inconsistent`].
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofFault> {
    let wrong = ProofFault::Inconsistent { old, new };
    let ok_if = |holds: bool| if holds { Ok(()) } else { Err(wrong.clone()) };
    if old > new {
        return Err(ProofFault::Beyond { index: old, size: new });
    }
    if old == new {
        let roots_may_be = old_root == new_root && (new != 0 || *new_root == empty_root());
        return ok_if(proof.is_empty() && roots_may_be);
    }
    if old == 0 {
        return ok_if(proof.is_empty() && *old_root == empty_root());
    }
    // An old tree that is one perfect subtree is where the walk starts, and is left out of the proof.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(wrong.clone())?
    };
    if proof.is_empty() {
        return Err(wrong);
    }
    // `fn`, `sn`, then `fr` and `sr` in the RFC.
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    ok_if(last == 0 && old_hash == *old_root && new_hash == *new_root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::tile_hashes::MemoryTiles;
    use crate::proof::{base64, naive, root_at, vector};
    use proptest::prelude::*;

    /// The proofs that certificate-transparency's own tests expect.
    #[test]
    fn known_answers_of_rfc_6962() {
        let tiles = vector::rfc_tiles();
        for (old, new, expected) in [
            (1, 1, vec![]),
            (
                1,
                8,
                vec![
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                vec![
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                vec![
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ] {
            let proof = prove_consistency(&tiles, old, new).unwrap();
            assert_eq!(proof, expected.into_iter().map(vector::hash).collect::<Vec<_>>());
            let (old_root, new_root) = (root_at(&tiles, old).unwrap(), root_at(&tiles, new).unwrap());
            verify_consistency(old, &old_root, new, &new_root, &proof).unwrap();
        }
    }

    #[test]
    fn the_fixed_vector() {
        let tiles = vector::tiles();
        let proof = prove_consistency(&tiles, 3, 5).unwrap();
        let lines: Vec<String> = proof.iter().map(|hash| base64::encode(hash)).collect();
        assert_eq!(lines, vector::CONSISTENCY_3_TO_5);
        let (old, new) = (vector::tree(3).root(), vector::tree(5).root());
        verify_consistency(3, &old, 5, &new, &proof).unwrap();
    }

    /// On which side each hash of the proof stands: what the walk of the RFC depends on, besides the hashes.
    fn shape(old: usize, new: usize) -> Vec<bool> {
        let (mut sides, mut start, mut end) = (Vec::new(), 0, new);
        while old != end {
            let middle = start + split((end - start) as u64) as usize;
            sides.push(old <= middle);
            if old <= middle {
                end = middle;
            } else {
                start = middle;
            }
        }
        sides
    }

    #[test]
    fn every_pair_of_small_trees() {
        let leaves = naive::leaves(40);
        let mut tiles = MemoryTiles::new();
        tiles.extend(leaves.iter().copied());
        for new in 0..=leaves.len() {
            let new_root = naive::root(&leaves[..new]);
            for old in 0..=new {
                let proof = prove_consistency(&tiles, old as u64, new as u64).unwrap();
                if old > 0 {
                    assert_eq!(proof, naive::consistency(old, &leaves[..new]), "{old} to {new}");
                }
                for claimed in 0..=new + 1 {
                    let root = naive::root(&leaves[..claimed.min(leaves.len())]);
                    let verified = verify_consistency(claimed as u64, &root, new as u64, &new_root, &proof);
                    let holds = claimed == old || (proof.is_empty() && (claimed == 0 || claimed == new));
                    assert_eq!(verified.is_ok(), holds, "{old} as {claimed} to {new}");
                }
                let old_root = naive::root(&leaves[..old]);
                for claimed in (old + 1..=leaves.len() + 1).filter(|claimed| *claimed != new && !proof.is_empty()) {
                    let verified = verify_consistency(old as u64, &old_root, claimed as u64, &new_root, &proof);
                    // Some sizes have a proof of the same shape; the size itself is what the checkpoint signs.
                    let same_shape = shape(old, claimed) == shape(old, new);
                    assert_eq!(verified.is_ok(), same_shape, "{old} to {new} as {claimed}");
                }
            }
        }
        assert!(prove_consistency(&tiles, 3, 2).is_err());
    }

    proptest! {
        #[test]
        fn proofs_are_the_naive_ones_and_no_other_passes(
            new in 2_usize..1_500, place: prop::sample::Index, other: prop::sample::Index, bit in 0_usize..256,
        ) {
            let leaves = naive::leaves(new);
            let old = 1 + place.index(new - 1);
            let mut tiles = MemoryTiles::new();
            tiles.extend(leaves.iter().copied());
            let (old_root, new_root) = (naive::root(&leaves[..old]), naive::root(&leaves));
            let proof = prove_consistency(&tiles, old as u64, new as u64).unwrap();
            prop_assert_eq!(&proof, &naive::consistency(old, &leaves));
            let verify = |old_root: &Hash, new_root: &Hash, proof: &[Hash]| {
                verify_consistency(old as u64, old_root, new as u64, new_root, proof).is_ok()
            };
            prop_assert!(verify(&old_root, &new_root, &proof));
            let flipped = |hash: &Hash| { let mut hash = *hash; hash[bit / 8] ^= 1 << (bit % 8); hash };
            prop_assert!(!verify(&flipped(&old_root), &new_root, &proof));
            prop_assert!(!verify(&old_root, &flipped(&new_root), &proof));
            let mut changed = proof.clone();
            let at = other.index(proof.len());
            changed[at] = flipped(&changed[at]);
            prop_assert!(!verify(&old_root, &new_root, &changed));
            prop_assert!(!verify(&old_root, &new_root, &proof[1..]));
            changed = proof.clone();
            changed.push(new_root);
            prop_assert!(!verify(&old_root, &new_root, &changed));
        }
    }
}
