//! The words of JSON that the table does not know: every string but the members' names, and every number. A string that
//! is itself an object or a list in JSON (tools' arguments often are) is gone into, so that its strings are found as they
//! read, without their escapes.

use crate::record::text::string_value;
use memchr::memchr2;
use serde::de::IgnoredAny;

/// How many strings of JSON within strings of JSON are gone into.
const LEVELS: usize = 4;

/// Hands out the texts in any JSON. There is no recursion over its objects and lists, so depth costs nothing.
pub(super) fn each_text(raw: &[u8], each: &mut dyn FnMut(&str)) {
    strings(raw, LEVELS, each);
}

/// Hands out what a string says: as one text, or as the texts in it where it is JSON.
pub(super) fn each_text_of_string(inner: &[u8], each: &mut dyn FnMut(&str)) {
    string(inner, LEVELS, each);
}

fn string(inner: &[u8], levels: usize, each: &mut dyn FnMut(&str)) {
    let text = string_value(inner);
    if levels > 0 && is_container(&text) {
        strings(text.as_bytes(), levels - 1, each);
    } else if !text.is_empty() {
        each(&text);
    }
}

/// Whether a text is an object or a list in JSON.
fn is_container(text: &str) -> bool {
    let trimmed = text.trim_ascii();
    let looks =
        (trimmed.starts_with('{') && trimmed.ends_with('}')) || (trimmed.starts_with('[') && trimmed.ends_with(']'));
    looks && serde_json::from_str::<IgnoredAny>(trimmed).is_ok()
}

fn strings(raw: &[u8], levels: usize, each: &mut dyn FnMut(&str)) {
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => {
                let end = string_end(raw, at + 1);
                let behind = raw.get(end + 1..).unwrap_or_default();
                if behind.trim_ascii_start().first() != Some(&b':') {
                    string(raw.get(at + 1..end).unwrap_or_default(), levels, each);
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let rest = raw.get(at..).unwrap_or_default();
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let len = rest.iter().take_while(|byte| is_part(byte)).count().max(1);
                if let Ok(number) = std::str::from_utf8(rest.get(..len).unwrap_or_default()) {
                    each(number);
                }
                at += len;
            }
            _ => at += 1,
        }
    }
}

/// Where the string ends whose first byte behind the quote stands there; the end of the text if it does not.
fn string_end(raw: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = raw.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if raw.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    raw.len()
}
