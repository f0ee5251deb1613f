//! Holds: records that somebody has to keep whatever their class says, because of a suit, say. They stand in full in every
//! `state` for as long as they are in force.

use serde_json::Value;
use std::ops::Range;

/// A hold as a state says it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hold {
    id: String,
    /// The first and the last seq that it covers; it covers everything if nobody can tell what.
    seqs: Option<(u64, u64)>,
}

impl Hold {
    /// Reads a hold. One in a form that a later release writes covers everything.
    pub(crate) fn read(value: &Value) -> Self {
        let id = value.get("id").and_then(Value::as_str);
        let seqs = value.get("seqs").and_then(Value::as_array);
        let seqs = seqs.and_then(|seqs| match seqs.as_slice() {
            [first, last] => Some((first.as_u64()?, last.as_u64()?)),
            _ => None,
        });
        Hold {
            id: id.map_or_else(|| "a hold without a name".to_owned(), str::to_owned),
            seqs,
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it covers any of these records.
    pub(crate) fn covers(&self, seqs: Range<u64>) -> bool {
        self.seqs
            .is_none_or(|(first, last)| first < seqs.end && last >= seqs.start)
    }
}
