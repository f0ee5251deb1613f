//! Words that stand one behind the other.

use super::bits::Bits;
use super::eval::go_to;
use super::plan::Dictionary::Words;
use crate::index::opened::Index;
use crate::index::unfit::Unfit;
use std::collections::HashMap;
use tantivy::DocSet;
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;

/// One of a phrase's words: how far it stands behind the first one.
struct Word {
    behind: u32,
    postings: SegmentPostings,
}

impl Index {
    /// Those of these lines in which the words stand together, and behind them one of the last ones, if they are given.
    pub(super) fn phrase_lines(&self, words: &[TermInfo], last: Option<&[TermInfo]>, of: &Bits) -> Result<Bits, Unfit> {
        let mut order: Vec<(u32, &TermInfo)> = (0..).zip(words).collect();
        order.sort_by_key(|(_, info)| info.doc_freq);
        let length = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let (left, ends) = match last {
            Some(last) => {
                let left = self.lines_with_all(&order, of)?;
                let ends = self.beginnings(last, length, &left)?;
                (left, Some(ends))
            }
            None => (of.clone(), None),
        };
        let mut open = Vec::with_capacity(order.len());
        for (behind, info) in order {
            let postings = self.postings(Words, info, IndexRecordOption::WithFreqsAndPositions)?;
            open.push(Word { behind, postings });
        }
        let mut found = Bits::none_of(of);
        let Some((rarest, others)) = open.split_first_mut() else {
            return Ok(found);
        };
        let (mut starts, mut places) = (Vec::new(), Vec::new());
        let span = left.span();
        let mut line = go_to(&mut rarest.postings, span.start);
        while line < span.end {
            if !left.has(line) {
                line = rarest.postings.advance();
                continue;
            }
            let mut next = line;
            let all_here = others.iter_mut().all(|word| {
                next = go_to(&mut word.postings, line);
                next == line
            });
            if !all_here {
                // Between here and there one of the words is in no line.
                line = go_to(&mut rarest.postings, next);
                continue;
            }
            if stand_together(rarest, others, &mut starts, &mut places) {
                let ends = ends.as_ref().map(|ends| ends.get(&line).map_or(&[][..], Vec::as_slice));
                if let Some(ends) = ends {
                    keep_common(&mut starts, ends, 0);
                }
                if !starts.is_empty() {
                    found.set(line);
                }
            }
            line = rarest.postings.advance();
        }
        Ok(found)
    }

    /// Those of these lines that have all of the words somewhere.
    fn lines_with_all(&self, words: &[(u32, &TermInfo)], of: &Bits) -> Result<Bits, Unfit> {
        let mut left = of.clone();
        for (_, info) in words {
            let mut found = Bits::none_of(of);
            self.lines_with(Words, info, &left, &mut found)?;
            left = found;
        }
        Ok(left)
    }

    /// Where a phrase of that length would have to begin so that one of these words stands behind it, by line, in order.
    fn beginnings(&self, last: &[TermInfo], length: u32, of: &Bits) -> Result<HashMap<u32, Vec<u32>>, Unfit> {
        let mut all: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut places = Vec::new();
        for info in last {
            let mut with = Bits::none_of(of);
            self.lines_with(Words, info, of, &mut with)?;
            if with.is_empty() {
                continue;
            }
            let mut postings = self.postings(Words, info, IndexRecordOption::WithFreqsAndPositions)?;
            for line in with.iter() {
                go_to(&mut postings, line);
                postings.positions(&mut places);
                let beginnings = places.iter().filter_map(|place| place.checked_sub(length));
                all.entry(line).or_default().extend(beginnings);
            }
        }
        all.values_mut().for_each(|beginnings| beginnings.sort_unstable());
        Ok(all)
    }
}

/// Whether the words stand one behind the other in the line that all of them are at, and if so where the phrase begins.
fn stand_together(first: &mut Word, others: &mut [Word], starts: &mut Vec<u32>, places: &mut Vec<u32>) -> bool {
    first.postings.positions(starts);
    if first.behind > 0 {
        starts.retain_mut(|place| {
            let start = place.checked_sub(first.behind);
            *place = start.unwrap_or(0);
            start.is_some()
        });
    }
    others.iter_mut().all(|word| {
        word.postings.positions(places);
        keep_common(starts, places, word.behind);
        !starts.is_empty()
    })
}

/// Keeps of some places those that have another one so far behind them; both are in order.
fn keep_common(places: &mut Vec<u32>, others: &[u32], behind: u32) {
    let mut others = others;
    places.retain(|place| {
        let wanted = place.saturating_add(behind);
        while let [first, rest @ ..] = others
            && *first < wanted
        {
            others = rest;
        }
        others.first() == Some(&wanted)
    });
}
