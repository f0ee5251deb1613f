//! `auditdb query`: the records that fit an expression. The records go to stdout; how far the answer goes, and what to
//! type for the next page, to stderr.

use super::figures::count;
use super::output::Out;
use super::tail::{columns, summary};
use super::{Answer, Names, Outcome, Stop, Waiting, Where, output};
use crate::disk::{Disk as _, RealDisk};
use crate::entry::Entry;
use crate::query::{Cursor, Order, Query as Question, Reach, Stopped, Unindexed, Zone, moment};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;

/// Find records, by what stands in them.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb query [OPTIONS] [DIR] [EXPR]",
    after_help = "EXPR is made of conditions; a space between two means AND:\n  \
      refund \"apology email\" apolog*     words, phrases and beginnings, anywhere in the text\n  \
      agent:refunds tool:send_email      a field's value; also its path, as in tools.name:send_email\n  \
      outcome:failure OR NOT policy:*    AND, OR, NOT, brackets; - is NOT; name:* asks whether there is one\n  \
      cost:>0.5 rows:[10 TO 20}          greater, less; from 10 up to, but not including, 20\n  \
      time:2026-11 time:>=2026-11-24T15  a time is as long as what is left out: a month; from that hour on\n  \
      agent: IN [refunds support]        one of several; attributes.order.id:7 is a member of one's own\n\
      `auditdb schema --fields` has every name. A value with a space or a bracket in it stands in quotes; an EXPR that\n\
      begins with - goes behind --.\n\n\
      --since and --until take such times too, and 90s, 30m, 24h, 7d, 2w (ago) and now. --until is not included.\n\
      The records that the log writes about itself show if EXPR names kind, id, seq, event or alert, or with --all.\n\n\
      All logs of the database are asked, or only that of --log. Within a log records come by seq, those of several logs by\n\
      the times of what each has next. A page's --cursor goes on in all of them, also while records are appended. --timeout\n\
      and Ctrl-C end the search; what was found by then is shown, and is a partial answer.\n\n\
      Exit codes: 0 found; 1 nothing matched; 2 EXPR cannot be read, or another mistake; 3 a partial answer.\n\n\
      Examples:\n  auditdb init my-db\n  auditdb query my-db kind:system\n  \
      auditdb query my-db 'event:genesis OR event:state' --json --order oldest\n  \
      auditdb query my-db 'kind:system NOT event:opened' --since 24h --csv --limit 100\n  \
      auditdb query my-db kind:system --log main --timeout 5s"
)]
pub(super) struct Query {
    #[command(flatten)]
    at: Where,
    /// What to look for; every record if it is left out.
    #[arg(value_name = "EXPR")]
    expr: Option<OsString>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    waiting: Waiting,
    /// At most so many records, 0 for all; 20 if it is left out, and all with --json or --csv.
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// In which order; with --cursor that of the page before.
    #[arg(long, value_enum, default_value_t = Direction::Newest)]
    order: Direction,
    /// Go on behind an earlier page; it said how.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<Cursor>,
    /// Say how EXPR was understood.
    #[arg(long)]
    explain: bool,
    /// One line a record, for people; this is the default.
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    table: bool,
    /// Comma-separated values (RFC 4180), for spreadsheets.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// With --json: each record in an object that says which log it is in and at which seq.
    #[arg(long, requires = "json")]
    places: bool,
}

/// See [`Order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// The last record first.
    Newest,
    /// The first record first.
    Oldest,
}

/// How many records fill a page where nobody said.
const PAGE: usize = 20;

/// Between which times the records lie that a command is about.
#[derive(Debug, Args)]
pub(super) struct Between {
    /// Only records of that time and later.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only records before that time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

impl Between {
    /// The question for the records that fit an expression between these times.
    pub(super) fn question(&self, expr: &str, zone: &Zone) -> Result<Question, Stop> {
        let now = RealDisk.now();
        let time = |name: &str, text: &str| {
            moment(text, zone, now).ok_or_else(|| {
                Stop::CouldNot(format!(
                    "--{name} {text:?} is no time; write 2026-11-24, 2026-11-24T15:40, an RFC 3339 time, or 24h, 7d, now"
                ))
            })
        };
        let mut question = Question::parse_in(expr, zone).map_err(|fault| Stop::CouldNot(fault.to_string()))?;
        if let Some(since) = &self.since {
            question = question.since(time("since", since)?);
        }
        if let Some(until) = &self.until {
            question = question.until(time("until", until)?);
        }
        Ok(question)
    }
}

/// Which records a command is about, beside its EXPR.
#[derive(Debug, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    between: Between,
    /// The time zone of times without an offset, and in which times are shown beside UTC: a name as Europe/Berlin, an
    /// offset, local, UTC. If it is left out, times are read as UTC; on a terminal they are shown in the machine's zone too.
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Also the records that the log writes about itself.
    #[arg(long)]
    all: bool,
}

impl Asked {
    /// The zone that was asked for.
    pub(super) fn zone(&self) -> Result<Option<Zone>, Stop> {
        let named = |name: &String| {
            let unknown = || {
                format!(
                    "no time zone is named {name:?} here; give a name as Europe/Berlin (the system's time zone database has \
                     to have it), an offset as +01:00, local or UTC"
                )
            };
            Zone::named(name).ok_or_else(|| Stop::CouldNot(unknown()))
        };
        self.tz.as_ref().map(named).transpose()
    }

    /// The question: EXPR between these times.
    pub(super) fn question(&self, expr: &str, zone: &Zone) -> Result<Question, Stop> {
        let question = self.between.question(expr, zone)?;
        Ok(if self.all {
            question.with_log_records()
        } else {
            question
        })
    }
}

impl Query {
    pub(super) fn run(self) -> Outcome {
        let (dir, expr) = self.at.dir_and_expr(self.expr.as_slice())?;
        let expr = expr.as_str();
        let zone = self.asked.zone()?;
        let question = self.question(expr, zone.as_ref().unwrap_or(&Zone::utc()))?;
        let asks_for = question.condition().to_string();
        if self.explain && !self.at.json {
            output::say(&format!("asks for: {asks_for}"));
        }
        let db = self.at.read(&dir)?;
        let mut found = db.query(&question.within(&self.waiting.patience()?))?;
        let mut rows = Rows::new(&self, zone, Names::of(&self.at, &db));
        rows.head()?;
        for entry in found.by_ref() {
            rows.row(&entry?)?;
        }
        rows.out.flush()?;
        let reach = found.reach();
        if self.explain && !self.at.json {
            output::say(&format!("asked: the indexes of {} segments", count(reach.indexes)));
            for Unindexed { log, segment, why, .. } in &reach.unindexed {
                let log = if rows.names.several {
                    format!(" of {log}")
                } else {
                    String::new()
                };
                output::say(&format!(
                    "scanned: the segment at {segment}{log}, since its index {why}"
                ));
            }
        }
        let next = found.cursor().map(|cursor| cursor.to_string());
        if self.at.json {
            let asked = self.explain.then_some(asks_for);
            output::say(&report(&reach, next.as_deref(), asked.as_deref()));
        } else {
            output::left_out(&reach);
            output::say(&in_words(&reach));
            if let Some(cursor) = next {
                output::say(&format!("next page: {}", self.next_page(&dir, expr, &cursor)));
            }
        }
        Ok(match &reach {
            reach if reach.is_partial() => Answer::Partial,
            reach if reach.returned == 0 => Answer::No,
            _ => Answer::Yes,
        })
    }

    fn question(&self, expr: &str, zone: &Zone) -> Result<Question, Stop> {
        let mut question = self.asked.question(expr, zone)?.order(match self.order {
            Direction::Newest => Order::Newest,
            Direction::Oldest => Order::Oldest,
        });
        if let Some(cursor) = &self.cursor {
            question = question.after(cursor.clone());
        }
        Ok(match self.limit {
            Some(0) => question,
            Some(limit) => question.limit(limit),
            None if self.at.json || self.csv => question,
            None => question.limit(PAGE),
        })
    }

    /// What to type for what comes behind this page.
    fn next_page(&self, dir: &Path, expr: &str, cursor: &str) -> String {
        let mut words = vec!["auditdb".to_owned(), "query".to_owned(), quoted(&dir.to_string_lossy())];
        if !expr.is_empty() && !expr.starts_with('-') {
            words.push(quoted(expr));
        }
        let options = [
            ("--since", &self.asked.between.since),
            ("--until", &self.asked.between.until),
            ("--tz", &self.asked.tz),
        ];
        let log = ("--log", self.at.log());
        for (name, value) in options
            .map(|(name, value)| (name, value.as_deref()))
            .into_iter()
            .chain([log])
        {
            words.extend(value.iter().flat_map(|value| [name.to_owned(), quoted(value)]));
        }
        if let Some(limit) = self.limit {
            words.extend(["--limit".to_owned(), limit.to_string()]);
        }
        for (given, name) in [(self.csv, "--csv"), (self.asked.all, "--all")] {
            words.extend(given.then(|| name.to_owned()));
        }
        words.extend(["--cursor".to_owned(), cursor.to_owned()]);
        if expr.starts_with('-') {
            words.extend(["--".to_owned(), quoted(expr)]);
        }
        words.join(" ")
    }
}

/// A word as a shell takes it for what it is.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '+' | '@' | '%');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The records as they are printed.
struct Rows {
    out: Out,
    form: Form,
    /// In which times are shown beside UTC.
    zone: Option<Zone>,
    names: Names,
    /// Whether exact lines stand in objects that say where they are.
    places: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Json,
    Table,
    Csv,
}

impl Rows {
    fn new(query: &Query, zone: Option<Zone>, names: Names) -> Self {
        let form = match (query.at.json, query.csv) {
            (true, _) => Form::Json,
            (false, true) => Form::Csv,
            (false, false) => Form::Table,
        };
        let of_the_machine = || std::io::stdout().is_terminal().then(Zone::of_this_machine);
        let zone = zone.or_else(|| of_the_machine().filter(|_| form == Form::Table));
        Rows {
            out: Out::new(),
            form,
            zone: zone.filter(|zone| !zone.is_utc()),
            names,
            places: query.places,
        }
    }

    fn head(&mut self) -> Result<(), Stop> {
        if self.form != Form::Csv {
            return Ok(());
        }
        let local = if self.zone.is_some() { ",local_time" } else { "" };
        let log = if self.names.several { "log," } else { "" };
        self.out.line(&format!(
            "{log}seq,id,time{local},agent,kind,what,outcome,correlation\r"
        ))
    }

    fn row(&mut self, entry: &Entry) -> Result<(), Stop> {
        let local = self.zone.as_ref().map(|zone| zone.show(entry.time()));
        match self.form {
            Form::Json if self.places => self.out.line(&entry.placed()),
            Form::Json => self.out.line(entry.text()),
            Form::Table => {
                let mut line = summary(entry, &self.names.shown(entry.log(), entry.seq()));
                if let Some(local) = local {
                    line.insert_str(0, &format!("{local}  "));
                }
                self.out.line(&line)
            }
            Form::Csv => {
                let log = self.names.several.then(|| entry.log().to_owned());
                let front = [entry.seq().to_string(), entry.id(), entry.time_text()];
                let cells = log.into_iter().chain(front).chain(local).chain(columns(entry));
                let cells: Vec<String> = cells.map(|text| cell(&text)).collect();
                self.out.line(&format!("{}\r", cells.join(",")))
            }
        }
    }
}

/// A cell of RFC 4180. One that a spreadsheet would take for a formula begins with an apostrophe, which shows it as text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// How far the answer goes, in a line.
fn in_words(reach: &Reach) -> String {
    let records = if reach.returned == 1 { "record" } else { "records" };
    let logs = match reach.logs {
        1 => String::new(),
        logs => format!(" in {logs} logs"),
    };
    let mut line = format!(
        "{} {records}; of {} in range{logs} {} were looked at and {} ruled out by directories and indexes",
        count(reach.returned),
        count(reach.in_range),
        count(reach.scanned),
        count(reach.pruned)
    );
    match reach.unindexed.len() {
        0 => {}
        1 => line.push_str("; 1 segment without a usable index was scanned"),
        segments => line.push_str(&format!("; {segments} segments without a usable index were scanned")),
    }
    match reach.stopped {
        Some(Stopped::Limit) => line.push_str("; there may be more"),
        Some(stopped) => line.push_str(&format!(". PARTIAL: {} before the end", output::stopped(stopped))),
        None => {}
    }
    if !reach.unreadable.is_empty() || !reach.unasked.is_empty() {
        line.push_str(". PARTIAL: what could not be read is named above");
    }
    line
}

/// The same as one object.
fn report(reach: &Reach, cursor: Option<&str>, asked: Option<&str>) -> String {
    let unreadable: Vec<String> = reach.unreadable.iter().map(ToString::to_string).collect();
    let stopped = reach.stopped.map(Stopped::as_str);
    let unindexed = |one: &Unindexed| json!({ "log": one.log, "segment": one.segment, "why": one.why });
    let unindexed: Vec<_> = reach.unindexed.iter().map(unindexed).collect();
    let mut report = json!({
        "logs": reach.logs, "in_range": reach.in_range, "scanned": reach.scanned, "pruned": reach.pruned, "matched": reach.matched,
        "returned": reach.returned, "partial": reach.is_partial(), "unreadable": unreadable, "stopped": stopped,
        "cursor": cursor, "indexes": reach.indexes, "unindexed": unindexed, "unasked": output::unasked(reach),
    });
    if let (Some(report), Some(asked)) = (report.as_object_mut(), asked) {
        report.insert("asked".to_owned(), asked.into());
    }
    report.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_words_for_what_they_are() {
        for (word, expected) in [
            ("agent:refunds", "agent:refunds"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
            ("-a", "'-a'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn cells_are_cells_and_no_formulas() {
        assert_eq!(
            ["a", "a,\"b\"", "=1+1", "a\nb"].map(cell),
            ["a", "\"a,\"\"b\"\"\"", "'=1+1", "\"a\nb\""]
        );
    }
}
