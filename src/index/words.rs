//! How words get into tantivy with the places that they have: as one text for each record, in which a space stands
//! between words and a line feed between values. No word has either in it. The splitter only takes this apart again, so
//! that what a word is stands in one place, [`crate::record::terms::words`].

use crate::record::terms::{GAP, words};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Adds a value's words to the text.
pub(super) fn add_words(text: &str, out: &mut String) {
    let before = out.len();
    if !out.is_empty() {
        out.push('\n');
    }
    let begin = out.len();
    words(text, |word| {
        if out.len() > begin {
            out.push(' ');
        }
        out.push_str(word);
    });
    if out.len() == begin {
        out.truncate(before);
    }
}

/// Takes the text apart again.
#[derive(Debug, Clone)]
pub(super) struct Splitter;

impl Tokenizer for Splitter {
    type TokenStream<'a> = Split<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Split<'a> {
        Split {
            text,
            at: 0,
            next: 0,
            token: Token::default(),
        }
    }
}

/// The words of one such text.
#[derive(Debug)]
pub(super) struct Split<'a> {
    text: &'a str,
    at: usize,
    /// The place of the next word.
    next: usize,
    token: Token,
}

impl TokenStream for Split<'_> {
    fn advance(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return false;
        }
        let end = memchr::memchr2(b' ', b'\n', rest.as_bytes());
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.token.text.clear();
        self.token.text.push_str(word);
        self.token.position = self.next;
        let breaks = end.is_some_and(|end| rest.as_bytes().get(end) == Some(&b'\n'));
        self.next += if breaks { 1 + GAP as usize } else { 1 };
        self.at += word.len() + 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places() {
        let mut text = String::new();
        for value in ["Apology e-mail", "…", "", "退款", "x"] {
            add_words(value, &mut text);
        }
        let mut splitter = Splitter;
        let mut stream = splitter.token_stream(&text);
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push((token.text.clone(), token.position));
        }
        let gap = GAP as usize;
        let expected = [
            ("apology", 0),
            ("e", 1),
            ("mail", 2),
            ("退", 3 + gap),
            ("款", 4 + gap),
            ("x", 5 + 2 * gap),
        ];
        assert_eq!(found, expected.map(|(word, place)| (word.to_owned(), place)));
    }
}
