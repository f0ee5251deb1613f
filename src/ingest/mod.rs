//! Agents that know nothing of auditdb: what they leave behind becomes records.
//!
//! What must hold: importing the same thing twice changes nothing, and what has no place in a record's members is kept
//! in its `attributes`.

pub mod chat;
#[cfg(feature = "server")]
pub mod mcp;
#[cfg(feature = "otlp")]
pub mod otlp;
mod raw;
pub mod transcript;

/// A text as a name: without control characters, at most 256 bytes.
fn short(text: &str) -> String {
    // No character becomes longer, so what stands beyond is not needed.
    let begins = text.get(..text.floor_char_boundary(2 * NAME)).unwrap_or_default();
    let mut clean = match begins.contains(char::is_control) {
        true => begins.replace(char::is_control, " "),
        false => begins.to_owned(),
    };
    clean.truncate(clean.floor_char_boundary(NAME));
    clean
}

/// So many bytes a name has at most.
const NAME: usize = 256;

/// The same, if anything is left of it.
fn word(text: &str) -> Option<String> {
    Some(short(text)).filter(|word| !word.is_empty())
}

/// A UUIDv8 (RFC 9562 §5.8) of a hash over the parts.
fn uuid_of(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> String {
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let bytes = hasher
        .finalize()
        .as_bytes()
        .first_chunk::<16>()
        .copied()
        .unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .to_string()
}
