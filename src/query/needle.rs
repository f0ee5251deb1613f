//! A look at a record's bytes that rules most records out before they are walked: for a text that every record that fits has
//! to have somewhere.
//!
//! What must hold: it never rules out a record that fits, however that spells the text.

use super::expr::Expr;
use crate::record::terms::Kind;
use aho_corasick::AhoCorasick;
use memchr::memmem;

/// A text that stands in a line as it is, unless something hides it.
#[derive(Debug)]
pub(super) struct Needle {
    text: Text,
    /// Where one of these stands, the text may be there in another spelling.
    hidden_by: Vec<memmem::Finder<'static>>,
}

#[derive(Debug)]
enum Text {
    /// Byte for byte.
    Exact(Box<memmem::Finder<'static>>),
    /// A word of ASCII letters and digits, in upper or lower case.
    Word(AhoCorasick),
}

impl Needle {
    /// The one that rules out most, by its length; `None` if an expression has none.
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        match needle(expr)? {
            Wanted::Exact(text) => Some(Self::exact(text)),
            Wanted::Word(word) => Self::word(word),
        }
    }

    /// Whether the text may be in the line.
    pub(super) fn may_be_in(&self, line: &[u8]) -> bool {
        let there = match &self.text {
            Text::Exact(text) => text.find(line).is_some(),
            Text::Word(word) => word.is_match(line),
        };
        there || self.hidden_by.iter().any(|hiding| hiding.find(line).is_some())
    }

    fn exact(text: &str) -> Self {
        let mut hidden_by = vec![memmem::Finder::new(b"\\u").into_owned()];
        if text.contains('/') {
            hidden_by.push(memmem::Finder::new(b"\\/").into_owned());
        }
        Needle {
            text: Text::Exact(Box::new(memmem::Finder::new(text.as_bytes()).into_owned())),
            hidden_by,
        }
    }

    fn word(word: &str) -> Option<Self> {
        let mut builder = AhoCorasick::builder();
        let word = builder.ascii_case_insensitive(true).build([word]).ok()?;
        // Two letters that are not ASCII are ASCII, or begin so, in lower case: the Kelvin sign and the dotted capital I.
        let others = ["\\u", "\u{212a}", "\u{130}"];
        Some(Needle {
            text: Text::Word(word),
            hidden_by: others.map(|other| memmem::Finder::new(other).into_owned()).to_vec(),
        })
    }
}

enum Wanted<'a> {
    Exact(&'a str),
    Word(&'a str),
}

impl Wanted<'_> {
    fn len(&self) -> usize {
        match self {
            Wanted::Exact(text) | Wanted::Word(text) => text.len(),
        }
    }
}

fn needle(expr: &Expr) -> Option<Wanted<'_>> {
    match expr {
        Expr::And(all) => all.iter().filter_map(needle).max_by_key(Wanted::len),
        Expr::Text(field, text) | Expr::Prefix(field, text) => {
            let as_it_is = matches!(field.info().kind, Kind::Exact | Kind::Any);
            let escaped = text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\'));
            (as_it_is && !escaped && !text.is_empty()).then_some(Wanted::Exact(text))
        }
        Expr::Phrase { words, .. } => {
            let plain = words.iter().filter(|word| !word.is_empty() && word.is_ascii());
            plain.max_by_key(|word| word.len()).map(|word| Wanted::Word(word))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_ruled_out_by_its_spelling() {
        let phrase = Expr::Phrase {
            words: vec!["the".to_owned(), "kiosk".to_owned()],
            prefix: false,
        };
        let needle = Needle::of(&phrase).unwrap();
        for line in ["a kiosk", "the KIOSK", "\u{212a}iosk", "\\u004biosk", "K\u{130}OSK"] {
            assert!(needle.may_be_in(line.as_bytes()), "{line}");
        }
        for line in ["the kios", "", "the kio sk \\n"] {
            assert!(!needle.may_be_in(line.as_bytes()), "{line}");
        }
        let umlaut = Expr::Phrase {
            words: vec!["übung".to_owned()],
            prefix: true,
        };
        assert!(Needle::of(&umlaut).is_none());
    }
}
