//! A run of an agent as a record.

use super::look::{Look, kept, words};
use super::messages::{self, Message};
use super::table;
use crate::record::{Agent, Decision, Input, Output, Record};

/// A whole run: what set it going, and what came of it.
pub(super) fn run(look: &Look<'_>, agent: Agent) -> Record {
    let mut record = Record::decision(agent, Decision::new("agent_run").automated(true));
    let came = messages::found(look, table::MESSAGES_IN, table::NUMBERED_IN);
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
