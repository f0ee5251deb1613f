//! Log records of OpenTelemetry that are about what an agent did: some SDKs send the messages of a model's call only there. Each
//! becomes a record below that of its span.

use super::super::word;
use super::ids::{agent_id, id_of, time};
use super::look::kept;
use super::own;
use super::record::{Above, DIGEST};
use super::span::Log;
use crate::log::hex;
use crate::record::look::{said, value};
use crate::record::{Agent, Input, Json, Kind, Link, Members, Output, Record, Rel, Review, Trace};
use std::borrow::Cow;

/// The record of a log record, if it is one of the conventions for generative AI.
pub(super) fn record(log: &Log<'_>, above: Above) -> Option<Record> {
    let name = match &*log.name {
        "" => log.attributes.text("event.name").unwrap_or_default(),
        name => name,
    };
    if !name.starts_with("gen_ai.") {
        return None;
    }
    let agent = log.attributes.text("gen_ai.agent.name").or(above.agent.as_deref());
    let agent = agent_id(agent.or_else(|| log.resource.text("service.name")));
    let body = log.body.as_ref().map(kept);
    let content = body.as_ref().and_then(content);
    let mut record = match name {
        "gen_ai.evaluation.result" => evaluation(log, Agent::new(agent)),
        _ => Record::new(Agent::new(agent), Kind::Message),
    };
    record = match name {
        "gen_ai.choice" | "gen_ai.assistant.message" => match content {
            Some(text) => record.output(Output::new().text(text)),
            None => record,
        },
        _ => match content {
            Some(text) => record.input(Input::new().text(text)),
            None => record,
        },
    };
    let of_its_own = log.attributes.iter().filter(|(name, _)| *name != "event.name");
    let of_its_own = of_its_own.map(|(name, value)| (name.to_owned(), kept(value)));
    let mut rest = Members::distinct(
        [("event.name".to_owned(), Json::from(name))]
            .into_iter()
            .chain(of_its_own),
    );
    if let Some(body) = body {
        rest.set("body", body);
    }
    rest.set(DIGEST, log.digest.as_str());
    // The same event is the same record; two with one name and one time differ in what they say.
    let content = Json::from(rest.clone());
    let trace = log.trace.unwrap_or_default();
    let span = log.span.unwrap_or_default();
    let parts: [&[u8]; 5] = [
        &trace,
        &span,
        b"event",
        &log.time.to_le_bytes(),
        content.as_str().as_bytes(),
    ];
    record = record.id(id_of(&parts));
    record.time = time(log.time);
    if log.trace.is_some() {
        record = record.correlation(hex(&trace));
        record = record.trace(Trace::new().id(hex(&trace)).span(hex(&span)));
    }
    if log.trace.is_some() && log.span.is_some() {
        record = record.parent(id_of(&[&trace, &span]));
    }
    let session = log
        .attributes
        .text("gen_ai.conversation.id")
        .or(above.session.as_deref());
    if let Some(session) = session.and_then(word) {
        record = record.session(session);
    }
    record.attributes = Some(rest);
    Some(record)
}

fn evaluation(log: &Log<'_>, agent: Agent) -> Record {
    let verdict = own::verdict(log.attributes.text("gen_ai.evaluation.score.label"));
    let mut review = Review::new().verdict(verdict);
    review.reason = log.attributes.text("gen_ai.evaluation.explanation").map(str::to_owned);
    let record = Record::new(agent, Kind::Review).with_review(review);
    match log.trace.zip(log.span) {
        Some((trace, span)) => record.link(Link::new(id_of(&[&trace, &span]), Rel::Reviews)),
        None => record,
    }
}

/// The text of a message's body.
fn content(body: &Json) -> Option<String> {
    let at = |path: &[&str]| value(body.as_str(), path);
    let content = at(&["content"]).or_else(|| at(&["message", "content"]));
    content.and_then(said).map(Cow::into_owned)
}
