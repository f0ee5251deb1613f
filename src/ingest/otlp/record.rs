//! A span becomes a record, by the table.

use super::super::short;
use super::look::{Look, kept};
use super::messages::{self, Message};
use super::own;
use super::span::{Event, Span, Value};
use super::table::{self, Is};
use crate::record::{
    Agent, ContextItem, Decision, Definition, ErrorDetail, Handoff, Input, Json, Kind, LOG_AGENT, Members, Model,
    OnBehalfOf, Outcome, Output, Principal, Prompt, Record, Status, Tool, Trace, Usage, digest, format_time,
    looks_like,
};
use std::fmt::Write as _;

/// The longest stack trace that is kept, in bytes: longer ones repeat themselves.
const STACK: usize = 16 << 10;

/// What is known of the spans above one.
#[derive(Debug, Clone, Default)]
pub(super) struct Above {
    pub(super) agent: Option<String>,
    pub(super) session: Option<String>,
}

/// What a span says of itself that those below it need.
pub(super) fn said(look: &Look<'_>, is: Is) -> Above {
    let named = || {
        // Where the framework names the agent only by the span.
        let stem = look
            .span
            .name
            .strip_suffix(".run")
            .or_else(|| look.span.name.strip_suffix(".workflow"));
        let of_agent = look.span.attributes.text("openinference.span.kind") == Some("AGENT") || stem.is_some();
        (is == Is::Run && of_agent).then(|| stem.unwrap_or(&look.span.name).to_owned())
    };
    Above {
        agent: look.word(table::AGENT).or_else(named),
        session: look.word(table::SESSION),
    }
}

/// What a span is about.
pub(super) fn is(span: &Span) -> Is {
    if span.name.starts_with("handoff to ") || span.attributes.text("openinference.span.kind") == Some("HANDOFF") {
        return Is::Handoff;
    }
    let by_attribute = table::KINDS
        .iter()
        .find(|(name, value, _)| span.attributes.text(name) == Some(value));
    let by_name = || {
        table::NAMES
            .iter()
            .find(|(beginning, _)| span.name.starts_with(beginning))
    };
    by_attribute
        .map(|(_, _, is)| *is)
        .or_else(|| by_name().map(|(_, is)| *is))
        .unwrap_or(Is::Step)
}

/// The record of a span, and the definitions that it names.
pub(super) fn record(look: &Look<'_>, is: Is, above: Above) -> (Record, Vec<Record>) {
    let span = look.span;
    let agent = agent(look, above.agent);
    let mut definitions = Vec::new();
    let record = match is {
        Is::Run => run(look, agent.clone()),
        Is::Call => call(look, agent.clone(), &mut definitions),
        Is::Tool => Record::tool_call(agent.clone(), tool(look)),
        Is::Retrieval => retrieval(look, agent.clone()),
        Is::Handoff => handoff(look, agent.clone()),
        Is::Guardrail => own::guardrail(look, Record::new(agent.clone(), Kind::Decision)),
        Is::Evaluation => own::evaluation(look, Record::new(agent.clone(), Kind::Review)),
        Is::Step => Record::new(agent.clone(), Kind::from("span")),
    };
    let mut record = own::members(look, record)
        .id(id_of(&[&span.trace, &span.span]))
        .correlation(hex(&span.trace))
        .trace(Trace::new().id(hex(&span.trace)).span(hex(&span.span)));
    if let Some(milliseconds) = span
        .end
        .checked_sub(span.start)
        .filter(|_| span.end > 0 && span.start > 0)
    {
        record = record.duration_ms(milliseconds as f64 / 1e6);
    }
    if let Some(parent) = span.parent {
        record = record.parent(id_of(&[&span.trace, &parent]));
    }
    if let Some(session) = above
        .session
        .as_deref()
        .map(short)
        .filter(|session| !session.is_empty())
    {
        record = record.session(session);
    }
    if record.outcome.is_none() {
        record = record.outcome(outcome(look));
    }
    record.time = time(span.start);
    let repeated = once(look, &agent.id, &mut definitions);
    let mut rest = look.rest();
    // What was set on the way, such as messages that are neither asked nor said.
    for (name, value) in record.attributes.iter().flat_map(Members::iter) {
        rest.set(name, value.clone());
    }
    for (name, digest) in repeated {
        rest.set(name, digest.as_str());
    }
    rest.set("span.name", span.name.as_str());
    if record.time.is_none() && span.start > 0 {
        rest.set("span.start", span.start);
    }
    if !span.scope.is_empty() {
        rest.set("otel.scope", &*span.scope);
    }
    let events: Vec<&Event> = span.events.iter().filter(|event| event.name != "exception").collect();
    if !events.is_empty() {
        rest.set("span.events", events_json(&events));
    }
    record.attributes = Some(rest);
    (record, definitions)
}

/// An id that is computed: the same parts have the same, whenever and in whatever order they come (UUID of version 8, RFC 9562).
pub(super) fn id_of(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("auditdb otlp id v1");
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Nanoseconds since 1970 as a time; none for what no clock says: nothing, and what is behind the years that a log knows.
pub(super) fn time(nanoseconds: u64) -> Option<String> {
    let known = i64::try_from(nanoseconds)
        .ok()
        .filter(|time| (1..LAST_TIME).contains(time));
    known.map(format_time)
}

/// The end of 2261, in nanoseconds since 1970.
const LAST_TIME: i64 = 9_214_646_400_000_000_000;

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// An agent's name as an id. None may be called as the log itself is.
pub(super) fn agent_id(named: Option<String>) -> String {
    let name = named.map(|name| short(&name)).filter(|name| !name.is_empty());
    match name.unwrap_or_else(|| "unknown".to_owned()) {
        name if looks_like(&name, LOG_AGENT) => format!("agent {LOG_AGENT}"),
        name => name,
    }
}

fn agent(look: &Look<'_>, named: Option<String>) -> Agent {
    let mut agent = Agent::new(agent_id(named.or_else(|| look.word(&["service.name"]))));
    if let Some(version) = look.word(table::AGENT_VERSION) {
        agent = agent.version(short(&version));
    }
    if let Some(environment) = look.word(table::ENVIRONMENT) {
        agent = agent.environment(short(&environment));
    }
    match look.word(table::USER) {
        Some(user) => agent.on_behalf_of(OnBehalfOf::new().type_(Principal::User).id(short(&user))),
        None => agent,
    }
}

/// What stands in every call is defined once; gives the attributes and the digests that stand for them.
fn once(look: &Look<'_>, agent: &str, definitions: &mut Vec<Record>) -> Vec<(&'static str, String)> {
    let mut named = Vec::new();
    for (name, of) in table::REPEATED {
        let Some(value) = look.first(&[name]) else { continue };
        let text = words(&value);
        let digest = digest(text.as_bytes());
        let definition = Definition::new(*name, digest.as_str()).type_(*of).text(text);
        definitions.push(defined(agent, &digest, definition));
        named.push((*name, digest));
    }
    named
}

/// From whichever span it comes, a definition is the same record.
fn defined(agent: &str, digest: &str, definition: Definition) -> Record {
    let id = id_of(&[b"definition", agent.as_bytes(), digest.as_bytes()]);
    Record::definition(Agent::new(agent), definition).id(id)
}

/// A whole run: what set it going, and what came of it.
fn run(look: &Look<'_>, agent: Agent) -> Record {
    let mut record = Record::decision(agent, Decision::new("agent_run").automated(true));
    let mut came = messages::listed(look, table::MESSAGES_IN);
    if came.is_empty() {
        came = messages::numbered(look, table::NUMBERED_IN);
    }
    let is_asking = |message: &&Message| message.role == "user" && !message.text.is_empty();
    // Of what went in the last one asks; of a whole conversation the first one of this turn.
    let first = || {
        let from = look.number(table::NEW_FROM).unwrap_or(0);
        let all = messages::listed(look, table::MESSAGES_ALL);
        let mut new = all.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        new.find(is_asking).map(|message| message.text.clone())
    };
    let asked = came.iter().rfind(is_asking).map(|message| message.text.clone());
    let asked = asked.or_else(first);
    for name in table::MESSAGES_ALL.iter().chain(table::MESSAGES_OUT) {
        // Each call of a model has its part of it.
        look.take(name);
    }
    match asked {
        Some(text) => {
            table::INPUT.iter().for_each(|name| look.take(name));
            record = record.input(Input::new().text(text));
        }
        None => {
            if let Some(value) = look.first(table::INPUT) {
                record = record.input(Input::new().text(words(&value)));
            }
        }
    }
    let output = look.first(table::OUTPUT).map(|value| kept(&value));
    if let Some(value) = output {
        record = record.output(match serde_json::from_str::<String>(value.as_str()) {
            Ok(text) => Output::new().text(text),
            Err(_) => Output::new().parsed(value),
        });
    }
    record
}

/// A call of a model: what is new in its input, and all that it gave out.
fn call(look: &Look<'_>, agent: Agent, definitions: &mut Vec<Record>) -> Record {
    let mut model = Model::new();
    if let Some(provider) = look.word(table::PROVIDER) {
        model = model.provider(short(&provider));
    }
    let (name, requested) = (look.word(table::MODEL), look.word(table::MODEL_REQUESTED));
    if let Some(requested) = requested.filter(|requested| Some(requested) != name.as_ref()) {
        model = model.requested(short(&requested));
    }
    if let Some(name) = name {
        model = model.name(short(&name));
    }
    let mut settings = Members::new();
    for (attribute, name) in table::SETTINGS {
        if let Some(value) = look.first(&[attribute]) {
            settings.set(*name, kept(&value));
        }
    }
    if !settings.is_empty() {
        model = model.parameters(settings);
    }
    let mut record = Record::model_call(agent.clone(), model);
    let mut came = messages::listed(look, table::MESSAGES_IN);
    if came.is_empty() {
        came = messages::numbered(look, table::NUMBERED_IN);
    }
    let mut given = messages::listed(look, table::MESSAGES_OUT);
    if given.is_empty() {
        given = messages::numbered(look, table::NUMBERED_OUT);
    }
    if !came.is_empty() || !given.is_empty() {
        // The same once more, as one text.
        look.take("input.value");
        look.take("output.value");
    }
    let system = messages::said(came.iter().filter(|message| message.role == "system"), |message| {
        &message.text
    });
    let system = look
        .first(table::INSTRUCTIONS)
        .map(|value| instructions(&value))
        .or(system);
    let mut input = Input::new();
    if let Some(text) = system {
        let digest = digest(text.as_bytes());
        input = input.prompt(Prompt::new().id("system").digest(digest.as_str()));
        let definition = Definition::prompt("system", digest.as_str()).text(text);
        definitions.push(defined(&agent.id, &digest, definition));
    }
    let new = messages::new(came);
    if let Some(text) = messages::said(new.iter().filter(|message| message.role == "user"), |message| {
        &message.text
    }) {
        input = input.text(text);
    } else if new.is_empty()
        && let Some(value) = look.first(table::INPUT)
    {
        input = input.text(words(&value));
    }
    record = record.input(input);
    let others: Vec<Json> = new
        .iter()
        .flat_map(|message| &message.others)
        .cloned()
        .map(Json::from)
        .collect();
    if !others.is_empty() {
        record = record.attribute("messages", list(&others));
    }
    record = gave(look, record, &given);
    record.usage(usage(look))
}

/// What a model gave out.
fn gave(look: &Look<'_>, mut record: Record, given: &[Message]) -> Record {
    let mut output = Output::new();
    let text = messages::said(given, |message| &message.text);
    let plain = || look.first(table::OUTPUT).map(|value| words(&value));
    if let Some(text) = text.or_else(plain) {
        output = output.text(text);
    }
    let calls: Vec<serde_json::Value> = given
        .iter()
        .flat_map(|message| &message.calls)
        .map(|(id, name, arguments)| serde_json::json!({"call": id, "name": name, "arguments": arguments}))
        .collect();
    if let Some(object) = look.first(table::OBJECT) {
        output = output.parsed(kept(&object));
    } else if !calls.is_empty() {
        output = output.parsed(serde_json::json!({ "tool_calls": calls }));
    }
    if let Some(finish) = look.first(table::FINISH) {
        let finish = match &finish {
            Value::List(all) => all.first().and_then(Value::scalar),
            one => one.scalar(),
        };
        if let Some(finish) = finish {
            output = output.finish(short(&finish));
        }
    }
    let reasoning = messages::said(given, |message| &message.reasoning);
    let alone = || look.first(table::REASONING).map(|value| words(&value));
    if let Some(reasoning) = reasoning.or_else(alone) {
        record = record.reasoning(reasoning);
    }
    record.output(output)
}

fn usage(look: &Look<'_>) -> Usage {
    let mut usage = Usage::new();
    usage.input_tokens = look.number(table::INPUT_TOKENS);
    usage.output_tokens = look.number(table::OUTPUT_TOKENS);
    usage.cache_read_tokens = look.number(table::CACHE_READ_TOKENS);
    usage.cache_write_tokens = look.number(table::CACHE_WRITE_TOKENS);
    usage.reasoning_tokens = look.number(table::REASONING_TOKENS);
    usage
}

fn tool(look: &Look<'_>) -> Tool {
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
    if let Some(milliseconds) = look
        .span
        .end
        .checked_sub(look.span.start)
        .filter(|_| look.span.start > 0)
    {
        tool = tool.duration_ms(milliseconds as f64 / 1e6);
    }
    let outcome = outcome(look);
    tool.error = outcome.error;
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

fn retrieval(look: &Look<'_>, agent: Agent) -> Record {
    let mut record = Record::retrieval(agent);
    if let Some(query) = look.first(table::RETRIEVAL_QUERY) {
        record = record.input(Input::new().text(words(&query)));
    }
    let source = look.word(table::DATA_SOURCE);
    for found in documents(look) {
        let mut item = found;
        if let Some(source) = &source {
            item = item.system(short(source));
        }
        record = record.retrieved(item);
    }
    if record.context.is_empty()
        && let Some(result) = look.first(table::RESULT)
    {
        record = record.output(Output::new().parsed(kept(&result)));
    }
    record
}

/// The documents that were found, listed or numbered.
fn documents(look: &Look<'_>) -> Vec<ContextItem> {
    let of = |id: Option<String>, text: Option<String>, score: Option<f64>| {
        let mut item = ContextItem::new();
        item.resource = id;
        item.excerpt = text;
        match score.filter(|score| score.is_finite()) {
            Some(score) => item.score(score),
            None => item,
        }
    };
    if let Some(value) = look.first(table::DOCUMENTS)
        && let Ok(serde_json::Value::Array(all)) = serde_json::from_str(kept(&value).as_str())
    {
        let text = |json: &serde_json::Value, names: &[&str]| {
            names.iter().find_map(|name| match json.get(name)? {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Null => None,
                other => Some(other.to_string()),
            })
        };
        return all
            .iter()
            .map(|json| {
                let score = json.get("score").and_then(serde_json::Value::as_f64);
                of(text(json, &["id"]), text(json, &["content", "text"]), score)
            })
            .collect();
    }
    let mut found = Vec::new();
    for name in table::NUMBERED_DOCUMENTS {
        loop {
            let beginning = format!("{name}.{}.document.", found.len());
            let get = |name: &str| look.span.attributes.get(&format!("{beginning}{name}"));
            let (id, text) = (
                get("id").and_then(Value::scalar),
                get("content").and_then(Value::scalar),
            );
            let score = match get("score") {
                Some(Value::Double(score)) => Some(*score),
                _ => None,
            };
            if id.is_none() && text.is_none() {
                break;
            }
            look.take(&format!("{beginning}id"));
            look.take(&format!("{beginning}content"));
            look.take(&format!("{beginning}score"));
            found.push(of(id, text, score));
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn handoff(look: &Look<'_>, agent: Agent) -> Record {
    let to = look.span.name.strip_prefix("handoff to ").map(str::to_owned);
    let to = to.or_else(|| look.word(&["output.value", "gen_ai.handoff.to_agent"]));
    let to = to.map(|to| short(&to)).filter(|to| !to.is_empty());
    let receiver = crate::record::Receiver::agent(to.unwrap_or_else(|| "unknown".to_owned()));
    Record::new(agent, Kind::Handoff).with_handoff(Handoff::new(receiver))
}

/// How it ended. Of the places in which an error may stand each dialect uses others.
fn outcome(look: &Look<'_>) -> Outcome {
    let span = look.span;
    let status = if span.failed { Status::Failure } else { Status::Success };
    let exception = span.events.iter().find(|event| event.name == "exception");
    let typed = look.word(table::ERROR_TYPE);
    if !span.failed && exception.is_none() && typed.is_none() {
        return Outcome::new(status);
    }
    let of = |name: &str| {
        exception
            .and_then(|event| event.attributes.text(name))
            .map(str::to_owned)
    };
    let mut error = ErrorDetail::new();
    if let Some(name) = typed.or_else(|| of("exception.type")) {
        error = error.type_(short(&name));
    }
    // LangChain puts the whole trace behind the message.
    let (message, trace) = match span.message.split_once("Traceback (most recent call last)") {
        Some((message, trace)) => (
            message.trim_end(),
            Some(format!("Traceback (most recent call last){trace}")),
        ),
        None => (span.message.as_str(), None),
    };
    let message = Some(message.to_owned()).filter(|message| !message.is_empty());
    if let Some(message) = of("exception.message").or(message) {
        error = error.message(message);
    }
    if let Some(stack) = of("exception.stacktrace").or(trace) {
        // The end of it says what went wrong.
        let from = stack.ceil_char_boundary(stack.len().saturating_sub(STACK));
        error = error.stack(stack.get(from..).unwrap_or_default());
    }
    Outcome::new(status).error(error)
}

/// What a value says as a text.
fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.json().as_str().to_owned(),
    }
}

/// The instructions: a text, or parts.
fn instructions(value: &Value) -> String {
    let text = words(value);
    let Ok(serde_json::Value::Array(parts)) = serde_json::from_str(&text) else {
        return text;
    };
    let part = |part: &serde_json::Value| match part {
        serde_json::Value::String(text) => Some(text.clone()),
        part => Some(part.get("content").or_else(|| part.get("text"))?.as_str()?.to_owned()),
    };
    let known: Vec<String> = parts.iter().filter_map(part).collect();
    if known.is_empty() { text } else { known.join("\n") }
}

fn list(all: &[Json]) -> Json {
    let texts: Vec<&str> = all.iter().map(Json::as_str).collect();
    Json::raw(format!("[{}]", texts.join(","))).unwrap_or_else(|_| Json::from(""))
}

fn events_json(events: &[&Event]) -> Json {
    let of = |event: &&Event| {
        let mut members = Members::new();
        members.set("name", event.name.as_str());
        if let Some(time) = time(event.time) {
            members.set("time", time.as_str());
        }
        for (name, value) in event.attributes.iter() {
            members.set(name, kept(value));
        }
        Json::from(members)
    };
    list(&events.iter().map(of).collect::<Vec<Json>>())
}
