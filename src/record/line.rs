//! The line that is stored and hashed: the log's own members first, in a fixed order and spelling, then the caller's.
//! Because the front is fixed, reading it back needs no JSON parser, and a line that deviates by one byte was not
//! written by this log.

use super::parts::{self, Moved};
use super::prepare::{SourceKey, digest_of, named, source_of, unquoted};
use super::text::write_string;
use super::time::{TIME_LEN, read_time, write_time};
use super::walk;
use memchr::memmem;
use std::ops::Range;

/// The longest line in bytes, without its newline: C2SP entry bundles count in 16 bits.
pub const LINE_LIMIT: usize = 65_535;

/// More than the log's own members ever take (but `parts`, which is counted apart).
pub(crate) const HEAD_RESERVE: usize = 1_024;

/// The version of the record's schema.
const VERSION: &[u8] = b"{\"v\":1,\"seq\":";

/// What stands before the reason in a record that no route led to its log.
const UNROUTED: &[u8] = b",\"unrouted\":";

/// Who wrote a record into the log, and how the log knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The name, at most 256 bytes.
    id: String,
    method: &'static str,
}

impl Writer {
    /// A process on this machine, by the user id that the kernel vouches for.
    #[must_use]
    pub fn unix(uid: u32) -> Self {
        Writer {
            id: format!("uid:{uid}"),
            method: "unix",
        }
    }

    /// Whoever shows a bearer token, by the token's id.
    #[must_use]
    pub fn token(id: &str) -> Self {
        Writer {
            id: id.to_owned(),
            method: "token",
        }
    }

    /// The name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        write_string(out, &self.id);
        out.extend_from_slice(b",\"method\":\"");
        out.extend_from_slice(self.method.as_bytes());
        out.extend_from_slice(b"\"}");
    }

    /// As it stands in the line.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// What the log puts in front of the caller's members.
#[derive(Debug)]
pub(crate) struct Front<'a> {
    pub(crate) seq: u64,
    pub(crate) id: [u8; 16],
    pub(crate) logged: i64,
    pub(crate) time: i64,
    pub(crate) writer: &'a Writer,
    pub(crate) salt: Option<[u8; 16]>,
    pub(crate) conflict: Option<u64>,
    pub(crate) moved: &'a [Moved],
    /// Why there was no way to a log but the default.
    pub(crate) unrouted: Option<&'a str>,
}

/// Appends a whole line, without the newline.
pub(crate) fn write_line(out: &mut Vec<u8>, front: &Front<'_>, members: &[u8]) {
    out.extend_from_slice(VERSION);
    out.extend_from_slice(front.seq.to_string().as_bytes());
    out.extend_from_slice(b",\"id\":\"");
    out.extend_from_slice(id_text(front.id).as_bytes());
    out.extend_from_slice(b"\",\"logged\":\"");
    write_time(out, front.logged);
    out.extend_from_slice(b"\",\"time\":\"");
    write_time(out, front.time);
    out.extend_from_slice(b"\",\"writer\":");
    front.writer.write(out);
    if let Some(salt) = front.salt {
        out.extend_from_slice(b",\"salt\":\"");
        out.extend_from_slice(&salt_text(salt));
        out.push(b'"');
    }
    if let Some(seq) = front.conflict {
        out.extend_from_slice(b",\"conflict\":");
        out.extend_from_slice(seq.to_string().as_bytes());
    }
    parts::write_entries(out, front.moved);
    if let Some(why) = front.unrouted {
        out.extend_from_slice(UNROUTED);
        write_string(out, why);
    }
    if !members.is_empty() {
        out.push(b',');
        out.extend_from_slice(members);
    }
    out.push(b'}');
}

/// What stands at the front of a stored line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) id: [u8; 16],
    pub(crate) logged: i64,
    pub(crate) time: i64,
    /// The writer's object as it stands in the line.
    pub(crate) writer: Range<usize>,
    pub(crate) conflict: Option<u64>,
    /// The `parts` list as it stands in the line.
    pub(crate) parts: Option<Range<usize>>,
    /// Why no route led to this log, a JSON string as it stands in the line.
    pub(crate) unrouted: Option<Range<usize>>,
    /// The caller's members, without the braces.
    pub(crate) members: Range<usize>,
}

/// Reads the front of a stored line; `None` if it is not as the log writes it.
pub(crate) fn read_head(line: &[u8]) -> Option<Head> {
    let mut reader = Reader { line, at: 0 };
    reader.literal(VERSION)?;
    let seq = reader.number()?;
    reader.literal(b",\"id\":\"")?;
    let id = read_id(reader.take(36)?)?;
    reader.literal(b"\",\"logged\":\"")?;
    let logged = read_time(reader.take(TIME_LEN)?)?;
    reader.literal(b"\",\"time\":\"")?;
    let time = read_time(reader.take(TIME_LEN)?)?;
    reader.literal(b"\",\"writer\":")?;
    let writer = reader.value()?;
    if reader.literal(b",\"salt\":\"").is_some() {
        reader.take(22)?;
        reader.literal(b"\"")?;
    }
    let conflict = match reader.literal(b",\"conflict\":") {
        Some(()) => Some(reader.number()?),
        None => None,
    };
    let parts = match reader.literal(b",\"parts\":") {
        Some(()) => Some(reader.value()?),
        None => None,
    };
    let unrouted = match reader.literal(UNROUTED) {
        Some(()) => Some(reader.value()?),
        None => None,
    };
    let end = line.len().checked_sub(1)?;
    if line.get(end) != Some(&b'}') {
        return None;
    }
    let members = match reader.literal(b",") {
        Some(()) if reader.at < end => reader.at..end,
        None if reader.at == end => end..end,
        _ => return None,
    };
    Some(Head {
        seq,
        id,
        logged,
        time,
        writer,
        conflict,
        parts,
        unrouted,
        members,
    })
}

/// What a line is found by besides its seq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) source: Option<SourceKey>,
    /// The digest of the text that a `definition` record holds.
    pub(crate) defines: Option<String>,
}

/// Picks the keys out of a line's members.
pub(crate) fn read_keys(members: &[u8]) -> Keys {
    let mut keys = Keys {
        source: None,
        defines: None,
    };
    // Walking through all members takes longer than hashing them, so a line in which the names cannot be is left alone,
    // and no walk goes further than the last of them.
    let spelled = |name: &str| memmem::find(members, name.as_bytes()).is_some();
    let escaped = spelled("\\u00");
    let (mut source, mut defines) = (escaped || spelled("\"source\""), escaped || spelled("\"definition\""));
    for child in walk::members(members) {
        if !source && !defines {
            break;
        }
        let value = || members.get(child.value.clone()).unwrap_or_default();
        if source && named(members, &child, "source") {
            keys.source = source_of(value());
            source = false;
        } else if defines && named(members, &child, "definition") {
            keys.defines = digest_of(value());
            defines = false;
        }
    }
    keys
}

/// What one entry of `parts` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartEntry {
    pub(crate) path: String,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    pub(crate) count: u64,
}

/// Reads the `parts` list of a line.
pub(crate) fn read_parts(list: &[u8]) -> Option<Vec<PartEntry>> {
    #[derive(serde::Deserialize)]
    struct Entry {
        path: String,
        digest: String,
        bytes: u64,
        count: u64,
    }
    let entries: Vec<Entry> = serde_json::from_slice(list).ok()?;
    let entry = |Entry {
                     path,
                     digest,
                     bytes,
                     count,
                 }| PartEntry {
        path,
        digest,
        bytes,
        count,
    };
    Some(entries.into_iter().map(entry).collect())
}

/// The text of a `part` record, given its members.
pub(crate) fn part_text(members: &[u8]) -> Option<String> {
    let part = walk::members(members).find(|child| named(members, child, "part"))?;
    let part = members.get(part.value)?;
    let text = walk::children(part, 0).find(|child| named(part, child, "text"))?;
    Some(unquoted(part.get(text.value)?).into_owned())
}

/// A record's kind and the name of its `event`, as far as the line says.
pub(crate) fn kind_and_event(members: &[u8]) -> (String, Option<String>) {
    let (mut kind, mut event) = (String::new(), None);
    for child in walk::members(members) {
        let value = members.get(child.value.clone()).unwrap_or_default();
        if named(members, &child, "kind") {
            kind = unquoted(value).into_owned();
        } else if named(members, &child, "event") {
            let name = walk::children(value, 0).find(|child| named(value, child, "name"));
            event = name.and_then(|name| Some(unquoted(value.get(name.value)?).into_owned()));
        }
    }
    (kind, event)
}

/// An id as text, in lower case with hyphens.
pub(crate) fn id_text(id: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(id).hyphenated().to_string()
}

fn read_id(text: &[u8]) -> Option<[u8; 16]> {
    let lower = text.iter().all(|byte| !byte.is_ascii_uppercase());
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| uuid::Uuid::try_parse(text).ok());
    parsed.filter(|_| lower).map(uuid::Uuid::into_bytes)
}

/// 128 bits in 22 characters of base64url (RFC 4648 §5) without padding.
fn salt_text(salt: [u8; 16]) -> [u8; 22] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The last character carries the two bits that are left.
    let bits = u128::from_be_bytes(salt);
    let mut out = [0; 22];
    for (place, slot) in out.iter_mut().enumerate() {
        let shift = 122_i64 - 6 * i64::try_from(place).unwrap_or(0);
        let six = if shift >= 0 { bits >> shift } else { bits << -shift };
        *slot = usize::try_from(six & 63)
            .ok()
            .and_then(|six| ALPHABET.get(six).copied())
            .unwrap_or(b'A');
    }
    out
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.line
            .get(self.at..)?
            .starts_with(literal)
            .then(|| self.at += literal.len())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.line.get(self.at..self.at + count)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let rest = self.line.get(self.at..)?;
        let digits = rest.get(..rest.iter().take_while(|byte| byte.is_ascii_digit()).count())?;
        if digits.len() > 1 && digits.starts_with(b"0") {
            return None;
        }
        self.at += digits.len();
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.at = walk::value_end(self.line, start)?;
        Some(start..self.at)
    }
}
