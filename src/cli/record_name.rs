//! The one resolver of what names a record: a seq, LOG/SEQ, an id or a unique prefix of one, a correlation, a trace id,
//! `@last` or `@last-failure`.

use super::Stop;
use crate::database::Database;
use crate::entry::Entry;
use crate::error::Error;
use serde::Deserialize;
use std::borrow::Cow;

/// What a record is found by.
#[derive(Debug, Deserialize)]
pub(super) struct Names<'a> {
    #[serde(borrow, default)]
    pub(super) correlation: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    trace: Option<Trace<'a>>,
    #[serde(borrow, default)]
    pub(super) outcome: Option<Outcome<'a>>,
}

#[derive(Debug, Deserialize)]
struct Trace<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Outcome<'a> {
    #[serde(borrow, default)]
    pub(super) status: Option<Cow<'a, str>>,
}

/// The records that the name means: one, or the chain of a correlation or a trace in order.
pub(super) fn resolve(db: &Database, name: &str) -> Result<Vec<Entry>, Stop> {
    let seq = name.strip_prefix("main/").unwrap_or(name);
    if seq.bytes().all(|byte| byte.is_ascii_digit()) && !seq.is_empty() {
        return Ok(vec![db.get(seq)?]);
    }
    match name {
        "@last" => newest(db, name, |_| true),
        "@last-failure" => newest(db, name, |entry| {
            let names: Option<Names<'_>> = serde_json::from_str(entry.text()).ok();
            names
                .and_then(|names| names.outcome?.status)
                .is_some_and(|status| status == "failure")
        }),
        _ if uuid::Uuid::try_parse(name).is_ok() && name.len() == 36 => match db.get(name) {
            // A correlation may look like an id.
            Err(Error::NotFound { .. }) => scan(db, name),
            found => Ok(vec![found?]),
        },
        _ => scan(db, name),
    }
}

/// Looks through all records for a correlation, a trace, or the beginning of an id.
fn scan(db: &Database, name: &str) -> Result<Vec<Entry>, Stop> {
    let prefix = name.to_ascii_lowercase();
    let is_prefix = prefix.len() >= 4 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (mut chain, mut by_id) = (Vec::new(), Vec::new());
    for entry in db.records(..)? {
        let entry = entry?;
        if is_prefix && entry.id().starts_with(&prefix) {
            by_id.push(entry.clone());
        }
        // Only then is it worth a look at the members.
        if memchr::memmem::find(entry.text().as_bytes(), name.as_bytes()).is_none() || entry.is_of_the_log() {
            continue;
        }
        let names: Option<Names<'_>> = serde_json::from_str(entry.text()).ok();
        let named = names.is_some_and(|names| {
            names.correlation.as_deref() == Some(name)
                || names.trace.and_then(|trace| trace.id).as_deref() == Some(name)
        });
        if named {
            chain.push(entry);
        }
    }
    match (chain.is_empty(), by_id.len()) {
        (false, _) => Ok(chain),
        (true, 1) => Ok(by_id),
        (true, 0) => Err(Error::NotFound {
            what: format!("record {name:?}"),
        }
        .into()),
        (true, _) => Err(Error::Ambiguous {
            what: format!("the id {name:?}"),
        }
        .into()),
    }
}

/// The newest record of a caller that fits, read backwards a block at a time.
fn newest(db: &Database, name: &str, fits: impl Fn(&Entry) -> bool) -> Result<Vec<Entry>, Stop> {
    const BLOCK: u64 = 500;
    let mut end = db.len()?;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let block: Vec<Entry> = db.records(start..end)?.collect::<Result<_, _>>()?;
        if let Some(entry) = block
            .into_iter()
            .rev()
            .find(|entry| !entry.is_of_the_log() && fits(entry))
        {
            return Ok(vec![entry]);
        }
        end = start;
    }
    Err(Error::NotFound {
        what: format!("record {name}"),
    }
    .into())
}
