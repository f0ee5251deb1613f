//! Words that stand one behind the other.

use super::bits::Bits;
use super::eval::go_to;
use super::plan::Dictionary::Words;
use crate::index::opened::Index;
use crate::index::unfit::Unfit;
use std::collections::HashMap;
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
        let (mut starts, mut places) = (Vec::new(), Vec::new());
        let mut next = 0;
        for line in left.iter() {
            // Where the words have gone on further there is nothing between.
            if line < next {
                continue;
            }
            next = line;
            let all_here = open.iter_mut().all(|word| {
                next = go_to(&mut word.postings, line);
                next == line
            });
            if !all_here {
                continue;
            }
            if !stand_together(&mut open, &mut starts, &mut places) {
                continue;
            }
            if let Some(ends) = &ends {
                let ends = ends.get(&line).map_or(&[][..], Vec::as_slice);
                keep_common(&mut starts, ends.iter().copied());
            }
            if !starts.is_empty() {
                found.set(line);
            }
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

/// Whether the words stand one behind the other in the line that all of them are at, and if so where they begin.
fn stand_together(words: &mut [Word], starts: &mut Vec<u32>, places: &mut Vec<u32>) -> bool {
    let mut first = true;
    for word in words {
        word.postings.positions(places);
        let beginnings = places.iter().filter_map(|place| place.checked_sub(word.behind));
        if std::mem::take(&mut first) {
            starts.clear();
            starts.extend(beginnings);
        } else {
            keep_common(starts, beginnings);
        }
        if starts.is_empty() {
            return false;
        }
    }
    true
}

/// Keeps of some places those that are among the others too; both are in order.
fn keep_common(places: &mut Vec<u32>, others: impl Iterator<Item = u32>) {
    let mut others = others.peekable();
    places.retain(|place| {
        while others.next_if(|other| other < place).is_some() {}
        others.peek() == Some(place)
    });
}
