//! The messages of OTLP 1 as they stand in protobuf, as far as they are read; the numbers are those of
//! `opentelemetry/proto/{trace,logs,common,resource}/v1`. They are read where they stand, and nothing is copied but what has to be.
//! A span or a log record that cannot be read is refused alone, and not with the whole request.

use super::most::Most;
use super::span::{Attribute, Attributes, Event, Log, Malformed, Span, Value, digest, id};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::borrow::Cow;
use std::sync::Arc;

/// The spans of an `ExportTraceServiceRequest`, each for itself.
///
/// # Errors
/// The request as a whole cannot be read, or holds too many things.
pub(super) fn spans(body: &[u8]) -> Result<Vec<Result<Span<'_>, Malformed>>, Malformed> {
    let (most, mut all) = (Most::default(), Vec::new());
    for resource in messages(body, 1) {
        let resource = resource?;
        let of = Arc::new(resource_attributes(resource, &most)?);
        for scope in messages(resource, 2) {
            let scope = scope?;
            let name: Arc<str> = scope_name(scope)?.into();
            for bytes in messages(scope, 2) {
                let bytes = bytes?;
                most.one_more_whole()?;
                all.push(span(bytes, &of, &name, &most));
            }
        }
    }
    most.held().map(|()| all)
}

/// The log records of an `ExportLogsServiceRequest`, each for itself.
///
/// # Errors
/// As [`spans`].
pub(super) fn logs(body: &[u8]) -> Result<Vec<Result<Log<'_>, Malformed>>, Malformed> {
    let (most, mut all) = (Most::default(), Vec::new());
    for resource in messages(body, 1) {
        let resource = resource?;
        let of = Arc::new(resource_attributes(resource, &most)?);
        for scope in messages(resource, 2) {
            for bytes in messages(scope?, 2) {
                let bytes = bytes?;
                most.one_more_whole()?;
                all.push(log(bytes, &of, &most));
            }
        }
    }
    most.held().map(|()| all)
}

fn span<'a>(
    bytes: &'a [u8],
    resource: &Arc<Attributes<'a>>,
    scope: &Arc<str>,
    most: &Most,
) -> Result<Span<'a>, Malformed> {
    let (mut trace, mut own, mut parent): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let (mut name, mut message, mut code) = (Cow::default(), Cow::default(), 0);
    let (mut start, mut end) = (0, 0);
    let (mut attributes, mut events) = (Vec::with_capacity(16), Vec::new());
    for field in Fields(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => trace = bytes,
            (2, Field::Bytes(bytes)) => own = bytes,
            (4, Field::Bytes(bytes)) => parent = bytes,
            (5, Field::Bytes(bytes)) => name = text(bytes, "name")?,
            (7, Field::Fixed(time)) => start = time,
            (8, Field::Fixed(time)) => end = time,
            (9, Field::Bytes(bytes)) => attributes.push(attribute(bytes, most, 0)?),
            (11, Field::Bytes(bytes)) => events.push(event(bytes, most)?),
            (15, Field::Bytes(bytes)) => {
                for field in Fields(bytes) {
                    match field? {
                        (2, Field::Bytes(bytes)) => message = text(bytes, "message")?,
                        (3, Field::Number(number)) => code = number,
                        (number @ (2 | 3), _) => return Err(other_kind(number)),
                        _ => {}
                    }
                }
            }
            (number @ (1 | 2 | 4 | 5 | 7 | 8 | 9 | 11 | 15), _) => return Err(other_kind(number)),
            _ => {}
        }
    }
    Ok(Span {
        trace: id(trace, "trace id")?,
        span: id(own, "span id")?,
        parent: id(parent, "parent span id").ok(),
        name,
        start,
        end,
        attributes: Attributes::new(attributes),
        events,
        failed: code == 2,
        message,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        digest: digest(bytes),
    })
}

fn event<'a>(bytes: &'a [u8], most: &Most) -> Result<Event<'a>, Malformed> {
    most.one_more()?;
    let (mut time, mut name, mut attributes) = (0, Cow::default(), Vec::new());
    for field in Fields(bytes) {
        match field? {
            (1, Field::Fixed(number)) => time = number,
            (2, Field::Bytes(bytes)) => name = text(bytes, "name")?,
            (3, Field::Bytes(bytes)) => attributes.push(attribute(bytes, most, 0)?),
            (number @ (1..=3), _) => return Err(other_kind(number)),
            _ => {}
        }
    }
    Ok(Event {
        time,
        name,
        attributes: Attributes::new(attributes),
    })
}

fn log<'a>(bytes: &'a [u8], resource: &Arc<Attributes<'a>>, most: &Most) -> Result<Log<'a>, Malformed> {
    let (mut trace, mut span): (&[u8], &[u8]) = (&[], &[]);
    let (mut time, mut observed, mut name) = (0, 0, Cow::default());
    let (mut body, mut attributes) = (None, Vec::new());
    for field in Fields(bytes) {
        match field? {
            (1, Field::Fixed(number)) => time = number,
            (5, Field::Bytes(bytes)) => body = Some(value(bytes, most, 0)?),
            (6, Field::Bytes(bytes)) => attributes.push(attribute(bytes, most, 0)?),
            (9, Field::Bytes(bytes)) => trace = bytes,
            (10, Field::Bytes(bytes)) => span = bytes,
            (11, Field::Fixed(number)) => observed = number,
            (12, Field::Bytes(bytes)) => name = text(bytes, "event name")?,
            (number @ (1 | 5 | 6 | 9..=12), _) => return Err(other_kind(number)),
            _ => {}
        }
    }
    Ok(Log {
        trace: id(trace, "trace id").ok(),
        span: id(span, "span id").ok(),
        time: if time == 0 { observed } else { time },
        name,
        body,
        attributes: Attributes::new(attributes),
        resource: Arc::clone(resource),
        digest: digest(bytes),
    })
}

fn resource_attributes<'a>(group: &'a [u8], most: &Most) -> Result<Attributes<'a>, Malformed> {
    let mut all = Vec::new();
    for resource in messages(group, 1) {
        for bytes in messages(resource?, 1) {
            all.push(attribute(bytes?, most, 0)?);
        }
    }
    Ok(Attributes::new(all))
}

fn scope_name(group: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let mut name = Cow::default();
    for scope in messages(group, 1) {
        for bytes in messages(scope?, 1) {
            name = text(bytes?, "scope's name")?;
        }
    }
    Ok(name)
}

/// A `KeyValue`.
fn attribute<'a>(bytes: &'a [u8], most: &Most, depth: usize) -> Result<Attribute<'a>, Malformed> {
    most.one_more()?;
    let (mut key, mut of) = (Cow::default(), Value::Nothing);
    for field in Fields(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => key = text(bytes, "key")?,
            (2, Field::Bytes(bytes)) => of = value(bytes, most, depth)?,
            (number @ (1 | 2), _) => return Err(other_kind(number)),
            _ => {}
        }
    }
    Ok((key, of))
}

/// So deep may values stand in values.
const DEPTH: usize = 64;

/// An `AnyValue`.
fn value<'a>(bytes: &'a [u8], most: &Most, depth: usize) -> Result<Value<'a>, Malformed> {
    if depth > DEPTH {
        return Err(Malformed(format!(
            "its values are more than {DEPTH} deep in one another"
        )));
    }
    let mut of = Value::Nothing;
    for field in Fields(bytes) {
        of = match field? {
            (1, Field::Bytes(bytes)) => Value::Text(text(bytes, "text")?),
            (2, Field::Number(number)) => Value::Bool(number != 0),
            (3, Field::Number(number)) => Value::Int(number.cast_signed()),
            (4, Field::Fixed(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(bytes)) => {
                let one = |bytes: Result<&'a [u8], Malformed>| {
                    most.one_more()?;
                    value(bytes?, most, depth + 1)
                };
                Value::List(messages(bytes, 1).map(one).collect::<Result<_, _>>()?)
            }
            (6, Field::Bytes(bytes)) => {
                let one = |bytes: Result<&'a [u8], Malformed>| attribute(bytes?, most, depth + 1);
                Value::Map(Attributes::new(messages(bytes, 1).map(one).collect::<Result<_, _>>()?))
            }
            (7, Field::Bytes(bytes)) => Value::Bytes(bytes),
            (number @ 1..=7, _) => return Err(other_kind(number)),
            _ => continue,
        };
    }
    Ok(of)
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<Cow<'a, str>, Malformed> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => Err(Malformed(format!("a {what} is not UTF-8"))),
    }
}

/// What says so is another message than it is taken for.
fn other_kind(number: u32) -> Malformed {
    Malformed(format!("field {number} is of another kind"))
}

/// The messages in the fields with this number.
fn messages(bytes: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields(bytes).filter_map(move |field| match field {
        Ok((found, _)) if found != number => None,
        Ok((_, Field::Bytes(bytes))) => Some(Ok(bytes)),
        Ok(_) => Some(Err(other_kind(number))),
        Err(malformed) => Some(Err(malformed)),
    })
}

/// The fields of a message, with their numbers; the last one may be an error.
struct Fields<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
    /// Of a kind that no field of these messages has.
    Other,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Field<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| {
            let field = self.field();
            field.inspect_err(|_| self.0 = &[])
        })
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u32, Field<'a>), Malformed> {
        let malformed = |error: prost::DecodeError| Malformed(error.to_string());
        let cut = || Malformed("it is cut short".to_owned());
        let (number, wire) = decode_key(&mut self.0).map_err(malformed)?;
        let field = match wire {
            WireType::Varint => Field::Number(decode_varint(&mut self.0).map_err(malformed)?),
            WireType::SixtyFourBit => {
                let (bytes, behind) = self.0.split_first_chunk().ok_or_else(cut)?;
                self.0 = behind;
                Field::Fixed(u64::from_le_bytes(*bytes))
            }
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.0).map_err(malformed)?;
                let length = usize::try_from(length).map_err(|_| cut())?;
                let (bytes, behind) = self.0.split_at_checked(length).ok_or_else(cut)?;
                self.0 = behind;
                Field::Bytes(bytes)
            }
            other => {
                skip_field(other, number, &mut self.0, DecodeContext::default()).map_err(malformed)?;
                Field::Other
            }
        };
        Ok((number, field))
    }
}
