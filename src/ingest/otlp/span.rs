//! Spans and log records of OpenTelemetry as they are read, out of protobuf or JSON alike.

use crate::record::Json;
use std::fmt;
use std::sync::Arc;

/// A span.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    /// In nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<Event>,
    /// Whether its status is an error; that it is OK and that nobody said so is the same.
    pub(super) failed: bool,
    pub(super) message: String,
    /// What is said of the process that it comes from.
    pub(super) resource: Arc<Attributes>,
    /// The name of the instrumentation.
    pub(super) scope: Arc<str>,
    /// Of its bytes as they came.
    pub(super) digest: String,
}

impl Span {
    /// How long it took, where both its ends are known.
    pub(super) fn milliseconds(&self) -> Option<f64> {
        let nanoseconds = self.end.checked_sub(self.start).filter(|_| self.start > 0)?;
        Some(nanoseconds as f64 / 1e6)
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) time: u64,
    pub(super) name: String,
    pub(super) attributes: Attributes,
}

/// A log record, which may belong to a span.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) trace: Option<[u8; 16]>,
    pub(super) span: Option<[u8; 8]>,
    pub(super) time: u64,
    pub(super) name: String,
    pub(super) body: Option<Value>,
    pub(super) attributes: Attributes,
    pub(super) resource: Arc<Attributes>,
    pub(super) digest: String,
}

/// Why something that was sent cannot be read, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nothing,
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(Vec<Value>),
    Map(Attributes),
    Bytes(Vec<u8>),
}

/// Attributes in the order in which they were sent. Of those with one name the last counts, as in the conventions of
/// OpenTelemetry for sets of attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes(Vec<(String, Value)>);

impl Attributes {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| **value != Value::Nothing)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// All, each name once.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let last = |place: usize, name: &str| !self.0.iter().skip(place + 1).any(|(later, _)| later == name);
        let all = self.0.iter().enumerate();
        all.filter(move |(place, (name, value))| *value != Value::Nothing && last(*place, name))
            .map(|(_, (name, value))| (name.as_str(), value))
    }
}

impl FromIterator<(String, Value)> for Attributes {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(all: T) -> Self {
        Attributes(all.into_iter().collect())
    }
}

impl Value {
    /// As the JSON text that stands in a record. Numbers that JSON has not become texts, bytes base64.
    pub(super) fn json(&self) -> Json {
        let mut text = String::new();
        self.write(&mut text);
        Json::raw(text).unwrap_or_else(|_| Json::from(""))
    }

    /// A text, or the number or truth as one.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            Value::Bool(_) | Value::Int(_) => Some(self.json().as_str().to_owned()),
            Value::Double(number) if number.is_finite() => Some(self.json().as_str().to_owned()),
            _ => None,
        }
    }

    fn write(&self, out: &mut String) {
        let quoted = |text: &str| Json::from(text).as_str().to_owned();
        match self {
            Value::Nothing => out.push_str("null"),
            Value::Text(text) => out.push_str(&quoted(text)),
            Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Double(number) if number.is_finite() => {
                out.push_str(&serde_json::to_string(number).unwrap_or_default());
            }
            Value::Double(number) => out.push_str(&quoted(&number.to_string())),
            Value::List(list) => {
                out.push('[');
                for (place, value) in list.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (place, (name, value)) in map.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
            Value::Bytes(bytes) => {
                use base64ct::Encoding;
                out.push_str(&quoted(&base64ct::Base64::encode_string(bytes)));
            }
        }
    }
}

/// The digest of the bytes of a span or a log record, short: it tells apart what comes under one id.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hash = blake3::derive_key("auditdb otlp digest v1", bytes);
    crate::log::hex(hash.get(..16).unwrap_or_default())
}

/// An id of this many bytes that is not all zeros.
pub(super) fn id<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], Malformed> {
    match <[u8; N]>::try_from(bytes) {
        Ok(id) if id != [0; N] => Ok(id),
        Ok(_) => Err(Malformed(format!("the {what} is all zeros"))),
        Err(_) => Err(Malformed(format!("the {what} has {} bytes and not {N}", bytes.len()))),
    }
}
