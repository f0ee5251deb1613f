//! What becomes of each sealed segment, and why.
//!
//! A record's time counts from when it was logged, by the clock as it was then. Where that was before what an earlier
//! record says, the clock had gone back: then it counts from the first later moment at which the clock had caught up,
//! and as long as it has not, the record is kept. So a clock that was behind for a while makes nothing expire early.

use super::hold::{Covers, Holds};
use crate::error::Result;
use crate::log::{Ends, Fault, Files, Terms, backed_up, ends_of_segment, newest_state};
use crate::policy::{Class, expiry};
use crate::record::format_time;
use std::sync::Arc;

/// A day, in nanoseconds.
const DAY_NS: i64 = 86_400_000_000_000;

/// What becomes of a segment.
#[derive(Debug)]
pub(super) struct Fate {
    /// The seq of its first record, and the one behind its last.
    pub(super) first: u64,
    pub(super) end: u64,
    /// The length of its file in bytes.
    pub(super) bytes: u64,
    /// The class and the time for which it is kept.
    pub(super) class: Class,
    /// Until when it is kept, in nanoseconds since 1970; `None` if nobody can tell yet.
    pub(super) until: Option<i64>,
    /// From when on it may be dropped: later by what the policy adds.
    pub(super) from: Option<i64>,
    /// What the policy wants done before it is dropped, and is not.
    pub(super) needs: Option<&'static str>,
    /// When a law wants its first record gone.
    pub(super) delete_by: Option<i64>,
    /// The holds that cover it. What those by query cover is told only of segments of which the time has passed.
    pub(super) held: Vec<Covers>,
}

impl Fate {
    /// That of a segment whose time counts from that moment.
    fn of(ends: &Ends, logged: Option<i64>, terms: &Terms, holds: &Holds) -> Self {
        let (class, margin) = (ends.kept_by(&terms.class).clone(), terms.class.margin());
        let until = logged.and_then(|logged| expiry(logged, class.months()));
        let buffer = i64::from(margin.buffer_days).saturating_mul(DAY_NS);
        Fate {
            first: ends.first,
            end: ends.end,
            bytes: ends.bytes,
            until,
            from: until.map(|until| until.saturating_add(buffer)),
            needs: None,
            delete_by: margin.delete_by.and_then(|months| expiry(ends.logged_min, months)),
            class,
            held: holds.by_seqs(&(ends.first..ends.end)),
        }
    }

    /// Whether it may be dropped at that moment, as far as it alone is concerned.
    pub(super) fn may_go(&self, now: i64) -> bool {
        self.held.is_empty() && self.needs.is_none() && self.from.is_some_and(|from| now >= from)
    }
}

/// What becomes of all sealed segments, in order, up to one that cannot be read, and what is wrong with that: it is evidence
/// and stays, and none goes behind it.
pub(super) fn fates(files: &Files, terms: &Terms, holds: &Holds) -> (Vec<Fate>, Option<Fault>) {
    let segments = files.view.read().segments.clone();
    let mut all: Vec<Ends> = Vec::with_capacity(segments.len());
    let mut unreadable = None;
    for segment in segments.iter() {
        match ends_of_segment(files, segment) {
            Ok(ends) => all.push(ends),
            Err(fault) => {
                unreadable = Some(fault);
                break;
            }
        }
    }
    let logged = counted_from(&all);
    let fate = |(ends, logged)| Fate::of(&ends, logged, terms, holds);
    (all.into_iter().zip(logged).map(fate).collect(), unreadable)
}

/// How it stands with the oldest sealed segment.
#[derive(Debug, Default)]
pub(crate) struct Oldest {
    /// From when on it may be dropped, in nanoseconds since 1970.
    pub(crate) from: Option<i64>,
    /// The holds for nothing but which it is kept: its time has passed.
    pub(crate) held: Vec<String>,
    /// When a law wants its first record gone, and what stands in the way if that has passed.
    pub(crate) delete_by: Option<i64>,
    pub(crate) in_the_way: Vec<String>,
}

/// See [`Oldest`]. What cannot be read is verify's to name.
pub(crate) fn oldest(files: &Arc<Files>) -> Result<Oldest> {
    let Some((_, state)) = newest_state(&*files.disk, &files.layout)? else {
        return Ok(Oldest::default());
    };
    let (holds, terms) = (Holds::new(&state.holds), state.terms());
    let segment = files.view.read().segments.first().cloned();
    let Some(ends) = segment.and_then(|segment| ends_of_segment(files, &segment).ok()) else {
        return Ok(Oldest::default());
    };
    let (now, margin) = (files.disk.now(), terms.class.margin());
    let fate = Fate::of(&ends, Some(ends.logged_max), &terms, &holds);
    let held: Vec<String> = match fate.until {
        Some(until) if until <= now => {
            let by_query = holds.by_query(files, &(fate.first..fate.end));
            fate.held.into_iter().chain(by_query).map(|covers| covers.id).collect()
        }
        _ => Vec::new(),
    };
    let mut in_the_way: Vec<String> = Vec::new();
    if fate.delete_by.is_some_and(|by| by <= now) {
        if let Some(later) = fate.from.filter(|from| *from > now) {
            in_the_way.push(format!("its records are kept until {}", format_time(later)));
        }
        in_the_way.extend(held.iter().map(|hold| format!("{hold} holds it")));
        if terms.clock.ahead_ns > 0 {
            in_the_way.push("the clock went forward by itself, and nobody has accepted that".to_owned());
        }
        if margin.anchored && crate::anchor::proven(files)? < ends.end {
            in_the_way.push("no anchor reaches it".to_owned());
        }
        if margin.backed_up && backed_up(&*files.disk, &files.layout)?.is_none_or(|backup| backup.sealed < ends.end) {
            in_the_way.push("no backup has it".to_owned());
        }
        if in_the_way.is_empty() {
            in_the_way.push("nothing: `auditdb retain` drops it".to_owned());
        }
    }
    Ok(Oldest {
        from: fate.from,
        held,
        delete_by: fate.delete_by,
        in_the_way,
    })
}

/// The moments from which the segments' times count.
fn counted_from(all: &[Ends]) -> Vec<Option<i64>> {
    let mut highest = i64::MIN;
    let mut counted = Vec::with_capacity(all.len());
    for (place, ends) in all.iter().enumerate() {
        highest = highest.max(ends.logged_max);
        let caught_up = |ends: &&Ends| ends.last_logged >= highest.saturating_sub(SLACK_NS);
        let from = if caught_up(&ends) {
            Some(highest)
        } else {
            let later = all.iter().skip(place + 1).find(caught_up);
            later.map(|later| later.logged_max.max(highest))
        };
        counted.push(from);
    }
    counted
}

/// Clocks are set by less than this without anybody calling it a step.
const SLACK_NS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(logged: &[(i64, i64)]) -> Vec<Option<i64>> {
        let second = 1_000_000_000;
        let of = |(last_logged, logged_max): &(i64, i64)| Ends {
            first: 0,
            end: 1,
            bytes: 0,
            promise: Class::default(),
            last_logged: last_logged * second,
            logged_max: logged_max * second,
            logged_min: 0,
        };
        let all: Vec<Ends> = logged.iter().map(of).collect();
        let counted = counted_from(&all).into_iter();
        counted.map(|from| from.map(|from| from / second)).collect()
    }

    #[test]
    fn time_counts_from_the_last_record_of_a_segment() {
        assert_eq!(ends(&[(10, 10), (20, 20), (30, 30)]), [Some(10), Some(20), Some(30)]);
        assert_eq!(ends(&[]), []);
    }

    #[test]
    fn what_was_logged_while_the_clock_was_behind_counts_from_when_it_had_caught_up() {
        // Back within the first segment; right again in the fourth.
        let counted = ends(&[(5, 100), (6, 6), (7, 7), (150, 150), (160, 160)]);
        assert_eq!(counted, [Some(150), Some(150), Some(150), Some(150), Some(160)]);
        // Right again within the same segment.
        assert_eq!(ends(&[(100, 100), (120, 120)]), [Some(100), Some(120)]);
        // Not yet.
        assert_eq!(ends(&[(50, 50), (7, 7), (8, 8)]), [Some(50), None, None]);
    }
}
