//! What commits to the records: the Merkle tree over their texts and the chain through them.
//!
//! Both are computed from text alone, never from files, so a segment can be written anew without either changing. The
//! tree is that of RFC 6962 and RFC 9162, so that strangers' tools can check it; the chain is one cheap pass that
//! every frame on disk carries. Both are unauthenticated until the log is signed.

mod chain;
mod tree;

pub use chain::{CHAIN_START, chain_next};
pub use tree::{Frontier, Hash, TILE, empty_root, leaf_hash, node_hash};
