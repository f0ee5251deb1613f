//! Finding a record by its id, by its emitter's count, or a definition by its digest: eight bytes of a hash stand for
//! the key, and a match is always held against the record's text, so that a collision costs a read and nothing else.

use crate::disk::Disk;
use crate::proof::Hash;
use crate::record::SourceKey;
use std::sync::LazyLock;

/// The first eight bytes of BLAKE3 in key derivation mode, context `auditdb key table v1`, over a tag and the key.
fn key_hash(tag: u8, parts: &[&[u8]]) -> u64 {
    static CONTEXT: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key("auditdb key table v1"));
    let mut hasher = CONTEXT.clone();
    hasher.update(&[tag]);
    for part in parts {
        hasher.update(part);
    }
    hasher
        .finalize()
        .as_bytes()
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The key of an id: tag 0, its 16 bytes.
pub(crate) fn id_key(id: &[u8; 16]) -> u64 {
    key_hash(0, &[id])
}

/// The key of a source: tag 1, its id and boot each behind their length in two bytes, its number in eight.
pub(crate) fn source_key(source: &SourceKey) -> u64 {
    let len = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    key_hash(
        1,
        &[
            &len(&source.id),
            source.id.as_bytes(),
            &len(&source.boot),
            source.boot.as_bytes(),
            &source.number.to_le_bytes(),
        ],
    )
}

/// What stands for an emitter's count as a whole: tag 3, its id and boot each behind their length in two bytes.
pub(crate) fn stream_key(source: &SourceKey) -> u64 {
    let len = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    key_hash(
        3,
        &[
            &len(&source.id),
            source.id.as_bytes(),
            &len(&source.boot),
            source.boot.as_bytes(),
        ],
    )
}

/// The key of a definition: tag 2, the digest as it stands in the record.
pub(crate) fn definition_key(digest: &str) -> u64 {
    key_hash(2, &[digest.as_bytes()])
}

/// The key of a record that came under a known id or source with other content: tag 4, the seq of the record that was
/// there first in eight bytes, then what the caller sent: the `parts` list, if there is one, and the members, both as
/// they stand in the line. With the content in the key, sending it again finds it at once, however many others came
/// under the same id.
pub(crate) fn conflict_key(first: u64, parts: &[u8], members: &[u8]) -> u64 {
    key_hash(4, &[&first.to_le_bytes(), parts, members])
}

/// The key of an `indexed` record: tag 5, the first seq of the segment in eight bytes, the digest of the index's head. What
/// is looked up is a digest that somebody has a file of, so a match is not held against the text.
pub(crate) fn indexed_key(segment: u64, digest: &Hash) -> u64 {
    key_hash(5, &[&segment.to_le_bytes(), digest])
}

/// The first six bytes of an id, which in UUIDv7 are milliseconds since 1970.
pub(crate) fn id_prefix(id: &[u8; 16]) -> u64 {
    id.iter().take(6).fold(0, |prefix, byte| prefix << 8 | u64::from(*byte))
}

/// A new id: UUIDv7 of this moment.
pub(crate) fn new_id(disk: &dyn Disk) -> [u8; 16] {
    let mut random = [0; 10];
    disk.random(&mut random);
    let milliseconds = u64::try_from(disk.now() / 1_000_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random)
        .into_uuid()
        .into_bytes()
}
