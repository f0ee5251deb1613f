//! The one resolver of what names a record: a seq, LOG/SEQ, an id or a unique prefix of one, a correlation, a trace id,
//! `@last` or `@last-failure`.

use super::Stop;
use super::look::string;
use crate::database::Database;
use crate::entry::Entry;
use crate::error::Error;

/// The records that the name means: one, or the chain of a correlation or a trace in order.
pub(super) fn resolve(db: &Database, name: &str) -> Result<Vec<Entry>, Stop> {
    let found = match name.strip_prefix("main/") {
        // A correlation may begin like this.
        Some(in_log) => in_main(db, in_log).or_else(|error| or_else_scan(error, db, name)),
        None => in_main(db, name),
    };
    Ok(found?)
}

fn in_main(db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    match name {
        "@last" => newest(db, name, |_| true),
        "@last-failure" => newest(db, name, |entry| {
            string(entry.text(), &["outcome", "status"]).is_some_and(|status| status == "failure")
        }),
        _ if is_seq(name) || is_id(name) => match db.get(name) {
            Ok(entry) => Ok(vec![entry]),
            // A correlation may look like one.
            Err(error) => or_else_scan(error, db, name),
        },
        _ => scan(db, name),
    }
}

fn is_seq(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_id(name: &str) -> bool {
    name.len() == 36 && uuid::Uuid::try_parse(name).is_ok()
}

fn or_else_scan(error: Error, db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    match error {
        Error::NotFound { .. } => scan(db, name),
        error => Err(error),
    }
}

/// Looks through all records for a correlation, a trace, or the beginning of an id.
fn scan(db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    let prefix = name.to_ascii_lowercase();
    let is_prefix = prefix.len() >= 4 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (mut chain, mut by_id) = (Vec::new(), Vec::new());
    for entry in db.records(..)? {
        let entry = entry?;
        if is_prefix && entry.id().starts_with(&prefix) {
            by_id.push(entry.clone());
        }
        let text = entry.text();
        // Only then is it worth a look at the members: the name stands there, or escapes may hide it.
        let may_be = contains(text, name) || contains(text, "\\u") || name.contains(['/', '"', '\\']);
        if !may_be || entry.is_of_the_log() {
            continue;
        }
        let is = |path: &[&str]| string(text, path).is_some_and(|found| found == name);
        if is(&["correlation"]) || is(&["trace", "id"]) {
            chain.push(entry);
        }
    }
    match (chain.is_empty(), by_id.len()) {
        (false, _) => Ok(chain),
        (true, 1) => Ok(by_id),
        (true, 0) => Err(Error::NotFound {
            what: format!("record {name:?}"),
        }),
        (true, _) => Err(Error::Ambiguous {
            what: format!("the id {name:?}"),
        }),
    }
}

fn contains(text: &str, name: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_some()
}

/// The newest record of a caller that fits, read backwards a block at a time.
fn newest(db: &Database, name: &str, fits: impl Fn(&Entry) -> bool) -> Result<Vec<Entry>, Error> {
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
    })
}
