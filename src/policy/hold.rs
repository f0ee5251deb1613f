//! Holds: records that somebody has to keep whatever their class says, because of a suit, say. They stand in full in every
//! `state` for as long as they are in force.
//!
//! What must hold: one that cannot be understood covers everything.

use serde::Serialize;
use serde_json::Value;
use std::ops::Range;

/// A hold as a state says it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hold {
    id: String,
    covering: Covering,
}

/// What a hold covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Covering {
    /// The records from the first to the last of these seqs.
    Seqs(u64, u64),
    /// The segments in which any record fits this query.
    Query(String),
    /// Nobody can tell what, so everything.
    Unknown,
}

impl Hold {
    /// Reads a hold. One in a form that a later release writes covers everything.
    pub(crate) fn read(value: &Value) -> Self {
        let id = value.get("id").and_then(Value::as_str);
        Hold {
            id: id.map_or_else(|| "a hold without a name".to_owned(), str::to_owned),
            covering: Covering::read(value),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn covering(&self) -> &Covering {
        &self.covering
    }

    /// Whether it covers any of these records, as far as their seqs alone say it; `None` if only their text does.
    pub(crate) fn covers(&self, seqs: &Range<u64>) -> Option<bool> {
        match self.covering {
            Covering::Seqs(first, last) => Some(first < seqs.end && last >= seqs.start),
            Covering::Query(_) => None,
            Covering::Unknown => Some(true),
        }
    }
}

impl Covering {
    fn read(value: &Value) -> Self {
        let seqs = value.get("seqs").and_then(Value::as_array);
        let seqs = seqs.and_then(|seqs| match seqs.as_slice() {
            [first, last] => Some(Covering::Seqs(first.as_u64()?, last.as_u64()?)),
            _ => None,
        });
        let query = value.get("query").and_then(Value::as_str);
        match (seqs, query) {
            (Some(seqs), None) => seqs,
            (None, Some(query)) => Covering::Query(query.to_owned()),
            _ => Covering::Unknown,
        }
    }
}

/// A hold that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HoldInForce {
    /// The log that it is placed in.
    pub log: String,
    /// Its name.
    pub id: String,
    /// The first and the last seq that it covers.
    pub seqs: Option<(u64, u64)>,
    /// Or the query: every segment in which a record fits it is covered. With neither, everything is.
    pub query: Option<String>,
    /// Why it was placed.
    pub reason: String,
    /// Who placed it.
    pub by: String,
    /// Whether they have proved it by a signature.
    pub proved: bool,
    /// When.
    pub placed: String,
}

impl HoldInForce {
    /// As a state says it.
    pub(crate) fn read(log: &str, value: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let (seqs, query) = match Covering::read(value) {
            Covering::Seqs(first, last) => (Some((first, last)), None),
            Covering::Query(query) => (None, Some(query)),
            Covering::Unknown => (None, None),
        };
        let by = value.get("by");
        HoldInForce {
            log: log.to_owned(),
            id: Hold::read(value).id,
            seqs,
            query,
            reason: text(value.get("reason")),
            by: text(by.and_then(|by| by.get("name"))),
            proved: by.and_then(|by| by.get("proved")) == Some(&Value::Bool(true)),
            placed: text(value.get("placed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_in_an_unknown_form_covers_everything() {
        let read = |text: &str| Hold::read(&serde_json::from_str(text).unwrap());
        assert_eq!(read(r#"{"id":"a","seqs":[3,5]}"#).covers(&(5..9)), Some(true));
        assert_eq!(read(r#"{"id":"a","seqs":[3,5]}"#).covers(&(6..9)), Some(false));
        assert_eq!(read(r#"{"id":"a","query":"agent:a"}"#).covers(&(6..9)), None);
        for text in [
            r#"{"id":"a"}"#,
            r#"{"id":"a","seqs":[3]}"#,
            r#"{"id":"a","seqs":[5,3],"query":"agent:a"}"#,
            r#"{"id":"a","seqs":["3","5"]}"#,
            r#"{"query":7}"#,
            "7",
        ] {
            assert_eq!(read(text).covers(&(6..9)), Some(true), "{text}");
        }
    }
}
