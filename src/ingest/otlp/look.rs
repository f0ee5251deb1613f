//! Looking into a span for what the table names, and remembering what was taken: the rest stays in the record's attributes.

use super::super::raw::unfolded;
use super::span::{Attributes, Span, Value};
use crate::record::{Json, Members};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

/// A span while it is read.
pub(super) struct Look<'a> {
    pub(super) span: &'a Span,
    /// The names of attributes that stand elsewhere in the record.
    taken: RefCell<HashSet<String>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(span: &'a Span) -> Self {
        Look {
            span,
            taken: RefCell::default(),
        }
    }

    /// The first of these attributes that is there, of the span or else of its process.
    pub(super) fn first(&self, names: &[&str]) -> Option<Cow<'a, Value>> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The same as a name or a number in words; one that says that it is unknown is none.
    pub(super) fn word(&self, names: &[&str]) -> Option<String> {
        let said = |name: &&str| {
            let value = find(&self.span.attributes, name).or_else(|| find(&self.span.resource, name))?;
            let word = value
                .scalar()
                .filter(|word| word != "unknown" && word != "<not specified>")?;
            self.take(name);
            Some(word)
        };
        let word = names.iter().find_map(said)?;
        self.take_where(names, |value| value.scalar().as_ref() == Some(&word));
        Some(word)
    }

    /// The same as a whole number that is not negative.
    pub(super) fn number(&self, names: &[&str]) -> Option<u64> {
        let of = |value: &Value| match value {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Double(number) if *number >= 0.0 && number.fract() == 0.0 && *number < 9e15 => Some(*number as u64),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let number = names.iter().find_map(|name| of(&*find(&self.span.attributes, name)?))?;
        self.take_where(names, |value| of(value) == Some(number));
        Some(number)
    }

    /// Of these attributes those with such a value are told elsewhere: SDKs say the same under the names of several dialects.
    pub(super) fn take_where(&self, names: &[&str], is_told: impl Fn(&Value) -> bool) {
        for name in names {
            if self.span.attributes.get(name).is_some_and(&is_told) {
                self.take(name);
            }
        }
    }

    fn get(&self, name: &str) -> Option<Cow<'a, Value>> {
        let value = find(&self.span.attributes, name)?;
        self.take(name);
        Some(value)
    }

    /// The attribute stands elsewhere, or is told there.
    pub(super) fn take(&self, name: &str) {
        // Of an object only a member was taken: the object stays.
        if !name.contains('/') {
            self.taken.borrow_mut().insert(name.to_owned());
        }
    }

    /// Those of which the name begins so are told elsewhere.
    pub(super) fn take_all(&self, beginning: &str) {
        for (name, _) in self
            .span
            .attributes
            .iter()
            .filter(|(name, _)| name.starts_with(beginning))
        {
            self.take(name);
        }
    }

    /// What nothing has taken.
    pub(super) fn rest(&self) -> Members {
        let mut rest = Members::new();
        let taken = self.taken.borrow();
        for (name, value) in self.span.attributes.iter().filter(|(name, _)| !taken.contains(*name)) {
            rest.set(name, kept(value));
        }
        rest
    }
}

/// An attribute, or a member of the object that it holds.
fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<Cow<'a, Value>> {
    let Some((name, path)) = name.split_once('/') else {
        return attributes.get(name).map(Cow::Borrowed);
    };
    let json = match attributes.get(name)? {
        Value::Text(text) => serde_json::from_str::<serde_json::Value>(text).ok()?,
        Value::Map(map) => serde_json::from_str(map_json(map).as_str()).ok()?,
        _ => return None,
    };
    let found = path.split('/').try_fold(&json, |json, name| json.get(name))?;
    match found {
        serde_json::Value::String(text) => Some(Cow::Owned(Value::Text(text.clone()))),
        serde_json::Value::Number(number) => Some(Cow::Owned(Value::Text(number.to_string()))),
        _ => None,
    }
}

fn map_json(map: &Attributes) -> Json {
    Value::Map(map.clone()).json()
}

/// A value as it stands in a record: a text that is an object or a list in JSON becomes that.
pub(super) fn kept(value: &Value) -> Json {
    match value {
        Value::Text(text) => unfolded(text),
        other => super::super::raw::kept(other.json().as_str()),
    }
}

/// What a value says as a text.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.json().as_str().to_owned(),
    }
}

/// A list of values.
pub(super) fn list(all: &[Json]) -> Json {
    let texts: Vec<&str> = all.iter().map(Json::as_str).collect();
    Json::raw(format!("[{}]", texts.join(","))).unwrap_or_else(|_| Json::from(""))
}
