//! Holds an expression against one record after the other. The record is walked once, whatever is asked of it: each
//! thing that it hands out is held against the conditions that could want it.

use super::expr::{Expr, Scalar};
use super::needle::Needle;
use crate::record::terms::{FieldId, Number, Sink, Value, extract, extract_whole, fields, words};
use std::ops::Bound;

/// An expression, ready to be held against records.
#[derive(Debug)]
pub(crate) struct Matcher {
    tree: Tree,
    conditions: Conditions,
    /// What the text of every record has in it that fits.
    needle: Option<Needle>,
}

/// The expression with its conditions by number.
#[derive(Debug)]
enum Tree {
    All,
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Condition(usize),
}

/// The conditions on single things, by what could meet them; and which of them are met by the record at hand.
#[derive(Debug)]
struct Conditions {
    /// For each field the conditions on it.
    by_field: Vec<Vec<(usize, Test)>>,
    attributes: Vec<(usize, Attribute)>,
    phrases: Vec<Phrase>,
    met: Vec<bool>,
}

/// A condition on one value of a field.
#[derive(Debug)]
enum Test {
    Text(String),
    Prefix(String),
    Number(Number),
    Range(Bound<Scalar>, Bound<Scalar>),
    Exists,
}

#[derive(Debug)]
enum Attribute {
    Is(String),
    Begins(String),
}

/// Words to be found one behind the other (Knuth, Morris and Pratt 1977): a word of the text is looked at once, however
/// long the phrase is and however often it begins anew.
#[derive(Debug)]
struct Phrase {
    condition: usize,
    /// All words but the last one.
    front: Vec<String>,
    last: String,
    prefix: bool,
    /// For each number of words of the front that stand in place: of how many a shorter beginning stands there too.
    shorter: Vec<usize>,
    /// How many words of the front stand before the next word of the text.
    begun: usize,
}

impl Matcher {
    pub(crate) fn new(expr: &Expr) -> Self {
        let mut conditions = Conditions {
            by_field: fields().iter().map(|_| Vec::new()).collect(),
            attributes: Vec::new(),
            phrases: Vec::new(),
            met: Vec::new(),
        };
        let tree = conditions.take(expr);
        Matcher {
            tree,
            conditions,
            needle: Needle::of(expr),
        }
    }

    /// Whether a stored line fits. Of a record whose values were moved out, `whole` is what all the caller's members
    /// are. Pieces of other records never fit.
    pub(crate) fn matches(&mut self, line: &[u8], whole: Option<&[u8]>) -> bool {
        if whole.is_none() && self.needle.as_ref().is_some_and(|needle| !needle.may_be_in(line)) {
            return false;
        }
        self.conditions.met.fill(false);
        let is_record = match whole {
            Some(members) => extract_whole(line, members, &mut self.conditions),
            None => extract(line, &mut self.conditions),
        };
        is_record && self.tree.fits(&self.conditions.met)
    }
}

impl Tree {
    fn fits(&self, met: &[bool]) -> bool {
        match self {
            Tree::All => true,
            Tree::And(all) => all.iter().all(|one| one.fits(met)),
            Tree::Or(all) => all.iter().any(|one| one.fits(met)),
            Tree::Not(one) => !one.fits(met),
            Tree::Condition(place) => met.get(*place) == Some(&true),
        }
    }
}

impl Conditions {
    fn take(&mut self, expr: &Expr) -> Tree {
        match expr {
            Expr::All => Tree::All,
            Expr::And(all) => Tree::And(all.iter().map(|one| self.take(one)).collect()),
            Expr::Or(all) => Tree::Or(all.iter().map(|one| self.take(one)).collect()),
            Expr::Not(one) => Tree::Not(Box::new(self.take(one))),
            Expr::Text(field, text) => self.field(*field, Test::Text(text.clone())),
            Expr::Prefix(field, text) => self.field(*field, Test::Prefix(text.clone())),
            Expr::Number(field, number) => self.field(*field, Test::Number(*number)),
            Expr::Range(field, lower, upper) => self.field(*field, Test::Range(*lower, *upper)),
            Expr::Exists(field) => self.field(*field, Test::Exists),
            Expr::Attribute(term) => self.attribute(Attribute::Is(term.clone())),
            Expr::AttributePrefix(term) => self.attribute(Attribute::Begins(term.clone())),
            Expr::Phrase { words, prefix } => {
                let condition = self.condition();
                self.phrases.extend(Phrase::new(condition, words, *prefix));
                Tree::Condition(condition)
            }
        }
    }

    fn field(&mut self, field: FieldId, test: Test) -> Tree {
        let condition = self.condition();
        if let Some(tests) = self.by_field.get_mut(field.place()) {
            tests.push((condition, test));
        }
        Tree::Condition(condition)
    }

    fn attribute(&mut self, attribute: Attribute) -> Tree {
        let condition = self.condition();
        self.attributes.push((condition, attribute));
        Tree::Condition(condition)
    }

    fn condition(&mut self) -> usize {
        self.met.push(false);
        self.met.len() - 1
    }
}

impl Sink for Conditions {
    fn field(&mut self, field: FieldId, value: Value<'_>) {
        for (condition, test) in self.by_field.get(field.place()).into_iter().flatten() {
            if test.fits(&value) {
                meet(&mut self.met, *condition);
            }
        }
    }

    fn attribute(&mut self, term: &str) {
        for (condition, attribute) in &self.attributes {
            let fits = match attribute {
                Attribute::Is(wanted) => wanted == term,
                Attribute::Begins(wanted) => term.starts_with(wanted),
            };
            if fits {
                meet(&mut self.met, *condition);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.phrases.iter_mut().for_each(|phrase| phrase.begun = 0);
        words(text, |word| {
            for phrase in &mut self.phrases {
                if phrase.goes_on(word) {
                    meet(&mut self.met, phrase.condition);
                }
            }
        });
    }

    fn wants_text(&self) -> bool {
        !self.phrases.is_empty()
    }

    fn wants_attributes(&self) -> bool {
        !self.attributes.is_empty()
    }
}

fn meet(met: &mut [bool], condition: usize) {
    if let Some(met) = met.get_mut(condition) {
        *met = true;
    }
}

impl Test {
    fn fits(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Test::Exists, _) => true,
            (Test::Text(wanted), Value::Text(text)) => wanted == text,
            (Test::Text(wanted), Value::Bool(truth)) => wanted == if *truth { "true" } else { "false" },
            (Test::Prefix(wanted), Value::Text(text)) => text.starts_with(wanted.as_str()),
            (Test::Number(wanted), Value::Number(number)) => wanted == number,
            (Test::Range(lower, upper), Value::Number(number)) => {
                let bound = |bound: &Bound<Scalar>| {
                    bound.map(|end| if let Scalar::Number(end) = end { Some(end) } else { None })
                };
                lies_between(&bound(lower), &bound(upper), |end| end.map(|end| number.compare(end)))
            }
            (Test::Range(lower, upper), Value::Time(time)) => {
                let bound =
                    |bound: &Bound<Scalar>| bound.map(|end| if let Scalar::Time(end) = end { Some(end) } else { None });
                lies_between(&bound(lower), &bound(upper), |end| end.map(|end| time.cmp(&end)))
            }
            _ => false,
        }
    }
}

/// Whether a value lies between two bounds, given how it compares with an end; one that it does not compare with at all
/// keeps it out.
fn lies_between<T: Copy>(
    lower: &Bound<T>,
    upper: &Bound<T>,
    compare: impl Fn(T) -> Option<std::cmp::Ordering>,
) -> bool {
    let above = match lower {
        Bound::Unbounded => true,
        Bound::Included(end) => compare(*end).is_some_and(std::cmp::Ordering::is_ge),
        Bound::Excluded(end) => compare(*end).is_some_and(std::cmp::Ordering::is_gt),
    };
    above
        && match upper {
            Bound::Unbounded => true,
            Bound::Included(end) => compare(*end).is_some_and(std::cmp::Ordering::is_le),
            Bound::Excluded(end) => compare(*end).is_some_and(std::cmp::Ordering::is_lt),
        }
}

impl Phrase {
    /// `None` of no words, which nothing fits.
    fn new(condition: usize, words: &[String], prefix: bool) -> Option<Self> {
        let (last, front) = words.split_last()?;
        let mut phrase = Phrase {
            condition,
            front: front.to_vec(),
            last: last.clone(),
            prefix,
            shorter: vec![0; front.len() + 1],
            begun: 0,
        };
        // The front, but its first word, is gone through as a text is.
        for (place, word) in front.iter().enumerate().skip(1) {
            phrase.begun = phrase.after(word);
            if let Some(shorter) = phrase.shorter.get_mut(place + 1) {
                *shorter = phrase.begun;
            }
        }
        phrase.begun = 0;
        Some(phrase)
    }

    /// Takes the next word of a text; says whether the phrase stands there with it.
    fn goes_on(&mut self, word: &str) -> bool {
        let ends = if self.prefix {
            word.starts_with(&self.last)
        } else {
            word == self.last
        };
        let stands = ends && self.begun == self.front.len();
        self.begun = self.after(word);
        stands
    }

    /// How many words of the front stand in place with that word behind those that do now.
    fn after(&self, word: &str) -> usize {
        let mut begun = self.begun;
        loop {
            if self.front.get(begun).is_some_and(|next| next == word) {
                return begun + 1;
            }
            if begun == 0 {
                return 0;
            }
            begun = self.shorter.get(begun).copied().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Of two letters, so that phrases overlap themselves.
        #[test]
        fn a_phrase_stands_where_a_plain_search_finds_it(
            text in proptest::collection::vec("[ab]|aa", 0..40),
            words in proptest::collection::vec("[ab]", 1..6),
            prefix in any::<bool>(),
        ) {
            let fits = |window: &[String]| {
                let (last, front) = words.split_last().unwrap();
                let (end, before) = window.split_last().unwrap();
                before == front && if prefix { end.starts_with(last.as_str()) } else { end == last }
            };
            let mut phrase = Phrase::new(0, &words, prefix).unwrap();
            for place in 0..text.len() {
                let stands = phrase.goes_on(&text[place]);
                let window = (place + 1).checked_sub(words.len()).map(|from| &text[from..=place]);
                prop_assert_eq!(stands, window.is_some_and(fits), "{:?} at {}", words, place);
            }
        }
    }
}
