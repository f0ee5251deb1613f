//! Messages as the dialects have them: lists of objects with a role and a content or parts, as JSON in a string or as values,
//! and numbered attributes. What every call says again, the history, is passed over: the new messages are those behind the
//! last one of the model.

use super::look::Look;
use super::span::Value;
use serde_json::Value as Json;

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
    let is_models = |message: &Message| matches!(message.role.as_str(), "assistant" | "model");
    let from = messages.iter().rposition(is_models).map_or(0, |last| last + 1);
    messages.into_iter().skip(from).collect()
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

/// The messages of numbered attributes: `NAME.0.role` or `NAME.0.message.role`.
fn numbered(look: &Look<'_>, names: &[&str]) -> Vec<Message> {
    for name in names {
        let mut all = Vec::new();
        while let Some(message) = one(look, &format!("{name}.{}.", all.len())) {
            all.push(message);
        }
        if !all.is_empty() {
            look.take_all(&format!("{name}."));
            return all;
        }
    }
    Vec::new()
}

fn messages(json: &Json) -> Vec<Message> {
    match json {
        Json::Array(list) => list.iter().filter_map(message).collect(),
        // An object around the list, as Vercel's SDK and LangChain write it.
        Json::Object(_) => {
            let inner = ["messages", "input"].iter().find_map(|name| json.get(name));
            inner.map(messages).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn message(json: &Json) -> Option<Message> {
    let named = json.get("event.name").and_then(Json::as_str);
    let role = json.get("role").and_then(Json::as_str).or_else(|| {
        // As an event: `gen_ai.user.message`, or `gen_ai.choice` with the message in it.
        named?
            .strip_prefix("gen_ai.")?
            .strip_suffix(".message")
            .or(Some("assistant"))
    })?;
    let mut message = Message {
        role: role.to_owned(),
        ..Message::default()
    };
    let inner = json.get("message").unwrap_or(json);
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
        message.others = vec![json.clone()];
    }
    Some(message)
}

impl Message {
    /// A content: a text, or a list of parts.
    fn add(&mut self, content: &Json) {
        match content {
            Json::String(text) => join(&mut self.text, text),
            Json::Array(parts) => parts.iter().for_each(|part| self.part(part)),
            Json::Null => {}
            other => self.others.push(other.clone()),
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
                other => self.others.push(other.clone()),
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
        let id = text(call, &["id", "toolCallId", "tool_call_id"]);
        self.calls.push((id, text(function, &["name", "toolName"]), arguments));
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
    let mut message = Message {
        role: get("role")?,
        ..Message::default()
    };
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
            serde_json::from_str(&text).unwrap_or(Json::from(text))
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
