//! Which lines of a run fit.

use super::bits::Bits;
use super::plan::{Dictionary, Node};
use crate::index::opened::Index;
use crate::index::unfit::Unfit;
use crate::record::terms::Number;
use std::ops::Bound;
use tantivy::DocSet;
use tantivy::postings::{SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;

/// Where fewer than one line in so many is still of interest, lists are asked for each and not read through.
const SPARSE: u64 = 32;

impl Index {
    /// Those of these lines that fit.
    pub(super) fn eval(&self, node: &Node, of: &Bits) -> Result<Bits, Unfit> {
        if of.is_empty() {
            return Ok(of.clone());
        }
        Ok(match node {
            Node::All => of.clone(),
            Node::Nothing => Bits::none_of(of),
            Node::And(all) => {
                let mut left = of.clone();
                for one in all {
                    left = self.eval(one, &left)?;
                }
                left
            }
            Node::Or(all) => {
                let (mut found, mut left) = (Bits::none_of(of), of.clone());
                for one in all {
                    let fits = self.eval(one, &left)?;
                    left.remove(&fits);
                    found.join(&fits);
                }
                found
            }
            Node::Not(one) => {
                let mut left = of.clone();
                left.remove(&self.eval(one, of)?);
                left
            }
            Node::Terms(which, infos) => {
                let mut found = Bits::none_of(of);
                for info in infos {
                    self.lines_with(*which, info, of, &mut found)?;
                }
                found
            }
            Node::Lines(lines) => {
                let mut left = of.clone();
                left.keep_of_all(lines);
                left
            }
            Node::Seqs(between) => filter(of, |line| between.holds(self.seq_of(line))),
            Node::Integers(column, between) => filter(of, |line| {
                let mut values = column.values_for_doc(line);
                values.any(|value| between.holds(Number::Integer(value)))
            }),
            Node::Floats(column, between) => filter(of, |line| {
                let mut values = column.values_for_doc(line);
                values.any(|value| between.holds(Number::Float(value)))
            }),
            Node::Times(column, lower, upper) => {
                let (Some(least), Some(greatest)) = (least(*lower), greatest(*upper)) else {
                    return Ok(Bits::none_of(of));
                };
                filter(of, |line| {
                    let mut values = column.values_for_doc(line);
                    values.any(|value| value >= least && value <= greatest)
                })
            }
            Node::Phrase(words, last) => self.phrase_lines(words, last.as_deref(), of)?,
        })
    }

    /// The seq of a line, as a field's value.
    pub(super) fn seq_of(&self, line: u32) -> Number {
        let seq = self.first_seq().saturating_add(u64::from(line));
        Number::Integer(i64::try_from(seq).unwrap_or(i64::MAX))
    }

    /// Adds those of some lines that have the term.
    pub(super) fn lines_with(
        &self,
        which: Dictionary,
        info: &TermInfo,
        of: &Bits,
        found: &mut Bits,
    ) -> Result<(), Unfit> {
        let span = of.span();
        let length = u64::from(span.end - span.start);
        let mut postings = self.postings(which, info, IndexRecordOption::Basic)?;
        if of.count() * SPARSE < length {
            for line in of.iter() {
                if go_to(&mut postings, line) == line {
                    found.set(line);
                }
            }
            return Ok(());
        }
        let mut line = go_to(&mut postings, span.start);
        while line < span.end {
            if of.has(line) {
                found.set(line);
            }
            line = postings.advance();
        }
        Ok(())
    }

    /// Adds all lines of the run that have the term.
    pub(super) fn add_lines(&self, which: Dictionary, info: &TermInfo, found: &mut Bits) -> Result<(), Unfit> {
        let run = found.run();
        let mut postings = self.postings(which, info, IndexRecordOption::Basic)?;
        let mut line = go_to(&mut postings, run.start);
        while line < run.end {
            found.set(line);
            line = postings.advance();
        }
        Ok(())
    }

    pub(super) fn postings(
        &self,
        which: Dictionary,
        info: &TermInfo,
        option: IndexRecordOption,
    ) -> Result<SegmentPostings, Unfit> {
        Ok(self.dictionary(which).read_postings_from_terminfo(info, option)?)
    }
}

/// Goes on to that line or the next one behind it.
pub(super) fn go_to(postings: &mut SegmentPostings, line: u32) -> u32 {
    if postings.doc() < line {
        postings.seek(line)
    } else {
        postings.doc()
    }
}

fn filter(of: &Bits, fits: impl Fn(u32) -> bool) -> Bits {
    let mut found = Bits::none_of(of);
    of.iter().filter(|line| fits(*line)).for_each(|line| found.set(line));
    found
}

/// The least time that is in; `None` if there is none.
fn least(lower: Bound<i64>) -> Option<i64> {
    match lower {
        Bound::Unbounded => Some(i64::MIN),
        Bound::Included(at) => Some(at),
        Bound::Excluded(at) => at.checked_add(1),
    }
}

/// The greatest time that is in; `None` if there is none.
fn greatest(upper: Bound<i64>) -> Option<i64> {
    match upper {
        Bound::Unbounded => Some(i64::MAX),
        Bound::Included(at) => Some(at),
        Bound::Excluded(at) => at.checked_sub(1),
    }
}
