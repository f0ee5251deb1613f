//! `auditdb tail`: the newest records, and those that come.

use super::figures::short_time;
use super::look::string;
use super::output::Out;
use super::{Answer, Outcome, Stop, Where};
use crate::database::Database;
use crate::entry::Entry;
use crate::record::printable;
use clap::Args;
use std::borrow::Cow;
use std::time::Duration;

/// Print the newest records, and with --follow those that are appended from now on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb tail my-db -n 5\n  auditdb tail my-db --all --json")]
pub(super) struct Tail {
    #[command(flatten)]
    at: Where,
    /// How many records.
    #[arg(short, long, default_value_t = 10)]
    number: usize,
    /// Go on with those that are appended, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Also the records that the log writes about itself.
    #[arg(long)]
    all: bool,
}

/// How often the log is looked at again.
const PAUSE: Duration = Duration::from_millis(150);

impl Tail {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.shown(&dir)?;
        let several = logs.len() > 1;
        let mut out = Out::new();
        let mut newest: Vec<Entry> = Vec::new();
        let mut open = Vec::new();
        for log in &logs {
            let db = Database::open_log(&dir, log)?;
            let end = db.len()?;
            newest.extend(self.newest_of(&db, end)?);
            open.push((db, end));
        }
        newest.sort_by_key(|entry| std::cmp::Reverse(entry.logged()));
        newest.truncate(self.number);
        for entry in newest.iter().rev() {
            self.print(&mut out, entry, several)?;
        }
        out.flush()?;
        if !self.follow {
            return Ok(Answer::Yes);
        }
        loop {
            std::thread::sleep(PAUSE);
            // Records may be led to one that was not there before.
            if self.at.log().is_none() {
                for log in self.at.written(&dir)? {
                    if !open.iter().any(|(db, _)| db.identity().name() == log) {
                        open.push((Database::open_log(&dir, &log)?, 0));
                    }
                }
            }
            let several = open.len() > 1;
            for (db, next) in &mut open {
                for entry in db.records(*next..)? {
                    let entry = entry?;
                    *next = entry.seq() + 1;
                    if self.wants(&entry) {
                        self.print(&mut out, &entry, several)?;
                    }
                }
            }
            out.flush()?;
        }
    }

    /// The newest records of one log, the newest first.
    fn newest_of(&self, db: &Database, end: u64) -> Result<Vec<Entry>, Stop> {
        let mut newest: Vec<Entry> = Vec::new();
        let (mut start, earliest) = (end, db.earliest()?);
        while newest.len() < self.number && start > earliest {
            let from = start.saturating_sub(500);
            let block: Vec<Entry> = db.records(from..start)?.collect::<Result<_, _>>()?;
            newest.extend(block.into_iter().rev().filter(|entry| self.wants(entry)));
            start = from;
        }
        newest.truncate(self.number);
        Ok(newest)
    }

    fn wants(&self, entry: &Entry) -> bool {
        self.all || !entry.is_of_the_log()
    }

    fn print(&self, out: &mut Out, entry: &Entry, several: bool) -> Result<(), Stop> {
        if self.at.json {
            out.line(entry.text())
        } else {
            let name = match several {
                true => format!("{}/{}", printable(entry.log()), entry.seq()),
                false => format!("#{}", entry.seq()),
            };
            out.line(&summary(entry, &name))
        }
    }
}

/// One line about a record that is named so: when, who, what, how it ended.
pub(super) fn summary(entry: &Entry, name: &str) -> String {
    let [agent, kind, what, outcome, correlation] = columns(entry).map(|text| printable(&text).into_owned());
    let line = format!(
        "{}  {name:<9} {agent:<20} {kind:<12} {what:<28} {outcome:<9} {correlation}",
        short_time(&entry.time_text()),
    );
    line.trim_end().to_owned()
}

/// Agent, kind, what it was about, outcome and correlation of a record; empty where it does not say.
pub(super) fn columns(entry: &Entry) -> [String; 5] {
    let text = |path: &[&str]| string(entry.text(), path).map_or_else(String::new, Cow::into_owned);
    let what: [&[&str]; 6] = [
        &["decision", "name"],
        &["action", "name"],
        &["tools", "0", "name"],
        &["definition", "id"],
        &["event", "name"],
        &["handoff", "to", "id"],
    ];
    let what = what.into_iter().map(text).find(|what| !what.is_empty());
    [
        text(&["agent", "id"]),
        entry.kind(),
        what.unwrap_or_default(),
        text(&["outcome", "status"]),
        text(&["correlation"]),
    ]
}
