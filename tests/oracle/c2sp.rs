//! Text from anywhere as keys, notes, checkpoints, proofs, tile paths and entry bundles: whatever it is, nothing panics,
//! what is read is printed as the same bytes, and nothing is believed that the sample's keys did not sign.

use auditdb::proof::{
    Checkpoint, LogKey, MemoryTiles, Note, NoteSignature, ProofFault, ProofFile, SignedCheckpoint, Tile, VerifierKey,
    WitnessKey, decode_entries, encode_entries, leaf_hash, prove_inclusion, root_at,
};
use std::fmt::Display;
use std::sync::LazyLock;

/// The record that the sample proves, by its position.
const INDEX: u64 = 300;

/// How many records the sample's log has.
const SIZE: u64 = 700;

/// One of each form, all of one small log.
struct Sample {
    keys: Vec<VerifierKey>,
    proof: ProofFile,
    texts: Vec<Vec<u8>>,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let log = LogKey::from_seed("example.com/log", &[5; 32]).expect("that is a name");
    let witness = WitnessKey::from_seed("example.com/witness", &[6; 32]).expect("that is a name");
    let mut tiles = MemoryTiles::new();
    tiles.extend((0..SIZE).map(|index| leaf_hash(&record(index))));
    let root = root_at(&tiles, SIZE).expect("the tree has them");
    let checkpoint = Checkpoint::new(log.origin(), SIZE, root).expect("that is one");
    let mut signed = SignedCheckpoint::sign(checkpoint, &log).expect("it is the log's own");
    let cosignature = signed.cosignature(&witness, 1_790_000_000).expect("the time is good");
    signed.add(cosignature).expect("there is room");
    let path = prove_inclusion(&tiles, INDEX, SIZE).expect("the tree has it");
    let proof = ProofFile::new(INDEX, path, signed.clone()).expect("it is within");
    let entries: Vec<Vec<u8>> = (0..5).map(record).collect();
    let texts = vec![
        proof.to_string().into_bytes(),
        signed.to_string().into_bytes(),
        log.verifier().to_string().into_bytes(),
        b"tile/entries/x001/x234/067.p/8".to_vec(),
        encode_entries(entries.iter().map(Vec::as_slice)).expect("they are short"),
    ];
    let keys = vec![log.verifier().clone(), witness.verifier().clone()];
    Sample { keys, proof, texts }
});

/// The text of the sample's record.
fn record(index: u64) -> Vec<u8> {
    format!("{{\"n\":{index}}}").into_bytes()
}

/// The input as it is, and as a change of one of the samples: the first byte says which one and how, the next two where,
/// the rest what.
pub(crate) fn text(data: &[u8]) {
    read_all(data);
    let [which, a, b, patch @ ..] = data else { return };
    let sample = SAMPLE.texts.get(usize::from(*which) % SAMPLE.texts.len());
    let mut changed = sample.cloned().unwrap_or_default();
    let place = usize::from(u16::from_le_bytes([*a, *b])) % (changed.len() + 1);
    let end = (place + patch.len()).min(changed.len());
    match which >> 6 {
        0 => drop(changed.splice(place..end, patch.iter().copied())),
        1 => drop(changed.splice(place..place, patch.iter().copied())),
        2 => drop(changed.drain(place..end)),
        _ => {
            if let Some(byte) = changed.get_mut(place) {
                *byte ^= 1 << (patch.first().unwrap_or(&0) % 8);
            }
        }
    }
    read_all(&changed);
}

/// Reads the bytes as everything that they may be.
fn read_all(bytes: &[u8]) {
    same(Note::parse(bytes), bytes);
    same(SignedCheckpoint::parse(bytes), bytes);
    same(ProofFile::parse(bytes), bytes);
    if let Ok(entries) = decode_entries(bytes) {
        assert_eq!(encode_entries(entries).as_deref(), Ok(bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        same(text.parse::<VerifierKey>(), bytes);
        same(Checkpoint::parse(text), bytes);
        same(NoteSignature::parse(text), bytes);
        same(text.parse::<Tile>(), bytes);
    }
    let sample = &*SAMPLE;
    if let Ok(signed) = SignedCheckpoint::parse(bytes)
        && signed.verify(&sample.keys).is_ok()
    {
        assert_eq!(signed.checkpoint(), sample.proof.checkpoint().checkpoint());
    }
    if let Ok(proof) = ProofFile::parse(bytes)
        && proof.verify(&record(INDEX), &sample.keys).is_ok()
    {
        // Extra data and the lines of strangers may differ: nobody vouches for them.
        assert_eq!((proof.index(), proof.path()), (INDEX, sample.proof.path()));
    }
}

/// What was read is printed as it was; what was refused says why.
fn same<T: Display>(read: Result<T, ProofFault>, bytes: &[u8]) {
    match read {
        Ok(value) => assert_eq!(value.to_string().as_bytes(), bytes),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}
