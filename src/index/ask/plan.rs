//! A question with its terms looked up in one index.

use super::Question;
use super::bits::Bits;
use crate::index::opened::Index;
use crate::index::schema::{self, RECORD, schema};
use crate::index::unfit::Unfit;
use crate::record::terms::{FieldId, Number};
use std::ops::Bound;
use tantivy::columnar::Column;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;

/// A question, ready to be answered for any run of lines.
pub(crate) enum Node {
    All,
    Nothing,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// One of these terms.
    Terms(Dictionary, Vec<TermInfo>),
    /// These lines: what has very many terms is worked out once.
    Lines(Bits),
    Integers(Column<i64>, Between),
    Floats(Column<f64>, Between),
    Times(Column<i64>, Bound<i64>, Bound<i64>),
    /// The line's seq is one of these.
    Seqs(Between),
    /// These words stand together, and behind them one of the last ones, if there are any.
    Phrase(Vec<TermInfo>, Option<Vec<TermInfo>>),
}

/// Where a term stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dictionary {
    Terms,
    Words,
}

/// Two bounds for numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between(Bound<Number>, Bound<Number>);

impl Between {
    pub(super) fn holds(&self, number: Number) -> bool {
        let above = match self.0 {
            Bound::Unbounded => true,
            Bound::Included(end) => number.compare(end).is_ge(),
            Bound::Excluded(end) => number.compare(end).is_gt(),
        };
        above
            && match self.1 {
                Bound::Unbounded => true,
                Bound::Included(end) => number.compare(end).is_le(),
                Bound::Excluded(end) => number.compare(end).is_lt(),
            }
    }
}

/// Of more terms than this the lines are worked out once for the whole segment.
const MANY: usize = 16;

impl Index {
    pub(super) fn plan(&self, question: &Question) -> Result<Node, Unfit> {
        let mut key = Vec::new();
        Ok(match question {
            Question::All => Node::All,
            Question::Nothing => Node::Nothing,
            Question::And(all) => {
                let mut nodes = self.plan_all(all)?;
                nodes.sort_by_key(Node::weight);
                Node::And(nodes)
            }
            Question::Or(all) => Node::Or(self.plan_all(all)?),
            Question::Not(one) => Node::Not(Box::new(self.plan(one)?)),
            Question::Text(field, text) => {
                schema::value_term(*field, text.as_bytes(), &mut key);
                self.term(Dictionary::Terms, &key)?
            }
            Question::Prefix(field, text) => {
                schema::value_term(*field, text.as_bytes(), &mut key);
                self.terms_beginning(Dictionary::Terms, &key)?
            }
            Question::Exists(field) => {
                schema::has_term(*field, &mut key);
                self.term(Dictionary::Terms, &key)?
            }
            Question::Attribute(term) => {
                schema::attribute_bytes(term, &mut key);
                self.term(Dictionary::Terms, &key)?
            }
            Question::AttributePrefix(term) => {
                schema::attribute_bytes(term, &mut key);
                self.terms_beginning(Dictionary::Terms, &key)?
            }
            Question::Numbers(field, lower, upper) => self.numbers(*field, Between(*lower, *upper))?,
            Question::Times(field, lower, upper) => match self.integers(*field)? {
                Some(column) => Node::Times(column, *lower, *upper),
                None => Node::Nothing,
            },
            Question::Phrase { words, prefix } => self.phrase(words, *prefix)?,
        })
    }

    fn plan_all(&self, all: &[Question]) -> Result<Vec<Node>, Unfit> {
        all.iter().map(|one| self.plan(one)).collect()
    }

    fn numbers(&self, field: FieldId, between: Between) -> Result<Node, Unfit> {
        if Some(field) == schema().by_name().seq {
            return Ok(Node::Seqs(between));
        }
        let integers = self.integers(field)?.map(|column| Node::Integers(column, between));
        let floats = self.floats(field)?.map(|column| Node::Floats(column, between));
        Ok(Node::Or(integers.into_iter().chain(floats).collect()))
    }

    pub(super) fn dictionary(&self, which: Dictionary) -> &InvertedIndexReader {
        match which {
            Dictionary::Terms => &self.terms,
            Dictionary::Words => &self.words,
        }
    }

    fn term(&self, which: Dictionary, key: &[u8]) -> Result<Node, Unfit> {
        let info = self.dictionary(which).terms().get(key)?;
        Ok(info.map_or(Node::Nothing, |info| Node::Terms(which, vec![info])))
    }

    fn terms_beginning(&self, which: Dictionary, key: &[u8]) -> Result<Node, Unfit> {
        let infos = self.infos_beginning(which, key)?;
        self.any_of(which, infos)
    }

    fn any_of(&self, which: Dictionary, infos: Vec<TermInfo>) -> Result<Node, Unfit> {
        if infos.len() <= MANY {
            return Ok(Node::Terms(which, infos));
        }
        let mut lines = Bits::none(0, self.count_lines());
        for info in &infos {
            self.add_lines(which, info, &mut lines)?;
        }
        Ok(Node::Lines(lines))
    }

    fn infos_beginning(&self, which: Dictionary, key: &[u8]) -> Result<Vec<TermInfo>, Unfit> {
        let range = self.dictionary(which).terms().range().ge(key);
        let mut stream = range.into_stream()?;
        let mut infos = Vec::new();
        while stream.advance() {
            if !stream.key().starts_with(key) {
                break;
            }
            infos.push(stream.value().clone());
        }
        Ok(infos)
    }

    /// Where words stand together: in text, or in a name.
    fn phrase(&self, words: &[String], prefix: bool) -> Result<Node, Unfit> {
        let in_text = self.phrase_in_text(words, prefix)?;
        let names = self.names_with(words, prefix)?;
        if names.is_empty() {
            return Ok(in_text);
        }
        let in_names = self.any_of(Dictionary::Terms, names)?;
        Ok(match in_text {
            Node::Nothing => in_names,
            in_text => Node::Or(vec![in_names, in_text]),
        })
    }

    fn phrase_in_text(&self, words: &[String], prefix: bool) -> Result<Node, Unfit> {
        let (Some((last, front)), true) = (words.split_last(), prefix) else {
            if let [word] = words {
                return self.term(Dictionary::Words, word.as_bytes());
            }
            return Ok(match self.infos_of(words)? {
                Some(infos) if !infos.is_empty() => Node::Phrase(infos, None),
                _ => Node::Nothing,
            });
        };
        if front.is_empty() {
            return self.terms_beginning(Dictionary::Words, last.as_bytes());
        }
        let Some(infos) = self.infos_of(front)? else {
            return Ok(Node::Nothing);
        };
        let last = self.infos_beginning(Dictionary::Words, last.as_bytes())?;
        Ok(Node::Phrase(infos, Some(last)))
    }

    /// Where these words stand; `None` if one of them stands nowhere.
    fn infos_of(&self, words: &[String]) -> Result<Option<Vec<TermInfo>>, Unfit> {
        let dictionary = self.dictionary(Dictionary::Words).terms();
        let mut infos = Vec::with_capacity(words.len());
        for word in words {
            match dictionary.get(word.as_bytes())? {
                Some(info) => infos.push(info),
                None => return Ok(None),
            }
        }
        Ok(Some(infos))
    }

    /// Every record of a run of lines.
    pub(super) fn every(&self, start: u32, end: u32) -> Result<Bits, Unfit> {
        let info = self.dictionary(Dictionary::Terms).terms().get(RECORD)?;
        let mut bits = Bits::none(start, end);
        match info {
            Some(info) if info.doc_freq == self.count_lines() => Ok(Bits::all(start, end)),
            Some(info) => {
                self.add_lines(Dictionary::Terms, &info, &mut bits)?;
                Ok(bits)
            }
            None => Ok(bits),
        }
    }
}

impl Node {
    /// About how much work it is for a whole segment; what is less is done first.
    fn weight(&self) -> u64 {
        const COLUMN: u64 = 1 << 20;
        let sum = |nodes: &[Node]| nodes.iter().map(Node::weight).fold(0, u64::saturating_add);
        match self {
            Node::All | Node::Nothing | Node::Lines(_) => 0,
            Node::Seqs(_) => 1,
            Node::And(all) | Node::Or(all) => sum(all),
            Node::Not(one) => one.weight(),
            Node::Terms(_, infos) => infos.iter().map(|info| u64::from(info.doc_freq)).sum(),
            Node::Integers(..) | Node::Floats(..) | Node::Times(..) => COLUMN,
            Node::Phrase(..) => 2 * COLUMN,
        }
    }

    /// How many lines fit, where the dictionary says it.
    pub(super) fn known_count(&self) -> Option<u64> {
        match self {
            Node::Nothing => Some(0),
            Node::Terms(_, infos) => match infos.as_slice() {
                [info] => Some(u64::from(info.doc_freq)),
                _ => None,
            },
            _ => None,
        }
    }
}
