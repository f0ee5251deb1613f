//! What records lack: for each agent and kind the share of records that have what makes them understandable later.
//!
//! What must hold: it goes through the records once and keeps one row of counts an agent and kind, and no more than
//! [`ROWS`] of them, whatever agents and kinds call themselves.

use super::askable::Logs;
use super::expected::{MEMBERS, Member, expected};
use super::merge::Found;
use super::place::Texts;
use super::question::Query;
use super::reach::Reach;
use crate::error::Result;
use crate::log::Fault;
use crate::record::look::shown;
use std::collections::BTreeMap;

/// What records lack, by agent and kind; see [`crate::Database::lint`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Lint {
    /// One row an agent and kind, in order.
    pub rows: Vec<LintRow>,
    /// How far it goes.
    pub reach: Reach,
}

/// How many records of an agent and kind have what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintRow {
    /// The agent; [`Lint::OTHERS`] for those that are too many.
    pub agent: String,
    /// The kind.
    pub kind: String,
    /// How many records.
    pub records: u64,
    /// For each member: of how many it is asked and how many have it.
    pub members: Vec<(Member, Share)>,
}

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Share {
    /// Of how many it is asked: none if it does not matter in this kind.
    pub asked: u64,
    /// How many of those have it.
    pub has: u64,
    /// How many of all records have it, whether it is asked of them or not.
    pub of_all: u64,
}

/// Something that records of an agent and kind lack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The agent.
    pub agent: String,
    /// The kind.
    pub kind: String,
    /// What they lack.
    pub member: Member,
    /// How many lack it.
    pub lacking: u64,
    /// Of so many.
    pub of: u64,
}

/// So many agents and kinds are told apart.
const ROWS: usize = 10_000;

impl Lint {
    /// What the agents and kinds are called that are one too many to be told apart.
    pub const OTHERS: &'static str = "(others)";

    /// What is lacking, the greatest share first, and of equal ones the greatest number.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let of_row = |row: &LintRow| {
            let lacking = row.members.iter().filter(|(_, share)| share.has < share.asked);
            let finding = |(member, share): &(Member, Share)| Finding {
                agent: row.agent.clone(),
                kind: row.kind.clone(),
                member: *member,
                lacking: share.asked - share.has,
                of: share.asked,
            };
            lacking.map(finding).collect::<Vec<_>>()
        };
        let mut findings: Vec<Finding> = self.rows.iter().flat_map(of_row).collect();
        // a/b > c/d as a·d > c·b, which does not round.
        findings.sort_by(|one, other| {
            let share = |this: &Finding, to: &Finding| u128::from(this.lacking) * u128::from(to.of);
            let worse = share(other, one).cmp(&share(one, other));
            worse.then(other.lacking.cmp(&one.lacking))
        });
        findings
    }
}

/// What the records that fit the query lack.
pub(crate) fn lint(logs: &Logs, query: &Query) -> Result<Lint> {
    let mut rows: BTreeMap<(String, String), (u64, [Share; MEMBERS.len()])> = BTreeMap::new();
    let mut found = Found::new(logs, query)?;
    let (texts, mut faults) = (Texts { logs }, Vec::new());
    for entry in found.by_ref() {
        let entry = entry?;
        if entry.is_of_the_log() {
            continue;
        }
        let (text, unread) = texts.of(&entry);
        faults.extend(unread);
        let kind = entry.kind();
        let mut key = (shown(&text, &["agent", "id"]).unwrap_or_default(), kind.clone());
        if rows.len() >= ROWS && !rows.contains_key(&key) {
            key = (Lint::OTHERS.to_owned(), Lint::OTHERS.to_owned());
        }
        let (records, shares) = rows.entry(key).or_default();
        *records += 1;
        let wanted = expected(&kind);
        for (member, share) in MEMBERS.iter().zip(shares) {
            let has = u64::from(member.stands_in(&text));
            share.of_all += has;
            if wanted.contains(member) && member.is_asked_of(&text) {
                share.asked += 1;
                share.has += has;
            }
        }
    }
    let mut reach = found.reach();
    Fault::add_new(&mut reach.unreadable, faults);
    let row = |((agent, kind), (records, shares))| LintRow {
        agent,
        kind,
        records,
        members: MEMBERS.into_iter().zip(shares).collect(),
    };
    Ok(Lint {
        rows: rows.into_iter().map(row).collect(),
        reach,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn what_is_lacking_is_counted_worst_first() {
        let db = Database::in_memory();
        for number in 0..10 {
            let policy = if number < 4 { "" } else { r#","policies":[{"id":"p"}]"# };
            let decision = format!(
                r#"{{"agent":{{"id":"refunds"}},"kind":"decision","correlation":"c","reasoning":"r","outcome":{{"status":"success"}},"source":{{"id":"s","boot":"b","number":{}}}{policy}}}"#,
                number + 1
            );
            db.append_json(&decision).unwrap();
        }
        // Nothing is asked of a kind of one's own but to be found and counted, nor access of what was denied.
        db.append_json(r#"{"agent":{"id":"refunds"},"kind":"own","correlation":"c"}"#)
            .unwrap();
        db.append_json(r#"{"agent":{"id":"a"},"kind":"action","parent":"019a0000-0000-7000-8000-000000000001","correlation":"c","outcome":{"status":"denied"},"source":{"id":"t","boot":"b","number":1}}"#).unwrap();
        let lint = db.lint(&Query::new()).unwrap();
        let said = |finding: &Finding| {
            let Finding {
                agent,
                kind,
                lacking,
                of,
                ..
            } = finding;
            format!("{agent} {kind} {} {lacking}/{of}", finding.member.name())
        };
        let findings: Vec<_> = lint.findings().iter().map(said).collect();
        assert_eq!(findings, ["refunds own source 1/1", "refunds decision policies 4/10"]);
        assert_eq!(lint.rows.len(), 3);
        assert!(!lint.reach.is_partial());
        let only = db.lint(&Query::parse("agent:a").unwrap()).unwrap();
        assert_eq!((only.rows.len(), only.findings().len()), (1, 0));
    }

    #[test]
    fn agents_without_end_do_not_take_memory_without_end() {
        let db = Database::in_memory();
        let text = |number| format!(r#"{{"agent":{{"id":"a{number}"}},"kind":"heartbeat"}}"#);
        let texts: Vec<String> = (0..ROWS + 5).map(text).collect();
        for batch in texts.chunks(1_000) {
            db.append_all_json(batch.iter().map(String::as_str)).unwrap();
        }
        let lint = db.lint(&Query::new()).unwrap();
        assert_eq!(lint.rows.len(), ROWS + 1);
        let others = lint.rows.iter().find(|row| row.agent == Lint::OTHERS).unwrap();
        assert_eq!(others.records, 5);
    }
}
