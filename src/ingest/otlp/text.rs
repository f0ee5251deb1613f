//! OTLP as JSON: what SDKs of JavaScript send and what the collector's file exporter writes, a request a line. Ids are
//! hexadecimal; whole numbers may be numbers or strings (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//! Unknown members are passed over, and a span that cannot be read is refused alone. Members may also be called as in protobuf, as
//! some writers do.

use super::most::{self, Most};
use super::span::{Attribute, Attributes, Event, Log, Malformed, Span, Value, digest, id};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// The text is no JSON, or no such request.
pub(super) fn spans(body: &[u8]) -> Result<Vec<Result<Span<'_>, Malformed>>, Malformed> {
    let request: Traces<'_> = read(body)?;
    let (most, mut all) = (Most::default(), Vec::new());
    for group in request.groups.unwrap_or_default() {
        let of = Arc::new(attributes(group.resource.and_then(|resource| resource.attributes)));
        for scope in group.scopes.unwrap_or_default() {
            let name: Arc<str> = match scope.scope.and_then(|scope| scope.name) {
                Some(Scalar::Text(name)) => name.into(),
                _ => Arc::default(),
            };
            for raw in scope.spans.unwrap_or_default() {
                most.one_more_whole()?;
                all.push(span(raw, &of, &name));
            }
        }
    }
    Ok(all)
}

/// The log records of an `ExportLogsServiceRequest`.
///
/// # Errors
/// The text is no JSON, or no such request.
pub(super) fn logs(body: &[u8]) -> Result<Vec<Result<Log<'_>, Malformed>>, Malformed> {
    let request: Logs<'_> = read(body)?;
    let (most, mut all) = (Most::default(), Vec::new());
    for group in request.groups.unwrap_or_default() {
        let of = Arc::new(attributes(group.resource.and_then(|resource| resource.attributes)));
        for scope in group.scopes.unwrap_or_default() {
            for raw in scope.records.unwrap_or_default() {
                most.one_more_whole()?;
                all.push(log(raw, &of));
            }
        }
    }
    Ok(all)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    most::in_json(body)?;
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Malformed("it is no object in JSON".to_owned()));
    }
    serde_json::from_slice(body).map_err(malformed)
}

/// The error says what it found: of a long text that is enough which begins it.
fn malformed(error: serde_json::Error) -> Malformed {
    let mut why = error.to_string();
    why.truncate(why.floor_char_boundary(200));
    Malformed(why)
}

fn span<'a>(raw: &'a RawValue, resource: &Arc<Attributes<'a>>, scope: &Arc<str>) -> Result<Span<'a>, Malformed> {
    let json: JsonSpan<'_> = object(raw)?;
    let status = json.status.unwrap_or_default();
    let event = |event: JsonEvent<'a>| Event {
        time: event.time.0,
        name: event.name.unwrap_or_default().0,
        attributes: attributes(event.attributes),
    };
    Ok(Span {
        trace: hex_id(json.trace, "traceId")?,
        span: hex_id(json.span, "spanId")?,
        parent: hex_id(json.parent, "parentSpanId").ok(),
        name: json.name.unwrap_or_default().0,
        start: json.start.0,
        end: json.end.0,
        attributes: attributes(json.attributes),
        events: json.events.unwrap_or_default().into_iter().map(event).collect(),
        failed: match status.code {
            Some(Scalar::Text(name)) => name == "STATUS_CODE_ERROR" || name == "2",
            Some(Scalar::Whole(code)) => code == 2,
            _ => false,
        },
        message: status.message.unwrap_or_default().0,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        digest: digest(raw.get().as_bytes()),
    })
}

fn log<'a>(raw: &'a RawValue, resource: &Arc<Attributes<'a>>) -> Result<Log<'a>, Malformed> {
    let json: JsonLog<'_> = object(raw)?;
    Ok(Log {
        trace: hex_id(json.trace, "traceId").ok(),
        span: hex_id(json.span, "spanId").ok(),
        time: if json.time.0 == 0 { json.observed.0 } else { json.time.0 },
        name: json.name.unwrap_or_default().0,
        body: json.body.map(|any| any.0).filter(|value| *value != Value::Nothing),
        attributes: attributes(json.attributes),
        resource: Arc::clone(resource),
        digest: digest(raw.get().as_bytes()),
    })
}

/// A list would be taken for an object's members in their order.
fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Malformed> {
    match raw.get().starts_with('{') {
        true => serde_json::from_str(raw.get()).map_err(malformed),
        false => Err(Malformed("it is no object".to_owned())),
    }
}

fn attributes(list: Option<Vec<KeyValue<'_>>>) -> Attributes<'_> {
    Attributes::new(list.unwrap_or_default().into_iter().map(attribute).collect())
}

fn attribute(pair: KeyValue<'_>) -> Attribute<'_> {
    let value = pair.value.map_or(Value::Nothing, |any| any.0);
    (pair.key.unwrap_or_default().0, value)
}

fn hex_id<const N: usize>(text: Option<Text<'_>>, name: &str) -> Result<[u8; N], Malformed> {
    let text = text.unwrap_or_default().0;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    id(
        &bytes.ok_or_else(|| Malformed(format!("{name} is not hexadecimal")))?,
        name,
    )
}

#[derive(serde::Deserialize)]
struct Traces<'a> {
    #[serde(rename = "resourceSpans", alias = "resource_spans", borrow)]
    groups: Option<Vec<ResourceSpans<'a>>>,
}

#[derive(serde::Deserialize)]
struct ResourceSpans<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(rename = "scopeSpans", alias = "scope_spans", borrow)]
    scopes: Option<Vec<ScopeSpans<'a>>>,
}

#[derive(serde::Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow)]
    scope: Option<Scope<'a>>,
    #[serde(borrow)]
    spans: Option<Vec<&'a RawValue>>,
}

#[derive(serde::Deserialize)]
struct Logs<'a> {
    #[serde(rename = "resourceLogs", alias = "resource_logs", borrow)]
    groups: Option<Vec<ResourceLogs<'a>>>,
}

#[derive(serde::Deserialize)]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(rename = "scopeLogs", alias = "scope_logs", borrow)]
    scopes: Option<Vec<ScopeLogs<'a>>>,
}

#[derive(serde::Deserialize)]
struct ScopeLogs<'a> {
    #[serde(rename = "logRecords", alias = "log_records", borrow)]
    records: Option<Vec<&'a RawValue>>,
}

#[derive(serde::Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: Option<Vec<KeyValue<'a>>>,
}

#[derive(serde::Deserialize)]
struct Scope<'a> {
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
struct JsonSpan<'a> {
    #[serde(rename = "traceId", alias = "trace_id", borrow)]
    trace: Option<Text<'a>>,
    #[serde(rename = "spanId", alias = "span_id", borrow)]
    span: Option<Text<'a>>,
    #[serde(rename = "parentSpanId", alias = "parent_span_id", borrow)]
    parent: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(rename = "startTimeUnixNano", alias = "start_time_unix_nano", default)]
    start: Whole,
    #[serde(rename = "endTimeUnixNano", alias = "end_time_unix_nano", default)]
    end: Whole,
    #[serde(borrow)]
    attributes: Option<Vec<KeyValue<'a>>>,
    #[serde(borrow)]
    events: Option<Vec<JsonEvent<'a>>>,
    #[serde(borrow)]
    status: Option<JsonStatus<'a>>,
}

#[derive(serde::Deserialize)]
struct JsonEvent<'a> {
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", default)]
    time: Whole,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<Vec<KeyValue<'a>>>,
}

#[derive(serde::Deserialize, Default)]
struct JsonStatus<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct JsonLog<'a> {
    #[serde(rename = "traceId", alias = "trace_id", borrow)]
    trace: Option<Text<'a>>,
    #[serde(rename = "spanId", alias = "span_id", borrow)]
    span: Option<Text<'a>>,
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", default)]
    time: Whole,
    #[serde(rename = "observedTimeUnixNano", alias = "observed_time_unix_nano", default)]
    observed: Whole,
    #[serde(rename = "eventName", alias = "event_name", borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    body: Option<AnyValue<'a>>,
    #[serde(borrow)]
    attributes: Option<Vec<KeyValue<'a>>>,
}

#[derive(serde::Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<AnyValue<'a>>,
}

/// A text that is copied only where an escape stands in it.
#[derive(serde::Deserialize, Default)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A whole number that is not negative, as a number or a string; none is zero.
#[derive(Default)]
struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = match Scalar::deserialize(from)? {
            Scalar::Nothing => Some(0),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Whole(number) => u64::try_from(number).ok(),
            _ => None,
        };
        found
            .map(Whole)
            .ok_or_else(|| D::Error::custom("a time that is no whole number of nanoseconds"))
    }
}

/// Any value, of which only text, numbers and truths are kept.
enum Scalar<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Bool(bool),
    Whole(i128),
    Float(f64),
    /// A list or an object.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, said: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Bool(said))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Scalar::Whole(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Whole(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Float(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        from.deserialize_any(Any)
    }
}

/// An `AnyValue`; what is none is nothing.
struct AnyValue<'a>(Value<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AnyValue, such as {\"stringValue\": \"…\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut of = Value::Nothing;
                while let Some(Text(name)) = map.next_key()? {
                    of = match &*name {
                        "arrayValue" | "array_value" => {
                            let list: Option<Values<AnyValue<'de>>> = map.next_value()?;
                            let all = list.and_then(|list| list.values).unwrap_or_default();
                            Value::List(all.into_iter().map(|any| any.0).collect())
                        }
                        "kvlistValue" | "kvlist_value" => {
                            let list: Option<Values<KeyValue<'de>>> = map.next_value()?;
                            Value::Map(attributes(list.and_then(|list| list.values)))
                        }
                        name => scalar(name, map.next_value()?).unwrap_or(of),
                    };
                }
                Ok(of)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Nothing)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }
        }
        from.deserialize_any(Any).map(AnyValue)
    }
}

#[derive(serde::Deserialize)]
struct Values<T> {
    values: Option<Vec<T>>,
}

/// The value in a member of that name; none if no value is called so.
fn scalar<'a>(name: &str, value: Scalar<'a>) -> Option<Value<'a>> {
    Some(match (name, value) {
        // Bytes stand here as base64, and in a record too.
        ("stringValue" | "string_value" | "bytesValue" | "bytes_value", Scalar::Text(text)) => Value::Text(text),
        ("boolValue" | "bool_value", Scalar::Bool(said)) => Value::Bool(said),
        ("intValue" | "int_value", Scalar::Text(text)) => text.parse().map_or(Value::Text(text), Value::Int),
        ("intValue" | "int_value", Scalar::Whole(number)) => {
            i64::try_from(number).map_or_else(|_| Value::Text(number.to_string().into()), Value::Int)
        }
        ("intValue" | "int_value", Scalar::Float(number)) => Value::Text(number.to_string().into()),
        ("doubleValue" | "double_value", Scalar::Text(text)) => text.parse().map_or(Value::Text(text), Value::Double),
        ("doubleValue" | "double_value", Scalar::Whole(number)) => Value::Double(number as f64),
        ("doubleValue" | "double_value", Scalar::Float(number)) => Value::Double(number),
        _ => return None,
    })
}
