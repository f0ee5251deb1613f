//! A call of a model as a record.

use super::super::raw::Object;
use super::super::short;
use super::look::{Look, kept, list, words};
use super::messages::{self, Message};
use super::once::Once;
use super::span::Value;
use super::table;
use crate::record::{Agent, Input, Json, Members, Model, Output, Record, Usage};

/// A call of a model: what is new in its input, and all that it gave out.
pub(super) fn call(look: &Look<'_>, agent: Agent, once: &mut Once<'_>) -> Record {
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
    let settings = settings(look, once);
    if !settings.is_empty() {
        model = model.parameters(settings);
    }
    let mut record = Record::model_call(agent, model);
    let came = messages::found(look, table::MESSAGES_IN, table::NUMBERED_IN);
    let given = messages::found(look, table::MESSAGES_OUT, table::NUMBERED_OUT);
    if !came.is_empty() || !given.is_empty() {
        // The same once more, as one text.
        look.take("input.value");
        look.take("output.value");
    }
    let mut input = Input::new();
    if let Some(text) = system(look, &came) {
        input = input.prompt(once.prompt(text));
    }
    let new = messages::new(came);
    if let Some(text) = messages::said_by(&new, "user") {
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

/// Whether it says what was asked or said, as far as such a call has that.
pub(super) fn has_content(look: &Look<'_>, record: &Record) -> bool {
    let takes_none = |(name, value): &(&str, &str)| look.span.attributes.text(name) == Some(value);
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| text != table::HIDDEN);
    let input = record.input.as_ref();
    let output = record.output.as_ref();
    table::WITHOUT_MESSAGES.iter().any(takes_none)
        || input.is_some_and(|input| says(&input.text) || input.prompt.is_some())
        || output.is_some_and(|output| says(&output.text) || output.parsed.is_some())
        || record.attributes.iter().any(|rest| rest.get("messages").is_some())
}

/// What an agent was told once and for all.
pub(super) fn system(look: &Look<'_>, messages: &[Message]) -> Option<String> {
    let apart = look.first(table::INSTRUCTIONS).map(|value| instructions(&value));
    apart.or_else(|| messages::said_by(messages, "system"))
}

fn settings(look: &Look<'_>, once: &mut Once<'_>) -> Members {
    let mut settings = Members::new();
    for (attribute, name) in table::SETTINGS {
        if let Some(value) = look.first(&[attribute]) {
            settings.set(*name, kept(&value));
        }
    }
    for attribute in table::SETTINGS_TOGETHER {
        let Some(value) = look.first(&[attribute]).map(|value| kept(&value)) else {
            continue;
        };
        let object = serde_json::from_str(value.as_str()).ok().map(Object::parse);
        let Some(Ok(object)) = object else {
            // None that has members: it stays what it is.
            settings.set(*attribute, value);
            continue;
        };
        for (name, value) in object.iter() {
            let repeated = table::REPEATED_SETTINGS.iter().find(|(of, ..)| *of == name);
            match repeated {
                Some((_, id, of)) => {
                    let text = super::super::raw::text(value).unwrap_or_else(|| value.get().to_owned());
                    settings.set(name, once.define(id, *of, text).as_str());
                }
                None => settings.set(name, super::super::raw::kept(value.get())),
            }
        }
    }
    settings
}

/// What a model gave out.
fn gave(look: &Look<'_>, mut record: Record, given: &[Message]) -> Record {
    let mut output = Output::new();
    let text = messages::said(given, |message| &message.text);
    // Where it gave messages, they are all there is.
    let plain = || {
        look.first(table::OUTPUT)
            .filter(|_| given.is_empty())
            .map(|value| words(&value))
    };
    if let Some(text) = text.or_else(plain) {
        output = output.text(text);
    }
    let apart = look.first(table::CALLS).map(|value| messages::calls(&value));
    let calls: Vec<serde_json::Value> = given
        .iter()
        .flat_map(|message| &message.calls)
        .chain(apart.iter().flatten())
        .map(|(id, name, arguments)| serde_json::json!({"call": id, "name": name, "arguments": arguments}))
        .collect();
    if let Some(object) = look.first(table::OBJECT) {
        output = output.parsed(kept(&object));
    } else if !calls.is_empty() {
        output = output.parsed(serde_json::json!({ "tool_calls": calls }));
    }
    let finish_of = |value: &Value| match value {
        Value::List(all) => all.first().and_then(Value::scalar),
        one => one.scalar(),
    };
    let finish = look.first(table::FINISH);
    if let Some(finish) = finish.and_then(|value| finish_of(&value)) {
        look.take_where(table::FINISH, |value| finish_of(value).as_ref() == Some(&finish));
        output = output.finish(short(&finish));
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
