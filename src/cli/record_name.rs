//! The one resolver of what names a record: a seq, LOG/SEQ, an id or a unique prefix of one, a correlation, a session, a
//! trace id, `@last` or `@last-failure`.
//!
//! A seq alone is one of the newest log (or of the one that `--log` names); everything else is looked for in all logs, and
//! where only one record can be meant, the newest log that has it counts.

use super::look::string;
use super::{Stop, output};
use crate::database::Database;
use crate::entry::Entry;
use crate::error::Error;
use crate::policy::line_of;
use crate::query::{Order, Patience, Query};
use std::collections::BTreeSet;

/// The records that the name means: one, or those of a correlation, a session or a trace in order. So long as somebody
/// waits for it.
pub(super) fn resolve(db: &Database, name: &str, patience: &Patience) -> Result<Vec<Entry>, Stop> {
    let logs = db.asked_logs();
    let in_log = name
        .split_once('/')
        .filter(|(log, _)| logs.iter().any(|known| known == log));
    let found = match in_log {
        Some((log, rest)) => find(&alone(db, log)?, rest, patience)?,
        None => None,
    };
    // A correlation may begin like a log's name.
    let found = match found {
        None => find(db, name, patience)?,
        found => found,
    };
    found.ok_or_else(|| {
        Stop::from(Error::NotFound {
            what: format!("record {name:?}"),
        })
    })
}

/// A handle that has to do with that log only.
fn alone(db: &Database, log: &str) -> Result<Database, Stop> {
    Ok(Database::open_log(db.path(), log)?)
}

fn find(db: &Database, name: &str, patience: &Patience) -> Result<Option<Vec<Entry>>, Stop> {
    match name {
        "@last" => return newest(db, |_| true),
        "@last-failure" => {
            let failed = |entry: &Entry| string(entry.text(), &["outcome", "status"]).is_some_and(|is| is == "failure");
            return newest(db, failed);
        }
        _ => {}
    }
    if is_seq(name) || is_id(name) {
        match db.get(name) {
            Ok(entry) => return Ok(Some(vec![entry])),
            // A correlation may look like one.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    ask(db, name, patience)
}

fn is_seq(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_id(name: &str) -> bool {
    name.len() == 36 && uuid::Uuid::try_parse(name).is_ok()
}

/// Looks for a correlation, a session, a trace, or the beginning of an id.
fn ask(db: &Database, name: &str, patience: &Patience) -> Result<Option<Vec<Entry>>, Stop> {
    let all = |query: Query| -> Result<Vec<Entry>, Stop> {
        let mut found = db.query(&query.order(Order::Oldest).within(patience))?;
        let entries = found.by_ref().collect::<Result<Vec<_>, _>>()?;
        let reach = found.reach();
        if let (true, Some(stopped)) = (reach.is_partial(), reach.stopped) {
            let why = output::stopped(stopped);
            return Err(Stop::Partial(format!("{why} before it was found what {name:?} is")));
        }
        let unasked = reach.unasked.iter().map(|unasked| &unasked.why);
        match reach.unreadable.iter().chain(unasked).next() {
            // What cannot be read may be what was named.
            Some(fault) if entries.is_empty() => Err(Error::damaged(db.path(), fault.clone()).into()),
            _ => Ok(entries),
        }
    };
    let chain = all(Query::new().chain(name))?;
    if !chain.is_empty() {
        return Ok(Some(chain));
    }
    let prefix = name.to_ascii_lowercase();
    let is_prefix = prefix.len() >= 4 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_prefix {
        return Ok(None);
    }
    // A record that was sent again may be in several logs.
    let logs = db.asked_logs().len();
    let begin_so = all(Query::new().id_begins(&prefix).limit(logs + 1))?;
    let ids: BTreeSet<String> = begin_so.iter().map(Entry::id).collect();
    match (ids.first(), ids.len()) {
        (None, _) => Ok(None),
        (Some(id), 1) => Ok(Some(vec![db.get(id.as_str())?])),
        _ => Err(Error::Ambiguous {
            what: format!("the id {name:?}"),
        }
        .into()),
    }
}

/// The newest record of a caller that fits: of each line of logs that of the newest log that has one, and of those the one
/// that was logged last.
fn newest(db: &Database, fits: impl Fn(&Entry) -> bool) -> Result<Option<Vec<Entry>>, Stop> {
    let own = db.identity().name();
    let (mut newest, mut found_in): (Option<Entry>, Option<String>) = (None, None);
    for log in db.asked_logs().iter().rev() {
        if found_in.as_deref() == Some(line_of(log)) {
            continue;
        }
        let found = if log == own {
            newest_of(db, &fits)?
        } else {
            newest_of(&alone(db, log)?, &fits)?
        };
        let Some(entry) = found else { continue };
        found_in = Some(line_of(log).to_owned());
        if newest.as_ref().is_none_or(|newest| entry.logged() > newest.logged()) {
            newest = Some(entry);
        }
    }
    Ok(newest.map(|entry| vec![entry]))
}

/// The newest record of a caller that fits in the handle's own log, read backwards a block at a time.
fn newest_of(db: &Database, fits: impl Fn(&Entry) -> bool) -> Result<Option<Entry>, Stop> {
    const BLOCK: u64 = 500;
    let mut end = db.len()?;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let block: Vec<Entry> = db.records(start..end)?.collect::<Result<_, _>>()?;
        let fits = |entry: &Entry| !entry.is_of_the_log() && fits(entry);
        if let Some(entry) = block.into_iter().rev().find(fits) {
            return Ok(Some(entry));
        }
        end = start;
    }
    Ok(None)
}
