//! A message of MCP, which is JSON-RPC 2.0 (<https://modelcontextprotocol.io/specification>), as far as it matters here.

use serde::Deserialize;
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

/// The messages in a text: one, or those of a batch (which protocol version 2025-03-26 had). None if it is no JSON-RPC.
pub(super) fn messages(text: &str) -> Option<Vec<Message<'_>>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(vec![serde_json::from_str(text).ok()?])
}

/// The requests in a text that are recorded, by their ids: those that are refused where nothing may pass unrecorded.
pub(crate) fn units(text: &str) -> Vec<String> {
    let all = messages(text).unwrap_or_default();
    let recorded = all.iter().filter(|message| {
        let method = message.method.as_deref();
        method.is_some_and(|method| matches!(method, "tools/call" | "resources/read" | "prompts/get"))
    });
    recorded
        .filter_map(|message| Some(message.id?.get().to_owned()))
        .collect()
}

/// The answer to a request that may not pass, or in place of one.
pub(crate) fn refusal(id: &str, why: &str) -> String {
    let why = serde_json::Value::from(format!("auditdb: {why}"));
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32000,\"message\":{why}}}}}")
}

/// The error that takes the place of answers that could not be recorded.
pub(crate) fn replaced(text: &str, why: &str) -> String {
    #[derive(Deserialize)]
    struct Answered<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    let why = format!("the call was made, and could not be recorded: {why}");
    let answered = serde_json::from_str::<Answered<'_>>(text);
    refusal(answered.map_or("null", |answer| answer.id.get()), &why)
}
