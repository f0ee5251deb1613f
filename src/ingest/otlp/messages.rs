//! Messages as the dialects have them: lists of objects with a role and a content or parts, as JSON in a string or as values,
//! (LangChain: in the `data` of an object with a `type`) and numbered attributes. What every call says again, the history, is passed over: the new messages are those behind the
//! last one of the model.

use super::super::raw::{self, Object};
use super::look::{Look, words};
use super::span::Value;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// One message.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) text: String,
    pub(super) reasoning: String,
    /// Calls of tools that it asks for: id, name, arguments.
    pub(super) calls: Vec<(String, String, Json)>,
    /// Everything that is none of these, such as what a tool answered.
    pub(super) others: Vec<Json>,
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
        let value = look.first(&[name])?;
        let json = match &*value {
            Value::Text(text) => serde_json::from_str(text).ok()?,
            other => serde_json::from_str(other.json().as_str()).ok()?,
        };
        let messages = messages(&json);
        (!messages.is_empty()).then_some(messages)
    };
    names.iter().find_map(of).unwrap_or_default()
}

/// Those behind the last one of the model.
pub(super) fn new(messages: Vec<Message>) -> Vec<Message> {
    let from = messages.iter().rposition(Message::is_models).map_or(0, |last| last + 1);
    messages.into_iter().skip(from).collect()
}

/// A state of a framework, an object with `messages`, without those that came up to the last one of the model: each call of a
/// model has its part of them. None if there are none such.
pub(super) fn only_new(state: &RawValue) -> Option<String> {
    let object = Object::parse(state).ok()?;
    let all = raw::list(object.get("messages")?)?;
    let is_models = |raw: &RawValue| message(&serde_json::from_str(raw.get()).ok()?).map(|message| message.is_models());
    let last = all.iter().rposition(|raw| is_models(raw) == Some(true))?;
    let new: Vec<&str> = all.iter().skip(last + 1).map(|raw| raw.get()).collect();
    let members = object.iter().map(|(name, value)| match name {
        "messages" => format!("\"messages\":[{}]", new.join(",")),
        name => format!("{}:{}", Json::from(name), value.get()),
    });
    Some(format!("{{{}}}", members.collect::<Vec<String>>().join(",")))
}

/// The calls of tools that a list holds: id, name, arguments.
pub(super) fn calls(value: &Value) -> Vec<(String, String, Json)> {
    let mut asking = Message::default();
    if let Ok(Json::Array(calls)) = serde_json::from_str(&words(value)) {
        calls.iter().for_each(|call| asking.call(call));
    }
    asking.calls
}

/// What is said in some of them, joined by newlines.
pub(super) fn said<'a>(
    messages: impl IntoIterator<Item = &'a Message>,
    part: impl Fn(&Message) -> &str,
) -> Option<String> {
    let texts: Vec<String> = messages.into_iter().map(|message| part(message).to_owned()).collect();
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What those of a role say.
pub(super) fn said_by(messages: &[Message], role: &str) -> Option<String> {
    let of_role = messages.iter().filter(|message| message.role == role);
    said(of_role, |message| &message.text)
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

/// The messages of a list, or of an object with one in it.
pub(super) fn messages(json: &Json) -> Vec<Message> {
    match json {
        Json::Array(list) => list.iter().filter_map(message).collect(),
        // An object around the list or around the only text, as Vercel's SDK and LangChain write it.
        Json::Object(_) => {
            let of = |role: &str, text: &Json| match text {
                Json::String(text) => vec![Message::new(role, text)],
                list => messages(list),
            };
            let system = json.get("system").map(|text| of("system", text));
            let inner = ["messages", "prompt", "input"].iter().find_map(|name| json.get(name));
            let inner = inner.map(|text| of("user", text));
            system.into_iter().chain(inner).flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn message(json: &Json) -> Option<Message> {
    let named = json.get("event.name").and_then(Json::as_str);
    let as_event = || {
        // `gen_ai.user.message`, or `gen_ai.choice` with the message in it.
        named?
            .strip_prefix("gen_ai.")?
            .strip_suffix(".message")
            .or(Some("assistant"))
    };
    let as_typed = || {
        json.get("data")?;
        match json.get("type")?.as_str()? {
            "human" => Some("user"),
            "ai" => Some("assistant"),
            other => Some(other),
        }
    };
    let role = json.get("role").and_then(Json::as_str);
    let role = role.or_else(as_event).or_else(as_typed)?;
    let mut message = Message::new(role, "");
    let inner = json.get("message").or_else(|| json.get("data")).unwrap_or(json);
    for name in ["content", "parts"] {
        if let Some(content) = inner.get(name) {
            message.add(content);
        }
    }
    for call in inner.get("tool_calls").and_then(Json::as_array).into_iter().flatten() {
        message.call(call);
    }
    if role == "tool" {
        // Whole: which call it answers stands beside what it says.
        message.text.clear();
        message.others = vec![flat(json.clone())];
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
    fn add(&mut self, content: &Json) {
        match content {
            Json::String(text) => join(&mut self.text, text),
            Json::Array(parts) => parts.iter().for_each(|part| self.part(part)),
            Json::Null => {}
            other => self.others.push(flat(other.clone())),
        }
    }

    fn part(&mut self, part: &Json) {
        let kind = part
            .get("type")
            .or_else(|| part.get("kind"))
            .and_then(Json::as_str)
            .unwrap_or_default();
        let text = ["content", "text", "reasoning", "thinking"]
            .iter()
            .find_map(|name| part.get(name)?.as_str());
        match (kind, text) {
            ("reasoning" | "thinking", Some(text)) => join(&mut self.reasoning, text),
            ("text" | "", Some(text)) => join(&mut self.text, text),
            ("tool_call" | "tool-call" | "tool_use", _) => self.call(part),
            _ => match part {
                Json::String(text) => join(&mut self.text, text),
                other => self.others.push(flat(other.clone())),
            },
        }
    }

    fn call(&mut self, call: &Json) {
        let function = call.get("function").unwrap_or(call);
        let text = |of: &Json, names: &[&str]| {
            let found = names.iter().find_map(|name| of.get(name)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        let arguments = ["arguments", "input", "args"]
            .iter()
            .find_map(|name| function.get(name));
        let arguments = match arguments {
            // Often JSON in a string once more.
            Some(Json::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str())),
            Some(other) => other.clone(),
            None => Json::Null,
        };
        let arguments = flat(arguments);
        let id = text(call, &["id", "toolCallId", "tool_call_id"]);
        self.calls.push((id, text(function, &["name", "toolName"]), arguments));
    }
}

/// A value as it is, or as a text if no record may be so deep.
fn flat(json: Json) -> Json {
    let text = json.to_string();
    // It comes to stand one deeper than what is kept as a rule.
    let whole = format!("[{text}]");
    if raw::kept(&whole).as_str() == whole {
        json
    } else {
        Json::String(text)
    }
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
        match serde_json::from_str(&content) {
            Ok(parts @ Json::Array(_)) => message.add(&parts),
            _ => message.text = content,
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
        let arguments = arguments.map_or(Json::Null, |text| {
            serde_json::from_str(&text).map_or_else(|_| Json::from(text), flat)
        });
        message.calls.push((call("id").unwrap_or_default(), name, arguments));
    }
    if message.role == "tool" {
        let text = std::mem::take(&mut message.text);
        message.others =
            vec![serde_json::json!({"role": "tool", "tool_call_id": get("tool_call_id"), "content": text})];
    }
    Some(message)
}
