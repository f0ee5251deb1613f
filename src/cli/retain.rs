//! `auditdb retain`: drop what need not be kept any longer.

use super::figures::{bytes, count, short_time};
use super::person::PerhapsPerson;
use super::progress::waiting;
use super::{Answer, Outcome, Stop, Where, output};
use crate::retention::{DroppedSegment, KeptSegment, RetainOptions, Retained};
use clap::Args;

/// Drop the sealed segments, from the beginning of the log on, whose records' time has passed; also beside a running
/// agent. Their hashes stay, so that every proof works as before, and signed tombstones say what was there.
#[derive(Debug, Args)]
#[command(
    after_help = "A clock that went forward by itself makes nothing expire: whoever knows that it is right says so with\n\
    --accept-clock, which is recorded. The exit code is 1 if segments are kept for nothing but that, 3 if one cannot be read.\n\nExamples:\n  \
    auditdb init my-db\n  auditdb retain my-db --dry-run\n  auditdb retain my-db --accept-clock --reason 'compared with time.example'"
)]
pub(super) struct Retain {
    #[command(flatten)]
    at: Where,
    /// Only say what would be dropped.
    #[arg(long)]
    dry_run: bool,
    /// The clock is right, however it came to where it is.
    #[arg(long, requires = "reason")]
    accept_clock: bool,
    /// Why it is right; it is recorded.
    #[arg(long, value_name = "TEXT", requires = "accept_clock")]
    reason: Option<String>,
    #[command(flatten)]
    person: PerhapsPerson,
}

impl Retain {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.written(&dir)?;
        let mut options = RetainOptions::default().dry_run(self.dry_run);
        if let Some(reason) = self.reason.as_deref().filter(|_| self.accept_clock) {
            options = options.accept_clock(reason);
            if let Some(actor) = self.person.actor()? {
                options = options.by(&actor);
            }
        }
        let (mut answer, mut all) = (Answer::Yes, Vec::new());
        for log in &logs {
            let db = self.at.join_log(&dir, log)?;
            let done = waiting("dropping", || db.retain_with(&options))?;
            if !self.at.json {
                if logs.len() > 1 {
                    output::print(&format!("{log}:"))?;
                }
                show(&done)?;
            }
            answer = match (answer, judge(&done)) {
                (Answer::Partial, _) | (_, Answer::Partial) => Answer::Partial,
                (Answer::Yes, judged) => judged,
                (no, _) => no,
            };
            all.push(done);
        }
        if self.at.json {
            let json = match all.as_slice() {
                [only] => serde_json::to_value(only),
                all => serde_json::to_value(all).map(|done| {
                    let named = logs.iter().zip(done.as_array().into_iter().flatten());
                    let named = named.map(|(log, done)| serde_json::json!({ "log": log, "retained": done }));
                    serde_json::json!({ "logs": named.collect::<Vec<_>>() })
                }),
            };
            output::print(&json.map_err(|error| Stop::CouldNot(error.to_string()))?.to_string())?;
        }
        Ok(answer)
    }
}

/// What the exit code says of one log, with the reason on standard error.
fn judge(done: &Retained) -> Answer {
    if let Some(fault) = &done.unreadable {
        output::say(&format!(
            "kept, with all behind it, because it is not as it was written: {fault}"
        ));
        return Answer::Partial;
    }
    if done.kept_by_clock > 0 {
        output::say(&format!(
            "{} segments would have expired by the clock, which went forward by {} s that nobody has accepted; if it is \
                 right, say so with --accept-clock --reason",
            done.kept_by_clock, done.clock_ahead
        ));
        return Answer::No;
    }
    Answer::Yes
}

fn show(done: &Retained) -> Result<(), Stop> {
    for segment in &done.dropped {
        output::print(&line_of_dropped(segment))?;
    }
    for segment in &done.kept {
        output::print(&line_of_kept(segment))?;
    }
    output::print(&format!(
        "{} segments {}, {} kept; on disk {} before, {} after; kept from seq {} on",
        count(done.dropped.len() as u64),
        if done.dry_run { "would be dropped" } else { "dropped" },
        count(done.kept.len() as u64),
        bytes(done.bytes_before),
        bytes(done.bytes_after),
        done.earliest
    ))
}

fn line_of_dropped(segment: &DroppedSegment) -> String {
    let DroppedSegment {
        first,
        end,
        class,
        months,
        ..
    } = segment;
    let until = short_time(&segment.kept_until);
    let tombstone = segment.tombstone.map_or_else(
        || "would be dropped".to_owned(),
        |seq| format!("dropped, tombstone {seq}"),
    );
    format!("{first}..{end}  kept until {until} ({class}, {months} months)  {tombstone}")
}

fn line_of_kept(segment: &KeptSegment) -> String {
    let KeptSegment {
        first,
        end,
        class,
        months,
        ..
    } = segment;
    let until = segment.kept_until.as_deref().map_or_else(
        || "until nobody can tell: the clock went back and has not caught up".to_owned(),
        |until| format!("until {}", short_time(until)),
    );
    let mut held = if segment.held.is_empty() {
        String::new()
    } else {
        format!("  held by {}", segment.held.join(", "))
    };
    if let Some(doubt) = &segment.doubt {
        held.push_str(&format!(" (in doubt: {doubt})"));
    }
    let buffer = segment
        .from
        .as_deref()
        .filter(|from| Some(*from) != segment.kept_until.as_deref());
    let buffer = buffer.map_or_else(String::new, |from| format!("  not dropped before {}", short_time(from)));
    let needs = segment
        .needs
        .as_ref()
        .map_or_else(String::new, |needs| format!("  needs: {needs} first"));
    let overdue = segment.delete_by.as_deref().filter(|_| segment.overdue);
    let overdue = overdue.map_or_else(String::new, |by| {
        format!("  OVERDUE: a law wants it gone by {}", short_time(by))
    });
    format!("{first}..{end}  kept {until} ({class}, {months} months){buffer}{held}{needs}{overdue}")
}
