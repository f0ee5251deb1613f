//! How much of what agents did is on record only as something: spans of a kind that no rule of the mapping knows, and calls of
//! tools that name no data that were touched. The figures are counted from the records, for `status` and `lint`.

use super::Stop;
use super::figures::count;
use super::lint::percent;
use crate::database::Database;
use crate::query::{Counting, Query};
use serde_json::json;

/// See the module.
pub(super) struct Unmapped {
    spans: Share,
    calls: Share,
    /// Whether time ran out, or something could not be read: then it is at least so.
    is_partial: bool,
}

#[derive(Default)]
struct Share {
    lacking: u64,
    of: u64,
}

/// What has a span of a trace; those among them that have the kind of spans that no rule knows.
const SPANS: [&str; 2] = ["trace.span:*", "kind:span trace.span:*"];
/// Calls of tools as far as something may have been done; those among them that do not say to what.
const CALLS: [&str; 2] = [
    "kind:tool_call NOT outcome:denied NOT outcome:failure NOT outcome:pending NOT outcome:cancelled",
    "kind:tool_call NOT outcome:denied NOT outcome:failure NOT outcome:pending NOT outcome:cancelled NOT access.operation:*",
];

impl Unmapped {
    /// Among the records that the questions ask for, made of expressions.
    pub(super) fn of(db: &Database, question: impl Fn(&str) -> Result<Query, Stop>) -> Result<Self, Stop> {
        let mut is_partial = false;
        let mut share = |[all, lacking]: [&str; 2]| {
            let mut number = |expr: &str| {
                let counts = db.count(&Counting::new(question(expr)?))?;
                is_partial |= counts.is_partial();
                Ok::<u64, Stop>(counts.rows.iter().map(|row| row.count).sum())
            };
            let of = number(all)?;
            let lacking = if of > 0 { number(lacking)? } else { 0 };
            Ok::<Share, Stop>(Share { lacking, of })
        };
        let (spans, calls) = (share(SPANS)?, share(CALLS)?);
        Ok(Unmapped {
            spans,
            calls,
            is_partial,
        })
    }

    /// As a member of an answer in JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        let share = |share: &Share| json!({"lacking": share.lacking, "of": share.of});
        json!({"spans": share(&self.spans), "tool_calls": share(&self.calls), "partial": self.is_partial})
    }

    /// In a line; none where there is neither.
    pub(super) fn in_words(&self) -> Option<String> {
        let said = |Share { lacking, of }: &Share, of_what: &str, lack: &str| {
            let figures = format!("{} of {} {of_what} {lack}", count(*lacking), count(*of));
            (*of > 0).then(|| format!("{figures} ({})", percent(*lacking, *of)))
        };
        let spans = said(&self.spans, "spans", "are of a kind that no rule knows");
        let calls = said(&self.calls, "calls of tools", "name no data that were touched");
        let all: Vec<String> = spans.into_iter().chain(calls).collect();
        let partial = if self.is_partial {
            "; not all were looked at"
        } else {
            ""
        };
        (!all.is_empty()).then(|| format!("{}{partial}", all.join("; ")))
    }
}
