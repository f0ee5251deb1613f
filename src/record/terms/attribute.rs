//! The user's own members under `attributes`, as terms of a path and a value: `{"order":{"id":7}}` is found as
//! `attributes.order.id:7`. An element of a list stands under the list's own path. Names of the user's choice thus never
//! become fields of an index, whose schema hostile input could make grow.
//!
//! Strings, numbers (in one spelling) and truth values are terms, by at most [`EXACT_LIMIT`](super::EXACT_LIMIT) bytes.
//! Members deeper than [`DEPTH`], paths longer than [`PATH`] bytes, and terms behind the first [`COUNT`] of a record are
//! none; their words are found all the same.

use super::value::{Number, cut};
use crate::record::text::string_value;
use crate::record::walk::children;

/// So many steps a path has at most.
const DEPTH: usize = 8;
/// So many bytes a path has at most.
const PATH: usize = 256;
/// So many terms a record has at most.
const COUNT: usize = 512;

/// What stands between path and value. It is in few names, unlike `=`.
const SEPARATOR: char = '\0';

/// The term of that value at that path. The value is text as it stands, or a number as
/// [`Number::spelled`]. With the beginning of a value it is what the terms of all such values begin with.
pub(crate) fn attribute_term(path: &str, value: &str) -> String {
    format!("{path}{SEPARATOR}{}", cut(value))
}

/// Hands out the terms of the object that `attributes` holds.
pub(super) fn each_attribute(raw: &[u8], each: &mut dyn FnMut(&str)) {
    let mut walk = Walk {
        term: String::new(),
        left: COUNT,
        each,
    };
    walk.value(raw, 0);
}

struct Walk<'e> {
    /// The path so far; with a value behind it while that is handed out.
    term: String,
    left: usize,
    each: &'e mut dyn FnMut(&str),
}

impl Walk<'_> {
    fn value(&mut self, raw: &[u8], depth: usize) {
        if self.left == 0 {
            return;
        }
        match raw {
            [b'{', ..] if depth < DEPTH => {
                for child in children(raw, 0) {
                    let path = self.term.len();
                    let name = string_value(raw.get(child.name).unwrap_or_default());
                    if path > 0 {
                        self.term.push('.');
                    }
                    self.term.push_str(&name);
                    if self.term.len() <= PATH {
                        self.value(raw.get(child.value).unwrap_or_default(), depth + 1);
                    }
                    self.term.truncate(path);
                }
            }
            [b'[', ..] if depth < DEPTH => {
                for child in children(raw, 0) {
                    self.value(raw.get(child.value).unwrap_or_default(), depth + 1);
                }
            }
            [b'{' | b'[', ..] | b"null" => {}
            [b'"', inner @ .., b'"'] => self.hand_out(&string_value(inner)),
            b"true" => self.hand_out("true"),
            b"false" => self.hand_out("false"),
            _ => {
                if let Some(number) = std::str::from_utf8(raw).ok().and_then(Number::parse) {
                    self.hand_out(&number.spelled());
                }
            }
        }
    }

    fn hand_out(&mut self, value: &str) {
        if self.left == 0 || self.term.is_empty() {
            return;
        }
        let path = self.term.len();
        self.term.push(SEPARATOR);
        self.term.push_str(cut(value));
        (self.each)(&self.term);
        self.term.truncate(path);
        self.left -= 1;
    }
}
