//! A small log with fixed keys, in tests only. Its bytes were made once by hand and accepted by programs that others
//! wrote, so whatever changes them breaks every proof that is out there.

use super::key::{LogKey, WitnessKey};
use super::tile_hashes::MemoryTiles;
use super::tree::{Frontier, Hash, leaf_hash};
use sha2::{Digest, Sha256};

pub(crate) const ORIGIN: &str = "auditdb.example/log1";
pub(crate) const LOG_VKEY: &str = "auditdb.example/log1+bd050ff9+AXxEoYHRy5F6+pNwEB1XUpFj/LsyDzxB1euCQvtEy9eu";
pub(crate) const WITNESS_VKEY: &str = "witness.example/w1+e0ea7ee6+BMgkPNEF5oTX0uSfyNNsUgu/sBpZcQk73N6LlpRXWUAs";
pub(crate) const CHECKPOINT: &str = "auditdb.example/log1\n5\nzDc2UIC4U0+fK8tloWStUtIjiBJXf872mYTWIxtXEHk=\n";
pub(crate) const LOG_LINE: &str = "\u{2014} auditdb.example/log1 \
    vQUP+ad/AOmFwTL91fzjhT9WbxcrABoxLVFjwb4zB3Qgjjxal9D562woxoKe42mgHMaYlU3aSB5OESSrmhnrygjsxAo=";
pub(crate) const WITNESS_LINE: &str = "\u{2014} witness.example/w1 \
    4Op+5gAAAABqsTuA8DMNj8lpQVc/B5H37H7GXmqdefaaob+WlS75D4NHmdYdHdsYmeq635s07EGG7y7e4VOIITiI49C+l0v9VhrdCQ==";
pub(crate) const COSIGNED_AT: u64 = 1_790_000_000;
pub(crate) const CONSISTENCY_3_TO_5: [&str; 4] = [
    "mOvPUTDiioAwSdajeDOCAoozqivArJIEnH9A/ePPZrI=",
    "ZaZS44UlHJKHa7iqox8QcuPnvuHOEb6SLGXyz2p+JFc=",
    "plfuLGRLPuz6sQ12aD7niifBHEXAGXmLDXcveoURkbs=",
    "ZSsX7o/RDRTyfvdNLEVpPTWC5LwH0xLAltvH7lMA5jk=",
];

pub(crate) fn log_key() -> LogKey {
    LogKey::from_seed(ORIGIN, &Sha256::digest("auditdb test log key").into()).unwrap()
}

pub(crate) fn witness_key() -> WitnessKey {
    WitnessKey::from_seed("witness.example/w1", &Sha256::digest("auditdb test witness key").into()).unwrap()
}

pub(crate) fn record(index: u64) -> String {
    format!("{{\"seq\":{index},\"event\":\"tool_call\",\"agent\":\"a1\"}}")
}

pub(crate) fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::new();
    (0..size).for_each(|index| tree.push(leaf_hash(record(index).as_bytes())));
    tree
}

pub(crate) fn tiles() -> MemoryTiles {
    let mut tiles = MemoryTiles::new();
    tiles.extend((0..5).map(|index| leaf_hash(record(index).as_bytes())));
    tiles
}

/// The eight leaves of certificate-transparency's own tests.
pub(crate) fn rfc_tiles() -> MemoryTiles {
    let inputs: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut tiles = MemoryTiles::new();
    tiles.extend(inputs.into_iter().map(leaf_hash));
    tiles
}

/// A hash from its hexadecimal digits.
pub(crate) fn hash(text: &str) -> Hash {
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[test]
fn the_roots_are_the_fixed_ones() {
    use super::base64::encode;
    assert_eq!(encode(&tree(3).root()), "+Lit+7o5Wlamp346ow7PN3qU3QU6ZTOIrkkFIqx3upY=");
    assert_eq!(encode(&tree(5).root()), "zDc2UIC4U0+fK8tloWStUtIjiBJXf872mYTWIxtXEHk=");
    assert_eq!(
        leaf_hash(record(4).as_bytes()),
        hash("652b17ee8fd10d14f27ef74d2c45693d3582e4bc07d312c096dbc7ee5300e639")
    );
}
