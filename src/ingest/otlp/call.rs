//! A call of a model as a record.

use super::super::short;
use super::look::{Look, kept, list, words};
use super::messages::{self, Message};
use super::once::defined;
use super::span::Value;
use super::table;
use crate::record::{Agent, Definition, Input, Json, Members, Model, Output, Prompt, Record, Usage, digest};

/// A call of a model: what is new in its input, and all that it gave out.
pub(super) fn call(look: &Look<'_>, agent: Agent, definitions: &mut Vec<Record>) -> Record {
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
    let came = messages::found(look, table::MESSAGES_IN, table::NUMBERED_IN);
    let given = messages::found(look, table::MESSAGES_OUT, table::NUMBERED_OUT);
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
        let finish = match &*finish {
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
