//! `auditdb hold`: keep records whatever their class says.

use super::figures::short_time;
use super::person::Person;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::{Database, HeldRecords};
use crate::policy::HoldInForce;
use crate::record::printable;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::ops::Range;

/// Legal holds: records that are kept whatever their class says, until a second person releases them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb hold add my-db --query 'correlation:case-8812' --reason 'suit 7 O 123/26' --as anna\n  \
    auditdb hold list my-db\n  auditdb hold release my-db hold- --reason 'settled on 3 May' --as bert"
)]
pub(super) struct Hold {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Add(Add),
    List(List),
    Release(Release),
}

impl Hold {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Add(add) => add.run(),
            Act::List(list) => list.run(),
            Act::Release(release) => release.run(),
        }
    }
}

/// Place a hold: no segment that holds such a record is dropped, nor any behind it, before a second person releases it. Prints
/// its name.
///
/// A hold by a query covers every segment in which any record fits, also records that come later; without --log it is placed in every
/// log of the database. Times without an offset in the query are UTC. Where auditdb.toml names people, it takes the signature of one (with
/// the role legal, if anybody has it).
#[derive(Debug, Args)]
#[command(
    after_help = "With [people.anna] in auditdb.toml: --as anna --sign-with ~/.ssh/id_ed25519\n\nExamples:\n  auditdb init my-db\n  auditdb hold add my-db --query 'agent:refunds time:2026-11' --reason 'suit 7 O 123/26' --as anna\n  \
    auditdb hold add my-db --seq 0..1 --reason 'incident 12' --as anna"
)]
pub(super) struct Add {
    #[command(flatten)]
    at: Where,
    /// What the records fit that are held, as in `auditdb query`; '*' holds everything.
    #[arg(long, value_name = "EXPR", required_unless_present = "seq", conflicts_with = "seq")]
    query: Option<String>,
    /// Which records are held: A..B, A.. or ..B, B excluded.
    #[arg(long, value_name = "A..B", value_parser = super::export::seqs)]
    seq: Option<Range<u64>>,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Add {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.written(&dir)?;
        if self.seq.is_some() && logs.len() > 1 {
            return Err(Stop::CouldNot(format!(
                "seqs are those of one log: name it with --log ({})",
                logs.join(", ")
            )));
        }
        let actor = self.person.actor()?;
        // One name in all of them.
        let mut id = None;
        for (done, log) in logs.iter().enumerate() {
            let db = self.at.join_log(&dir, log)?;
            let what = match (&self.seq, &self.query) {
                (Some(seq), _) => {
                    let last = seq.end.min(db.len()?).saturating_sub(1);
                    HeldRecords::Seqs(seq.start..=last)
                }
                (None, query) => HeldRecords::Query(query.clone().unwrap_or_default()),
            };
            let id = id.get_or_insert_with(|| db.new_hold());
            if let Err(error) = db.place_hold_as(id, &what, &self.reason, &actor) {
                let stop = Stop::from(error);
                if done > 0 {
                    output::say(&format!(
                        "auditdb: {id} is in force in {}, and not in {log} and those behind it",
                        logs.get(..done).unwrap_or_default().join(", ")
                    ));
                }
                return Err(stop);
            }
        }
        let id = id.unwrap_or_default();
        output::print(&if self.at.json {
            serde_json::json!({ "id": id, "logs": logs }).to_string()
        } else {
            id
        })?;
        Ok(Answer::Yes)
    }
}

/// The holds in force.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb hold list my-db --json")]
pub(super) struct List {
    #[command(flatten)]
    at: Where,
}

impl List {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.shown(&dir)?;
        let mut all = Vec::new();
        for log in &logs {
            all.extend(Database::open_log(&dir, log)?.holds()?);
        }
        if self.at.json {
            output::print(&serde_json::json!({ "holds": all }).to_string())?;
            return Ok(Answer::Yes);
        }
        for hold in &all {
            output::print(&line(hold, logs.len() > 1))?;
        }
        if all.is_empty() {
            output::say("no hold is in force");
        }
        Ok(Answer::Yes)
    }
}

/// What is said of a hold in one line.
pub(super) fn line(hold: &HoldInForce, several: bool) -> String {
    let what = match (&hold.seqs, &hold.query) {
        (Some((first, last)), _) => format!("seq {first}..{}", last.saturating_add(1)),
        (_, Some(query)) => format!("what fits {}", printable(query)),
        _ => "everything: it is in a form that this version does not know".to_owned(),
    };
    let log = if several {
        format!("{}  ", printable(&hold.log))
    } else {
        String::new()
    };
    let proved = if hold.proved { "signed" } else { "nobody has proved it" };
    format!(
        "{log}{}  {what}  by {} on {} ({proved}): {}",
        printable(&hold.id),
        printable(&hold.by),
        short_time(&hold.placed),
        printable(&hold.reason)
    )
}

/// Release a hold. It takes another person than the one who placed it; where auditdb.toml names people, with a signature of their own.
#[derive(Debug, Args)]
#[command(
    after_help = "HOLD is the name of a hold, as `auditdb hold list` says it, or its beginning. It is released in every log in which it is\n\
    in force, or in that of --log.\n\nExamples:\n  auditdb init my-db\n  auditdb hold add my-db --query '*' --reason 'inspection' --as anna\n  \
    auditdb hold release my-db hold- --reason 'settled on 3 May' --as bert"
)]
pub(super) struct Release {
    #[command(flatten)]
    at: Where,
    #[arg(value_name = "HOLD", hide = true)]
    rest: Vec<OsString>,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Release {
    fn run(self) -> Outcome {
        let (dir, rest) = self.at.dir_before(&self.rest, 1..=1, "HOLD")?;
        let wanted = rest.first().map(|id| id.to_string_lossy().into_owned());
        let wanted = wanted.unwrap_or_default();
        let mut found: Vec<(String, String)> = Vec::new();
        let mut missing = None;
        for log in self.at.written(&dir)? {
            match Database::open_log(&dir, &log)?.hold_named(&wanted) {
                Ok(hold) => found.push((log, hold.id)),
                Err(error @ crate::error::Error::NotFound { .. }) => missing = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let Some((_, id)) = found.first().cloned() else {
            return Err(missing.map_or_else(|| Stop::No("no hold".to_owned()), Stop::from));
        };
        if let Some((_, other)) = found.iter().find(|(_, other)| *other != id) {
            return Err(Stop::No(format!("{id} and {other} begin like this; give more of it")));
        }
        let actor = self.person.actor()?;
        let mut released = Vec::new();
        for (log, id) in &found {
            self.at.join_log(&dir, log)?.release_hold(id, &self.reason, &actor)?;
            released.push(log.as_str());
        }
        output::print(&if self.at.json {
            serde_json::json!({ "id": id, "released": released }).to_string()
        } else {
            format!("released {id}")
        })?;
        Ok(Answer::Yes)
    }
}
