//! The one resolver of what names a record: a seq, LOG/SEQ, an id or a unique prefix of one, a correlation, a session, a
//! trace id, `@last` or `@last-failure`.

use super::Stop;
use super::look::string;
use crate::database::Database;
use crate::entry::Entry;
use crate::error::Error;
use crate::query::{Order, Query};

/// The records that the name means: one, or those of a correlation, a session or a trace in order.
pub(super) fn resolve(db: &Database, name: &str) -> Result<Vec<Entry>, Stop> {
    let in_log = name.strip_prefix(db.identity().name());
    let found = match in_log.and_then(|rest| rest.strip_prefix('/')) {
        // A correlation may begin like this.
        Some(in_log) => in_this(db, in_log).or_else(|error| or_else_ask(error, db, name)),
        None => in_this(db, name),
    };
    Ok(found?)
}

fn in_this(db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    match name {
        "@last" => newest(db, name, |_| true),
        "@last-failure" => newest(db, name, |entry| {
            string(entry.text(), &["outcome", "status"]).is_some_and(|status| status == "failure")
        }),
        _ if is_seq(name) || is_id(name) => match db.get(name) {
            Ok(entry) => Ok(vec![entry]),
            // A correlation may look like one.
            Err(error) => or_else_ask(error, db, name),
        },
        _ => ask(db, name),
    }
}

fn is_seq(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_id(name: &str) -> bool {
    name.len() == 36 && uuid::Uuid::try_parse(name).is_ok()
}

fn or_else_ask(error: Error, db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    match error {
        Error::NotFound { .. } => ask(db, name),
        error => Err(error),
    }
}

/// Looks for a correlation, a session, a trace, or the beginning of an id.
fn ask(db: &Database, name: &str) -> Result<Vec<Entry>, Error> {
    let all = |query: Query| -> Result<Vec<Entry>, Error> {
        let mut found = db.query(&query.order(Order::Oldest))?;
        let entries = found.by_ref().collect::<Result<Vec<_>, _>>()?;
        match found.reach().unreadable.first() {
            // What cannot be read may be what was named.
            Some(fault) if entries.is_empty() => Err(Error::damaged(db.path(), fault.clone())),
            _ => Ok(entries),
        }
    };
    let chain = all(Query::new().chain(name))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let prefix = name.to_ascii_lowercase();
    let is_prefix = prefix.len() >= 4 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let by_id = if is_prefix {
        all(Query::new().id_begins(&prefix).limit(2))?
    } else {
        Vec::new()
    };
    match by_id.len() {
        1 => Ok(by_id),
        0 => Err(Error::NotFound {
            what: format!("record {name:?}"),
        }),
        _ => Err(Error::Ambiguous {
            what: format!("the id {name:?}"),
        }),
    }
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
