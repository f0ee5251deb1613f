//! A chain as one JSON object, the same wherever it is asked for.

use super::{Step, Tie, Trace};
use crate::query::Stopped;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Row<'a> {
    log: &'a str,
    seq: u64,
    depth: usize,
    tie: &'static str,
    /// How it is linked, or the parent that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    duration_ms: Option<f64>,
    /// The text goes in as it is: long numbers and the order of members stay.
    record: Option<&'a RawValue>,
}

impl Trace {
    /// `steps` (`log`, `seq`, `depth`, `tie`: root, child, link, orphan or circle, `to`, `duration_ms`, `record`), `duration_ms`,
    /// `gaps`, `partial`, `unreadable`, `cut` and `stopped`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(row).collect();
        let gaps: Vec<_> = self
            .gaps
            .iter()
            .map(|gap| serde_json::json!({ "source": gap.source, "boot": gap.boot, "numbers": [gap.numbers.0, gap.numbers.1] }))
            .collect();
        let unreadable: Vec<String> = self.unreadable.iter().map(ToString::to_string).collect();
        let rest = serde_json::json!({
            "duration_ms": millis(self.duration), "gaps": gaps, "partial": self.is_partial(), "unreadable": unreadable,
            "cut": self.cut, "stopped": self.stopped.map(Stopped::as_str),
        })
        .to_string();
        format!("{{\"steps\":[{}],{}", steps.join(","), rest.get(1..).unwrap_or("}"))
    }
}

fn row(step: &Step) -> String {
    let (tie, to) = match &step.tie {
        Tie::Root => ("root", None),
        Tie::Child => ("child", None),
        Tie::Link(rel) => ("link", Some(rel.as_str())),
        Tie::Orphan { parent } => ("orphan", Some(parent.as_str())),
        Tie::Circle => ("circle", None),
    };
    let row = Row {
        log: step.entry.log(),
        seq: step.entry.seq(),
        depth: step.depth,
        tie,
        to,
        duration_ms: step.duration.map(millis),
        record: serde_json::from_str(step.entry.text()).ok(),
    };
    // Text, numbers and JSON always serialise.
    serde_json::to_string(&row).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a record")]
fn millis(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e6
}
