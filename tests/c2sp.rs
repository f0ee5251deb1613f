//! Others read what we sign and prove, and we read what they do: `signed_note` and `tlog_tiles` are ports of the code
//! behind Go's checksum database, and share none with this crate.

use auditdb::proof::{
    Checkpoint, Hash, LogKey, MemoryTiles, Note, SignedCheckpoint, TileOf, VerifierKey, WitnessKey, leaf_hash,
    prove_consistency, prove_inclusion, root_at, tiles_of, verify_consistency, verify_inclusion,
};
use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use std::cell::RefCell;
use std::sync::LazyLock;
use tlog_tiles::tlog;

const SIZE: u64 = 1_500;

static TILES: LazyLock<MemoryTiles> = LazyLock::new(|| {
    let mut tiles = MemoryTiles::new();
    tiles.extend((0..SIZE).map(|index| leaf_hash(&record(index))));
    tiles
});

/// The same tree as the others keep it.
struct Stored(RefCell<Vec<tlog::Hash>>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let hashes = self.0.borrow();
        let hash = |index: &u64| hashes[usize::try_from(*index).unwrap()];
        Ok(indexes.iter().map(hash).collect())
    }
}

fn theirs() -> Stored {
    let stored = Stored(RefCell::new(Vec::new()));
    for index in 0..SIZE {
        let new = tlog::stored_hashes(index, &record(index), &stored).unwrap();
        stored.0.borrow_mut().extend(new);
    }
    stored
}

fn record(index: u64) -> Vec<u8> {
    format!("{{\"seq\":{index}}}").into_bytes()
}

fn log_key() -> LogKey {
    LogKey::from_seed("example.com/log", &[7; 32]).unwrap()
}

fn list(keys: &[&VerifierKey]) -> VerifierList {
    let verifier = |key: &&VerifierKey| -> Box<dyn signed_note::Verifier> {
        Box::new(StandardVerifier::new(&key.to_string()).unwrap())
    };
    VerifierList::new(keys.iter().map(verifier).collect())
}

fn they_accept(note: &[u8], key: &VerifierKey) -> bool {
    signed_note::Note::from_bytes(note).is_ok_and(|note| note.verify(&list(&[key])).is_ok())
}

fn we_accept(note: &[u8], key: &VerifierKey) -> bool {
    Note::parse(note).is_ok_and(|note| note.verify(std::slice::from_ref(key)).is_ok())
}

fn signed(size: u64) -> SignedCheckpoint {
    let root = root_at(&*TILES, size).unwrap();
    SignedCheckpoint::sign(Checkpoint::new("example.com/log", size, root).unwrap(), &log_key()).unwrap()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn for_them(hashes: &[Hash]) -> Vec<tlog::Hash> {
    hashes.iter().copied().map(tlog::Hash).collect()
}

#[test]
fn they_read_our_checkpoints_and_no_changed_one() {
    let mut checkpoint = signed(SIZE);
    let witness = WitnessKey::from_seed("example.com/witness", &[8; 32]).unwrap();
    let cosignature = checkpoint.cosignature(&witness, 1_790_000_000).unwrap();
    let log = log_key();
    let alone = checkpoint.to_string().into_bytes();
    checkpoint.add(cosignature).unwrap();
    let both = checkpoint.to_string().into_bytes();
    // A signature of a type that they do not know is none of theirs.
    assert!(they_accept(&alone, log.verifier()) && they_accept(&both, log.verifier()));
    let note = signed_note::Note::from_bytes(&both).unwrap();
    let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((read.origin(), read.size()), ("example.com/log", SIZE));
    assert_eq!(read.hash().0, *checkpoint.checkpoint().root());
    for bit in 0..alone.len() * 8 {
        let changed = flipped(&alone, bit);
        assert!(!they_accept(&changed, log.verifier()), "they: bit {bit}");
        assert!(!we_accept(&changed, log.verifier()), "we: bit {bit}");
    }
}

#[test]
fn we_read_their_notes_and_no_changed_one() {
    let seed = [9; 32];
    let ours = LogKey::from_seed("example.com/theirs", &seed).unwrap();
    let secret = format!(
        "PRIVATE+KEY+{}+{:08x}+{}",
        ours.origin(),
        ours.verifier().id(),
        Base64::encode_string(&[&[1], seed.as_slice()].concat())
    );
    let signer = StandardSigner::new(&secret).unwrap();
    for text in ["text\n", "example.com/theirs\n5\n\nmore\n\n"] {
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&signer]).unwrap();
        let bytes = theirs.to_bytes();
        let mut same = Note::new(text.to_owned()).unwrap();
        same.sign(&ours).unwrap();
        assert_eq!(same.to_string().as_bytes(), bytes);
        assert!(we_accept(&bytes, ours.verifier()));
        for bit in 0..bytes.len() * 8 {
            assert!(!we_accept(&flipped(&bytes, bit), ours.verifier()), "bit {bit}");
        }
    }
}

#[test]
fn their_proofs_are_ours() {
    let theirs = theirs();
    for size in (1..=SIZE).step_by(37) {
        let root = root_at(&*TILES, size).unwrap();
        assert_eq!(tlog::tree_hash(size, &theirs).unwrap().0, root);
        for index in (0..size).step_by(101).chain([size - 1]) {
            let proof = prove_inclusion(&*TILES, index, size).unwrap();
            assert_eq!(tlog::prove_record(size, index, &theirs).unwrap(), for_them(&proof));
            verify_inclusion(&leaf_hash(&record(index)), index, size, &proof, &root).unwrap();
        }
        for old in (1..=size).step_by(101).chain([size]) {
            let proof = prove_consistency(&*TILES, old, size).unwrap();
            assert_eq!(tlog::prove_tree(size, old, &theirs).unwrap(), for_them(&proof));
            verify_consistency(old, &root_at(&*TILES, old).unwrap(), size, &root, &proof).unwrap();
        }
    }
}

#[test]
fn their_tiles_are_ours() {
    for size in [0, 1, 255, 256, 257, 70_000, 65_536, 16_777_216 + 300] {
        // Theirs say the height of tiles in front, which C2SP fixed since.
        let theirs: Vec<String> = tlog_tiles::Tile::new_tiles(8, 0, size)
            .iter()
            .map(|tile| tile.path().replacen("tile/8/", "tile/", 1))
            .collect();
        let ours: Vec<String> = tiles_of(size)
            .filter(|tile| tile.of() != TileOf::Entries)
            .map(|tile| tile.to_string())
            .collect();
        assert_eq!(ours, theirs, "size {size}");
    }
}

proptest! {
    #[test]
    fn they_accept_our_inclusion_proofs_and_no_changed_one(
        size in 1..=SIZE, place: prop::sample::Index, bit: prop::sample::Index,
    ) {
        let index = place.index(usize::try_from(size).unwrap()) as u64;
        let (leaf, root) = (leaf_hash(&record(index)), root_at(&*TILES, size).unwrap());
        let proof = prove_inclusion(&*TILES, index, size).unwrap();
        let they = |proof: &[Hash], root: &Hash, leaf: &Hash| {
            tlog::check_record(&for_them(proof), size, tlog::Hash(*root), index, tlog::Hash(*leaf)).is_ok()
        };
        let we = |proof: &[Hash], root: &Hash, leaf: &Hash| verify_inclusion(leaf, index, size, proof, root).is_ok();
        prop_assert!(they(&proof, &root, &leaf) && we(&proof, &root, &leaf));
        // One bit of the leaf, the root and the path.
        let all: Vec<Hash> = [leaf, root].into_iter().chain(proof).collect();
        let changed = flipped(all.as_flattened(), bit.index(all.len() * 256));
        let (changed, _) = changed.as_chunks::<32>();
        prop_assert!(!they(&changed[2..], &changed[1], &changed[0]));
        prop_assert!(!we(&changed[2..], &changed[1], &changed[0]));
    }

    #[test]
    fn they_accept_our_consistency_proofs_and_no_changed_one(
        new in 1..=SIZE, place: prop::sample::Index, bit: prop::sample::Index,
    ) {
        let old = 1 + place.index(usize::try_from(new).unwrap()) as u64;
        let (old_root, new_root) = (root_at(&*TILES, old).unwrap(), root_at(&*TILES, new).unwrap());
        let proof = prove_consistency(&*TILES, old, new).unwrap();
        let they = |proof: &[Hash], new_root: &Hash, old_root: &Hash| {
            tlog::check_tree(&for_them(proof), new, tlog::Hash(*new_root), old, tlog::Hash(*old_root)).is_ok()
        };
        let we = |proof: &[Hash], new_root: &Hash, old_root: &Hash| {
            verify_consistency(old, old_root, new, new_root, proof).is_ok()
        };
        prop_assert!(they(&proof, &new_root, &old_root) && we(&proof, &new_root, &old_root));
        let all: Vec<Hash> = [old_root, new_root].into_iter().chain(proof).collect();
        let changed = flipped(all.as_flattened(), bit.index(all.len() * 256));
        let (changed, _) = changed.as_chunks::<32>();
        prop_assert!(!they(&changed[2..], &changed[1], &changed[0]));
        prop_assert!(!we(&changed[2..], &changed[1], &changed[0]));
    }
}
