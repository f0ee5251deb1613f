//! A set of lines within a run of them, one bit each.

use std::ops::Range;

/// Which lines of a run are in the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    /// The first line of the run, a multiple of 64, and the line behind the last.
    start: u32,
    end: u32,
    words: Vec<u64>,
}

impl Bits {
    /// No line of that run, whose beginning is a multiple of 64.
    pub(super) fn none(start: u32, end: u32) -> Self {
        let start = start & !63;
        let len = end.saturating_sub(start).div_ceil(64);
        Bits {
            start,
            end,
            words: vec![0; len as usize],
        }
    }

    /// Every line of that run.
    pub(super) fn all(start: u32, end: u32) -> Self {
        let mut bits = Self::none(start, end);
        bits.words.fill(u64::MAX);
        let over = (bits.words.len() as u32 * 64).saturating_sub(end.saturating_sub(bits.start));
        if let Some(last) = bits.words.last_mut() {
            *last = u64::MAX.checked_shr(over).unwrap_or(0);
        }
        bits
    }

    /// No line of the same run.
    pub(super) fn none_of(other: &Self) -> Self {
        Self::none(other.start, other.end)
    }

    pub(super) fn set(&mut self, line: u32) {
        let place = line.wrapping_sub(self.start);
        if let Some(word) = self.words.get_mut((place / 64) as usize) {
            *word |= 1 << (place % 64);
        }
    }

    pub(super) fn has(&self, line: u32) -> bool {
        let place = line.wrapping_sub(self.start);
        self.words
            .get((place / 64) as usize)
            .is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    /// From the first to the last line that is in it, both included; an empty range if none is.
    pub(super) fn span(&self) -> Range<u32> {
        let first = self.words.iter().position(|word| *word != 0);
        let last = self.words.iter().rposition(|word| *word != 0);
        let (Some(first), Some(last)) = (first, last) else {
            return self.start..self.start;
        };
        let at = |place: usize| self.start + place as u32 * 64;
        let word = |place: usize| self.words.get(place).copied().unwrap_or_default();
        at(first) + word(first).trailing_zeros()..at(last) + 64 - word(last).leading_zeros()
    }

    /// The run that it is a set of.
    pub(super) fn run(&self) -> Range<u32> {
        self.start..self.end
    }

    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The lines in it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let starts = (self.start..).step_by(64);
        starts.zip(&self.words).flat_map(|(start, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let place = left.trailing_zeros();
                (left != 0).then(|| {
                    left &= left - 1;
                    start + place
                })
            })
        })
    }

    /// Takes up what the other one has. Both are of the same run, here and below.
    pub(super) fn join(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(to, from)| *to |= from);
    }

    /// Leaves out what the other one has.
    pub(super) fn remove(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(to, from)| *to &= !from);
    }

    /// Keeps what a set of a longer run has too, which begins at 0.
    pub(super) fn keep_of_all(&mut self, all: &Self) {
        let skipped = (self.start / 64) as usize;
        let words = all.words.iter().skip(skipped);
        self.words.iter_mut().zip(words).for_each(|(to, from)| *to &= from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(start in 0_u32..10, len in 0_u32..300, a in proptest::collection::btree_set(0_u32..300, 0..60), b in proptest::collection::btree_set(0_u32..300, 0..60)) {
            let (start, end) = (start * 64, start * 64 + len);
            let make = |set: &BTreeSet<u32>| {
                let mut bits = Bits::none(start, end);
                let set: BTreeSet<u32> = set.iter().map(|line| line + start).filter(|line| *line < end).collect();
                set.iter().for_each(|line| bits.set(*line));
                (bits, set)
            };
            let ((x, xs), (y, ys)) = (make(&a), make(&b));
            prop_assert_eq!(x.iter().collect::<BTreeSet<_>>(), xs.clone());
            prop_assert_eq!(x.count(), xs.len() as u64);
            prop_assert_eq!(x.is_empty(), xs.is_empty());
            let span = xs.first().map_or(start..start, |first| *first..xs.last().unwrap() + 1);
            prop_assert_eq!(x.span(), span);
            let with = |work: fn(&mut Bits, &Bits)| { let mut z = x.clone(); work(&mut z, &y); z.iter().collect::<BTreeSet<_>>() };
            prop_assert_eq!(with(Bits::join), &xs | &ys);
            prop_assert_eq!(with(Bits::remove), &xs - &ys);
            prop_assert!((start..end).all(|line| x.has(line) == xs.contains(&line)));
            prop_assert_eq!(Bits::all(start, end).iter().collect::<Vec<_>>(), (start..end).collect::<Vec<_>>());
            let mut part = Bits::all(start, end);
            let mut all = Bits::none(0, end);
            xs.iter().for_each(|line| all.set(*line));
            part.keep_of_all(&all);
            prop_assert_eq!(part, x);
        }
    }
}
