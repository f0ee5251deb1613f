//! Why an agent did something: all that the log has about one decision, gathered on one page. `chain` says which records
//! are about it, `facts` puts their members into words, `sections` orders them, `definitions` looks up the policies and the
//! prompt as they were in force, `missing` says what is not there.
//!
//! What must hold: every fact names the record that it stands in; what is not on record is said rather than left out; the
//! texts are as the records have them, so whoever shows them has to make them harmless first.

mod chain;
mod definitions;
mod facts;
mod missing;
mod sections;

#[cfg(test)]
mod tests;

use super::askable::Logs;
use super::patience::Patience;
use super::place::{Place, Texts, place_of};
use super::reach::Stopped;
use super::trace::{self, Gap};
use crate::entry::Entry;
use crate::error::Result;
use crate::log::Fault;
use crate::proof::{Hash, leaf_hash};
use chain::Brief;

/// All that the log has about one decision; see [`crate::Database::why`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Why {
    /// The record that it is about.
    pub record: Place,
    /// The record's id.
    pub id: String,
    /// The record's leaf in the log's tree: SHA-256 over a zero byte and its text.
    pub leaf: Hash,
    /// The record itself.
    pub entry: Entry,
    /// The decision that the record is, or that it came from.
    pub decision: Option<Place>,
    /// Who and what, in a line.
    pub title: String,
    /// What is known, in the order in which a person asks; those without a fact are left out.
    pub sections: Vec<Section>,
    /// What is not on record and should be, in words.
    pub missing: Vec<String>,
    /// Numbers that an emitter counted within the chain and no log has.
    pub gaps: Vec<Gap>,
    /// What could not be read, so that facts may be missing.
    pub unreadable: Vec<Fault>,
    /// Whether the chain was cut at [`crate::Trace::LIMIT`] records.
    pub cut: bool,
    /// Why it was not looked any further, if that was before the end.
    pub stopped: Option<Stopped>,
}

/// The facts that answer one question.
#[derive(Debug)]
#[non_exhaustive]
pub struct Section {
    /// For machines, such as `came_in`.
    pub name: &'static str,
    /// For people, such as `What came in`.
    pub title: &'static str,
    /// The facts; never empty.
    pub facts: Vec<Fact>,
}

/// Something that a record says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fact {
    /// Which record.
    pub from: Place,
    /// What it says.
    pub said: Said,
}

/// A name with what is said under it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// What it is: a word of ours, or a member's name.
    pub name: String,
    /// What the record says of it; empty if all of it stands below.
    pub text: String,
    /// What belongs to it.
    pub under: Vec<Said>,
}

impl Said {
    fn new(name: &str, text: impl Into<String>) -> Self {
        Said {
            name: name.to_owned(),
            text: text.into(),
            under: Vec::new(),
        }
    }

    fn with(mut self, under: impl IntoIterator<Item = Said>) -> Self {
        self.under.extend(under);
        self
    }
}

impl Why {
    /// Whether facts may be missing because something could not be read, the chain is too long, or time ran out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.cut || self.stopped.is_some() || !self.unreadable.is_empty()
    }
}

/// The page about one of these records: of several the last one with an `action`, else the last one with a `decision`,
/// else the last. `None` if there is no record.
pub(crate) fn why(logs: &Logs, records: &[Entry], patience: &Patience) -> Result<Option<Why>> {
    let texts = Texts { logs };
    let mut unreadable = Vec::new();
    let mut picked: Option<(u8, &Entry)> = None;
    for entry in records {
        let (text, faults) = texts.of(entry);
        let rank = Brief::of(entry.id(), &text).rank();
        unreadable.extend(faults);
        let when = |entry: &Entry| (entry.time(), logs.named(entry.log()), entry.seq());
        if picked.is_none_or(|(best, found)| (rank, when(entry)) >= (best, when(found))) {
            picked = Some((rank, entry));
        }
    }
    let Some((_, picked)) = picked else {
        return Ok(None);
    };
    let trace = trace::trace(logs, vec![picked.clone()], patience)?;
    let mut briefs = Vec::with_capacity(trace.steps.len());
    for step in &trace.steps {
        let (text, _) = texts.of(&step.entry);
        briefs.push(Brief::of(step.entry.id(), &text));
    }
    let Some(subject) = trace.steps.iter().position(|step| step.entry == *picked) else {
        return Ok(None);
    };
    Fault::add_new(&mut unreadable, trace.unreadable.iter().cloned());
    let cast = chain::cast(&trace.steps, &briefs, subject);
    let page = sections::Page {
        texts: &texts,
        steps: &trace.steps,
        briefs: &briefs,
        cast: &cast,
    };
    let (sections, sought) = page.sections()?;
    Fault::add_new(&mut unreadable, sought.unreadable);
    let place = |at: usize| trace.steps.get(at).map(|step| place_of(&step.entry));
    let missing = missing::missing(&page, &sections, sought.absent);
    Ok(place(subject).map(|record| Why {
        record,
        id: picked.id(),
        leaf: leaf_hash(picked.text().as_bytes()),
        entry: picked.clone(),
        decision: place(cast.anchor).filter(|_| cast.decided),
        title: page.title(),
        sections,
        missing,
        gaps: trace.gaps,
        unreadable,
        cut: trace.cut,
        stopped: trace.stopped,
    }))
}
