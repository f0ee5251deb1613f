//! One value of a field, and how values are compared.

use super::fields::Kind;
use crate::record::text::string_value;
use crate::record::time::{parse_time, read_time};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Exact text is compared by so many bytes, cut at a character's end: no term grows with hostile input. Every [`Type::Str`]
/// is shorter; of the members of any length, resources, targets and rules can be longer.
///
/// [`Type::Str`]: crate::record::shape::Type::Str
pub(crate) const EXACT_LIMIT: usize = 512;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// Exact text, at most [`EXACT_LIMIT`] bytes.
    Text(Cow<'a, str>),
    Number(Number),
    /// Nanoseconds since 1970 in UTC.
    Time(i64),
    Bool(bool),
}

/// A number: exact where it is whole and fits, a float otherwise; never NaN and never infinite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    /// The number that JSON (or a person) spells so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(integer) = text.parse() {
            return Some(Number::Integer(integer));
        }
        // Rust reads `inf`, `nan` and `.5` too; JSON does not.
        let digit = text
            .strip_prefix('-')
            .unwrap_or(text)
            .starts_with(|c: char| c.is_ascii_digit());
        let float = text.parse().ok().filter(|float: &f64| float.is_finite() && digit);
        float.map(Number::Float)
    }

    /// As a float, rounded if it has to be.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Float(float) => float,
        }
    }

    /// In one spelling, whatever it was read from: `1.0`, `1e0` and `1` are all `1`.
    pub(crate) fn spelled(self) -> String {
        /// Up to here every whole number is a float of its own.
        const EXACT: f64 = (1_u64 << 53) as f64;
        match self {
            Number::Integer(integer) => integer.to_string(),
            Number::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT => (float as i64).to_string(),
            Number::Float(float) => float.to_string(),
        }
    }

    /// By size: two whole numbers exactly, all others as floats.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Number::Integer(one), Number::Integer(other)) => one.cmp(&other),
            // Neither is NaN.
            _ => self.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}

/// The beginning of a text that counts in comparisons.
pub(crate) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(EXACT_LIMIT)).unwrap_or(text)
}

/// What stands in a member of that kind; `None` if it is of another type (a later version's record, or a damaged one).
pub(super) fn value(kind: Kind, raw: &[u8]) -> Option<Value<'_>> {
    let string = || raw.strip_prefix(b"\"")?.strip_suffix(b"\"").map(string_value);
    let spelled = || std::str::from_utf8(raw).ok();
    match kind {
        Kind::Exact => string().map(text),
        Kind::Lower => string().map(|value| text(lower(value))),
        Kind::Integer => integer(spelled()?).map(|integer| Value::Number(Number::Integer(integer))),
        Kind::Number => Number::parse(spelled()?).map(|number| Value::Number(Number::Float(number.as_f64()))),
        Kind::Time => {
            let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            let written = read_time(inner);
            written
                .or_else(|| parse_time(&string_value(inner)).ok())
                .map(Value::Time)
        }
        Kind::Bool => truth(raw).map(Value::Bool),
        Kind::Any => match (string(), truth(raw)) {
            (Some(value), _) => Some(text(value)),
            (None, Some(truth)) => Some(text(Cow::Borrowed(if truth { "true" } else { "false" }))),
            (None, None) => Number::parse(spelled()?).map(Value::Number),
        },
    }
}

fn text(value: Cow<'_, str>) -> Value<'_> {
    Value::Text(match value {
        Cow::Borrowed(value) => Cow::Borrowed(cut(value)),
        Cow::Owned(mut value) => {
            value.truncate(value.floor_char_boundary(EXACT_LIMIT));
            Cow::Owned(value)
        }
    })
}

fn lower(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(value.to_ascii_lowercase())
    } else {
        value
    }
}

fn truth(raw: &[u8]) -> Option<bool> {
    match raw {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// A whole number; the log takes those up to `u64::MAX`.
fn integer(text: &str) -> Option<i64> {
    let large = || text.parse::<u64>().ok().map(|_| i64::MAX);
    text.parse().ok().or_else(large)
}
