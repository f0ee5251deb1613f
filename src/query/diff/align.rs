//! Which steps of two chains belong together: first as many as possible with the same kind, agent and name, in order
//! (a longest common subsequence), then between those as many as possible with the same kind and agent, so that two
//! decisions that came out differently stand side by side.

use super::Key;

/// Places in the two chains, in the order of both.
pub(super) type Places = (Option<usize>, Option<usize>);

/// A table of more cells than this is not made; steps of such stretches are paired by their places.
const CELLS: usize = 4_000_000;

/// All steps of both.
pub(super) fn align(a: &[Key], b: &[Key]) -> Vec<Places> {
    let by_name = common(a, b, |a, b| a == b);
    let mut all = Vec::with_capacity(a.len().max(b.len()));
    let (mut from_a, mut from_b) = (0, 0);
    for (to_a, to_b) in by_name.into_iter().chain([(a.len(), b.len())]) {
        between(a, b, (from_a, to_a), (from_b, to_b), &mut all);
        if to_a < a.len() {
            all.push((Some(to_a), Some(to_b)));
        }
        (from_a, from_b) = (to_a + 1, to_b + 1);
    }
    all
}

/// The steps between two that belong together.
fn between(a: &[Key], b: &[Key], in_a: (usize, usize), in_b: (usize, usize), all: &mut Vec<Places>) {
    let slice_a = a.get(in_a.0..in_a.1).unwrap_or_default();
    let slice_b = b.get(in_b.0..in_b.1).unwrap_or_default();
    let pairs = common(slice_a, slice_b, |a, b| a.kind == b.kind && a.agent == b.agent);
    let (mut from_a, mut from_b) = (0, 0);
    for (to_a, to_b) in pairs.into_iter().chain([(slice_a.len(), slice_b.len())]) {
        all.extend((from_a..to_a).map(|at| (Some(in_a.0 + at), None)));
        all.extend((from_b..to_b).map(|at| (None, Some(in_b.0 + at))));
        if to_a < slice_a.len() {
            all.push((Some(in_a.0 + to_a), Some(in_b.0 + to_b)));
        }
        (from_a, from_b) = (to_a + 1, to_b + 1);
    }
}

/// A longest common subsequence, as places in both.
fn common(a: &[Key], b: &[Key], same: impl Fn(&Key, &Key) -> bool) -> Vec<(usize, usize)> {
    let ends = |(a, b): &(&Key, &Key)| same(a, b);
    let before = a.iter().zip(b).take_while(ends).count();
    let (rest_a, rest_b) = (a.get(before..).unwrap_or_default(), b.get(before..).unwrap_or_default());
    let behind = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(ends).count();
    let middle_a = rest_a.get(..rest_a.len() - behind).unwrap_or_default();
    let middle_b = rest_b.get(..rest_b.len() - behind).unwrap_or_default();
    let mut pairs: Vec<_> = (0..before).map(|at| (at, at)).collect();
    let middle = in_the_middle(middle_a, middle_b, same);
    pairs.extend(middle.into_iter().map(|(a, b)| (before + a, before + b)));
    pairs.extend(
        (0..behind)
            .rev()
            .map(|from_end| (a.len() - 1 - from_end, b.len() - 1 - from_end)),
    );
    pairs
}

fn in_the_middle(a: &[Key], b: &[Key], same: impl Fn(&Key, &Key) -> bool) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    if (a.len() + 1).saturating_mul(width) > CELLS {
        let places = a.iter().zip(b).enumerate();
        return places
            .filter(|(_, (a, b))| same(a, b))
            .map(|(at, _)| (at, at))
            .collect();
    }
    // How many can be paired from these places on.
    let mut table = vec![0_u32; (a.len() + 1) * width];
    let cell = |table: &[u32], at: usize, bt: usize| table.get(at * width + bt).copied().unwrap_or(0);
    for (at, in_a) in a.iter().enumerate().rev() {
        for (bt, in_b) in b.iter().enumerate().rev() {
            let best = if same(in_a, in_b) {
                cell(&table, at + 1, bt + 1) + 1
            } else {
                cell(&table, at + 1, bt).max(cell(&table, at, bt + 1))
            };
            if let Some(cell) = table.get_mut(at * width + bt) {
                *cell = best;
            }
        }
    }
    let (mut at, mut bt) = (0, 0);
    let mut pairs = Vec::new();
    while let (Some(in_a), Some(in_b)) = (a.get(at), b.get(bt)) {
        if same(in_a, in_b) {
            pairs.push((at, bt));
            (at, bt) = (at + 1, bt + 1);
        } else if cell(&table, at + 1, bt) >= cell(&table, at, bt + 1) {
            at += 1;
        } else {
            bt += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each letter a step; a capital has another name than its small one, and the same kind and agent.
    fn keys(text: &str) -> Vec<Key> {
        let key = |letter: char| Key {
            kind: letter.to_lowercase().to_string(),
            agent: String::new(),
            name: letter.to_string(),
        };
        text.chars().map(key).collect()
    }

    fn shown(a: &str, b: &str) -> String {
        let letter = |text: &str, at: Option<usize>| at.and_then(|at| text.chars().nth(at)).unwrap_or('-');
        let pairs = align(&keys(a), &keys(b)).into_iter();
        let pairs = pairs.map(|(at, bt)| format!("{}{}", letter(a, at), letter(b, bt)));
        pairs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_that_belong_together_stand_side_by_side() {
        for (a, b, expected) in [
            ("", "", ""),
            ("abc", "abc", "aa bb cc"),
            ("abc", "", "a- b- c-"),
            ("abcd", "abd", "aa bb c- dd"),
            ("abd", "axbyd", "aa -x bb -y dd"),
            ("abcd", "abCd", "aa bb cC dd"),
            ("abbc", "aBc", "aa bB b- cc"),
            ("xab", "aby", "x- aa bb -y"),
        ] {
            assert_eq!(shown(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn chains_too_long_for_the_table_are_paired_by_place_and_no_step_is_lost() {
        let a = keys(&format!("x{}", "ab".repeat(1_500)));
        let b = keys(&format!("y{}z", "ab".repeat(1_500)));
        let pairs = align(&a, &b);
        let places: Vec<usize> = pairs.iter().filter_map(|(at, _)| *at).collect();
        assert_eq!(places, (0..a.len()).collect::<Vec<_>>());
        assert_eq!(pairs.iter().filter(|(_, bt)| bt.is_some()).count(), b.len());
        assert!(pairs.iter().filter(|(at, bt)| at.is_some() && bt.is_some()).count() >= 3_000);
    }
}
