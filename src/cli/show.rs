//! `auditdb show`: one record, or a chain of them, as a person reads it.

use super::figures::short_time;
use super::output::Out;
use super::record_name::resolve;
use super::{Answer, Outcome, Stop, Where};
use crate::database::Database;
use clap::Args;
use serde_json::Value;

/// Show a record, or the whole chain that a correlation or a trace names.
#[derive(Debug, Args)]
#[command(
    after_help = "RECORD is a seq, an id or the beginning of one, a correlation, a trace id, @last or @last-failure.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb show my-db 0\n  auditdb show my-db main/0 --json"
)]
pub(super) struct Show {
    #[command(flatten)]
    at: Where,
    /// Which record.
    record: String,
}

impl Show {
    pub(super) fn run(self) -> Outcome {
        let db = Database::open_read_only(self.at.dir()?)?;
        let mut out = Out::new();
        for (place, entry) in resolve(&db, &self.record)?.iter().enumerate() {
            if self.at.json {
                out.line(entry.text())?;
                continue;
            }
            if place > 0 {
                out.line("")?;
            }
            let value: Value =
                serde_json::from_str(&db.whole(entry)?).map_err(|error| Stop::CouldNot(error.to_string()))?;
            let agent = value.pointer("/agent/id").and_then(Value::as_str).unwrap_or("?");
            out.line(&format!(
                "{} {} {} #{}",
                short_time(&entry.time_text()),
                agent,
                entry.kind(),
                entry.seq()
            ))?;
            for (name, member) in value.as_object().into_iter().flatten() {
                if !matches!(name.as_str(), "v" | "seq" | "time" | "kind") {
                    lines(&mut out, 1, name, member)?;
                }
            }
        }
        out.flush()?;
        Ok(Answer::Yes)
    }
}

/// A member with its own below it, each a step further in.
fn lines(out: &mut Out, depth: usize, name: &str, value: &Value) -> Result<(), Stop> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            out.line(&format!("{indent}{name}"))?;
            members
                .iter()
                .try_for_each(|(name, member)| lines(out, depth + 1, name, member))
        }
        Value::Array(elements) if elements.iter().any(|element| element.is_object() || element.is_array()) => {
            let numbered = elements.iter().enumerate();
            let mut each = numbered.map(|(place, element)| (format!("{name} {}", place + 1), element));
            each.try_for_each(|(name, element)| lines(out, depth, &name, element))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(plain).collect();
            out.line(&format!("{indent}{name}: {}", elements.join(", ")))
        }
        value => {
            let text = plain(value).replace('\n', &format!("\n{indent}    "));
            out.line(&format!("{indent}{name}: {text}"))
        }
    }
}

/// A text without quotes and without anything that a terminal would obey.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        value => value.to_string(),
    }
}

/// Hostile text must not move the cursor or colour what follows.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c })
        .collect()
}
