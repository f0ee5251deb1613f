//! Finding one's way in JSON text that was checked before: where a value ends, what an object's members are. Nothing
//! here allocates or copies. The text may nevertheless come from a damaged file, so every step is total: on bytes that
//! are no JSON the answer is `None` or a shorter list, never a panic.

use super::plain::plain_run;
use std::ops::Range;

/// One member of an object or one element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// Where the member's name stands, without its quotes; empty in a list.
    pub(crate) name: Range<usize>,
    /// Where its value stands.
    pub(crate) value: Range<usize>,
}

/// The end of the value that begins at `at` in minified text.
pub(crate) fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' | b'[' => container_end(text, at),
        b',' | b':' | b'}' | b']' => None,
        _ => {
            let rest = text.get(at..)?;
            Some(
                at + rest
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']'))
                    .unwrap_or(rest.len()),
            )
        }
    }
}

/// The members of the object, or the elements of the list, that begins at `at`.
pub(crate) fn children(text: &[u8], at: usize) -> Children<'_> {
    let named = text.get(at) == Some(&b'{');
    let open = named || text.get(at) == Some(&b'[');
    Children {
        text,
        at: if open { at + 1 } else { text.len() },
        named,
    }
}

/// The members of text that is what stands between an object's braces.
pub(crate) fn members(text: &[u8]) -> Children<'_> {
    Children {
        text,
        at: 0,
        named: true,
    }
}

/// See [`children`].
#[derive(Debug)]
pub(crate) struct Children<'a> {
    text: &'a [u8],
    at: usize,
    named: bool,
}

impl Iterator for Children<'_> {
    type Item = Child;

    fn next(&mut self) -> Option<Child> {
        if self.text.get(self.at) == Some(&b',') {
            self.at += 1;
        }
        let mut start = self.at;
        let mut name = start..start;
        if self.named {
            if self.text.get(start) != Some(&b'"') {
                return None;
            }
            let end = string_end(self.text, start)?;
            name = start + 1..end - 1;
            if self.text.get(end) != Some(&b':') {
                return None;
            }
            start = end + 1;
        }
        let end = value_end(self.text, start)?;
        self.at = end;
        Some(Child {
            name,
            value: start..end,
        })
    }
}

fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += plain_run(text.get(at..)?).len;
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            // A control character, in a damaged file.
            _ => at += 1,
        }
    }
}

fn container_end(text: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => {
                at = string_end(text, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_found() {
        let text = br#"{"a":"x\",}","b":[1,{"c":null},"]"],"d":-1.5e3}"#;
        let found: Vec<_> = children(text, 0)
            .map(|c| (&text[c.name.clone()], &text[c.value]))
            .collect();
        let expected: Vec<(&[u8], &[u8])> = vec![
            (b"a", br#""x\",}""#),
            (b"b", br#"[1,{"c":null},"]"]"#),
            (b"d", b"-1.5e3"),
        ];
        assert_eq!(found, expected);
        let list = children(text, 17).map(|c| c.value.len()).collect::<Vec<_>>();
        assert_eq!(list, [1, 10, 3]);
    }

    #[test]
    fn broken_text_ends_the_walk() {
        for text in [
            &b"{"[..],
            b"{\"a",
            b"{\"a\":",
            b"{\"a\":\"\\",
            b"[[[",
            b"",
            b"]",
            b"{,}",
            b"{\"a\":}",
        ] {
            assert_eq!(children(text, 0).count(), 0, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
