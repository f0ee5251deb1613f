//! Holds: placing and releasing them, and which of them keep a segment. A hold by a query covers every segment in which a
//! record fits it, now or later: the query is put to the records themselves when their time has passed, and no index is
//! asked.
//!
//! What must hold: when in doubt, a segment is held.

use crate::error::{Error, Result};
use crate::log::act::Asking;
use crate::log::holding::{About, QUERY_LIMIT};
use crate::log::{Core, Files, NotHeld};
use crate::policy::{Covering, Hold};
use crate::query::{Query, any_fits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// What is asked of the writer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum HoldAsked {
    Place { about: About, reason: String, by: Asking },
    Release { id: String, reason: String, by: Asking },
}

/// Does what another process asks for; both are JSON. The answer is the seq of the record that says so.
pub(crate) fn hold_through_the_door(core: &Core, asked: &[u8]) -> Result<Vec<u8>> {
    let malformed = |error: serde_json::Error| Error::Person {
        message: format!("a request about a hold in {error}"),
    };
    let seq = match serde_json::from_slice(asked).map_err(malformed)? {
        HoldAsked::Place { about, reason, by } => {
            check(&about, core.files.end_seq())?;
            core.place_hold(about, &reason, &by)?
        }
        HoldAsked::Release { id, reason, by } => core.release_hold(&id, &reason, &by)?,
    };
    serde_json::to_vec(&seq).map_err(malformed)
}

/// Whether a hold can be understood; `end` is the seq behind the log's last record.
pub(crate) fn check(about: &About, end: u64) -> Result<()> {
    let wrong = |message: String| Err(Error::Person { message });
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if about.id.is_empty() || about.id.len() > 64 || !about.id.chars().all(plain) {
        return wrong(format!("{:?} is no name of a hold", about.id));
    }
    match (&about.seqs, &about.query) {
        (Some((first, last)), None) if first <= last && *first < end => Ok(()),
        (Some((first, last)), None) => wrong(format!(
            "there is no record to hold in seq {first} to {last}: the log has {end}. What comes later is held by a query"
        )),
        (None, Some(query)) if query.trim().is_empty() || query.len() > QUERY_LIMIT => wrong(format!(
            "the query of a hold has 1 to {QUERY_LIMIT} bytes; '*' holds everything"
        )),
        (None, Some(query)) => Query::parse(query).map(|_| ()).map_err(Error::from),
        _ => wrong("a hold is about seqs or about what fits a query, and not about both".to_owned()),
    }
}

/// The holds in force, ready to be asked.
#[derive(Debug)]
pub(super) struct Holds {
    all: Vec<(Hold, Asked)>,
}

#[derive(Debug)]
enum Asked {
    Seqs,
    Query(Box<Query>),
    /// It cannot be understood.
    Doubtful(String),
}

/// A hold that covers a segment.
#[derive(Debug, Clone)]
pub(super) struct Covers {
    pub(super) id: String,
    /// Why it is not sure that it does.
    pub(super) doubt: Option<String>,
}

impl Holds {
    pub(super) fn new(holds: &[Value]) -> Self {
        let asked = |hold: &Hold| match hold.covering() {
            Covering::Seqs(..) => Asked::Seqs,
            Covering::Query(query) => match Query::parse(query) {
                Ok(query) => Asked::Query(Box::new(query)),
                Err(fault) => Asked::Doubtful(format!("its query cannot be read: {fault}")),
            },
            Covering::Unknown => Asked::Doubtful("it is in a form that this version does not know".to_owned()),
        };
        let all = holds.iter().map(Hold::read);
        Holds {
            all: all
                .map(|hold| (asked(&hold), hold))
                .map(|(asked, hold)| (hold, asked))
                .collect(),
        }
    }

    /// The holds that cover these records as far as that can be told without reading them.
    pub(super) fn by_seqs(&self, seqs: &Range<u64>) -> Vec<Covers> {
        let covering = self.all.iter().filter_map(|(hold, asked)| match asked {
            Asked::Doubtful(why) => Some(covers(hold, Some(why.clone()))),
            _ => (hold.covers(seqs) == Some(true)).then(|| covers(hold, None)),
        });
        covering.collect()
    }

    /// The holds by query that cover a segment; its records are read.
    pub(super) fn by_query(&self, files: &Arc<Files>, seqs: &Range<u64>) -> Vec<Covers> {
        let covering = self.all.iter().filter_map(|(hold, asked)| match asked {
            Asked::Query(query) => match any_fits(files, query, seqs.clone()) {
                Ok(true) => Some(covers(hold, None)),
                Ok(false) => None,
                Err(fault) => Some(covers(
                    hold,
                    Some(format!("not all of its records can be read: {fault}")),
                )),
            },
            _ => None,
        });
        covering.collect()
    }

    /// What a tombstone says of the holds that do not cover its segment, where that is all of them.
    pub(super) fn not_held(&self) -> Vec<NotHeld> {
        let not_held = |(hold, asked): &(Hold, Asked)| NotHeld {
            id: hold.id().to_owned(),
            by: if matches!(asked, Asked::Query(_)) {
                "query"
            } else {
                "seqs"
            }
            .to_owned(),
        };
        self.all.iter().map(not_held).collect()
    }
}

fn covers(hold: &Hold, doubt: Option<String>) -> Covers {
    Covers {
        id: hold.id().to_owned(),
        doubt,
    }
}
