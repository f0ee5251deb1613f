//! Messages as the dialects have them: lists of objects with a role and a content or parts, as JSON in a string or as values,
//! (LangChain: in the `data` of an object with a `type`) and numbered attributes. What every call says again, the history, is passed over: the new messages are those behind the
//! last one of the model.
//!
//! They are looked through as the text that they are: no number in them changes.

use super::super::raw::{self, Object};
use super::look::{self, Look};
use super::span::Value;
use crate::record::look::{elements, members, said as string, value as value_at};
use crate::record::{Json, Members};
use serde_json::value::RawValue;

/// One message.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) calls: Vec<Call>,
    /// Everything that is none of these, such as what a tool answered.
    pub(super) others: Vec<Json>,
}

/// A call of a tool that a message asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Json,
}

/// The messages of attributes that list them, or else of numbered ones.
pub(super) fn found(look: &Look<'_>, listing: &[&str], numbering: &[&str]) -> Vec<Message> {
    let listed = listed(look, listing);
    if listed.is_empty() {
        numbered(look, numbering)
    } else {
        listed
    }
}

/// The messages of the first of these attributes that has any.
pub(super) fn listed(look: &Look<'_>, names: &[&str]) -> Vec<Message> {
    let of = |name: &&str| {
        let messages = messages(&look::json(look.span.attributes.get(name)?)?);
        (!messages.is_empty()).then(|| look.take(name))?;
        Some(messages)
    };
    names.iter().find_map(of).unwrap_or_default()
}

/// Those behind the last one of the model.
pub(super) fn new(mut messages: Vec<Message>) -> Vec<Message> {
    let from = messages.iter().rposition(Message::is_models).map_or(0, |last| last + 1);
    messages.drain(..from);
    messages
}

/// A state of a framework, an object with `messages`, without those that came up to the last one of the model: each call of a
/// model has its part of them. None if there are none such.
pub(super) fn only_new(state: &RawValue) -> Option<String> {
    let object = Object::parse(state).ok()?;
    let all = raw::list(object.get("messages")?)?;
    let is_models = |raw: &RawValue| message(&raw::checked(raw.get())?).map(|message| message.is_models());
    let last = all.iter().rposition(|raw| is_models(raw) == Some(true))?;
    let new: Vec<&str> = all.iter().skip(last + 1).map(|raw| raw.get()).collect();
    let members = object.iter().map(|(name, value)| match name {
        "messages" => format!("\"messages\":[{}]", new.join(",")),
        name => format!("{}:{}", Json::from(name).as_str(), value.get()),
    });
    Some(format!("{{{}}}", members.collect::<Vec<String>>().join(",")))
}

/// The calls of tools that a list holds.
pub(super) fn calls(value: &Value<'_>) -> Vec<Call> {
    let mut asking = Message::default();
    if let Some(json) = look::json(value) {
        elements(&json).for_each(|call| asking.call(call));
    }
    asking.calls
}

/// What is said in some of them, joined by newlines.
pub(super) fn said<'a>(
    messages: impl IntoIterator<Item = &'a Message>,
    part: impl Fn(&Message) -> &str,
) -> Option<String> {
    let mut all = String::new();
    messages.into_iter().for_each(|message| join(&mut all, part(message)));
    (!all.is_empty()).then_some(all)
}

/// What those of a role say.
pub(super) fn said_by(messages: &[Message], role: &str) -> Option<String> {
    let of_role = messages.iter().filter(|message| message.role == role);
    said(of_role, |message| &message.text)
}

/// The messages of a list, or of an object with one in it.
pub(super) fn messages(json: &str) -> Vec<Message> {
    if json.starts_with('[') {
        return elements(json).filter_map(message).collect();
    }
    // An object around the list or around the only text, as Vercel's SDK and LangChain write it.
    let of = |role: &str, inner: &str| match string(inner) {
        Some(text) => vec![Message::new(role, &text)],
        None => messages(inner),
    };
    let system = value_at(json, &["system"]).map(|inner| of("system", inner));
    let inner = ["messages", "prompt", "input"]
        .iter()
        .find_map(|name| value_at(json, &[name]));
    let inner = inner.map(|inner| of("user", inner));
    system.into_iter().chain(inner).flatten().collect()
}

/// The messages of numbered attributes: `NAME.0.role` or `NAME.0.message.role`.
fn numbered(look: &Look<'_>, names: &[&str]) -> Vec<Message> {
    for name in names {
        let nth = |place: usize| one(look, &format!("{name}.{place}."));
        // The first one may be left out: OpenInference keeps its place for instructions.
        let all: Vec<Message> = nth(0).into_iter().chain((1..).map_while(nth)).collect();
        if !all.is_empty() {
            look.take_all(&format!("{name}."));
            return all;
        }
    }
    Vec::new()
}

fn message(json: &str) -> Option<Message> {
    let (mut role, mut kind, mut event, mut data, mut inner) = (None, None, None, None, None);
    for (name, value) in members(json) {
        match &*name {
            "role" => role = string(value),
            "type" => kind = string(value),
            // `gen_ai.user.message`, or `gen_ai.choice` with the message in it.
            "event.name" => event = string(value),
            "message" => inner = Some(value),
            "data" => data = Some(value),
            _ => {}
        }
    }
    let event = event.as_deref().and_then(|name| name.strip_prefix("gen_ai."));
    let as_event = event.map(|name| name.strip_suffix(".message").unwrap_or("assistant"));
    let as_typed = || match kind.as_deref().filter(|_| data.is_some())? {
        "human" => Some("user"),
        "ai" => Some("assistant"),
        other => Some(other),
    };
    let role = role.as_deref().or(as_event).or_else(as_typed)?;
    let mut message = Message::new(role, "");
    let (mut content, mut parts, mut calls) = (None, None, None);
    for (name, value) in members(inner.or(data).unwrap_or(json)) {
        match &*name {
            "content" => content = Some(value),
            "parts" => parts = Some(value),
            "tool_calls" => calls = Some(value),
            _ => {}
        }
    }
    content.into_iter().chain(parts).for_each(|value| message.add(value));
    calls.into_iter().flat_map(elements).for_each(|call| message.call(call));
    if role == "tool" {
        // Whole: which call it answers stands beside what it says.
        message.text.clear();
        message.others = vec![raw::kept(json)];
    }
    Some(message)
}

impl Message {
    fn new(role: &str, text: &str) -> Self {
        Message {
            role: role.to_owned(),
            text: text.to_owned(),
            ..Message::default()
        }
    }

    /// Whether the model said it.
    pub(super) fn is_models(&self) -> bool {
        matches!(self.role.as_str(), "assistant" | "model")
    }

    /// A content: a text, or a list of parts.
    fn add(&mut self, content: &str) {
        match content.as_bytes().first() {
            Some(b'"') => join(&mut self.text, &string(content).unwrap_or_default()),
            Some(b'[') => elements(content).for_each(|part| self.part(part)),
            _ if content == "null" => {}
            _ => self.others.push(raw::kept(content)),
        }
    }

    fn part(&mut self, part: &str) {
        if let Some(text) = string(part) {
            return join(&mut self.text, &text);
        }
        let (mut kind, mut named, mut texts) = (None, None, [const { None }; TEXTS.len()]);
        for (name, value) in members(part) {
            match &*name {
                "type" => named = Some(value),
                "kind" => kind = Some(value),
                name => {
                    let place = TEXTS.iter().position(|known| *known == name);
                    if let Some(text) = place.and_then(|place| texts.get_mut(place)) {
                        *text = string(value);
                    }
                }
            }
        }
        let kind = named.or(kind).and_then(string).unwrap_or_default();
        let text = texts.into_iter().flatten().next();
        match (&*kind, text) {
            ("reasoning" | "thinking", Some(text)) => join(&mut self.reasoning, &text),
            ("text" | "", Some(text)) => join(&mut self.text, &text),
            ("tool_call" | "tool-call" | "tool_use", _) => self.call(part),
            _ => self.others.push(raw::kept(part)),
        }
    }

    fn call(&mut self, call: &str) {
        let function = value_at(call, &["function"]).unwrap_or(call);
        let text = |of: &str, names: &[&str]| {
            let found = names.iter().find_map(|name| string(value_at(of, &[name])?));
            found.unwrap_or_default().into_owned()
        };
        let arguments = ["arguments", "input", "args"]
            .iter()
            .find_map(|name| value_at(function, &[name]));
        self.calls.push(Call {
            id: text(call, &["id", "toolCallId", "tool_call_id"]),
            name: text(function, &["name", "toolName"]),
            arguments: match arguments.map(|raw| (raw, string(raw))) {
                // Often JSON in a string once more.
                Some((_, Some(text))) => arguments_in(&text),
                Some((raw, None)) => raw::kept(raw),
                None => Json::from(serde_json::Value::Null),
            },
        });
    }
}

/// Where a part has its text; the first that is one counts.
const TEXTS: [&str; 4] = ["content", "text", "reasoning", "thinking"];

fn arguments_in(text: &str) -> Json {
    raw::whole(text).unwrap_or_else(|| Json::from(text))
}

fn join(to: &mut String, text: &str) {
    if !to.is_empty() && !text.is_empty() {
        to.push('\n');
    }
    to.push_str(text);
}

/// The message of the attributes with this beginning.
fn one(look: &Look<'_>, beginning: &str) -> Option<Message> {
    let attributes = &look.span.attributes;
    let get = |name: &str| {
        let inner = attributes.text(&format!("{beginning}message.{name}"));
        inner
            .or_else(|| attributes.text(&format!("{beginning}{name}")))
            .map(str::to_owned)
    };
    let mut message = Message::new(&get("role")?, "");
    if let Some(content) = get("content") {
        // Traceloop has parts as JSON there.
        let parts = content.starts_with('[').then(|| raw::checked(&content)).flatten();
        match parts {
            Some(parts) => message.add(&parts),
            None => message.text = content,
        }
    }
    for place in 0.. {
        let part = |name: &str| get(&format!("contents.{place}.message_content.{name}"));
        let Some(text) = part("text") else { break };
        match part("type").as_deref() {
            Some("reasoning") => join(&mut message.reasoning, &text),
            _ => join(&mut message.text, &text),
        }
    }
    for place in 0.. {
        let call = |name: &str| {
            get(&format!("tool_calls.{place}.tool_call.{name}")).or_else(|| get(&format!("tool_calls.{place}.{name}")))
        };
        let Some(name) = call("function.name").or_else(|| call("name")) else {
            break;
        };
        let arguments = call("function.arguments").or_else(|| call("arguments"));
        message.calls.push(Call {
            id: call("id").unwrap_or_default(),
            name,
            arguments: arguments.map_or_else(|| Json::from(serde_json::Value::Null), |text| arguments_in(&text)),
        });
    }
    if message.role == "tool" {
        let mut whole = Members::from([("role", "tool")]);
        if let Some(id) = get("tool_call_id") {
            whole.set("tool_call_id", id.as_str());
        }
        whole.set("content", std::mem::take(&mut message.text).as_str());
        message.others = vec![Json::from(whole)];
    }
    Some(message)
}
