//! The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1): SHA-256, a zero byte before a leaf's text, a one
//! byte before two nodes.

use sha2::{Digest, Sha256};

/// A node of the tree, or a link of the chain.
pub type Hash = [u8; 32];

/// How many hashes of one level make one of the next in the tree files, as in C2SP tlog-tiles.
pub const TILE: usize = 256;

/// The leaf of a record: SHA-256 over a zero byte and the record's text.
#[must_use]
pub fn leaf_hash(text: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(text).finalize().into()
}

/// The node above two others.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of the tree without records: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// All of a tree that is needed to grow it and to tell its root: the roots of the perfect subtrees of which it
/// consists, the largest (leftmost) first. There are as many as the size has one bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The tree without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of that size with these subtree roots; `None` if their number is not the size's.
    #[must_use]
    pub fn from_roots(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Frontier { size, roots })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The subtree roots, the largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf at the right end.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // A leaf completes one subtree for every one bit at the low end of the size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// The root of the whole tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty_root() };
        roots.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..split]), &naive(&leaves[split..]))
            }
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    /// The inputs and roots that certificate-transparency's own tests use for RFC 6962.
    #[test]
    fn known_answers_of_rfc_6962() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::new();
        assert_eq!(
            tree.root().to_vec(),
            hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
        for (input, root) in inputs.iter().zip(roots) {
            tree.push(leaf_hash(&hex(input)));
            assert_eq!(tree.root().to_vec(), hex(root), "size {}", tree.size());
        }
    }

    proptest! {
        #[test]
        fn grows_as_the_naive_tree(count in 0_usize..700) {
            let leaves: Vec<Hash> = (0..count).map(|i| leaf_hash(&i.to_string().into_bytes())).collect();
            let mut tree = Frontier::new();
            for leaf in &leaves {
                tree.push(*leaf);
            }
            prop_assert_eq!(tree.root(), naive(&leaves));
            prop_assert_eq!(tree.roots().len(), count.count_ones() as usize);
            prop_assert_eq!(Frontier::from_roots(count as u64, tree.roots().to_vec()), Some(tree));
        }
    }
}
