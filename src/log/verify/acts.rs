//! What people did: holds that were placed and released, people who were taken up, a clock that was accepted. Each has to be
//! proved as the people in force then had to prove it, and what holds since has to stand in every `state` from there on.
//!
//! What must hold: a hold ends only by the record of a second person; one that a state leaves out without that goes on to
//! hold here, so that what was dropped because of it is named too.

use crate::log::act::{Act, By, Court, Fresh, SignedAt, is_second};
use crate::log::events::State;
use crate::log::fault::What;
use crate::log::holding::{PeopleChange, Placed, Released, place_of, placed_by};
use crate::log::siblings::PolicyChange;
use crate::log::terms::{ClockAccepted, accepting};
use crate::policy::{Hold, Person, Policy};
use serde_json::Value;

/// What is in force by what people did.
#[derive(Debug)]
pub(crate) struct Acts {
    /// Whether anything is known; nothing is before the first state, and behind what cannot be read.
    known: bool,
    /// Whether all that is known is from a state that may be ahead of the record that says why.
    unsure: bool,
    people: Vec<Person>,
    /// Who the people are by the policy that was taken up last, where it is known.
    by_policy: Option<Vec<Person>>,
    holds: Vec<Value>,
    fresh: Fresh,
    /// What the newest state says, if it is ahead of the record that says why.
    ahead: Option<(Vec<Value>, Vec<Person>)>,
    /// The seq of that state.
    ahead_at: u64,
    /// Holds that a state left out without right.
    lost: Vec<Value>,
    /// The acts that were signed: the record, and how far the log was.
    signed: Vec<(u64, SignedAt)>,
}

impl Default for Acts {
    fn default() -> Self {
        Acts {
            known: false,
            unsure: false,
            people: Vec::new(),
            by_policy: None,
            holds: Vec::new(),
            fresh: Fresh::for_verifying(),
            ahead: None,
            ahead_at: 0,
            lost: Vec::new(),
            signed: Vec::new(),
        }
    }
}

impl Acts {
    /// Records are missing or cannot be read: what is in force has to be taken from what comes next.
    pub(super) fn lose_track(&mut self) {
        self.known = false;
        self.by_policy = None;
        self.ahead = None;
        self.fresh = Fresh::for_verifying();
    }

    /// The holds in force.
    pub(super) fn holds(&self) -> Vec<Hold> {
        self.holds.iter().chain(&self.lost).map(Hold::read).collect()
    }

    /// The acts that were signed, and how far the log was then.
    pub(super) fn signed(&self) -> &[(u64, SignedAt)] {
        &self.signed
    }

    /// Goes on to what a state says.
    pub(super) fn state(&mut self, seq: u64, state: &State) -> Result<(), What> {
        let settled = self.settle();
        if !self.known {
            (self.holds, self.people) = (state.holds.clone(), state.people.clone());
            (self.known, self.unsure) = (true, true);
        } else if (&state.holds, &state.people) != (&self.holds, &self.people) {
            self.ahead = Some((state.holds.clone(), state.people.clone()));
            self.ahead_at = seq;
        }
        settled
    }

    /// What a state was ahead with must have been said by now.
    pub(super) fn settle(&mut self) -> Result<(), What> {
        let Some((holds, people)) = self.ahead.take() else {
            return Ok(());
        };
        let differs = self.differs(&holds, &people);
        let missing = |hold: &&Value| !holds.contains(hold);
        self.lost.extend(self.holds.iter().filter(missing).cloned());
        (self.holds, self.people) = (holds, people);
        differs.map_or(Ok(()), Err)
    }

    /// The log ends here; gives the seq of a state that said what no record does.
    pub(super) fn finish(&mut self) -> Result<(), (u64, What)> {
        self.settle().map_err(|what| (self.ahead_at, what))
    }

    /// What a state says otherwise than the records before it.
    fn differs(&self, holds: &[Value], people: &[Person]) -> Option<What> {
        let id = |hold: &Value| Hold::read(hold).id().to_owned();
        if let Some(lost) = self.holds.iter().find(|hold| !holds.contains(hold)) {
            let id = id(lost);
            return Some(What::Hold(match place_of(holds, &id) {
                Some(_) => format!("{id} is another in the state than in the record that placed it"),
                None => format!("{id} is left out of the state, and nobody has released it"),
            }));
        }
        if let Some(new) = holds.iter().find(|hold| !self.holds.contains(hold)) {
            return Some(What::Hold(format!(
                "{} stands in the state, and nobody has placed it",
                id(new)
            )));
        }
        (people != self.people).then(|| {
            What::Person("stands in a state with other people than were in force, and no record says why".to_owned())
        })
    }

    /// An epoch ended, in the record before that seq.
    pub(super) fn epoch(&mut self, end: u64) -> Result<(), What> {
        self.fresh.epoch(end);
        self.unsure = false;
        self.settle()
    }

    /// Somebody placed a hold.
    pub(super) fn placed(&mut self, seq: u64, logged: i64, log_id: &str, placed: &Placed) -> Result<(), What> {
        let judged = self.judge(seq, log_id, &placed.act(), &placed.by);
        let of = |why: String| What::Hold(format!("{} was not placed so: {why}", placed.about.id));
        if !self.known {
            return Ok(());
        }
        let unsure = std::mem::take(&mut self.unsure);
        if let Some(place) = place_of(&self.holds, &placed.about.id) {
            if unsure && self.holds.get(place) == Some(&placed.in_force(logged)) {
                return judged.map_err(of);
            }
            return Err(of("one of this name was in force already".to_owned()));
        }
        self.holds.push(placed.in_force(logged));
        let agreed = self.agree();
        judged.map_err(of).and(agreed)
    }

    /// Somebody released a hold.
    pub(super) fn released(&mut self, seq: u64, log_id: &str, released: &Released) -> Result<(), What> {
        let judged = self.judge(seq, log_id, &released.act(), &released.by);
        let of = |why: String| What::Hold(format!("{} was not released by whoever may: {why}", released.id));
        if !self.known {
            return Ok(());
        }
        let unsure = std::mem::take(&mut self.unsure);
        let Some(place) = place_of(&self.holds, &released.id) else {
            if unsure {
                return judged.map_err(of);
            }
            return Err(of("it was not in force".to_owned()));
        };
        let first = self.holds.get(place).and_then(placed_by);
        let second = first.map_or(Ok(()), |first| is_second(&first, &released.by));
        let hold = self.holds.remove(place);
        let agreed = self.agree();
        let rightly = judged.and(second).map_err(of);
        if rightly.is_err() {
            // It holds on, for what is dropped behind it.
            self.lost.push(hold);
        }
        rightly.and(agreed)
    }

    /// A policy was taken up.
    pub(super) fn policy(&mut self, change: &PolicyChange) {
        let persons = |text: &String| Policy::parse(text).ok().map(|policy| policy.persons());
        self.by_policy = change.text.as_ref().map_or(Some(Vec::new()), persons);
    }

    /// Other people are in force.
    pub(super) fn people(&mut self, change: &PeopleChange) -> Result<(), What> {
        let known = std::mem::replace(&mut self.people, change.after.clone());
        let was_ahead = std::mem::take(&mut self.unsure) && known == change.after;
        if self.known && known != change.before && !was_ahead {
            return Err(What::Person(
                "takes the place of other people than were in force".to_owned(),
            ));
        }
        let others = self.by_policy.as_ref().is_some_and(|people| *people != self.people);
        let agreed = if self.known { self.agree() } else { Ok(()) };
        if others {
            return Err(What::Person(
                "puts other people in force than the policy names".to_owned(),
            ));
        }
        agreed
    }

    /// Somebody said that the clock is right.
    pub(super) fn clock_accepted(&mut self, seq: u64, log_id: &str, accepted: &ClockAccepted) -> Result<(), What> {
        let of = |why: String| What::Person(format!("accepts the clock without right: {why}"));
        let act = accepting(accepted.ahead_ns, &accepted.reason);
        match &accepted.by {
            Some(by) => self.judge(seq, log_id, &act, by).map_err(of),
            None if self.known && !self.people.is_empty() => Err(of("nobody has signed for it".to_owned())),
            None => Ok(()),
        }
    }

    /// Whether what holds now is what the state said that was ahead.
    fn agree(&mut self) -> Result<(), What> {
        match &self.ahead {
            Some((holds, people)) if (holds, people) != (&self.holds, &self.people) => self.settle(),
            _ => {
                self.ahead = None;
                Ok(())
            }
        }
    }

    fn judge(&mut self, seq: u64, log_id: &str, act: &Act<'_>, by: &By) -> Result<(), String> {
        let court = Court {
            log_id,
            people: self.known.then_some(self.people.as_slice()),
            fresh: &self.fresh,
        };
        let judged = court.judge(act, by);
        self.fresh.act(seq.saturating_add(1));
        if let Some(at) = judged? {
            if at.size > seq {
                return Err(format!(
                    "it was signed for a log of {} records, which it was not yet",
                    at.size
                ));
            }
            self.signed.push((seq, at));
        }
        Ok(())
    }
}
