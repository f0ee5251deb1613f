//! What commits to the records and proves it to strangers: the Merkle tree over their texts, the chain through them, and
//! the formats in which a log signs its tree and proves what is in it.
//!
//! Tree and chain are computed from text alone, never from files, so a segment can be written anew without either
//! changing. The tree is that of RFC 6962 and RFC 9162, so that strangers' tools can check it; the chain is one cheap
//! pass that every frame on disk carries.
//!
//! What a log shows to the outside has the forms of C2SP (<https://c2sp.org>): a verifier key and a note (signed-note), a
//! checkpoint (tlog-checkpoint), a witness's cosignature (tlog-cosignature, of the Ed25519 type `0x04`; the post-quantum
//! type `0x06` is not read yet and ignored like any unknown signature), tiles and their paths (tlog-tiles), and a proof
//! in a file (tlog-proof). All of it is bytes in and bytes out: nothing here opens a file or asks for the time.
//!
//! What must hold: whatever is read is printed as the same bytes; nothing that was read is believed before it was
//! verified; whatever comes from outside is refused with a [`ProofFault`] and never panics.

mod base64;
mod chain;
mod checkpoint;
mod consistency;
mod cosignature;
mod epoch;
mod fault;
mod inclusion;
mod key;
#[cfg(test)]
mod naive;
mod note;
mod proof_file;
mod ssh;
mod tile;
mod tile_hashes;
mod tree;
#[cfg(test)]
pub(crate) mod vector;

pub(crate) use base64::{decode as base64_bytes, encode as base64_text};
pub use chain::{CHAIN_START, chain_next};
pub use checkpoint::{Checkpoint, SIZE_LIMIT, SignedCheckpoint};
pub use consistency::{prove_consistency, verify_consistency};
pub use cosignature::TIME_LIMIT;
pub(crate) use epoch::{EpochKey, EpochStatement};
pub use fault::ProofFault;
pub use inclusion::{prove_inclusion, verify_inclusion};
pub use key::{KeyType, LogKey, NAME_LIMIT, VerifierKey, WitnessKey};
pub use note::{NOTE_LIMIT, Note, NoteSignature, SIGNATURE_LIMIT, Signed};
pub use proof_file::{PROOF_FILE_LIMIT, ProofFile};
pub use ssh::{SSH_NAMESPACE, SshKey, SshPublicKey};
pub use tile::{LEVEL_LIMIT, Tile, TileOf, decode_entries, encode_entries, tiles_of};
pub use tile_hashes::{MemoryTiles, TileHashes, WithTail, root_at};
pub use tree::{Frontier, Hash, TILE, empty_root, leaf_hash, node_hash};
