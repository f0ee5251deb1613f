//! What binds a record to others: its chain, its parent, its links, its emitter's count.

use serde::Deserialize;

/// See the module.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ties {
    pub(super) parent: Option<String>,
    pub(super) links: Option<Vec<Link>>,
    pub(super) correlation: Option<String>,
    pub(super) trace: Option<W3c>,
    pub(super) source: Option<Source>,
    duration_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) id: String,
    pub(super) rel: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct W3c {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) boot: String,
    pub(super) number: u64,
}

impl Ties {
    /// Those of a record's text; none if it is not in the record's form, which verify would name.
    pub(super) fn of(text: &str) -> Self {
        let mut ties: Ties = serde_json::from_str(text).unwrap_or_default();
        // Ids are kept in lower case by the log, and named as their callers like.
        ties.parent = ties.parent.map(|id| id.to_ascii_lowercase());
        for link in ties.links.iter_mut().flatten() {
            link.id.make_ascii_lowercase();
        }
        ties
    }

    /// How long it took, in nanoseconds.
    pub(super) fn duration(&self) -> Option<i64> {
        let millis = self.duration_ms.filter(|millis| (0.0..9e12).contains(millis))?;
        #[expect(clippy::cast_possible_truncation, reason = "it was held against the range")]
        Some((millis * 1e6) as i64)
    }
}
