//! `auditdb show`: one record, or a chain of them, as a person reads it.
//!
//! What must hold: no text of a record can look like a line of its own. Names that are more than a word stand in quotes,
//! the lines of a longer text each begin with a bar, and nothing goes out that a terminal would obey.

use super::figures::short_time;
use super::look::{elements, members, plain, quoted, said, string};
use super::output::Out;
use super::record_name::resolve;
use super::{Answer, Names, Outcome, Stop, Where};
use crate::query::Patience;
use crate::record::printable;
use clap::Args;
use std::ffi::OsString;

/// Show a record, or the whole chain that a correlation or a trace names.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb show [OPTIONS] [DIR] <RECORD>",
    after_help = "RECORD is a seq, an id or the beginning of one, a correlation, a trace id, @last or @last-failure; each also\n\
    behind a log's name, as in main/7. A seq alone is one of the newest log; everything else is looked for in all logs,\n\
    or only in that of --log. With --json the exact lines are printed.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb show my-db 0\n  auditdb show my-db main/0 --json\n  AUDITDB_DIR=my-db auditdb show 0"
)]
pub(super) struct Show {
    #[command(flatten)]
    at: Where,
    /// Which record.
    #[arg(value_name = "RECORD")]
    record: Option<OsString>,
}

impl Show {
    pub(super) fn run(self) -> Outcome {
        let (dir, record) = self.at.dir_and_record(self.record.as_slice())?;
        let db = self.at.read(&dir)?;
        let (names, mut out) = (Names::of(&self.at, &db), Out::new());
        for (place, entry) in resolve(&db, &record, &Patience::new())?.iter().enumerate() {
            if self.at.json {
                out.line(entry.text())?;
                continue;
            }
            if place > 0 {
                out.line("")?;
            }
            let text = db.whole(entry)?;
            let agent = string(&text, &["agent", "id"]).unwrap_or("?".into());
            out.line(&format!(
                "{} {} {} {}",
                short_time(&entry.time_text()),
                printable(&agent),
                printable(&entry.kind()),
                names.shown(entry.log(), entry.seq())
            ))?;
            members_of(&mut out, 1, &text)?;
        }
        out.flush()?;
        Ok(Answer::Yes)
    }
}

/// What stands in a record, a member a line, so many steps in; without what its headline says.
pub(super) fn members_of(out: &mut Out, depth: usize, text: &str) -> Result<(), Stop> {
    for (name, value) in members(text) {
        if !matches!(name.as_ref(), "v" | "seq" | "time" | "kind") {
            lines(out, depth, &word(&name), value)?;
        }
    }
    Ok(())
}

/// Deeper than this no record goes; a damaged one is shown as it stands from there on.
const DEPTH: usize = 100;

/// A value with its own below it, each a step further in.
fn lines(out: &mut Out, depth: usize, name: &str, raw: &str) -> Result<(), Stop> {
    let indent = "  ".repeat(depth);
    let is_container = |raw: &str| raw.starts_with(['{', '[']) && !matches!(raw, "{}" | "[]");
    if depth > DEPTH {
        return out.line(&format!("{indent}{name}: {}", plain(raw)));
    }
    if raw.starts_with('{') && is_container(raw) {
        out.line(&format!("{indent}{name}"))?;
        return members(raw).try_for_each(|(name, value)| lines(out, depth + 1, &word(&name), value));
    }
    if raw.starts_with('[') && elements(raw).any(is_container) {
        let mut numbered = (1..).zip(elements(raw));
        return numbered.try_for_each(|(place, element)| lines(out, depth, &format!("{name} {place}"), element));
    }
    if raw.starts_with('[') && is_container(raw) {
        let elements: Vec<String> = elements(raw).map(element).collect();
        return out.line(&format!("{indent}{name}: {}", elements.join(", ")));
    }
    match said(raw) {
        Some(text) if text.trim_end_matches('\n').contains('\n') => {
            out.line(&format!("{indent}{name}:"))?;
            let mut each = text.split('\n');
            each.try_for_each(|line| out.line(format!("{indent}    | {}", printable(line)).trim_end()))
        }
        _ => out.line(&format!("{indent}{name}: {}", plain(raw))),
    }
}

/// An element among others on one line: in quotes where one could not tell where it ends.
fn element(raw: &str) -> String {
    match said(raw) {
        Some(text) if text.is_empty() || text.contains([',', '"']) || text.trim() != text => quoted(&text),
        _ => plain(raw),
    }
}

/// A member's name: as it is if it is a word, in quotes otherwise.
pub(super) fn word(name: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '$');
    if !name.is_empty() && name.chars().all(is_word) {
        printable(name).into_owned()
    } else {
        quoted(name)
    }
}
