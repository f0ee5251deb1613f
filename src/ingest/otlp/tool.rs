//! A tool as it was called, out of what frameworks put around its parameters and its result.

use super::super::short;
use super::look::{Look, kept};
use super::span::Value;
use super::table;
use crate::record::{Json, Outcome, Tool};

/// The execution of a tool, which ended so.
pub(super) fn tool(look: &Look<'_>, outcome: &Outcome) -> Tool {
    let named = |beginning: &&str| look.span.name.strip_prefix(*beginning);
    let by_span = ["execute_tool ", "running tool: "]
        .iter()
        .find_map(named)
        .unwrap_or(&look.span.name);
    let name = look.word(table::TOOL).unwrap_or_else(|| by_span.to_owned());
    let name = Some(short(&name)).filter(|name| !name.is_empty());
    let mut tool = Tool::new(name.unwrap_or_else(|| "unnamed".to_owned()));
    if let Some(call) = look.word(table::TOOL_CALL) {
        tool = tool.call(short(&call));
    }
    if let Some(value) = look.first(table::PARAMETERS) {
        tool = tool.parameters(unwrapped(kept(&value), table::WRAPPED_PARAMETERS));
    }
    if let Some(value) = look.first(table::RESULT) {
        tool = tool.result(answer(kept(&value)));
    }
    if let Some(attempt) = look.number(table::ATTEMPT).filter(|attempt| *attempt > 0) {
        tool = tool.attempt(attempt);
    }
    if let Some(milliseconds) = look.span.milliseconds() {
        tool = tool.duration_ms(milliseconds);
    }
    tool.error = outcome.error.clone();
    tool.status(outcome.status)
}

/// The member that holds what was meant, if the value is an object with one that says something.
fn unwrapped(value: Json, names: &[&str]) -> Json {
    let parsed: Option<std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>> =
        serde_json::from_str(value.as_str()).ok();
    let inner = parsed.and_then(|members| {
        let found = names.iter().find_map(|name| members.get(*name))?;
        found.get().starts_with('{').then(|| found.get().to_owned())
    });
    inner.and_then(|inner| Json::raw(inner).ok()).unwrap_or(value)
}

/// What a tool said, out of the message that LangChain makes of it.
fn answer(value: Json) -> Json {
    let parsed: Option<serde_json::Value> = serde_json::from_str(value.as_str()).ok();
    let content = parsed
        .as_ref()
        .filter(|json| json.get("type").and_then(serde_json::Value::as_str) == Some("tool"))
        .and_then(|json| json.get("data")?.get("content")?.as_str());
    content.map_or(value, |text| kept(&Value::Text(text.to_owned())))
}
