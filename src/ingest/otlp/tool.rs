//! A tool as it was called, out of what frameworks put around its parameters and its result.

use super::super::word;
use super::look::{Look, kept};
use super::messages;
use super::span::Value;
use super::table;
use crate::record::{Agent, ErrorDetail, Json, Outcome, Record, Status, Tool};

/// The execution of a tool, below that step.
pub(super) fn execution(look: &Look<'_>, step: Option<&Look<'_>>, agent: Agent) -> Record {
    let mut outcome = super::record::outcome(look);
    let mut tool = tool(look);
    let (mut call, mut parameters) = (look.word(table::TOOL_CALL), None);
    if let Some(value) = look.first(table::PARAMETERS) {
        parameters = Some(unwrapped(kept(&value), table::WRAPPED_PARAMETERS));
    }
    // LangChain says of a tool with one parameter only its value, and which call it was only in the step above it.
    if let Some((id, _, arguments)) = step.and_then(|step| made(step, &tool.name)) {
        call = call.or(Some(id));
        let is_whole = |parameters: &Json| parameters.as_str().starts_with('{');
        if arguments.is_object() && !parameters.as_ref().is_some_and(is_whole) {
            parameters = Some(Json::from(arguments));
        }
    }
    if let Some(value) = look.first(table::RESULT) {
        let answer = Answer::of(kept(&value));
        call = call.or(answer.call);
        if answer.failed && outcome.status == Status::Success {
            let said = kept_text(&answer.content);
            outcome = Outcome::new(Status::Failure).error(ErrorDetail::new().message(said));
        }
        tool = tool.result(answer.content);
    }
    if let Some(call) = call.as_deref().and_then(word) {
        tool = tool.call(call);
    }
    tool.parameters = parameters;
    tool.error = outcome.error.clone();
    Record::tool_call(agent, tool.status(outcome.status)).outcome(outcome)
}

/// What a value says, a string without its quotes.
fn kept_text(value: &Json) -> String {
    serde_json::from_str(value.as_str()).unwrap_or_else(|_| value.as_str().to_owned())
}

fn tool(look: &Look<'_>) -> Tool {
    let named = |beginning: &&str| look.span.name.strip_prefix(*beginning);
    let by_span = ["execute_tool ", "running tool: "]
        .iter()
        .find_map(named)
        .unwrap_or(&look.span.name);
    let name = look.word(table::TOOL).unwrap_or_else(|| by_span.to_owned());
    let mut tool = Tool::new(word(&name).unwrap_or_else(|| "unnamed".to_owned()));
    if let Some(attempt) = look.number(table::ATTEMPT).filter(|attempt| *attempt > 0) {
        tool = tool.attempt(attempt);
    }
    match look.span.milliseconds() {
        Some(milliseconds) => tool.duration_ms(milliseconds),
        None => tool,
    }
}

/// The call of this tool that a step makes, where it makes no other.
fn made(step: &Look<'_>, tool: &str) -> Option<(String, String, serde_json::Value)> {
    let listed = step.span.attributes.get(table::CALLS_MADE)?;
    let mut calls = messages::calls(listed).into_iter();
    let made = calls.next().filter(|(_, name, _)| name == tool)?;
    calls.next().is_none().then_some(made)
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

/// What a tool said.
struct Answer {
    content: Json,
    call: Option<String>,
    /// Whether what it said is that it failed.
    failed: bool,
}

impl Answer {
    /// Out of the message that LangChain makes of it.
    fn of(value: Json) -> Self {
        let parsed: Option<serde_json::Value> = serde_json::from_str(value.as_str()).ok();
        let is_message =
            |json: &serde_json::Value| json.get("type").and_then(serde_json::Value::as_str) == Some("tool");
        let message = parsed
            .as_ref()
            .filter(|json| is_message(json))
            .and_then(|json| json.get("data"));
        let text = |name: &str| Some(message?.get(name)?.as_str()?.to_owned());
        Answer {
            call: text("tool_call_id"),
            failed: text("status").as_deref() == Some("error"),
            content: text("content").map_or(value, |text| kept(&Value::Text(text))),
        }
    }
}
