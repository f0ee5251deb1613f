//! A run of an agent as a record.

use super::call::system;
use super::look::{Look, kept, words};
use super::messages::{self, Message};
use super::once::Once;
use super::table;
use crate::record::look::said;
use crate::record::{Agent, Decision, Input, Json, Output, Record};

/// A whole run: what set it going, and what came of it.
pub(super) fn run(look: &Look<'_>, agent: Agent, once: &mut Once<'_>) -> Record {
    let mut record = Record::decision(agent, Decision::new("agent_run").automated(true));
    let mut came = messages::found(look, table::MESSAGES_IN, table::NUMBERED_IN);
    if came.iter().all(|message| message.text.is_empty()) {
        came = messages::listed(look, table::INPUT);
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
    let input = match asked {
        Some(text) => {
            table::INPUT.iter().for_each(|name| look.take(name));
            Some(Input::new().text(text))
        }
        None => look.first(table::INPUT).map(|value| Input::new().text(words(&value))),
    };
    if let Some(mut input) = input {
        if let Some(text) = system(look, &came) {
            input = input.prompt(once.prompt(text));
        }
        record = record.input(input);
    }
    if let Some(value) = look.first(table::OUTPUT) {
        record = record.output(output(kept(&value)));
    }
    record
}

/// What came of a run: a text, also as the last message of a conversation, of which each call has its part; or anything else.
fn output(value: Json) -> Output {
    if let Some(text) = said(value.as_str()) {
        return Output::new().text(text);
    }
    let last = messages::messages(value.as_str()).pop();
    match last.filter(|last| last.is_models() && !last.text.is_empty()) {
        Some(last) => Output::new().text(last.text),
        None => Output::new().parsed(value),
    }
}
