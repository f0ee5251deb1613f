//! Patterns of names: a star stands for any text, also for none.

use std::fmt;

/// A name, or many with stars in it. Compared byte for byte, as a record's names are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
}

impl Pattern {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Pattern { text: text.into() }
    }

    /// Whether the name fits.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let Some((start, rest)) = self.text.split_once('*') else {
            return self.text == name;
        };
        let Some(mut name) = name.strip_prefix(start) else {
            return false;
        };
        let mut pieces: Vec<&str> = rest.split('*').collect();
        let last = pieces.pop().unwrap_or_default();
        // The first place where a piece fits leaves the most for those behind it.
        for piece in pieces {
            match name.find(piece) {
                Some(at) => name = name.get(at + piece.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        name.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, fits) in [
            ("billing", "billing", true),
            ("billing", "billing-2", false),
            ("billing-*", "billing-", true),
            ("billing-*", "billing", false),
            ("*", "", true),
            ("*-eu", "refunds-eu", true),
            ("*-eu", "refunds-eu-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("**x", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} {name}");
        }
    }

    /// The rule itself: a star takes nothing, or one more character.
    fn by_the_rule(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], name) => {
                by_the_rule(rest, name) || name.split_first().is_some_and(|(_, less)| by_the_rule(pattern, less))
            }
            ([a, rest @ ..], [b, less @ ..]) => a == b && by_the_rule(rest, less),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_as_the_rule_says(pattern in "[ab*]{0,8}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(pattern.clone()).fits(&name), by_the_rule(&chars(&pattern), &chars(&name)));
        }
    }
}
