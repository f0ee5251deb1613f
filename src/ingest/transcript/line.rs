//! One line, and what of it no member of a record takes.

use super::super::raw::{Object, is_taken, kept, list, minified, text};
use crate::ingest::short;
use crate::record::{Json, Members, parse_time};
use serde_json::value::RawValue;

/// An object with more members than this is none of a transcript, and stays in one piece.
const MEMBERS: usize = 512;

/// Members that are told by a record's own as far as they are names; anything else that stands there is kept.
const WORDS: &[&str] = &[
    "id",
    "type",
    "role",
    "model",
    "name",
    "call_id",
    "tool_use_id",
    "stop_reason",
    "namespace",
    "cli_version",
];

/// A line of a transcript.
#[derive(Debug)]
pub(super) struct Line {
    /// Its members; none if it is no object, or one that cannot be taken apart.
    pub(super) members: Object,
    raw: Box<RawValue>,
    /// Whether the log takes all of it as it stands.
    is_sound: bool,
}

impl Line {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let raw: Box<RawValue> = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        Ok(Line {
            members: object(&raw).unwrap_or_default(),
            is_sound: is_taken(raw.get()),
            raw,
        })
    }

    /// The whole line as a value.
    pub(super) fn whole(&self) -> Json {
        self.keep(&self.raw)
    }

    /// A value of this line, as it stands if the log takes it so, and its text as a string otherwise.
    pub(super) fn keep(&self, raw: &RawValue) -> Json {
        kept(raw.get())
    }

    /// What the line is, whatever whitespace stands in it.
    pub(super) fn hash(&self) -> blake3::Hash {
        blake3::hash(minified(self.raw.get()).as_bytes())
    }

    /// Whether a record's own member can say all that this one does.
    fn is_told(&self, name: &str) -> bool {
        let value = || self.members.text(name);
        match name {
            "timestamp" => value().is_none_or(|time| parse_time(&time).is_ok()) && !self.is_other(name),
            "sessionId" | "version" => value().is_none_or(|text| short(&text) == text) && !self.is_other(name),
            _ => true,
        }
    }

    /// Whether the member is there and no text.
    fn is_other(&self, name: &str) -> bool {
        self.members.text(name).is_none() && self.members.get(name).is_some_and(|value| value.get() != "null")
    }

    /// All that the line holds, as a record of its own has it.
    pub(super) fn everything(&self) -> Left {
        let mut left = self.left(&["timestamp", "sessionId", "version"]);
        if left.members.is_empty() {
            left.set("line", self.whole());
        }
        left
    }

    /// Nothing of this line yet.
    pub(super) fn nothing(&self) -> Left {
        Left {
            is_odd: !self.is_sound,
            ..Left::default()
        }
    }

    /// What is kept of this line; says so if some of it may stand as text.
    pub(super) fn left(&self, known: &[&str]) -> Left {
        let mut left = self.nothing();
        left.add(self, &self.members, known);
        for name in known.iter().filter(|name| !self.is_told(name)) {
            if let Some(value) = self.members.get(name) {
                left.set(name, self.keep(value));
            }
        }
        left
    }
}

/// An object's members, if it has not too many, and none twice.
pub(super) fn object(raw: &RawValue) -> Option<Object> {
    Object::parse(raw).ok().filter(|object| object.len() <= MEMBERS)
}

/// The same for a member.
pub(super) fn object_in(members: &Object, name: &str) -> Option<Object> {
    object(members.get(name)?)
}

fn is_word(raw: &RawValue) -> bool {
    text(raw).is_some_and(|text| short(&text) == text)
}

/// A text that is not empty.
pub(super) fn said(members: &Object, name: &str) -> Option<String> {
    members.text(name).filter(|text| !text.is_empty())
}

/// Whether the member is `true`.
pub(super) fn is_true(members: &Object, name: &str) -> bool {
    members.get(name).is_some_and(|raw| raw.get() == "true")
}

/// The text of a message, or of its parts if every one is a text; none if there is more to it.
pub(super) fn texts(content: &RawValue) -> Option<String> {
    if let Some(text) = text(content) {
        return Some(text);
    }
    let parts: Option<Vec<String>> = list(content)?.iter().map(|part| text_of(part)).collect();
    Some(parts?.join("\n"))
}

/// The texts among the parts of a message.
pub(super) fn texts_among(parts: &[Box<RawValue>]) -> Option<String> {
    let texts: Vec<String> = parts.iter().filter_map(|part| text_of(part)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What a part of a message says, if it is a text and nothing more.
pub(super) fn text_of(part: &RawValue) -> Option<String> {
    if let Some(text) = text(part) {
        return Some(text);
    }
    let object = object(part)?;
    let is_text = object.iter().all(|(name, value)| match name {
        "text" => true,
        "type" => text(value).is_some_and(|kind| kind == "text" || kind.ends_with("_text")),
        _ => false,
    });
    object.text("text").filter(|_| is_text)
}

/// A whole number among the members.
pub(super) fn number(members: &Object, name: &str) -> Option<u64> {
    members.get(name)?.get().parse().ok()
}

/// A list of values.
pub(super) fn list_of(values: &[Json]) -> Json {
    let texts: Vec<&str> = values.iter().map(Json::as_str).collect();
    kept(&format!("[{}]", texts.join(",")))
}

/// What stands in `attributes`.
#[derive(Debug, Default, Clone)]
pub(super) struct Left {
    pub(super) members: Members,
    pub(super) is_odd: bool,
}

impl Left {
    /// Adds an object's members but those.
    pub(super) fn add(&mut self, line: &Line, object: &Object, known: &[&str]) {
        for (name, value) in object.iter() {
            if !known.contains(&name) || (WORDS.contains(&name) && !is_word(value)) {
                self.set(name, line.keep(value));
            }
        }
    }

    /// The members of an object in the line, but those, under its own name.
    pub(super) fn add_in(&mut self, line: &Line, name: &str, object: &Object, known: &[&str]) {
        let mut inner = Left::default();
        inner.add(line, object, known);
        if !inner.members.is_empty() {
            self.set(name, inner.members);
        }
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Json>) {
        self.members.set(name, value);
    }

    /// What another line of the same fact holds that this one does not.
    pub(super) fn beyond(mut self, first: &Left) -> Members {
        let new = self
            .members
            .iter()
            .filter(|(name, value)| first.members.get(name) != Some(value));
        self.members = new.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        self.members
    }
}
