//! JSON that others wrote, kept as its text: no number is rounded, no member reordered, and none that stands twice is
//! dropped. What the log would not take as it stands is kept as a string.

use crate::record::{Json, scan_value, string_value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// An object's members in their order, each name once. A `null` counts as absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads an object; the error says why the text is none that can be taken.
    pub(super) fn parse(raw: &RawValue) -> Result<Self, String> {
        let object: Object = serde_json::from_str(raw.get()).map_err(|_| "not an object".to_owned())?;
        let mut names: Vec<&str> = object.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some((*a).to_owned()),
            _ => None,
        });
        twice.map_or(Ok(object), |name| Err(format!("an object with {name:?} twice")))
    }

    /// How many members there are, those that are `null` too.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    pub(super) fn scalar(&self, name: &str) -> Option<String> {
        scalar(self.get(name)?)
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(place).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        let members = self.0.iter().map(|(name, value)| (name.as_str(), &**value));
        members.filter(|(_, value)| value.get() != "null")
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        from.deserialize_map(Members)
    }
}

/// Whether the value is an object with that member, whatever else is in it.
pub(super) fn has_member(raw: &RawValue, name: &str) -> bool {
    let object = serde_json::from_str::<Object>(raw.get());
    object.is_ok_and(|object| object.get(name).is_some())
}

/// The elements of a list.
pub(super) fn list(raw: &RawValue) -> Option<Vec<Box<RawValue>>> {
    serde_json::from_str(raw.get()).ok()
}

/// What a string says.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(string_value(inner.as_bytes()).into_owned())
}

/// A string that is not empty, or a number, as text.
pub(super) fn scalar(raw: &RawValue) -> Option<String> {
    if raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Some(raw.get().to_owned());
    }
    text(raw).filter(|text| !text.is_empty())
}

/// A value as it stands if the log takes it so, and its text as a string otherwise.
pub(super) fn kept(raw: &str) -> Json {
    whole(raw).unwrap_or_else(|| Json::from(raw))
}

/// A text that is an object or a list in JSON becomes that; every other text stays the string that it is.
pub(super) fn unfolded(text: &str) -> Json {
    let begins = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(['{', '[']);
    let unfolded = begins.then(|| whole(text)).flatten();
    unfolded.unwrap_or_else(|| Json::from(text))
}

/// A value as it stands, without its whitespace, if the log takes it so.
pub(super) fn whole(raw: &str) -> Option<Json> {
    Json::raw(checked(raw)?).ok()
}

/// The same as text.
pub(super) fn checked(raw: &str) -> Option<Cow<'_, str>> {
    scan_value(raw, DEPTH)
}

/// The text without whitespace between its tokens.
pub(super) fn minified(raw: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    raw.chars()
        .filter(|c| {
            let kept = quoted || !matches!(c, ' ' | '\t' | '\n' | '\r');
            quoted ^= *c == '"' && !escaped;
            escaped = quoted && *c == '\\' && !escaped;
            kept
        })
        .collect()
}

/// Whether the log takes the value unchanged.
pub(super) fn is_taken(raw: &str) -> bool {
    checked(raw).is_some()
}

/// As deep in a record as anything of an import comes to stand.
const DEPTH: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_stays_and_the_rest_is_kept_as_text() {
        for (text, expected) in [
            (r#"{"b": 1.10, "a": [1e400]}"#, r#"{"b":1.10,"a":[1e400]}"#),
            (r#"{"a":1,"a":2}"#, r#""{\"a\":1,\"a\":2}""#),
            ("{\"a\":1}}", r#""{\"a\":1}}""#),
            ("7", "\"7\""),
            ("null", "\"null\""),
            ("oops", "\"oops\""),
        ] {
            assert_eq!(unfolded(text).as_str(), expected);
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(kept(&deep).as_str(), format!("{deep:?}"));
        assert_eq!(minified("{ \"a b\\\" \" :\n1 }"), "{\"a b\\\" \":1}");
    }
}
