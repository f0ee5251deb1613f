//! Questions: `GET /v1/query`, `/v1/trace/…`, `/v1/checkpoint`. What a caller may not see is not part of any answer, and
//! nothing says that it is there.

use super::State;
use super::caller::Caller;
use super::records::{json, json_lines};
use super::refused::Refused;
use crate::database::Database;
use crate::disk::{Disk as _, RealDisk};
use crate::entry::Entry;
use crate::error::Error;
use crate::query::{Cursor, Order, Patience, Query as Question, Reach, Stopped, Zone, moment};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Given};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::IntoParams;

/// So many records are in an answer at most; behind them a cursor goes on.
const PAGE: usize = 10_000;

/// An answer is not made longer than about this, in bytes.
const BYTES: usize = 32 << 20;

/// How long it is looked for an answer where nothing is said, and at most, in seconds.
const SECONDS: (u64, u64) = (30, 300);

/// Which records are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The expression, as `auditdb query --help` explains it: `agent:refunds outcome:failure`. Every record if it is left out.
    #[serde(default)]
    q: String,
    /// Only records of that time and later: a date, an RFC 3339 time, or `24h`, `7d` ago.
    since: Option<String>,
    /// Only records before that time.
    until: Option<String>,
    /// `newest` (first), which is the default, or `oldest`.
    order: Option<String>,
    /// At most so many records: 100 if it is left out, 10,000 at most.
    limit: Option<usize>,
    /// Go on behind an earlier answer: what its header `auditdb-next` said.
    cursor: Option<String>,
    /// Also the records that the log writes about itself.
    #[serde(default)]
    all: bool,
    /// Each record in an object with the `log` and the `seq` where it stands.
    #[serde(default)]
    places: bool,
    /// Look so many seconds for it: 30 if it is left out, 300 at most.
    timeout: Option<u64>,
}

/// Find records
///
/// The stored lines, as JSON Lines. The header `auditdb-next` has the cursor of what comes behind them, if anything may; with
/// status 206 the answer is a partial one, and `auditdb-partial` says why.
#[utoipa::path(get, path = "/v1/query", tag = "Questions", params(Asked), responses(
    (status = 200, description = "The records", content_type = "application/x-ndjson", body = String),
    (status = 206, description = "Those that were found before the time was up, or beside what cannot be read", content_type = "application/x-ndjson", body = String),
    (status = 400, description = "The expression or another parameter cannot be read"),
))]
pub(super) async fn query(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(asked) = asked?;
    super::asked(state, caller, move |state, caller| {
        let question = asked.question(caller)?;
        let mut found = state.db.query_in(caller.logs(), &question)?;
        let mut lines = String::new();
        for entry in found.by_ref() {
            let entry = entry?;
            match asked.places {
                true => lines += &entry.placed(),
                false => lines += entry.text(),
            }
            lines.push('\n');
            if lines.len() > BYTES {
                break;
            }
        }
        let next = found.cursor().map(|cursor| cursor.to_string());
        Ok(answer(lines, &found.reach(), next))
    })
    .await
}

/// Get a chain of decisions
///
/// The whole chain that a record belongs to, as a tree: what it came from and what came of it, over all logs.
#[utoipa::path(get, path = "/v1/trace/{id}", tag = "Questions",
    params(("id" = String, Path, description = "A record's id, LOG/SEQ, a correlation, a session, or a W3C trace id")),
    responses(
        (status = 200, description = "`steps` with `depth`, `tie` and `record`, and what is missing", body = serde_json::Value),
        (status = 206, description = "Something of it could not be read, or time ran out", body = serde_json::Value),
        (status = 404, description = "There is none"),
    ))]
pub(super) async fn trace(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    super::asked(state, caller, move |state, caller| {
        let patience = patience(SECONDS.0);
        let not_found = || Error::NotFound {
            what: format!("record {id:?}"),
        };
        let first = first(&state.db, &id, caller, &patience)?.ok_or_else(not_found)?;
        let mut trace = state.db.trace_within(&[first], &patience)?;
        trace.steps.retain(|step| caller.may_see(&step.entry));
        if caller.is_bound() {
            // Who counted what, and where others' records are, is not this caller's to know.
            trace.gaps.clear();
            trace.unreadable.clear();
        }
        Ok((status(trace.is_partial()), json(), trace.to_json() + "\n").into_response())
    })
    .await
}

/// Which log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfLog {
    /// The log; `main` (its newest successor) if it is left out.
    log: Option<String>,
}

/// Get the newest checkpoint
///
/// The signed note of how far a log is (C2SP tlog-checkpoint).
#[utoipa::path(get, path = "/v1/checkpoint", tag = "Questions", params(OfLog), responses(
    (status = 200, description = "The checkpoint", content_type = "text/plain", body = String),
    (status = 404, description = "None is signed yet, or there is no such log"),
))]
pub(super) async fn checkpoint(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
    of: Result<Query<OfLog>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(OfLog { log }) = of?;
    super::asked(state, caller, move |state, caller| {
        let name = log.unwrap_or_else(|| state.db.identity().name().to_owned());
        let not_found = || Error::NotFound {
            what: format!("a checkpoint of the log {name:?}"),
        };
        let is_there = caller.may_see_log(&name) && state.db.asked_logs().contains(&name);
        let newest = match is_there {
            true if name == state.db.identity().name() => state.db.newest_checkpoint()?,
            true => Database::open_log(state.db.path(), &name)?.newest_checkpoint()?,
            false => None,
        };
        Ok(newest.ok_or_else(not_found)?.to_string().into_response())
    })
    .await
}

impl Asked {
    fn question(&self, caller: &Caller) -> Result<Question, Refused> {
        let mut question = Question::parse(&self.q)
            .map_err(Error::from)?
            .any_agent(caller.agents());
        let now = RealDisk.now();
        let time = |name: &str, text: &str| {
            moment(text, &Zone::utc(), now).ok_or_else(|| Refused::bad(format!("{name}={text:?} is no time")))
        };
        if let Some(since) = &self.since {
            question = question.since(time("since", since)?);
        }
        if let Some(until) = &self.until {
            question = question.until(time("until", until)?);
        }
        question = question.order(match self.order.as_deref() {
            None | Some("newest") => Order::Newest,
            Some("oldest") => Order::Oldest,
            Some(other) => return Err(Refused::bad(format!("order={other:?} is neither newest nor oldest"))),
        });
        if let Some(cursor) = &self.cursor {
            let none = |_| Refused::bad(format!("cursor={cursor:?} is none"));
            question = question.after(cursor.parse::<Cursor>().map_err(none)?);
        }
        if self.all {
            question = question.with_log_records();
        }
        let limit = self.limit.unwrap_or(100).clamp(1, PAGE);
        let seconds = self.timeout.unwrap_or(SECONDS.0).min(SECONDS.1);
        Ok(question.limit(limit).within(&patience(seconds)))
    }
}

fn patience(seconds: u64) -> Patience {
    Patience::new().deadline(Instant::now() + Duration::from_secs(seconds))
}

fn answer(lines: String, reach: &Reach, next: Option<String>) -> Response {
    let mut headers = HeaderMap::new();
    let mut say = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if let Some(next) = next {
        say("auditdb-next", &next);
    }
    if reach.is_partial() {
        let why = match reach.stopped {
            Some(stopped @ (Stopped::Deadline | Stopped::Cancelled)) => stopped.as_str(),
            _ => "unreadable",
        };
        say("auditdb-partial", why);
    }
    (status(reach.is_partial()), headers, json_lines(), lines).into_response()
}

fn status(is_partial: bool) -> StatusCode {
    match is_partial {
        true => StatusCode::PARTIAL_CONTENT,
        false => StatusCode::OK,
    }
}

/// A record of that name that the caller may see: the record itself, or one of a chain.
fn first(db: &Database, name: &str, caller: &Caller, patience: &Patience) -> Result<Option<Entry>, Refused> {
    match db.get(name) {
        Ok(entry) => return Ok(Some(entry).filter(|entry| caller.may_see(entry))),
        // A correlation may look like anything.
        Err(Error::NotFound { .. }) => {}
        Err(Error::Dropped { .. }) if caller.is_bound() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let chain = Question::new().chain(name).any_agent(caller.agents());
    let question = chain.order(Order::Oldest).limit(1).within(patience);
    Ok(db.query_in(caller.logs(), &question)?.next().transpose()?)
}
