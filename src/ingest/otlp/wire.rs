//! The messages of OTLP 1 as they stand in protobuf, as far as they are read; the numbers are those of
//! `opentelemetry/proto/{trace,logs,common,resource}/v1`. A span or a log record is kept as its bytes until its own turn comes: one
//! that cannot be read is refused alone, and not with the whole request.

use super::most;
use super::span::{Attributes, Event, Log, Malformed, Span, Value, digest, id};
use prost::Message;
use prost::bytes::Bytes;
use std::sync::Arc;

/// The spans of an `ExportTraceServiceRequest`, each for itself.
///
/// # Errors
/// The request as a whole cannot be read.
pub(super) fn spans(body: &[u8]) -> Result<Vec<Result<Span, Malformed>>, Malformed> {
    most::in_protobuf(body)?;
    let request = Traces::decode(body).map_err(|error| Malformed(error.to_string()))?;
    let mut all = Vec::new();
    for resource in request.resource_spans {
        let of = Arc::new(attributes(resource.resource.unwrap_or_default().attributes));
        for scope in resource.scope_spans {
            let name: Arc<str> = scope.scope.unwrap_or_default().name.into();
            all.extend(scope.spans.into_iter().map(|bytes| span(bytes, &of, &name)));
        }
    }
    Ok(all)
}

/// The log records of an `ExportLogsServiceRequest`, each for itself.
///
/// # Errors
/// The request as a whole cannot be read.
pub(super) fn logs(body: &[u8]) -> Result<Vec<Result<Log, Malformed>>, Malformed> {
    most::in_protobuf(body)?;
    let request = Logs::decode(body).map_err(|error| Malformed(error.to_string()))?;
    let mut all = Vec::new();
    for resource in request.resource_logs {
        let of = Arc::new(attributes(resource.resource.unwrap_or_default().attributes));
        let records = resource.scope_logs.into_iter().flat_map(|scope| scope.log_records);
        all.extend(records.map(|bytes| log(bytes, &of)));
    }
    Ok(all)
}

fn span(bytes: Bytes, resource: &Arc<Attributes>, scope: &Arc<str>) -> Result<Span, Malformed> {
    let digest = digest(&bytes);
    let wire = WireSpan::decode(bytes).map_err(|error| Malformed(error.to_string()))?;
    let status = wire.status.unwrap_or_default();
    let event = |event: WireEvent| Event {
        time: event.time,
        name: event.name,
        attributes: attributes(event.attributes),
    };
    Ok(Span {
        trace: id(&wire.trace_id, "trace id")?,
        span: id(&wire.span_id, "span id")?,
        parent: id(&wire.parent_span_id, "parent span id").ok(),
        name: wire.name,
        start: wire.start,
        end: wire.end,
        attributes: attributes(wire.attributes),
        events: wire.events.into_iter().map(event).collect(),
        failed: status.code == 2,
        message: status.message,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        digest,
    })
}

fn log(bytes: Bytes, resource: &Arc<Attributes>) -> Result<Log, Malformed> {
    let digest = digest(&bytes);
    let wire = WireLog::decode(bytes).map_err(|error| Malformed(error.to_string()))?;
    Ok(Log {
        trace: id(&wire.trace_id, "trace id").ok(),
        span: id(&wire.span_id, "span id").ok(),
        time: if wire.time == 0 { wire.observed } else { wire.time },
        name: wire.event_name,
        body: wire.body.map(value),
        attributes: attributes(wire.attributes),
        resource: Arc::clone(resource),
        digest,
    })
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let member = |member: KeyValue| (member.key, member.value.map_or(Value::Nothing, value));
    list.into_iter().map(member).collect()
}

fn value(any: AnyValue) -> Value {
    match any.value {
        None => Value::Nothing,
        Some(Any::Text(text)) => Value::Text(text),
        Some(Any::Bool(bool)) => Value::Bool(bool),
        Some(Any::Int(number)) => Value::Int(number),
        Some(Any::Double(number)) => Value::Double(number),
        Some(Any::List(list)) => Value::List(list.values.into_iter().map(value).collect()),
        Some(Any::Map(map)) => Value::Map(attributes(map.values)),
        Some(Any::Bytes(bytes)) => Value::Bytes(bytes),
    }
}

#[derive(Clone, PartialEq, Message)]
struct Traces {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Logs {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    log_records: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct WireSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<WireEvent>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct WireEvent {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct WireLog {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    observed: u64,
    #[prost(string, tag = "12")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(ArrayValue),
    #[prost(message, tag = "6")]
    Map(KeyValueList),
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}
