//! OTLP as JSON: what SDKs of JavaScript send and what the collector's file exporter writes, a request a line. Ids are
//! hexadecimal; whole numbers may be numbers or strings (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//! Unknown members are passed over, and a span that cannot be read is refused alone.

use super::most;
use super::span::{Attributes, Event, Log, Malformed, Span, Value, digest, id};
use serde_json::Value as Json;
use std::sync::Arc;

/// The spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// The text is no JSON, or no such request.
pub(super) fn spans(body: &[u8]) -> Result<Vec<Result<Span, Malformed>>, Malformed> {
    let mut all = Vec::new();
    for group in groups(body, ["resourceSpans", "resource_spans"])? {
        let of = Arc::new(resource(&group));
        for scope in list(&group, ["scopeSpans", "scope_spans"]) {
            let name: Arc<str> = text(member(scope, ["scope", "scope"]), ["name", "name"]).into();
            all.extend(
                list(scope, ["spans", "spans"])
                    .iter()
                    .map(|json| span(json, &of, &name)),
            );
        }
    }
    Ok(all)
}

/// The log records of an `ExportLogsServiceRequest`.
///
/// # Errors
/// The text is no JSON, or no such request.
pub(super) fn logs(body: &[u8]) -> Result<Vec<Result<Log, Malformed>>, Malformed> {
    let mut all = Vec::new();
    for group in groups(body, ["resourceLogs", "resource_logs"])? {
        let of = Arc::new(resource(&group));
        for scope in list(&group, ["scopeLogs", "scope_logs"]) {
            all.extend(
                list(scope, ["logRecords", "log_records"])
                    .iter()
                    .map(|json| log(json, &of)),
            );
        }
    }
    Ok(all)
}

/// The name of a member in JSON, and as it is called in protobuf, which some writers use.
type Name = [&'static str; 2];

fn groups(body: &[u8], name: Name) -> Result<Vec<Json>, Malformed> {
    most::in_json(body)?;
    let json: Json = serde_json::from_slice(body).map_err(|error| Malformed(error.to_string()))?;
    let Json::Object(mut members) = json else {
        return Err(Malformed("it is no object".to_owned()));
    };
    match name.iter().find_map(|name| members.remove(*name)) {
        Some(Json::Array(all)) => Ok(all),
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(_) => Err(Malformed(format!("{} is no list", name[0]))),
    }
}

fn span(json: &Json, resource: &Arc<Attributes>, scope: &Arc<str>) -> Result<Span, Malformed> {
    let status = member(json, ["status", "status"]);
    let event = |event: &Json| {
        Ok(Event {
            time: whole(event, ["timeUnixNano", "time_unix_nano"])?,
            name: text(event, ["name", "name"]),
            attributes: attributes(event),
        })
    };
    let events = list(json, ["events", "events"]);
    Ok(Span {
        trace: hex_id(json, ["traceId", "trace_id"])?,
        span: hex_id(json, ["spanId", "span_id"])?,
        parent: hex_id(json, ["parentSpanId", "parent_span_id"]).ok(),
        name: text(json, ["name", "name"]),
        start: whole(json, ["startTimeUnixNano", "start_time_unix_nano"])?,
        end: whole(json, ["endTimeUnixNano", "end_time_unix_nano"])?,
        attributes: attributes(json),
        events: events.iter().map(event).collect::<Result<_, Malformed>>()?,
        failed: match member(status, ["code", "code"]) {
            Json::String(name) => name == "STATUS_CODE_ERROR" || name == "2",
            code => code.as_u64() == Some(2),
        },
        message: text(status, ["message", "message"]),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        digest: digest(json.to_string().as_bytes()),
    })
}

fn log(json: &Json, resource: &Arc<Attributes>) -> Result<Log, Malformed> {
    let time = whole(json, ["timeUnixNano", "time_unix_nano"])?;
    let observed = whole(json, ["observedTimeUnixNano", "observed_time_unix_nano"])?;
    Ok(Log {
        trace: hex_id(json, ["traceId", "trace_id"]).ok(),
        span: hex_id(json, ["spanId", "span_id"]).ok(),
        time: if time == 0 { observed } else { time },
        name: text(json, ["eventName", "event_name"]),
        body: Some(value(member(json, ["body", "body"]))).filter(|value| *value != Value::Nothing),
        attributes: attributes(json),
        resource: Arc::clone(resource),
        digest: digest(json.to_string().as_bytes()),
    })
}

fn resource(group: &Json) -> Attributes {
    attributes(member(group, ["resource", "resource"]))
}

fn attributes(of: &Json) -> Attributes {
    pairs(list(of, ["attributes", "attributes"]))
}

fn pairs(all: &[Json]) -> Attributes {
    let pair = |pair: &Json| (text(pair, ["key", "key"]), value(member(pair, ["value", "value"])));
    all.iter().map(pair).collect()
}

/// An `AnyValue`; what is none is nothing.
fn value(json: &Json) -> Value {
    let Some((name, inner)) = json.as_object().and_then(|object| object.iter().next()) else {
        return Value::Nothing;
    };
    match (name.as_str(), inner) {
        ("stringValue" | "string_value", Json::String(text)) => Value::Text(text.clone()),
        ("boolValue" | "bool_value", Json::Bool(bool)) => Value::Bool(*bool),
        ("intValue" | "int_value", Json::String(text)) => text.parse().map_or(Value::Text(text.clone()), Value::Int),
        ("intValue" | "int_value", Json::Number(number)) => number
            .as_i64()
            .map_or_else(|| Value::Text(number.to_string()), Value::Int),
        ("doubleValue" | "double_value", Json::String(text)) => {
            text.parse().map_or(Value::Text(text.clone()), Value::Double)
        }
        ("doubleValue" | "double_value", Json::Number(number)) => number.as_f64().map_or(Value::Nothing, Value::Double),
        ("arrayValue" | "array_value", list) => {
            Value::List(self::list(list, ["values", "values"]).iter().map(value).collect())
        }
        ("kvlistValue" | "kvlist_value", map) => Value::Map(pairs(list(map, ["values", "values"]))),
        ("bytesValue" | "bytes_value", Json::String(text)) => Value::Text(text.clone()),
        _ => Value::Nothing,
    }
}

fn member(json: &Json, name: Name) -> &Json {
    name.iter().find_map(|name| json.get(name)).unwrap_or(&Json::Null)
}

fn list(json: &Json, name: Name) -> &[Json] {
    member(json, name).as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Json, name: Name) -> String {
    member(json, name).as_str().unwrap_or_default().to_owned()
}

/// A whole number, as a number or a string; zero if there is none.
fn whole(json: &Json, name: Name) -> Result<u64, Malformed> {
    let found = match member(json, name) {
        Json::Null => Some(0),
        Json::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    found.ok_or_else(|| Malformed(format!("{} is no whole number", name[0])))
}

fn hex_id<const N: usize>(json: &Json, name: Name) -> Result<[u8; N], Malformed> {
    let text = text(json, name);
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    id(
        &bytes.ok_or_else(|| Malformed(format!("{} is not hexadecimal", name[0])))?,
        name[0],
    )
}
