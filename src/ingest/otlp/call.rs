//! A call of a model as a record.

use super::super::raw::Object;
use super::super::short;
use super::look::{self, Look, kept, list, words};
use super::messages::{self, Call, Message};
use super::once::Once;
use super::span::Value;
use super::table;
use crate::record::look::{elements, said, value as value_at};
use crate::record::{Agent, Input, Json, Members, Model, Output, Record, Usage};
use std::borrow::Cow;

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
    let others: Vec<Json> = new.into_iter().flat_map(|message| message.others).collect();
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
    let (input, output) = (record.input.as_ref(), record.output.as_ref());
    // There also what could not be read.
    let rest = |name: &str| record.attributes.as_ref()?.get(name);
    table::WITHOUT_MESSAGES.iter().any(takes_none)
        || input.is_some_and(|input| says(&input.text) || input.prompt.is_some())
        || output.is_some_and(|output| says(&output.text) || output.parsed.is_some())
        || table::MESSAGES_IN
            .iter()
            .chain(&["messages"])
            .any(|name| rest(name).is_some_and(|value| value.as_str() != "[]"))
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
    let calls = given
        .iter()
        .flat_map(|message| &message.calls)
        .chain(apart.iter().flatten());
    let calls: Vec<Json> = calls.map(told).collect();
    if let Some(object) = look.first(table::OBJECT) {
        output = output.parsed(kept(&object));
    } else if !calls.is_empty() {
        output = output.parsed(Members::from([("tool_calls", list(&calls))]));
    }
    if let Some(value) = look.first(table::FINISH)
        && let Some(finish) = finish_of(&value)
    {
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

/// A call that a model asks for, as it stands in its output.
fn told(call: &Call) -> Json {
    let mut told = Members::from([("call", call.id.as_str()), ("name", &call.name)]);
    told.set("arguments", call.arguments.clone());
    Json::from(told)
}

/// Why it stopped: the first of several reasons.
fn finish_of<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    match value {
        Value::List(all) => all.first().and_then(Value::scalar),
        one => one.scalar(),
    }
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
fn instructions(value: &Value<'_>) -> String {
    let json = look::json(value).unwrap_or_default();
    let text = |part| said(part).or_else(|| said(value_at(part, &["content"]).or_else(|| value_at(part, &["text"]))?));
    let known: Vec<Cow<'_, str>> = elements(&json).filter_map(text).collect();
    if known.is_empty() {
        words(value)
    } else {
        known.join("\n")
    }
}
