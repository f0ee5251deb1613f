//! Placing and releasing holds, and taking up who the people are. What holds from then on stands in a `state`, and the record
//! of the act right behind it, in one frame: so an opening finds the newest of it without looking for acts.
//!
//! What must hold: nothing is in force that no record says; between deciding what to drop and dropping it nothing is held
//! anew.

use super::act::{Act, Asking, By, Court, REASON_LIMIT, SignedAt, is_second};
use super::events::{hex, system};
use super::handle::Core;
use super::options::TakenUp;
use super::policy_file::read_policy;
use super::terms::Terms;
use super::writer::{CommitFailure, Writer};
use crate::error::{Error, Result};
use crate::policy::{Covering, Hold, POLICY_FILE, Person, digest};
use crate::proof::root_at;
use crate::record::format_time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// The longest query of a hold in bytes.
pub(crate) const QUERY_LIMIT: usize = 4 << 10;

/// All holds and people together take no more text than this, since every state says them and is one line.
const STATE_LIMIT: usize = 40 << 10;

/// What a hold is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) id: String,
    /// The first and the last seq that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seqs: Option<(u64, u64)>,
    /// Or what a record fits that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
}

/// The event that places a hold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) about: About,
    pub(crate) reason: String,
    pub(crate) by: By,
}

/// The event that releases one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Released {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) by: By,
}

/// The event of other people in force.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PeopleChange {
    pub(crate) name: String,
    pub(crate) before: Vec<Person>,
    pub(crate) after: Vec<Person>,
}

impl Placed {
    pub(crate) fn act(&self) -> Act<'_> {
        placing(&self.about, &self.reason)
    }

    /// As every state says it from here on. What proves it stands in this event, which tombstones keep.
    pub(crate) fn in_force(&self, logged: i64) -> Value {
        #[derive(Serialize)]
        struct Who<'a> {
            name: &'a str,
            proved: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Held<'a> {
            #[serde(flatten)]
            about: &'a About,
            reason: &'a str,
            by: Who<'a>,
            placed: String,
        }
        let held = Held {
            about: &self.about,
            reason: &self.reason,
            by: Who {
                name: &self.by.name,
                proved: self.by.proved,
                key: self.by.key.as_deref(),
            },
            placed: format_time(logged),
        };
        // Strings and numbers always serialise.
        serde_json::to_value(held).unwrap_or_default()
    }
}

impl Released {
    pub(crate) fn act(&self) -> Act<'_> {
        releasing(&self.id, &self.reason)
    }
}

/// The act of placing a hold.
pub(crate) fn placing<'a>(about: &About, reason: &'a str) -> Act<'a> {
    Act {
        name: "hold",
        // Strings and numbers always serialise.
        about: serde_json::to_value(about).unwrap_or_default(),
        reason,
    }
}

/// The act of releasing one.
pub(crate) fn releasing<'a>(id: &str, reason: &'a str) -> Act<'a> {
    Act {
        name: "hold_released",
        about: json!({ "id": id }),
        reason,
    }
}

/// Who placed a hold, as a state says it.
pub(crate) fn placed_by(hold: &Value) -> Option<By> {
    serde_json::from_value(hold.get("by")?.clone()).ok()
}

/// The place of the hold of that name.
pub(crate) fn place_of(holds: &[Value], id: &str) -> Option<usize> {
    holds
        .iter()
        .position(|hold| hold.get("id").and_then(Value::as_str) == Some(id))
}

/// The holds that are about what a record says, and not about the seqs of one log: those a new log of the database has too.
pub(crate) fn holds_by_query(holds: &[Value]) -> Vec<Value> {
    let by_query = |hold: &&Value| matches!(Hold::read(hold).covering(), Covering::Query(_));
    holds.iter().filter(by_query).cloned().collect()
}

impl Core {
    /// Places a hold; gives the record that says so.
    pub(crate) fn place_hold(&self, about: About, reason: &str, asking: &Asking) -> Result<u64> {
        // Nothing is dropped meanwhile that this would have kept.
        let _alone = self.dropping.lock();
        self.act(|writer| writer.place_hold(about, reason, asking))
    }

    /// Releases a hold; gives the record that says so.
    pub(crate) fn release_hold(&self, id: &str, reason: &str, asking: &Asking) -> Result<u64> {
        let _alone = self.dropping.lock();
        self.act(|writer| writer.release_hold(id, reason, asking))
    }
}

impl Core {
    /// Whether a policy is the one that stands in the database's file now.
    pub(crate) fn is_in_the_file(&self, policy: &TakenUp) -> bool {
        let root = self.files.layout.root();
        let Some(path) = root.parent().and_then(Path::parent).map(|dir| dir.join(POLICY_FILE)) else {
            return false;
        };
        match (read_policy(&*self.files.disk, &path), &policy.file) {
            (Ok(None), None) => true,
            (Ok(Some(bytes)), Some((said, text))) => text.as_bytes() == bytes && *said == digest(&bytes),
            _ => false,
        }
    }
}

type Committed<T> = std::result::Result<T, CommitFailure>;

impl Writer {
    fn place_hold(&mut self, about: About, reason: &str, asking: &Asking) -> Committed<u64> {
        if place_of(&self.terms.holds, &about.id).is_some() {
            return Err(refused(format!("there is a hold {} already", about.id)));
        }
        let by = self.admit(&placing(&about, reason), asking)?;
        let placed = Placed {
            name: "hold".to_owned(),
            about,
            reason: reason.to_owned(),
            by,
        };
        self.change_terms(|terms, now| {
            terms.holds.push(placed.in_force(now));
            system(&placed)
        })
    }

    fn release_hold(&mut self, id: &str, reason: &str, asking: &Asking) -> Committed<u64> {
        let Some(place) = place_of(&self.terms.holds, id) else {
            return Err(refused(format!("no hold {id} is in force")));
        };
        let by = self.admit(&releasing(id, reason), asking)?;
        let first = self.terms.holds.get(place).and_then(placed_by);
        let first =
            first.ok_or_else(|| refused(format!("nobody can tell who placed {id}, so nobody can be another")))?;
        is_second(&first, &by).map_err(refused)?;
        let released = Released {
            name: "hold_released".to_owned(),
            id: id.to_owned(),
            reason: reason.to_owned(),
            by,
        };
        self.change_terms(|terms, _| {
            terms.holds.remove(place);
            system(&released)
        })
    }

    /// Takes up who the people are.
    pub(crate) fn set_people(&mut self, people: Vec<Person>) -> Committed<()> {
        if people == self.terms.people {
            return Ok(());
        }
        let change = PeopleChange {
            name: "people".to_owned(),
            before: self.terms.people.clone(),
            after: people,
        };
        self.change_terms(|terms, _| {
            terms.people.clone_from(&change.after);
            system(&change)
        })?;
        Ok(())
    }

    /// Whether somebody may do that, and what its record says about who it was. Others that need a person ask here too.
    ///
    /// # Errors
    /// [`Error::Person`]: why not.
    pub(crate) fn admit(&self, act: &Act<'_>, asking: &Asking) -> Result<By> {
        let name = crate::policy::person::name(&asking.name)?;
        let asking = Asking { name, ..asking.clone() };
        if act.reason.trim().is_empty() || act.reason.len() > REASON_LIMIT {
            let message = format!("a reason has 1 to {REASON_LIMIT} bytes");
            return Err(Error::Person { message });
        }
        let log_id = self.files.identity.log_id();
        let court = Court {
            log_id: &log_id,
            people: Some(&self.terms.people),
            fresh: &self.fresh,
        };
        let person = |message: String| Error::Person { message };
        let (by, signed_at) = court.admit(act, &asking).map_err(person)?;
        match signed_at {
            Some(at) if !self.was_at(&at) => Err(person(
                "what was signed is for this log as it never was, or was brought from elsewhere".to_owned(),
            )),
            _ => Ok(by),
        }
    }

    /// Whether the log had that root at that size.
    fn was_at(&self, at: &SignedAt) -> bool {
        at.size <= self.tip.next_seq()
            && self
                .files
                .with_tiles(|tiles| root_at(tiles, at.size))
                .is_ok_and(|root| hex(&root) == at.root)
    }

    /// Has something else hold from here on, which the next state says and the record behind it; gives that one's seq.
    /// `change` makes both, for that moment. An epoch signs it.
    fn change_terms(&mut self, change: impl Fn(&mut Terms, i64) -> Vec<u8>) -> Committed<u64> {
        let mut terms = self.terms.clone();
        change(&mut terms, self.files.disk.now());
        if text_of(&terms.holds) + text_of(&terms.people) > STATE_LIMIT {
            return Err(refused(format!(
                "all holds and people together would take more than {STATE_LIMIT} bytes in every segment: release what is no \
                 longer needed, or hold by a query what several hold"
            )));
        }
        if self.journal.end > 0 {
            self.roll()?;
        }
        let now = self.files.disk.now();
        let before = (self.terms.holds.clone(), self.terms.people.clone());
        let members = change(&mut self.terms, now);
        let acted = self.act_at(now, members, None);
        if let Err(CommitFailure::Refused(_)) = acted {
            (self.terms.holds, self.terms.people) = before;
        }
        acted
    }

    /// Records an act and signs it at once, in one frame: nobody can use its statement again.
    pub(crate) fn act_at(&mut self, now: i64, members: Vec<u8>, ahead: Option<i64>) -> Committed<u64> {
        let monotonic = self.files.disk.monotonic();
        let mut draft = self.begin(now, monotonic, 0);
        let seq = self.own(&mut draft, members, now);
        let ahead = ahead.unwrap_or_else(|| self.ahead_at(now, monotonic));
        let epoch = self.signer.epoch_event(&draft.hash().after, (now, ahead));
        self.own(&mut draft, epoch, now);
        self.write(&draft, now, monotonic)?;
        self.terms.clock.ahead_ns = ahead;
        self.fresh.act(seq.saturating_add(1));
        self.fresh.epoch(self.tip.next_seq());
        let (disk, layout) = (&*self.files.disk, &self.files.layout);
        // The record is durable. Where the file is not, the next opening or epoch does it again.
        let _ = self.signer.advance(disk, layout, &self.tip);
        Ok(seq)
    }
}

fn refused(message: String) -> CommitFailure {
    CommitFailure::Refused(Error::Person { message })
}

fn text_of(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX / 2, |text| text.len())
}
