//! The tree and its proofs as the definitions of RFC 6962 say them, in tests only: slow, and short enough to be right.

use super::tree::{Hash, empty_root, leaf_hash, node_hash};

/// That many different leaves.
pub(super) fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(i.to_string().as_bytes())).collect()
}

/// The largest power of two below a length of at least two.
fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

/// `MTH(D)` of section 2.1.
pub(super) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = split(leaves);
            node_hash(&root(left), &root(right))
        }
    }
}

/// `PATH(m, D)` of section 2.1.1.
pub(super) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = split(leaves);
    let (mut path, sibling) = if index < left.len() {
        (path(index, left), right)
    } else {
        (path(index - left.len(), right), left)
    };
    path.push(root(sibling));
    path
}

/// `PROOF(m, D)` of section 2.1.2.
pub(super) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = split(leaves);
    let (mut proof, sibling) = if old <= left.len() {
        (subproof(old, left, whole), right)
    } else {
        (subproof(old - left.len(), right, false), left)
    };
    proof.push(root(sibling));
    proof
}
