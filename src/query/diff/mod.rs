//! Two chains side by side: which steps they share, and what differs in them. `align` finds the steps that belong together,
//! `members` what differs between two records, but for what `without` leaves out.
//!
//! What must hold: every step of both chains stands in the answer once, in order; what is different from run to run by
//! nature (ids, times, seqs, spans, durations, what a call cost) is no difference.

mod align;
mod members;
mod without;

#[cfg(test)]
mod tests;

use super::askable::Logs;
use super::patience::Patience;
use super::place::{Place, Texts, place_of};
use super::reach::Stopped;
use super::trace::{Trace, trace};
use crate::entry::Entry;
use crate::error::Result;
use crate::log::Fault;
use crate::record::look::{shown, word};
pub use members::Change;
pub use without::Without;

/// Two chains side by side; see [`crate::Database::diff`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// The steps of both, those that belong together in pairs.
    pub pairs: Vec<Pair>,
    /// What could not be read, so that steps may be missing.
    pub unreadable: Vec<Fault>,
    /// Whether one of the chains was cut at [`Trace::LIMIT`] records.
    pub cut: bool,
    /// Why it was not looked any further, if that was before the end.
    pub stopped: Option<Stopped>,
}

/// A step of both chains, or of one of them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pair {
    /// Who did what, as the first chain has it, or the only one.
    pub what: String,
    /// Where the first chain has it.
    pub a: Option<Place>,
    /// Where the second one has it.
    pub b: Option<Place>,
    /// What differs, what comes first in a decision first.
    pub changes: Vec<Change>,
}

impl Pair {
    /// Whether it is the same in both chains.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.a.is_some() && self.b.is_some() && self.changes.is_empty()
    }

    /// Whether it differs in more than the words in which something was said.
    #[must_use]
    pub fn matters(&self) -> bool {
        self.a.is_none() || self.b.is_none() || self.changes.iter().any(|change| change.matters)
    }
}

impl Comparison {
    /// Whether nothing differs, as far as could be read.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.pairs.iter().all(Pair::is_same)
    }

    /// The place of the first pair that differs in more than words; where there is none, of the first that differs at all.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        let matters = self.pairs.iter().position(Pair::matters);
        matters.or_else(|| self.pairs.iter().position(|pair| !pair.is_same()))
    }

    /// Whether steps may be missing because something could not be read, there are too many, or time ran out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.cut || self.stopped.is_some() || !self.unreadable.is_empty()
    }
}

/// By what steps are found to belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    kind: String,
    agent: String,
    name: String,
}

impl Key {
    fn of(text: &str) -> Self {
        let name: [&[&str]; 4] = [
            &["decision", "name"],
            &["tools", "0", "name"],
            &["action", "name"],
            &["handoff", "to", "id"],
        ];
        Key {
            kind: shown(text, &["kind"]).unwrap_or_default(),
            agent: shown(text, &["agent", "id"]).unwrap_or_default(),
            name: name.into_iter().find_map(|path| shown(text, path)).unwrap_or_default(),
        }
    }

    fn in_words(&self) -> String {
        let parts = [&self.agent, &self.kind, &self.name];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.map(|part| word(part)).collect::<Vec<_>>().join(" ")
    }
}

/// The chains that these and those records belong to, side by side.
pub(crate) fn diff(
    logs: &Logs,
    a: &[Entry],
    b: &[Entry],
    without: &Without,
    patience: &Patience,
) -> Result<Comparison> {
    let texts = Texts { logs };
    let (a, b) = (trace(logs, a.to_vec(), patience)?, trace(logs, b.to_vec(), patience)?);
    let keys = |trace: &Trace| -> Vec<Key> {
        let steps = trace.steps.iter();
        steps.map(|step| Key::of(&texts.of(&step.entry).0)).collect()
    };
    let (keys_a, keys_b) = (keys(&a), keys(&b));
    let step = |trace: &Trace, at: Option<usize>| {
        let step = trace.steps.get(at?)?;
        Some((place_of(&step.entry), texts.of(&step.entry).0))
    };
    let pair = |(at_a, at_b): (Option<usize>, Option<usize>)| {
        let (in_a, in_b) = (step(&a, at_a), step(&b, at_b));
        let changes = match (&in_a, &in_b) {
            (Some((_, a)), Some((_, b))) => members::changes(a, b, without),
            _ => Vec::new(),
        };
        let key = at_a
            .and_then(|at| keys_a.get(at))
            .or_else(|| at_b.and_then(|at| keys_b.get(at)));
        Pair {
            what: key.map(Key::in_words).unwrap_or_default(),
            a: in_a.map(|(place, _)| place),
            b: in_b.map(|(place, _)| place),
            changes,
        }
    };
    let pairs = align::align(&keys_a, &keys_b).into_iter().map(pair).collect();
    let mut unreadable = a.unreadable;
    Fault::add_new(&mut unreadable, b.unreadable);
    Ok(Comparison {
        pairs,
        unreadable,
        cut: a.cut || b.cut,
        stopped: a.stopped.or(b.stopped),
    })
}
