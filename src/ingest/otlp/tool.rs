//! A tool as it was called, out of what frameworks put around its parameters and its result.

use super::super::{raw, word};
use super::look::{Look, kept};
use super::messages::{self, Call};
use super::span::Span;
use super::table;
use crate::record::look::{said, shown, value as value_at};
use crate::record::{Agent, ErrorDetail, Json, Outcome, Record, Status, Tool};
use std::borrow::Cow;

/// The execution of a tool, by that call of the step above it.
pub(super) fn execution(look: &Look<'_>, made: &mut Option<Call>, agent: Agent) -> Record {
    let mut outcome = super::record::outcome(look);
    let mut tool = tool(look);
    let (mut call, mut parameters) = (look.word(table::TOOL_CALL), None);
    if let Some(value) = look.first(table::PARAMETERS) {
        parameters = Some(unwrapped(kept(&value), table::WRAPPED_PARAMETERS));
    }
    // LangChain says of a tool with one parameter only its value, and which call it was only in the step above it.
    if let Some(made) = made.take_if(|made| made.name == tool.name) {
        call = call.or(Some(made.id.into()));
        let is_whole = |parameters: &Json| parameters.as_str().starts_with('{');
        if is_whole(&made.arguments) && !parameters.as_ref().is_some_and(is_whole) {
            parameters = Some(made.arguments);
        }
    }
    if let Some(value) = look.first(table::RESULT) {
        let answer = Answer::of(kept(&value));
        call = call.or(answer.call.map(Cow::Owned));
        if answer.failed && outcome.status == Status::Success {
            let said = shown(answer.content.as_str(), &[]).unwrap_or_default();
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

fn tool(look: &Look<'_>) -> Tool {
    let named = |beginning: &&str| look.span.name.strip_prefix(*beginning);
    let by_span = ["execute_tool ", "running tool: "]
        .iter()
        .find_map(named)
        .unwrap_or(&look.span.name);
    let name = look.word(table::TOOL).unwrap_or(Cow::Borrowed(by_span));
    let mut tool = Tool::new(word(&name).unwrap_or_else(|| "unnamed".to_owned()));
    if let Some(attempt) = look.number(table::ATTEMPT).filter(|attempt| *attempt > 0) {
        tool = tool.attempt(attempt);
    }
    match look.span.milliseconds() {
        Some(milliseconds) => tool.duration_ms(milliseconds),
        None => tool,
    }
}

/// The call that a step makes, where it makes no other.
pub(super) fn made(step: &Span<'_>) -> Option<Call> {
    let listed = step.attributes.get(table::CALLS_MADE)?;
    let mut calls = messages::calls(listed).into_iter();
    let made = calls.next()?;
    calls.next().is_none().then_some(made)
}

/// The member that holds what was meant, if the value is an object with one that says something.
fn unwrapped(value: Json, names: &[&str]) -> Json {
    let inner = names.iter().find_map(|name| value_at(value.as_str(), &[name]));
    let inner = inner.filter(|inner| inner.starts_with('{')).and_then(raw::whole);
    inner.unwrap_or(value)
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
        let is_message = value_at(value.as_str(), &["type"]) == Some("\"tool\"");
        let text = |name: &str| {
            let text = value_at(value.as_str(), &["data", name]).and_then(said);
            text.filter(|_| is_message).map(Cow::into_owned)
        };
        Answer {
            call: text("tool_call_id"),
            failed: text("status").as_deref() == Some("error"),
            content: text("content").map_or_else(|| value.clone(), |text| raw::unfolded(&text)),
        }
    }
}
