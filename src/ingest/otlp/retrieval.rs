//! Something that was looked up for a model as a record.

use super::super::short;
use super::look::{Look, kept, words};
use super::span::Value;
use super::table;
use crate::record::{Agent, ContextItem, Input, Output, Record};
use std::borrow::Cow;

/// What was looked for, and what was found.
pub(super) fn retrieval(look: &Look<'_>, agent: Agent) -> Record {
    let mut record = Record::retrieval(agent);
    if let Some(query) = look.first(table::RETRIEVAL_QUERY) {
        record = record.input(Input::new().text(only(words(&query))));
    }
    let source = look.word(table::DATA_SOURCE);
    for mut item in documents(look) {
        if let Some(source) = &source {
            item = item.system(short(source));
        }
        record = record.retrieved(item);
    }
    // Where documents are told apart, the result is the same once more.
    let result = look.first(table::RESULT);
    if record.context.is_empty()
        && let Some(result) = result
    {
        record = record.output(Output::new().parsed(kept(&result)));
    }
    record
}

/// The text, or the only one in the object that it is: the parameters of a search that has one.
fn only(text: String) -> String {
    match serde_json::from_str::<std::collections::BTreeMap<String, String>>(&text) {
        Ok(members) if members.len() == 1 => members.into_values().next().unwrap_or(text),
        _ => text,
    }
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
            let scalar = |name: &str| get(name).and_then(Value::scalar).map(Cow::into_owned);
            let (id, text) = (scalar("id"), scalar("content"));
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
            let id = id.or_else(|| in_result(look, found.len()));
            found.push(of(id, text, score));
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// The id of a document as the result has it, where it stands nowhere else: so LangChain's.
fn in_result(look: &Look<'_>, place: usize) -> Option<String> {
    let result = words(look.span.attributes.get(table::DOCUMENTS_IN_RESULT)?);
    let result: serde_json::Value = serde_json::from_str(&result).ok()?;
    Some(result.get("documents")?.get(place)?.get("id")?.as_str()?.to_owned())
}
