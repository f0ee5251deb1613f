//! OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>): answers are in the encoding of the request. What of a
//! request cannot be taken is named in the answer and costs the rest nothing.

use super::State;
use super::body::{Packed, received, unpacked};
use super::caller::Caller;
use super::refused::Refused;
use super::token::Scope;
use crate::database::Sender;
use crate::ingest::otlp::{Encoding, Sent, Signal};
use axum::Extension;
use axum::extract::{Request, State as Given};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use std::sync::Arc;

/// Take in spans
///
/// `ExportTraceServiceRequest` of OTLP: each span becomes a record.
#[utoipa::path(post, path = "/v1/traces", tag = "OpenTelemetry", request_body(content_type = "application/x-protobuf"), responses(
    (status = 200, description = "What could be taken is durable; `partial_success` names what could not"),
    (status = 400, description = "No such request"), (status = 429, description = "Too much at once: come again"),
    (status = 503, description = "The log takes nothing now: come again"),
))]
pub(super) async fn traces(state: Given<Arc<State>>, caller: Extension<Caller>, request: Request) -> Response {
    export(state.0, caller.0, request, Signal::Traces).await
}

/// Take in log records
///
/// `ExportLogsServiceRequest` of OTLP: what some SDKs say about spans in events.
#[utoipa::path(post, path = "/v1/logs", tag = "OpenTelemetry", request_body(content_type = "application/x-protobuf"), responses(
    (status = 200, description = "What could be taken is durable; `partial_success` names what could not"),
    (status = 400, description = "No such request"), (status = 429, description = "Too much at once: come again"),
    (status = 503, description = "The log takes nothing now: come again"),
))]
pub(super) async fn logs(state: Given<Arc<State>>, caller: Extension<Caller>, request: Request) -> Response {
    export(state.0, caller.0, request, Signal::Logs).await
}

/// Answer metrics
///
/// Metrics are no records. They are answered, since an SDK that is set up to send here sends them too and would complain.
#[utoipa::path(post, path = "/v1/metrics", tag = "OpenTelemetry", request_body(content_type = "application/x-protobuf"), responses((status = 200, description = "Counted, and not kept")))]
pub(super) async fn metrics(state: Given<Arc<State>>, caller: Extension<Caller>, request: Request) -> Response {
    let encoding = encoding(request.headers()).unwrap_or(Encoding::Protobuf);
    let done = async {
        caller.may(Scope::Write)?;
        received(request.into_body(), &state.room).await
    };
    if let Err(refused) = done.await {
        return refusal(encoding, &refused);
    }
    state.served.lock().metrics += 1;
    answer(encoding, Signal::Traces, &[])
}

async fn export(state: Arc<State>, caller: Caller, request: Request, signal: Signal) -> Response {
    let encoding = match encoding(request.headers()) {
        Ok(encoding) => encoding,
        Err(refused) => return refusal(Encoding::Json, &refused),
    };
    let done = async {
        caller.may(Scope::Write)?;
        let packed = Packed::of(request.headers())?;
        let (body, share) = received(request.into_body(), &state.room).await?;
        let turn = state.room.to_take().await?;
        super::work((turn, share), move || {
            take(&state, &caller, &unpacked(body, packed)?, encoding, signal)
        })
        .await
    };
    match done.await {
        Ok(refused) => answer(encoding, signal, &refused),
        Err(refused) => refusal(encoding, &refused),
    }
}

/// Makes records durable; gives why others could not be taken.
fn take(
    state: &State,
    caller: &Caller,
    body: &[u8],
    encoding: Encoding,
    signal: Signal,
) -> Result<Vec<String>, Refused> {
    let bound = caller.token().filter(|_| caller.is_bound()).map(str::to_owned);
    let mapper = Arc::clone(state.mappers.lock().entry(bound).or_default());
    let sent = Sent { body, encoding, signal };
    let pass = caller.pass();
    let sender = Sender {
        objection: &|record| caller.objection(record),
        pass: pass.as_ref(),
    };
    let taken = state.db.take_in(&mapper, &sent, &sender)?;
    let taken = taken.map_err(|why| Refused::bad(format!("no export request of OTLP: {why}")))?;
    taken.without_content.iter().for_each(|notice| (state.tell)(notice));
    let refused: Vec<String> = taken.unread.into_iter().chain(taken.refused).collect();
    state.served.lock().add(taken.records, refused.len());
    Ok(refused)
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

fn answer(encoding: Encoding, signal: Signal, refused: &[String]) -> Response {
    let rejected = refused.len();
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
            let name = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
            };
            let partial = serde_json::json!({name: rejected.to_string(), "errorMessage": message});
            (kind, serde_json::json!({"partialSuccess": partial}).to_string()).into_response()
        }
    }
}

fn refusal(encoding: Encoding, refused: &Refused) -> Response {
    // <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
    let code = match refused.status {
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::INTERNAL_SERVER_ERROR => 13,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::FORBIDDEN => 7,
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
    refused.mark(&mut response);
    response
}

fn content_type(encoding: Encoding) -> [(header::HeaderName, &'static str); 1] {
    let name = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    [(header::CONTENT_TYPE, name)]
}
