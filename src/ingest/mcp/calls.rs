//! A request and its answer as a record.

use super::message::{Asked, is_recorded};
use super::watch::{Moment, read};
use crate::ingest::raw::kept;
use crate::ingest::{short, uuid_of, word};
use crate::record::{
    Access, Agent, ContextItem, ContextType, Definition, DefinitionType, ErrorDetail, Input, Operation, Outcome,
    Output, Prompt, Record, Status, Tool, Trace, digest, format_time,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) method: String,
    pub(super) asked: Asked,
    /// Parameters that are none of these.
    pub(super) unread: Option<Box<RawValue>>,
    pub(super) since: Moment,
    /// Whether the client has taken it back.
    pub(super) is_cancelled: bool,
}

/// What became of it.
pub(super) enum Answer<'a> {
    Result(&'a RawValue),
    Error(&'a RawValue),
    /// There is none, and none comes any more.
    None,
}

/// Whether something comes of a request.
pub(super) fn is_watched(method: &str) -> bool {
    is_recorded(method) || matches!(method, "tools/list" | "initialize")
}

/// The record of a request and what became of it.
pub(super) fn record(
    agent: Agent,
    system: &str,
    id: &str,
    pending: Pending,
    answer: Answer<'_>,
    now: Moment,
) -> Option<Record> {
    let outcome = outcome(&answer, pending.is_cancelled);
    let result = match answer {
        Answer::Result(result) => Some(result),
        _ => None,
    };
    let Pending {
        method,
        asked,
        unread,
        since,
        is_cancelled,
    } = pending;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a call")]
    let milliseconds = now.steady.saturating_sub(since.steady) as f64 / 1e6;
    let name = asked.name.as_deref().and_then(word);
    let trace = asked.meta.and_then(|meta| trace(&meta.traceparent?));
    let mut record = match method.as_str() {
        "tools/call" => {
            let mut tool = Tool::new(name.unwrap_or_else(|| "unnamed".to_owned()));
            tool.call = word(id);
            tool.parameters = asked.arguments.map(|arguments| kept(arguments.get()));
            tool.result = result.map(|result| kept(result.get()));
            tool.error = outcome.error.clone();
            let tool = tool.system(system).status(outcome.status).duration_ms(milliseconds);
            Record::tool_call(agent, tool)
        }
        "resources/read" => {
            let uri = asked.uri.unwrap_or_default();
            let read = Access::new(system, Operation::Read).resource(uri.as_str());
            let item = ContextItem::from_system(system, uri).type_(ContextType::Document);
            Record::retrieval(agent).retrieved(item).accessed(read)
        }
        "prompts/get" => {
            let name = name.unwrap_or_else(|| "unnamed".to_owned());
            let mut input = Input::new().prompt(Prompt::new().id(name.as_str()));
            let arguments = asked.arguments.as_deref().and_then(read::<serde_json::Map<_, _>>);
            input.variables = arguments.map(|arguments| arguments.into_iter().collect());
            let item = ContextItem::from_system(system, name).type_(ContextType::from("prompt"));
            Record::retrieval(agent).input(input).retrieved(item)
        }
        _ => return None,
    };
    if let Some(result) = result.filter(|_| method != "tools/call") {
        record = record.output(Output::new().parsed(kept(result.get())));
    }
    if let Some(unread) = unread {
        record = record.attribute("params", kept(unread.get()));
    }
    if is_cancelled {
        record = record.attribute("mcp.cancelled", true);
    }
    record.trace = trace;
    Some(
        record
            .time(format_time(since.time))
            .duration_ms(milliseconds)
            .outcome(outcome)
            .attribute("mcp.method", method),
    )
}

/// Something that was sent and is no message of the protocol.
pub(super) fn unread(agent: Agent, text: &str, now: Moment) -> Record {
    let input = Input::new().text(text);
    let record = Record::message(agent).input(input).time(format_time(now.time));
    record.attribute("mcp.unread", "no JSON-RPC: it was handed on as it is")
}

/// Something that passed without a look.
pub(super) fn passed_over(agent: Agent, why: &str, now: Moment) -> Record {
    let record = Record::message(agent).time(format_time(now.time));
    record.attribute("mcp.unread", why)
}

/// The tools that a server describes, each once: a description that changes is another one.
pub(super) fn definitions(agent: &Agent, system: &str, result: &RawValue, known: &mut HashSet<String>) -> Vec<Record> {
    #[derive(Deserialize)]
    struct Listed {
        tools: Vec<Box<RawValue>>,
    }
    let tools = read::<Listed>(result).map(|listed| listed.tools).unwrap_or_default();
    let mut records = Vec::new();
    for tool in tools {
        let name = read::<Asked>(&tool).and_then(|tool| tool.name).unwrap_or_default();
        let digest = digest(tool.get().as_bytes());
        if !known.insert(digest.clone()) {
            continue;
        }
        let parts = [
            b"tool".as_slice(),
            agent.id.as_bytes(),
            system.as_bytes(),
            digest.as_bytes(),
        ];
        let id = uuid_of(blake3::Hasher::new_derive_key("auditdb mcp id v1"), &parts);
        let named = short(&format!("{system}/{name}"));
        let definition = Definition::new(named, digest)
            .type_(DefinitionType::Tool)
            .text(tool.get());
        records.push(Record::definition(Agent::new(agent.id.as_str()), definition).id(id));
    }
    records
}

fn outcome(answer: &Answer<'_>, is_cancelled: bool) -> Outcome {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Result {
        is_error: bool,
        content: Vec<Content>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Content {
        text: Option<String>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Error {
        code: Option<Box<RawValue>>,
        message: Option<String>,
    }
    let failed = |error: ErrorDetail| Outcome::new(Status::Failure).error(error);
    match answer {
        Answer::Result(result) => match read::<Result>(result).filter(|result| result.is_error) {
            Some(result) => {
                let said: Vec<String> = result.content.into_iter().filter_map(|content| content.text).collect();
                failed(ErrorDetail::new().type_("tool_error").message(said.join("\n")))
            }
            None => Outcome::new(Status::Success),
        },
        Answer::Error(error) => {
            let Error { code, message } = read(error).unwrap_or_default();
            let mut detail = ErrorDetail::new().type_("json_rpc");
            detail.code = code.map(|code| short(code.get().trim_matches('"')));
            failed(detail.message(message.unwrap_or_else(|| error.get().to_owned())))
        }
        Answer::None if is_cancelled => Outcome::new(Status::Cancelled).detail("the client cancelled the request"),
        Answer::None => Outcome::new(Status::Unknown).detail("no answer was seen"),
    }
}

/// A `traceparent` of W3C Trace Context (<https://www.w3.org/TR/trace-context/#traceparent-header>).
fn trace(text: &str) -> Option<Trace> {
    let mut parts = text.split('-');
    let (_, id, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, len| {
        text.len() == len
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    (is_hex(id, 32) && is_hex(span, 16)).then(|| Trace::new().id(id).span(span))
}
