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
        let mut left = of.clone();
        for (_, info) in &order {
            let mut found = Bits::none_of(of);
            self.lines_with(Words, info, &left, &mut found)?;
            left = found;
            if left.is_empty() {
                return Ok(left);
            }
        }
        let mut found = Bits::none_of(of);
        let length = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let ends = match last {
            Some(last) => Some(self.beginnings(last, length, &left)?),
            None => None,
        };
        let mut open = Vec::with_capacity(order.len());
        for (behind, info) in order {
            let postings = self.postings(Words, info, IndexRecordOption::WithFreqsAndPositions)?;
            open.push(Word { behind, postings });
        }
        let (mut starts, mut places) = (Vec::new(), Vec::new());
        for line in left.iter() {
            let ends = ends.as_ref().map(|ends| ends.get(&line).map_or(&[][..], Vec::as_slice));
            if ends.is_some_and(<[u32]>::is_empty) {
                continue;
            }
            let mut first = true;
            for word in &mut open {
                go_to(&mut word.postings, line);
                word.postings.positions(&mut places);
                let beginnings = places.iter().filter_map(|place| place.checked_sub(word.behind));
                if std::mem::take(&mut first) {
                    starts.clear();
                    starts.extend(beginnings);
                } else {
                    keep_common(&mut starts, beginnings);
                }
                if starts.is_empty() {
                    break;
                }
            }
            if let Some(ends) = ends {
                keep_common(&mut starts, ends.iter().copied());
            }
            if !starts.is_empty() {
                found.set(line);
            }
        }
        Ok(found)
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

/// Keeps of some places those that are among the others too; both are in order.
fn keep_common(places: &mut Vec<u32>, others: impl Iterator<Item = u32>) {
    let mut others = others.peekable();
    places.retain(|place| {
        while others.next_if(|other| other < place).is_some() {}
        others.peek() == Some(place)
    });
}
