//! The words of JSON that the table does not know: names, strings, numbers, as they stand. All of one value is one text, so
//! that what somebody copies out of it is found as a phrase, whatever brackets and quotes stand between. A string that is
//! itself an object or a list in JSON (tools' arguments often are) is gone into, so that its strings are found as they
//! read, without their escapes.

use crate::record::text::string_value;
use memchr::memchr2;
use serde::de::IgnoredAny;

/// How many strings of JSON within strings of JSON are gone into.
const LEVELS: usize = 4;

/// Hands out the text in any JSON. There is no recursion over its objects and lists, so depth costs nothing.
pub(super) fn each_text(raw: &[u8], each: &mut dyn FnMut(&str)) {
    let mut all = String::new();
    gather(raw, LEVELS, &mut all);
    if !all.is_empty() {
        each(&all);
    }
}

/// Hands out what a string says: as it is, or what stands in it where it is JSON; and whether it is as it is.
pub(super) fn each_text_of_string(inner: &[u8], each: &mut dyn FnMut(&str, bool)) {
    let text = string_value(inner);
    if is_container(&text) {
        let mut all = String::new();
        gather(text.as_bytes(), LEVELS - 1, &mut all);
        if !all.is_empty() {
            each(&all, false);
        }
    } else if !text.is_empty() {
        each(&text, true);
    }
}

/// Whether a text is an object or a list in JSON.
fn is_container(text: &str) -> bool {
    let trimmed = text.trim_ascii();
    let looks =
        (trimmed.starts_with('{') && trimmed.ends_with('}')) || (trimmed.starts_with('[') && trimmed.ends_with(']'));
    looks && serde_json::from_str::<IgnoredAny>(trimmed).is_ok()
}

/// Adds the names, strings, numbers and words of some JSON, each behind a space.
fn gather(raw: &[u8], levels: usize, all: &mut String) {
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => {
                let end = string_end(raw, at + 1);
                string(raw.get(at + 1..end).unwrap_or_default(), levels, all);
                at = end + 1;
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                let rest = raw.get(at..).unwrap_or_default();
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let len = rest.iter().take_while(|byte| is_part(byte)).count().max(1);
                if let Ok(word) = std::str::from_utf8(rest.get(..len).unwrap_or_default()) {
                    add(all, word);
                }
                at += len;
            }
            _ => at += 1,
        }
    }
}

fn string(inner: &[u8], levels: usize, all: &mut String) {
    let text = string_value(inner);
    if levels > 0 && is_container(&text) {
        gather(text.as_bytes(), levels - 1, all);
    } else {
        add(all, &text);
    }
}

fn add(all: &mut String, text: &str) {
    if !all.is_empty() {
        all.push(' ');
    }
    all.push_str(text);
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
