//! Looking into a span for what the table names, and remembering what was taken: the rest stays in the record's attributes.

use super::super::raw::{checked, kept as kept_json, unfolded};
use super::span::{Attributes, Span, Value};
use crate::record::look::{shown, value as value_at};
use crate::record::{Json, Members};
use std::borrow::Cow;
use std::cell::RefCell;

/// A span while it is read.
pub(super) struct Look<'a> {
    pub(super) span: &'a Span<'a>,
    /// Which of the span's attributes stand elsewhere in the record, by their places.
    taken: RefCell<Vec<bool>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(span: &'a Span<'a>) -> Self {
        let taken = RefCell::new(vec![false; span.attributes.iter().count()]);
        Look { span, taken }
    }

    /// The first of these attributes that is there.
    pub(super) fn first(&self, names: &[&str]) -> Option<Cow<'a, Value<'a>>> {
        names.iter().find_map(|name| {
            let value = find(&self.span.attributes, name)?;
            self.take(name);
            Some(value)
        })
    }

    /// The same as a name or a number in words, of the span or else of its process; one that says that it is unknown is none.
    pub(super) fn word(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        let said = |name: &&str| {
            let word = match find(&self.span.attributes, name).or_else(|| self.of_process(name))? {
                Cow::Borrowed(value) => value.scalar()?,
                Cow::Owned(value) => Cow::Owned(value.scalar()?.into_owned()),
            };
            let is_one = word != "unknown" && word != "<not specified>";
            is_one.then(|| self.take(name)).map(|()| word)
        };
        let (place, word) = (0..).zip(names).find_map(|(place, name)| Some((place, said(name)?)))?;
        let others = names.get(place + 1..).unwrap_or_default();
        self.take_where(others, |value| value.scalar().as_ref() == Some(&word));
        Some(word)
    }

    /// What the span's process says: nothing that is long, or has to be searched, since each of its spans says it again.
    fn of_process(&self, name: &str) -> Option<Cow<'a, Value<'a>>> {
        let value = self.span.resource.get(name)?;
        let is_short = value.scalar().is_some_and(|word| word.len() <= WORD);
        is_short.then_some(Cow::Borrowed(value))
    }

    /// The same as a whole number that is not negative.
    pub(super) fn number(&self, names: &[&str]) -> Option<u64> {
        let of = |value: &Value<'_>| match value {
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
    pub(super) fn take_where(&self, names: &[&str], is_told: impl Fn(&Value<'_>) -> bool) {
        for name in names {
            if self.span.attributes.get(name).is_some_and(&is_told) {
                self.take(name);
            }
        }
    }

    /// The attribute stands elsewhere, or is told there. Of an object only a member was taken: the object stays.
    pub(super) fn take(&self, name: &str) {
        if !name.starts_with('/')
            && let Some((place, _)) = self.span.attributes.find(name)
        {
            self.take_at(place);
        }
    }

    /// Those of which the name begins so are told elsewhere.
    pub(super) fn take_all(&self, beginning: &str) {
        for (place, (name, _)) in self.span.attributes.iter().enumerate() {
            if name.starts_with(beginning) {
                self.take_at(place);
            }
        }
    }

    /// What nothing has taken.
    pub(super) fn rest(&self) -> Members {
        let taken = self.taken.borrow();
        let left = self
            .span
            .attributes
            .iter()
            .zip(taken.iter())
            .filter(|(_, taken)| !**taken);
        Members::distinct(left.map(|((name, value), _)| (name.to_owned(), kept(value))))
    }

    fn take_at(&self, place: usize) {
        if let Some(taken) = self.taken.borrow_mut().get_mut(place) {
            *taken = true;
        }
    }
}

/// So long is a word at most that is said of all of a process's spans.
const WORD: usize = 1024;

/// An attribute, or a member of the object that it holds.
fn find<'a>(attributes: &'a Attributes<'a>, name: &str) -> Option<Cow<'a, Value<'a>>> {
    let Some(path) = name.strip_prefix('/') else {
        return attributes.get(name).map(Cow::Borrowed);
    };
    let (name, path) = path.split_once('/')?;
    let json = json(attributes.get(name)?)?;
    let path: Vec<&str> = path.split('/').collect();
    let found = value_at(&json, &path)?;
    let is_scalar = found.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    is_scalar
        .then(|| shown(found, &[]))
        .flatten()
        .map(|text| Cow::Owned(Value::Text(Cow::Owned(text))))
}

/// What a value holds in JSON, without whitespace: a text what it says, if it says something in JSON.
pub(super) fn json<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    match value {
        Value::Text(text) => checked(text).or_else(|| {
            // It may be too deep for a record as a whole, or say something twice.
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(Cow::Owned(json.to_string()))
        }),
        other => Some(Cow::Owned(other.json().as_str().to_owned())),
    }
}

/// A value as it stands in a record: a text that is an object or a list in JSON becomes that.
pub(super) fn kept(value: &Value<'_>) -> Json {
    match value {
        Value::Text(text) => unfolded(text),
        other => kept_json(other.json().as_str()),
    }
}

/// What a value says as a text.
pub(super) fn words(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => other.json().as_str().to_owned(),
    }
}

/// A list of values.
pub(super) fn list(all: &[Json]) -> Json {
    let texts: Vec<&str> = all.iter().map(Json::as_str).collect();
    Json::raw(format!("[{}]", texts.join(","))).unwrap_or_else(|_| Json::from(""))
}
