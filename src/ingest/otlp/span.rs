//! Spans and log records of OpenTelemetry as they are read, out of protobuf or JSON alike.

use crate::record::Json;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A span. What it says stands in the bytes that came.
#[derive(Debug, Clone)]
pub(super) struct Span<'a> {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: Cow<'a, str>,
    /// In nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes<'a>,
    pub(super) events: Vec<Event<'a>>,
    /// Whether its status is an error; that it is OK and that nobody said so is the same.
    pub(super) failed: bool,
    pub(super) message: Cow<'a, str>,
    /// What is said of the process that it comes from.
    pub(super) resource: Arc<Attributes<'a>>,
    /// The name of the instrumentation.
    pub(super) scope: Arc<str>,
    /// Of its bytes as they came.
    pub(super) digest: String,
}

impl Span<'_> {
    /// How long it took, where both its ends are known.
    pub(super) fn milliseconds(&self) -> Option<f64> {
        let nanoseconds = self.end.checked_sub(self.start).filter(|_| self.start > 0)?;
        Some(nanoseconds as f64 / 1e6)
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    pub(super) time: u64,
    pub(super) name: Cow<'a, str>,
    pub(super) attributes: Attributes<'a>,
}

/// A log record, which may belong to a span.
#[derive(Debug, Clone)]
pub(super) struct Log<'a> {
    pub(super) trace: Option<[u8; 16]>,
    pub(super) span: Option<[u8; 8]>,
    pub(super) time: u64,
    pub(super) name: Cow<'a, str>,
    pub(super) body: Option<Value<'a>>,
    pub(super) attributes: Attributes<'a>,
    pub(super) resource: Arc<Attributes<'a>>,
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
pub(super) enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(Vec<Value<'a>>),
    Map(Attributes<'a>),
    Bytes(&'a [u8]),
}

/// An attribute as it was sent.
pub(super) type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// Attributes, each name once and none without a value. Of those that were sent with one name the last counts, as in the
/// conventions of OpenTelemetry for sets of attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes<'a> {
    all: Vec<Attribute<'a>>,
    /// Whether they are in the order of their names: many are, so that one is found among them.
    sorted: bool,
    /// A bit for each of some hundred names: most that are asked for are not there.
    some: u128,
}

/// So many are looked through one by one.
const FEW: usize = 32;

impl<'a> Attributes<'a> {
    pub(super) fn new(mut all: Vec<Attribute<'a>>) -> Self {
        let named = |name: &str, behind: usize| all.iter().skip(behind).any(|(other, _)| other == name);
        let sorted = all.len() > FEW || (1..).zip(&all).any(|(behind, (name, _))| named(name, behind));
        if sorted {
            all.reverse();
            // Those of one name stay in their order, the last that was sent first.
            all.sort_by(|(one, _), (other, _)| one.cmp(other));
            all.dedup_by(|(one, _), (other, _)| one == other);
        }
        all.retain(|(_, value)| !matches!(value, Value::Nothing));
        if all.len() < all.capacity() / 2 {
            all.shrink_to_fit();
        }
        let some = all.iter().fold(0, |some, (name, _)| some | bit(name));
        Attributes { all, sorted, some }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.find(name).map(|(_, value)| value)
    }

    /// Its place among all, and its value.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &Value<'a>)> {
        if self.some & bit(name) == 0 {
            return None;
        }
        let place = match self.sorted {
            true => self.all.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?,
            false => self.all.iter().position(|(known, _)| known == name)?,
        };
        self.all.get(place).map(|(_, value)| (place, value))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.all.iter().map(|(name, value)| (&**name, value))
    }
}

/// By its length and its last byte, which tell apart most of the names that are asked for.
fn bit(name: &str) -> u128 {
    let last = name.as_bytes().last().map_or(0, |byte| usize::from(*byte));
    1 << ((name.len() * 7 + last) % 128)
}

impl Value<'_> {
    /// As the JSON text that stands in a record. Numbers that JSON has not become texts, bytes base64.
    pub(super) fn json(&self) -> Json {
        let mut text = String::new();
        self.write(&mut text);
        Json::raw(text).unwrap_or_else(|_| Json::from(""))
    }

    /// A text, or the number or truth as one.
    pub(super) fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Text(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
            Value::Bool(said) => Some(Cow::Borrowed(if *said { "true" } else { "false" })),
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            Value::Double(number) if number.is_finite() => Some(Cow::Owned(self.json().as_str().to_owned())),
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
