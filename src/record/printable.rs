//! Text of records where a person reads it: nothing in it may move the cursor, turn the reading direction, or be there
//! without being seen. What would is written as the escape that JSON has for it, so that the same form serves on a
//! terminal, in messages, and inside a JSON answer.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text on one line, with an escape for everything that has no glyph of its own.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// The same for texts of several lines: their newlines stay.
#[cfg(feature = "cli")]
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

/// Whether a person takes the text for that lower-case ASCII name.
pub(crate) fn looks_like(text: &str, name: &str) -> bool {
    let seen = text.chars().filter(|c| !c.is_whitespace() && !is_hidden(*c));
    seen.map(|c| c.to_ascii_lowercase()).eq(name.chars())
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !hidden(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(out)
}

/// Controls, the two separators that some readers take for a newline, and the characters of Unicode's classes Cf
/// (format) and Default_Ignorable_Code_Point. U+FE0F stays: it stands behind half of all emoji and shows as nothing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, expected) in [
            ("Grüße, 世界 ❤\u{fe0f}", "Grüße, 世界 ❤\u{fe0f}"),
            ("a\u{1b}[31mred\nfake", "a\\u001b[31mred\\nfake"),
            ("\u{9b}2J\u{7f}\r\t\u{0}", "\\u009b2J\\u007f\\r\\t\\u0000"),
            ("pay\u{202e}001\u{2066}\u{2028}", "pay\\u202e001\\u2066\\u2028"),
            ("a\u{200b}b\u{ad}\u{feff}", "a\\u200bb\\u00ad\\ufeff"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(printable(text), expected);
        }
        assert_eq!(printable_lines("a\nb\u{1b}"), "a\nb\\u001b");
        assert!(looks_like(" Audit\u{200b}DB", "auditdb") && !looks_like("auditdb-2", "auditdb"));
    }
}
