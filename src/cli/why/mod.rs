//! `auditdb why`: the one page about a decision. `page` prints it on a terminal, `html` as a file for a ticket; here it is
//! gathered, and printed as JSON.

mod html;
mod page;

use super::output::Out;
use super::query::quoted;
use super::record_name::resolve;
use super::{Answer, Names, Outcome, Stop, Waiting, Where, output};
use crate::database::Database;
use crate::disk::{Disk as _, Open, RealDisk};
use crate::log::hex;
use crate::query::{self, Stopped};
use crate::record::printable;
use clap::Args;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Show why an agent did something, on one page: what came in, what it knew, its reasoning, the rules, what was done with
/// which data, how it ended, what came after, what is not on record, and how to check it.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb why [OPTIONS] [DIR] <RECORD>",
    after_help = "RECORD is any id in your hands: a correlation, a session, a W3C trace id, a record's id or the beginning of it, a\n\
    seq, LOG/SEQ, @last or @last-failure. Where it names several records the page is about the last one with an `action`, else the\n\
    last one with a `decision`, else the last. An action's page is about the decision that it came from, too.\n\
    Every line stands behind the #seq of the record that says so. On a terminal long texts are cut; --html and --json\n\
    have all of them. --html FILE makes a file that needs nothing else; without FILE, or with -, it goes to stdout.\n\n\
    Exit codes: 0 here it is; 1 no such record; 3 something of the chain could not be read, is too much, or\n\
    time ran out.\n\n\
    Examples:\n  auditdb init my-db\n  \
    echo '{\"agent\":{\"id\":\"bot\"},\"kind\":\"decision\",\"correlation\":\"case-8\"}' | auditdb append my-db\n  \
    auditdb why my-db case-8\n  auditdb why my-db @last --html why.html\n  auditdb why my-db @last --json"
)]
pub(super) struct Why {
    #[command(flatten)]
    at: Where,
    /// Which decision.
    #[arg(value_name = "RECORD")]
    record: Option<OsString>,
    #[command(flatten)]
    waiting: Waiting,
    /// One self-contained HTML file, which must not be there yet.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", conflicts_with = "json")]
    html: Option<PathBuf>,
}

impl Why {
    pub(super) fn run(self) -> Outcome {
        let (dir, record) = self.at.dir_and_record(self.record.as_slice())?;
        let db = self.at.read(&dir)?;
        let patience = self.waiting.patience()?;
        let named = resolve(&db, &record, &patience)?;
        let own: Vec<_> = named.iter().filter(|entry| !entry.is_of_the_log()).cloned().collect();
        let Some(why) = db.why_within(&own, &patience)? else {
            return Err(Stop::No(format!(
                "{record:?} is a record that the log wrote about itself; auditdb show has it"
            )));
        };
        let check = Check::new(&self.at, &db, &dir, &why);
        match &self.html {
            Some(file) => write(file, &html::file(&why, &check))?,
            None => {
                let mut out = Out::new();
                if self.at.json {
                    out.line(&object(&why, &check)?)?;
                } else {
                    page::print(&mut out, &why, &check)?;
                }
                out.flush()?;
            }
        }
        if !self.at.json {
            foot(&why, &check);
        }
        Ok(if why.is_partial() { Answer::Partial } else { Answer::Yes })
    }
}

/// What to type to see and to check what the page says.
struct Check {
    leaf: String,
    dir: String,
    /// The log that is asked if none is named.
    usual: Option<String>,
    record: query::Place,
    names: Names,
}

impl Check {
    fn new(at: &Where, db: &Database, dir: &Path, why: &query::Why) -> Self {
        Check {
            leaf: hex(&why.leaf),
            dir: quoted(&dir.to_string_lossy()),
            usual: at.log().is_none().then(|| db.identity().name().to_owned()),
            record: why.record.clone(),
            names: Names::of(at, db),
        }
    }

    /// The log behind a command, where it has to be said.
    fn log(&self, log: &str) -> String {
        if self.usual.as_deref() == Some(log) {
            String::new()
        } else {
            format!(" --log {}", quoted(log))
        }
    }

    /// A command about a record.
    fn about(&self, verb: &str, place: &query::Place) -> String {
        format!(
            "auditdb {verb} {} {}",
            self.dir,
            self.names.typed(&place.log, place.seq)
        )
    }

    fn trace(&self) -> String {
        self.about("trace", &self.record)
    }

    fn commands(&self) -> Vec<(String, &'static str)> {
        let (record, seq) = (&self.record, self.record.seq);
        vec![
            (
                format!("{} --json > {seq}.json", self.about("show", record)),
                "the record, byte for byte: the leaf is SHA-256 over a zero byte and this line without its newline",
            ),
            (
                format!("{} > {seq}.tlog-proof", self.about("proof make", record)),
                "a proof that it is in the log",
            ),
            (
                format!("auditdb proof check {seq}.tlog-proof {seq}.json --key VKEY"),
                "offline; VKEY from somebody else than whoever gave you the proof",
            ),
            (
                format!("auditdb verify {}{}", self.dir, self.log(&record.log)),
                "every byte of the log, or of that log alone if it is named",
            ),
        ]
    }
}

fn write(file: &Path, text: &str) -> Result<(), Stop> {
    if file == Path::new("-") {
        let mut out = Out::new();
        out.line(text.trim_end_matches('\n'))?;
        return out.flush();
    }
    // What an agent did is not for everyone on the machine, and nothing that is there is written over.
    let could_not = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Stop::CouldNot(format!(
            "{} is already there and was left alone; name another file",
            file.display()
        )),
        _ => Stop::CouldNot(format!("writing {}: {error}", file.display())),
    };
    let opened = RealDisk.open(file, Open::Create).map_err(could_not)?;
    opened.write_at(text.as_bytes(), 0).map_err(could_not)
}

fn foot(why: &query::Why, check: &Check) {
    output::unreadable(&why.unreadable);
    if why.cut {
        output::say("auditdb: the chain is longer than what was looked at");
    }
    if let Some(stopped) = why.stopped {
        output::say(&format!(
            "auditdb: {} before all of it was found",
            output::stopped(stopped)
        ));
    }
    if why.is_partial() {
        output::say("PARTIAL: facts may be missing");
    }
    output::say(&format!("next: {}", check.trace()));
}

/// A record's place as it is named on the page: the log only where it is another one.
fn place(why: &query::Why, place: &query::Place) -> String {
    if place.log == why.record.log {
        format!("#{}", place.seq)
    } else {
        format!("{}/{}", printable(&place.log), place.seq)
    }
}

/// Under the headline: which record, and which decision.
fn about(why: &query::Why) -> String {
    let record = place(why, &why.record);
    match &why.decision {
        Some(decision) if *decision == why.record => format!("the decision {record}"),
        Some(decision) => format!("record {record}, which came from the decision {}", place(why, decision)),
        None => format!("record {record}, for which no decision is on record"),
    }
}

/// What is missing: what should be on record, and what an emitter counted.
fn missing(why: &query::Why) -> Vec<String> {
    let gap = |gap: &query::Gap| {
        let (first, last) = gap.numbers;
        format!(
            "the emitter {} (run {}) counted {first}..{last} within the chain, and no log has it",
            gap.source, gap.boot
        )
    };
    why.missing.iter().cloned().chain(why.gaps.iter().map(gap)).collect()
}

fn said_object(said: &query::Said) -> serde_json::Value {
    let under: Vec<_> = said.under.iter().map(said_object).collect();
    json!({ "name": said.name, "text": said.text, "under": under })
}

fn object(why: &query::Why, check: &Check) -> Result<String, Stop> {
    let fact = |fact: &query::Fact| {
        let mut object = said_object(&fact.said);
        if let Some(object) = object.as_object_mut() {
            object.insert("log".to_owned(), fact.from.log.clone().into());
            object.insert("seq".to_owned(), fact.from.seq.into());
        }
        object
    };
    let sections: Vec<_> = why
        .sections
        .iter()
        .map(|section| {
            let facts: Vec<_> = section.facts.iter().map(fact).collect();
            json!({ "name": section.name, "title": section.title, "facts": facts })
        })
        .collect();
    let unreadable: Vec<String> = why.unreadable.iter().map(ToString::to_string).collect();
    let commands: Vec<String> = check.commands().into_iter().map(|(command, _)| command).collect();
    let rest = json!({
        "title": why.title, "log": why.record.log, "seq": why.record.seq, "id": why.id, "leaf": check.leaf,
        "decision": why.decision.as_ref().map(|place| json!({ "log": place.log, "seq": place.seq })),
        "sections": sections, "missing": missing(why), "check": commands, "partial": why.is_partial(),
        "unreadable": unreadable, "cut": why.cut, "stopped": why.stopped.map(Stopped::as_str),
    })
    .to_string();
    let record = why.entry.text();
    serde_json::from_str::<&serde_json::value::RawValue>(record)
        .map_err(|error| Stop::CouldNot(format!("record {}: {error}", why.record.seq)))?;
    // The record goes in as it was hashed.
    Ok(format!(
        "{{\"record\":{record},{}",
        printable(rest.get(1..).unwrap_or("}"))
    ))
}
