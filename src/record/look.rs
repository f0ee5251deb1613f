//! Looking into a record's text without building values of it, so that everything shows as it was sent: long numbers,
//! the order of members, and what a parser would refuse. On text that is no JSON the answer is less, never a panic.

use super::text::{string_value, write_string};
use super::walk::children;
use std::borrow::Cow;

/// The raw text of the value at that path; a step into a list is a number from 0.
pub(crate) fn value<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
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
#[cfg(feature = "cli")]
pub(crate) fn string<'a>(text: &'a str, path: &[&str]) -> Option<Cow<'a, str>> {
    said(value(text, path)?)
}

/// The members of an object: their names and the raw text of their values.
pub(crate) fn members(text: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let named = text.starts_with('{');
    children(text.as_bytes(), 0).filter(move |_| named).filter_map(|child| {
        let name = text.as_bytes().get(child.name)?;
        Some((string_value(name), text.get(child.value)?))
    })
}

/// The raw texts of a list's elements.
pub(crate) fn elements(text: &str) -> impl Iterator<Item = &str> {
    let listed = text.starts_with('[');
    children(text.as_bytes(), 0)
        .filter(move |_| listed)
        .filter_map(|child| text.get(child.value))
}

/// What a raw value says if it is a string.
pub(crate) fn said(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    Some(string_value(inner.as_bytes()))
}

/// What a person reads at that path: a string's text, anything else as it stands. `null` counts as absent.
pub(crate) fn shown(text: &str, path: &[&str]) -> Option<String> {
    let raw = value(text, path).filter(|raw| *raw != "null")?;
    Some(said(raw).map_or_else(|| raw.to_owned(), Cow::into_owned))
}

/// A name inside a sentence: as it is if it is a word, in quotes otherwise, so that no name can look like more than one.
pub(crate) fn word(name: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "_-./@$:+%".contains(c);
    if !name.is_empty() && name.chars().all(is_word) {
        name.to_owned()
    } else {
        let mut out = Vec::new();
        write_string(&mut out, name);
        String::from_utf8_lossy(&out).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_found_and_no_name_is_two() {
        let text = r#"{"a":{"b":["x",{"c":1.10}],"n":null},"a":2}"#;
        assert_eq!(value(text, &["a", "b", "1", "c"]), Some("1.10"));
        assert_eq!(shown(text, &["a", "b", "0"]).as_deref(), Some("x"));
        assert_eq!(shown(text, &["a", "n"]), None);
        assert_eq!(value(text, &["a", "b", "2"]), None);
        assert_eq!(value("{\"a\":", &["a"]), None);
        assert_eq!(
            ["refund-limit", "pii:email:9c2d", "a b", "x\" version \"2", ""].map(word),
            [
                "refund-limit",
                "pii:email:9c2d",
                "\"a b\"",
                r#""x\" version \"2""#,
                "\"\""
            ]
        );
    }
}
