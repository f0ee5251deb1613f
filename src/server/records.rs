//! Records in and out: `POST /v1/records` takes them as they are, `GET /v1/records/…` gives one back.

use super::State;
use super::body::{Packed, received, unpacked};
use super::caller::Caller;
use super::refused::Refused;
use super::token::Scope;
use crate::entry::At;
use crate::error::Error;
use crate::log::Receipt;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State as Given};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::IntoParams;

/// So many records are taken at once; each costs more than its bytes.
const MOST: usize = 100_000;

/// How records are sent, and so how their receipts come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One JSON object.
    One,
    /// A JSON array of them.
    Array,
    /// One on each line.
    Lines,
}

/// Append records
///
/// One record, a JSON array of them, or JSON Lines; gzip and zstd are understood. The answer has a receipt for each, in their
/// order and in the same form, and comes when all are durable. If one is refused, none is stored, and the answer says which
/// and why. A record with an `id` (or a `source`) may be sent again as it was: it is answered with its first receipt.
#[utoipa::path(post, path = "/v1/records", tag = "Records",
    request_body(content(("application/json"), ("application/x-ndjson"))),
    responses(
        (status = 200, description = "Receipts: `id`, `log`, `seq`, `logged`, and whether it was there already", body = serde_json::Value),
        (status = 400, description = "A record is not as the schema says; nothing was stored"),
        (status = 401, description = "A token is wanted"), (status = 403, description = "The token is not for this"),
        (status = 413, description = "More than 64 MiB"), (status = 415, description = "Neither JSON nor JSON Lines"),
        (status = 429, description = "Too much at once: come again"),
        (status = 503, description = "The log takes nothing now: send the same again later"),
    ))]
pub(super) async fn append(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refused> {
    caller.may(Scope::Write)?;
    let (lines, packed) = (is_lines(request.headers())?, Packed::of(request.headers())?);
    let (body, share) = received(request.into_body(), &state.room).await?;
    let turn = state.room.to_take().await?;
    super::work((turn, share), move || {
        let body = unpacked(body, packed)?;
        let (form, records) = split(&body, lines)?;
        if records.len() > MOST {
            let why = format!("more than {MOST} records; send fewer at once");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        let receipts = store(&state, &caller, &records)?;
        Ok(answer(form, &receipts))
    })
    .await
}

/// Which form of a record is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The stored line byte for byte, which is what is hashed: values of a record over 64 KiB stand in parts then.
    #[serde(default)]
    line: bool,
}

/// Get a record
///
/// By its id, its seq in the log `main`, or LOG/SEQ. The answer's headers `auditdb-log` and `auditdb-seq` say where it stands.
#[utoipa::path(get, path = "/v1/records/{id}", tag = "Records",
    params(("id" = String, Path, description = "An id, a seq, or LOG/SEQ"), Wanted),
    responses(
        (status = 200, description = "The record", body = serde_json::Value), (status = 404, description = "There is none"),
        (status = 410, description = "It was dropped when its time had passed"),
    ))]
pub(super) async fn get(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(wanted) = wanted?;
    super::asked(state, caller, move |state, caller| {
        let not_found = || Error::NotFound {
            what: format!("record {id:?}"),
        };
        // Nor is it said that something is, or was, there that is not for the caller.
        let entry = match state.db.get(At::Text(id.clone())) {
            Err(Error::Dropped { .. }) if caller.is_bound() => return Err(not_found().into()),
            found => found?,
        };
        if !caller.may_see(&entry) {
            return Err(not_found().into());
        }
        let text = match wanted.line {
            true => entry.text().to_owned(),
            false => state.db.whole(&entry)?,
        };
        let place = [
            ("auditdb-log", entry.log().to_owned()),
            ("auditdb-seq", entry.seq().to_string()),
        ];
        Ok((place, json(), text + "\n").into_response())
    })
    .await
}

pub(super) fn json() -> [(header::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/json")]
}

pub(super) fn json_lines() -> [(header::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/x-ndjson")]
}

fn is_lines(headers: &HeaderMap) -> Result<bool, Refused> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = said.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => Ok(false),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => Ok(true),
        _ => Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json (a record or an array of them) or application/x-ndjson (one on each line)",
        )),
    }
}

/// The texts of the records.
fn split(body: &[u8], lines: bool) -> Result<(Form, Vec<&str>), Refused> {
    let text = std::str::from_utf8(body).map_err(|error| Refused::bad(format!("the body is not UTF-8: {error}")))?;
    if lines {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return Ok((Form::Lines, lines.take(MOST + 1).collect()));
    }
    if !text.trim_start().starts_with('[') {
        return Ok((Form::One, vec![text]));
    }
    let list: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| Refused::bad(format!("the body is no JSON array: {error}")))?;
    Ok((Form::Array, list.into_iter().map(RawValue::get).collect()))
}

/// Makes records durable, all of them or none.
fn store(state: &State, caller: &Caller, records: &[&str]) -> Result<Vec<Receipt>, Refused> {
    let at = |place: usize, refused: Refused| Refused {
        record: Some(place),
        ..refused
    };
    let objection = |record: &&str| caller.objection(record);
    if let Some((place, why)) = records
        .iter()
        .enumerate()
        .find_map(|(place, record)| Some((place, objection(record)?)))
    {
        return Err(at(place, Refused::new(StatusCode::FORBIDDEN, why)));
    }
    let appended = match state.db.append_by(records, caller.pass().as_ref()) {
        Ok(appended) => appended,
        Err(error @ Error::Refused(_)) => {
            let place = state.db.first_refused(records).unwrap_or(0);
            state.served.lock().refused += records.len() as u64;
            return Err(at(place, error.into()));
        }
        Err(error) => return Err(error.into()),
    };
    state.served.lock().add(records.len(), 0);
    Ok(appended.receipts)
}

fn answer(form: Form, receipts: &[Receipt]) -> Response {
    let texts: Vec<String> = receipts.iter().map(Receipt::to_json).collect();
    match form {
        Form::One => (json(), texts.concat() + "\n").into_response(),
        Form::Array => (json(), format!("[{}]\n", texts.join(","))).into_response(),
        Form::Lines => (
            json_lines(),
            texts.into_iter().map(|text| text + "\n").collect::<String>(),
        )
            .into_response(),
    }
}
