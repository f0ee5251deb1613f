//! Records that are too long for one line. No line is longer than 65,535 bytes, since strangers' tools count a line's
//! length in 16 bits. What does not fit is moved out, whole member values at a time, into `part` records that stand
//! just before their owner; a `null` stays in place, and the owner's `parts` says what belongs where.
//!
//! What must hold: putting the parts back gives the caller's text again, byte for byte.

use super::text::{string_value, write_string};
use super::walk;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::ops::Range;

/// A value that was moved out of a record.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    /// Where it belongs, as a JSON Pointer (RFC 6901) into the record; empty for all of the caller's members.
    pub(crate) path: String,
    /// `sha256:` and the hash of the raw value.
    pub(crate) digest: String,
    /// The value as raw JSON text.
    pub(crate) raw: Vec<u8>,
    /// In how many part records it stands.
    pub(crate) count: u32,
}

/// How much raw text one part record holds: even if every byte had to be escaped, its line stays short enough.
pub(crate) const PART_TEXT: usize = 30_000;

/// Names longer than this are not followed down, so that no path gets out of hand.
const PATH_LIMIT: usize = 1_024;

/// Members by which a record is found and checked: they stay in its line, at least with these members of their own.
const STAYS: [(&str, &[&str]); 4] = [
    ("agent", &["id"]),
    ("kind", &[]),
    ("source", &["id", "boot", "number"]),
    ("definition", &["digest"]),
];

/// What a value's entry in `parts` takes besides its path.
const ENTRY_RESERVE: usize = 160;

/// Moves values out of a record's members (JSON without the braces) until what is left, and the list of what was
/// moved, fits into `budget` bytes.
pub(crate) fn move_out(members: Vec<u8>, budget: usize) -> (Vec<u8>, Vec<Moved>) {
    if members.len() <= budget {
        return (members, Vec::new());
    }
    let mut outermost: Vec<_> = walk::members(&members).collect();
    outermost.sort_by_key(|child| std::cmp::Reverse(child.value.len()));
    let mut excess = members.len() - budget;
    let mut taken: Vec<(Range<usize>, String)> = Vec::new();
    for child in outermost {
        let (value, path) = smallest_sufficient(&members, child, excess);
        let cost = entry_cost(&path) + "null".len();
        if path.len() > PATH_LIMIT || value.len() <= cost || stays(&path) {
            continue;
        }
        let saved = value.len() - cost;
        taken.push((value, path));
        match excess.checked_sub(saved) {
            Some(rest) if rest > 0 => excess = rest,
            _ => {
                taken.sort_by_key(|(range, _)| range.start);
                return cut(&members, taken);
            }
        }
    }
    whole(members)
}

/// The `parts` member of the owner's line, with the comma in front; nothing if there are no parts.
pub(crate) fn write_entries(out: &mut Vec<u8>, moved: &[Moved]) {
    for (
        place,
        Moved {
            path,
            digest,
            raw,
            count,
        },
    ) in moved.iter().enumerate()
    {
        out.extend_from_slice(if place == 0 {
            b",\"parts\":[{\"path\":"
        } else {
            b",{\"path\":"
        });
        write_string(out, path);
        out.extend_from_slice(
            format!(",\"digest\":\"{digest}\",\"bytes\":{},\"count\":{count}}}", raw.len()).as_bytes(),
        );
    }
    if !moved.is_empty() {
        out.push(b']');
    }
}

/// The value of `parts` as it stands in the line; nothing if there are no parts.
pub(crate) fn parts_list(moved: &[Moved]) -> Vec<u8> {
    let mut out = Vec::new();
    write_entries(&mut out, moved);
    match out.strip_prefix(b",\"parts\":") {
        Some(list) => list.to_vec(),
        None => out,
    }
}

/// The members of the part records of one moved value, in order.
pub(crate) fn part_members<'a>(moved: &'a Moved, owner: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    chunks(&moved.raw).enumerate().map(move |(index, chunk)| {
        let mut out = Vec::with_capacity(chunk.len() + chunk.len() / 8 + 256);
        out.extend_from_slice(b"\"agent\":{\"id\":\"auditdb\"},\"kind\":\"part\",\"part\":{\"of\":\"");
        out.extend_from_slice(owner.as_bytes());
        out.extend_from_slice(b"\",\"path\":");
        write_string(&mut out, &moved.path);
        let place = format!(
            ",\"digest\":\"{}\",\"index\":{index},\"count\":{},\"text\":",
            moved.digest, moved.count
        );
        out.extend_from_slice(place.as_bytes());
        write_string(&mut out, chunk);
        out.push(b'}');
        out
    })
}

/// Puts moved values back into a record's members.
///
/// Returns `None` if a value does not belong where its path says.
pub(crate) fn put_back(members: &[u8], values: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    if let [(path, raw)] = values
        && path.is_empty()
    {
        return Some(raw.strip_prefix(b"{")?.strip_suffix(b"}")?.to_vec());
    }
    let mut places = Vec::with_capacity(values.len());
    for (path, raw) in values {
        let place = find(members, path)?;
        if members.get(place.clone())? != b"null" {
            return None;
        }
        places.push((place, raw));
    }
    places.sort_by_key(|(place, _)| place.start);
    let mut out = Vec::with_capacity(members.len() + values.iter().map(|(_, raw)| raw.len()).sum::<usize>());
    let mut copied = 0;
    for (place, raw) in places {
        out.extend_from_slice(members.get(copied..place.start)?);
        out.extend_from_slice(raw);
        copied = place.end;
    }
    out.extend_from_slice(members.get(copied..)?);
    Some(out)
}

/// `sha256:` and the hash of these bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut out = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Goes down from an outermost member as long as one child alone is large enough.
fn smallest_sufficient(members: &[u8], child: walk::Child, excess: usize) -> (Range<usize>, String) {
    let mut path = pointer_step(members.get(child.name).unwrap_or_default());
    let mut value = child.value;
    loop {
        let named = members.get(value.start) == Some(&b'{');
        let largest = walk::children(members, value.start)
            .enumerate()
            .max_by_key(|(_, child)| child.value.len());
        let Some((index, child)) = largest else {
            return (value, path);
        };
        let step = if named {
            pointer_step(members.get(child.name).unwrap_or_default())
        } else {
            format!("/{index}")
        };
        let longer = path.len() + step.len();
        if longer > PATH_LIMIT || child.value.len() < excess + ENTRY_RESERVE + 2 * longer + "null".len() {
            return (value, path);
        }
        path.push_str(&step);
        value = child.value;
    }
}

/// Whether a value is one of those that stay, or one of the members that they keep.
fn stays(path: &str) -> bool {
    STAYS.iter().any(|(name, inner)| {
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(name));
        below.is_some_and(|below| below.is_empty() || inner.iter().any(|inner| below.strip_prefix('/') == Some(inner)))
    })
}

fn pointer_step(raw_name: &[u8]) -> String {
    format!("/{}", string_value(raw_name).replace('~', "~0").replace('/', "~1"))
}

fn entry_cost(path: &str) -> usize {
    let mut escaped = Vec::with_capacity(path.len() + 2);
    write_string(&mut escaped, path);
    ENTRY_RESERVE + escaped.len()
}

fn cut(members: &[u8], taken: Vec<(Range<usize>, String)>) -> (Vec<u8>, Vec<Moved>) {
    let (mut left, mut moved, mut copied) = (Vec::new(), Vec::with_capacity(taken.len()), 0);
    for (value, path) in taken {
        left.extend_from_slice(members.get(copied..value.start).unwrap_or_default());
        left.extend_from_slice(b"null");
        copied = value.end;
        moved.push(Moved::new(path, members.get(value).unwrap_or_default().to_vec()));
    }
    left.extend_from_slice(members.get(copied..).unwrap_or_default());
    (left, moved)
}

/// The last resort, for a record of countless small members or endless names: everything goes out, and only what
/// every line must have stays.
fn whole(members: Vec<u8>) -> (Vec<u8>, Vec<Moved>) {
    let mut left = Vec::new();
    for child in walk::members(&members) {
        let value = members.get(child.value.clone()).unwrap_or_default();
        let name = string_value(members.get(child.name).unwrap_or_default());
        let keep = STAYS
            .iter()
            .find(|(stays, _)| *stays == name)
            .map(|(name, inner)| only(name, value, inner));
        if let Some(keep) = keep {
            if !left.is_empty() {
                left.push(b',');
            }
            left.extend_from_slice(&keep);
        }
    }
    let raw = [b"{", members.as_slice(), b"}"].concat();
    (left, vec![Moved::new(String::new(), raw)])
}

/// A member with nothing but these of its own members; whole if none are named.
fn only(name: &str, value: &[u8], inner: &[&str]) -> Vec<u8> {
    let mut out = format!("\"{name}\":").into_bytes();
    if inner.is_empty() {
        out.extend_from_slice(value);
        return out;
    }
    out.push(b'{');
    for child in walk::children(value, 0) {
        if inner.iter().any(|inner| super::prepare::named(value, &child, inner)) {
            if !out.ends_with(b"{") {
                out.push(b',');
            }
            out.extend_from_slice(value.get(child.name.start - 1..child.value.end).unwrap_or_default());
        }
    }
    out.push(b'}');
    out
}

impl Moved {
    fn new(path: String, raw: Vec<u8>) -> Self {
        let count = u32::try_from(chunks(&raw).count()).unwrap_or(u32::MAX);
        Moved {
            path,
            digest: digest(&raw),
            raw,
            count,
        }
    }
}

/// The text in pieces that each fit one part record, cut between characters.
fn chunks(raw: &[u8]) -> impl Iterator<Item = &str> {
    let text = std::str::from_utf8(raw).unwrap_or_default();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let chunk = rest.get(..rest.floor_char_boundary(PART_TEXT)).unwrap_or(rest);
        at += chunk.len();
        Some(chunk)
    })
}

/// Where the value of a JSON Pointer stands.
fn find(members: &[u8], path: &str) -> Option<Range<usize>> {
    let mut steps = path
        .strip_prefix('/')?
        .split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = steps.next()?;
    let mut at = walk::members(members)
        .find(|child| super::prepare::named(members, child, &first))?
        .value;
    for step in steps {
        let child = if members.get(at.start) == Some(&b'{') {
            walk::children(members, at.start).find(|child| super::prepare::named(members, child, &step))?
        } else {
            walk::children(members, at.start).nth(step.parse().ok()?)?
        };
        at = child.value;
    }
    Some(at)
}
