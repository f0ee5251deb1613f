//! OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>): answers are in the encoding of the request. What of a
//! request cannot be taken is named in the answer and costs the rest nothing.

use super::State;
use super::body::{Packed, Refused, received, unpacked};
use crate::error::Error;
use crate::ingest::otlp::{Encoding, Mapped, Signal};
use axum::extract::{Request, State as Given};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use std::sync::Arc;

pub(super) async fn traces(state: Given<Arc<State>>, request: Request) -> Response {
    export(state.0, request, Signal::Traces).await
}

pub(super) async fn logs(state: Given<Arc<State>>, request: Request) -> Response {
    export(state.0, request, Signal::Logs).await
}

/// Metrics are no records. They are answered, since an SDK that is set up to send here sends them too and would complain.
pub(super) async fn metrics(state: Given<Arc<State>>, request: Request) -> Response {
    let encoding = encoding(request.headers()).unwrap_or(Encoding::Protobuf);
    if let Err(refused) = received(request.into_body()).await {
        return refusal(encoding, &refused);
    }
    state.served.lock().metrics += 1;
    answer(encoding, &[], 0)
}

async fn export(state: Arc<State>, request: Request, signal: Signal) -> Response {
    let encoding = match encoding(request.headers()) {
        Ok(encoding) => encoding,
        Err(refused) => return refusal(Encoding::Json, &refused),
    };
    let done = async {
        let packed = Packed::of(request.headers())?;
        let body = received(request.into_body()).await?;
        // Mapping and waiting for the disk are no work for the threads that hear others.
        let taken = tokio::task::spawn_blocking(move || take(&state, unpacked(body, packed)?, encoding, signal));
        let crashed = |_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be worked on");
        taken.await.map_err(crashed)?
    };
    match done.await {
        Ok(refused) => answer(encoding, &refused, refused.len()),
        Err(refused) => refusal(encoding, &refused),
    }
}

/// Makes records durable; gives why others could not be taken.
fn take(state: &State, body: Vec<u8>, encoding: Encoding, signal: Signal) -> Result<Vec<String>, Refused> {
    let recorded = state.db.recorded().map_err(|error| unavailable(&error))?;
    let known = |id: &str| recorded.text(id);
    let mapped = state.mapper.lock().records_beside(&body, encoding, signal, &known);
    let no_request = |why| Refused::new(StatusCode::BAD_REQUEST, format!("no export request of OTLP: {why}"));
    let Mapped {
        records,
        mut refused,
        without_content,
        ..
    } = mapped.map_err(no_request)?;
    without_content.iter().for_each(|notice| (state.tell)(notice));
    let not_taken = state
        .db
        .append_what_is_taken(&records, &recorded)
        .map_err(|error| unavailable(&error))?;
    state
        .served
        .lock()
        .add(records.len() - not_taken.len(), refused.len() + not_taken.len());
    refused.extend(not_taken.iter().map(ToString::to_string));
    Ok(refused)
}

/// The log takes nothing now: the sender keeps what it has, and tries again.
fn unavailable(error: &Error) -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refused> {
    let said = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match said
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        _ => Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this content type is not known here; there are application/x-protobuf and application/json",
        )),
    }
}

/// An `Export…ServiceResponse`: empty, or with what was refused.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

/// A `google.rpc.Status`, as OTLP wants of every refusal.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn answer(encoding: Encoding, refused: &[String], rejected: usize) -> Response {
    // A few say what is wrong with all.
    let message = refused
        .iter()
        .take(5)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    let kind = content_type(encoding);
    match encoding {
        Encoding::Protobuf => {
            let partial = (rejected > 0).then(|| Partial {
                rejected: i64::try_from(rejected).unwrap_or(i64::MAX),
                message,
            });
            (kind, Answer { partial }.encode_to_vec()).into_response()
        }
        Encoding::Json if rejected == 0 => (kind, "{}".to_owned()).into_response(),
        Encoding::Json => {
            let partial = serde_json::json!({"rejectedSpans": rejected.to_string(), "rejectedLogRecords": rejected.to_string(), "errorMessage": message});
            (kind, serde_json::json!({"partialSuccess": partial}).to_string()).into_response()
        }
    }
}

fn refusal(encoding: Encoding, refused: &Refused) -> Response {
    let code = match refused.status {
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::INTERNAL_SERVER_ERROR => 13,
        _ => 3,
    };
    let body = match encoding {
        Encoding::Protobuf => RpcStatus {
            code,
            message: refused.why.clone(),
        }
        .encode_to_vec(),
        Encoding::Json => serde_json::json!({"code": code, "message": refused.why})
            .to_string()
            .into_bytes(),
    };
    let mut response = (refused.status, content_type(encoding), body).into_response();
    if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    response
}

fn content_type(encoding: Encoding) -> [(header::HeaderName, &'static str); 1] {
    let name = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    [(header::CONTENT_TYPE, name)]
}
