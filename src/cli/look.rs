//! Looking into a record's text without building values of it, so that everything shows as it was sent: long numbers,
//! the order of members, and what a parser would refuse.

use crate::record::{children, printable, string_value, write_string};
use std::borrow::Cow;

/// The raw text of the value at that path; a step into a list is a number from 0.
pub(super) fn value<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    let Some((step, rest)) = path.split_first() else {
        return Some(text);
    };
    let found = match step.parse::<usize>() {
        Ok(place) if text.starts_with('[') => elements(text).nth(place),
        _ => members(text).find(|(name, _)| name == step).map(|(_, value)| value),
    };
    value(found?, rest)
}

/// What the string at that path says.
pub(super) fn string<'a>(text: &'a str, path: &[&str]) -> Option<Cow<'a, str>> {
    said(value(text, path)?)
}

/// The members of an object: their names and the raw text of their values.
pub(super) fn members(text: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let named = text.starts_with('{');
    children(text.as_bytes(), 0).filter(move |_| named).filter_map(|child| {
        let name = text.as_bytes().get(child.name)?;
        Some((string_value(name), text.get(child.value)?))
    })
}

/// The raw texts of a list's elements.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    let listed = text.starts_with('[');
    children(text.as_bytes(), 0)
        .filter(move |_| listed)
        .filter_map(|child| text.get(child.value))
}

/// What a raw value says if it is a string.
pub(super) fn said(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    Some(string_value(inner.as_bytes()))
}

/// A raw value on one line as a person reads it: strings without quotes, everything else as it stands.
pub(super) fn plain(raw: &str) -> String {
    said(raw).map_or_else(|| printable(raw).into_owned(), |text| printable(&text).into_owned())
}

/// A text in quotes, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_string(&mut out, text);
    printable(&String::from_utf8_lossy(&out)).into_owned()
}
