//! A message of MCP, which is JSON-RPC 2.0 (<https://modelcontextprotocol.io/specification>), as far as it matters here.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A request, a notification, or an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// What a client or a server says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Hello {
    pub(super) client_info: Option<Party>,
    pub(super) server_info: Option<Party>,
}

/// A side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Party {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

/// What a request of these kinds asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The tool or the prompt.
    pub(super) name: Option<String>,
    /// The resource.
    pub(super) uri: Option<String>,
    pub(super) arguments: Option<Box<RawValue>>,
    #[serde(rename = "_meta")]
    pub(super) meta: Option<Meta>,
}

/// What stands beside a request; W3C Trace Context among it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub(super) traceparent: Option<String>,
}

/// What a request's id says, however it is spelled; `None` of what is no id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Text(String),
    Number(String),
}

impl Id {
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        match serde_json::from_str(raw.get()).ok()? {
            Value::String(text) => Some(Id::Text(text)),
            Value::Number(number) => Some(Id::Number(match number.as_f64() {
                #[expect(clippy::cast_possible_truncation, reason = "it has no fraction, and is small enough")]
                Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => (float as i64).to_string(),
                _ => number.to_string(),
            })),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Id::Text(text) | Id::Number(text) => text,
        }
    }
}

/// What a client's message asks for that is recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    /// The ids of its requests, as they are written.
    pub(crate) ids: Vec<String>,
    /// Whether it can be read, and whatever it asks for has an id by which the answer is known.
    pub(crate) is_clear: bool,
}

/// The messages in a text: one, or those of a batch (which protocol version 2025-03-26 had). None if it is no JSON-RPC.
pub(super) fn messages(text: &str) -> Option<Vec<Message<'_>>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(vec![serde_json::from_str(text).ok()?])
}

/// Whether a request of that kind is recorded.
pub(super) fn is_recorded(method: &str) -> bool {
    matches!(method, "tools/call" | "resources/read" | "prompts/get")
}

/// What of a client's message is recorded: what is refused where nothing may pass unrecorded.
pub(crate) fn units(text: &str) -> Units {
    let Some(all) = messages(text) else {
        return Units {
            ids: Vec::new(),
            is_clear: text.trim().is_empty(),
        };
    };
    let recorded: Vec<_> = all
        .iter()
        .filter(|message| message.method.as_deref().is_some_and(is_recorded))
        .collect();
    let ids = recorded.iter().filter_map(|message| message.id);
    Units {
        is_clear: recorded.iter().all(|message| message.id.and_then(Id::of).is_some()),
        ids: ids.map(|id| id.get().to_owned()).collect(),
    }
}

/// Whether a server's message can be read, so that no answer passes unseen.
pub(crate) fn is_readable(text: &str) -> bool {
    text.trim().is_empty() || messages(text).is_some()
}

/// The answer to a request that may not pass, or in place of one.
pub(crate) fn refusal(id: &str, why: &str) -> String {
    let why = Value::from(format!("auditdb: {why}"));
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32000,\"message\":{why}}}}}")
}

/// The answers to requests that may not pass; to a batch one batch.
pub(crate) fn refusals(ids: &[String], is_batch: bool, why: &str) -> String {
    let all: Vec<String> = match ids.is_empty() {
        true => vec![refusal("null", why)],
        false => ids.iter().map(|id| refusal(id, why)).collect(),
    };
    match is_batch {
        true => format!("[{}]", all.join(",")),
        false => all.concat(),
    }
}

/// What takes the place of answers that could not be recorded.
pub(crate) fn replaced(text: &str, why: &str) -> String {
    let why = format!("the call was made, and could not be recorded: {why}");
    let all = messages(text).unwrap_or_default();
    let ids = all.iter().filter(|message| message.method.is_none());
    let ids: Vec<String> = ids.filter_map(|message| Some(message.id?.get().to_owned())).collect();
    refusals(&ids, text.trim_start().starts_with('['), &why)
}
