//! `auditdb trace`: a whole chain of decisions as a tree.

use super::figures::{count, short_time};
use super::look::string;
use super::output::Out;
use super::record_name::resolve;
use super::show;
use super::tail::columns;
use super::{Answer, Names, Outcome, Stop, Waiting, Where, output};
use crate::entry::Entry;
use crate::query::{self, Step, Tie};
use crate::record::printable;
use clap::Args;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// Show the whole chain of decisions that a record belongs to: what it came from and what came of it, as a tree by parent
/// and links, siblings by time, with what is missing from it.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb trace [OPTIONS] [DIR] <RECORD>",
    after_help = "RECORD is any id in your hands: a correlation, a session, a W3C trace id, a record's id or the beginning of it, a\n\
    seq, LOG/SEQ, @last or @last-failure. The times are from the first record's start on. All logs of the database are\n\
    asked, or only that of --log.\n\n\
    Exit codes: 0 the chain is whole; 1 no such record; 3 something of it could not be read, is too much, or time ran\n\
    out.\n\n\
    Examples:\n  auditdb init my-db\n  \
    echo '{\"agent\":{\"id\":\"bot\"},\"kind\":\"decision\",\"correlation\":\"case-8\"}' | auditdb append my-db\n  \
    auditdb trace my-db case-8\n  auditdb trace my-db @last --full\n  auditdb trace my-db @last --json"
)]
pub(super) struct Trace {
    #[command(flatten)]
    at: Where,
    /// Which chain.
    #[arg(value_name = "RECORD")]
    record: Option<OsString>,
    #[command(flatten)]
    waiting: Waiting,
    /// With everything that stands in the records.
    #[arg(long)]
    full: bool,
}

impl Trace {
    pub(super) fn run(self) -> Outcome {
        let (dir, record) = self.at.dir_and_record(self.record.as_slice())?;
        let db = self.at.read(&dir)?;
        let patience = self.waiting.patience()?;
        let trace = db.trace_within(&resolve(&db, &record, &patience)?, &patience)?;
        let names = Names::of(&self.at, &db);
        let mut out = Out::new();
        if self.at.json {
            out.line(&trace.to_json())?;
            out.flush()?;
        } else {
            self.print(&mut out, &trace, &names)?;
            out.flush()?;
            foot(&dir, &trace, &names);
        }
        Ok(if trace.is_partial() {
            Answer::Partial
        } else {
            Answer::Yes
        })
    }

    fn print(&self, out: &mut Out, trace: &query::Trace, names: &Names) -> Result<(), Stop> {
        let Some(start) = trace.steps.iter().map(|step| step.entry.time()).min() else {
            return Ok(());
        };
        let earliest = trace.steps.iter().find(|step| step.entry.time() == start);
        let agents: BTreeSet<_> = trace
            .steps
            .iter()
            .filter_map(|step| string(step.entry.text(), &["agent", "id"]))
            .collect();
        out.line(&format!(
            "{}  {} records of {} agents in {}",
            earliest.map_or_else(String::new, |step| short_time(&step.entry.time_text())),
            count(trace.steps.len() as u64),
            agents.len(),
            seconds(trace.duration)
        ))?;
        // What is not in what was looked at may be elsewhere.
        let unsure = trace.is_partial() || self.at.log().is_some();
        for step in &trace.steps {
            out.line(&line(
                step,
                start,
                &names.shown(step.entry.log(), step.entry.seq()),
                unsure,
            ))?;
            if self.full {
                show::members_of(out, step.depth.min(30) + 6, step.entry.text())?;
            }
        }
        Ok(())
    }
}

/// One step that is named so on one line.
fn line(step: &Step, start: i64, name: &str, unsure: bool) -> String {
    let entry: &Entry = &step.entry;
    let [agent, kind, what, outcome, _] = columns(entry).map(|text| printable(&text).into_owned());
    let took = step.duration.map(seconds).unwrap_or_default();
    let tie = match &step.tie {
        Tie::Root | Tie::Child => String::new(),
        Tie::Link(rel) => format!("({}) ", printable(rel)),
        Tie::Orphan { parent } if unsure => format!("(its parent {} was not found) ", printable(parent)),
        Tie::Orphan { parent } => format!("(its parent {} is in no log) ", printable(parent)),
        Tie::Circle => "(its parents lead back to it) ".to_owned(),
    };
    // Deeper than this it would run out of any window.
    let indent = "  ".repeat(step.depth.min(30));
    let line = format!(
        "{:>10}  {:<9} {indent}{tie}{agent} {kind} {what}  {outcome}  {took}",
        format!("+{}", seconds(entry.time().saturating_sub(start))),
        name,
    );
    line.trim_end().to_owned()
}

/// A duration in nanoseconds as people read it.
#[expect(clippy::cast_precision_loss, reason = "for showing only")]
fn seconds(nanoseconds: i64) -> String {
    format!("{:.3} s", nanoseconds as f64 / 1e9)
}

/// What is missing, and what to type next.
fn foot(dir: &Path, trace: &query::Trace, names: &Names) {
    for gap in &trace.gaps {
        let (first, last) = gap.numbers;
        output::say(&format!(
            "missing: the emitter {} (run {}) counted {first}..{last}, and no log has it",
            gap.source, gap.boot
        ));
    }
    output::unreadable(&trace.unreadable);
    if trace.cut {
        output::say(&format!(
            "auditdb: cut at {} records",
            count(query::Trace::LIMIT as u64)
        ));
    }
    if let Some(stopped) = trace.stopped {
        output::say(&format!(
            "PARTIAL: {} before all of it was found",
            output::stopped(stopped)
        ));
    }
    if let Some(Step { entry, .. }) = trace.steps.first() {
        let dir = super::query::quoted(&dir.to_string_lossy());
        output::say(&format!(
            "next: auditdb why {dir} {}",
            names.typed(entry.log(), entry.seq())
        ));
    }
}
