//! A span becomes a record, by the table.

use super::super::{short, word};
use super::call::call;
use super::ids::{agent_id, id_of, time};
use super::look::{Look, kept, list};
use super::messages::Call;
use super::once::Once;
use super::own;
use super::retrieval::retrieval;
use super::run::run;
use super::span::{Event, Span};
use super::step::step;
use super::table::{self, Is};
use super::tool::execution;
use crate::log::hex;
use crate::record::look::{shown, value};
use crate::record::{
    Agent, ErrorDetail, Handoff, Json, Kind, Members, OnBehalfOf, Outcome, Principal, Record, Status, Tool, Trace,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest stack trace that is kept, in bytes: longer ones repeat themselves.
const STACK: usize = 16 << 10;

/// The attribute that says which bytes a record came from: whether what comes under its id is the same once more.
pub(crate) const DIGEST: &str = "otel.digest";

/// The attribute that names what came as JSON that is none, and is kept as a text.
const BROKEN: &str = "otel.broken";

/// The attribute of a record whose agent neither its span nor one above it named.
const ASSUMED: &str = "agent.assumed";

/// What is known of the spans above one.
#[derive(Debug, Clone, Default)]
pub(super) struct Above {
    pub(super) agent: Option<Arc<str>>,
    pub(super) session: Option<Arc<str>>,
}

impl Above {
    /// As a record that was made of a span says it, and the record above that.
    pub(super) fn recorded(text: &str) -> (Self, Option<String>) {
        let assumed = value(text, &["attributes", ASSUMED]).is_some();
        let above = Above {
            agent: shown(text, &["agent", "id"]).filter(|_| !assumed).map(Arc::from),
            session: shown(text, &["session"]).map(Arc::from),
        };
        (above, shown(text, &["parent"]))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.agent.is_some() && self.session.is_some()
    }

    /// With what this lacks and another says.
    pub(super) fn or(self, other: &Above) -> Self {
        Above {
            agent: self.agent.or_else(|| other.agent.clone()),
            session: self.session.or_else(|| other.session.clone()),
        }
    }
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
        match is {
            Is::Run if of_agent => Some(Cow::Borrowed(stem.unwrap_or(&look.span.name))),
            // It says who gives it away.
            Is::Handoff => look.word(&["input.value"]),
            _ => None,
        }
    };
    Above {
        agent: look
            .word(table::AGENT)
            .or_else(named)
            .map(|word| Arc::from(short(&word))),
        session: look.word(table::SESSION).map(|word| Arc::from(short(&word))),
    }
}

/// What a span is about.
pub(super) fn is(span: &Span<'_>) -> Is {
    if span.name.starts_with("handoff to ") || span.attributes.text("openinference.span.kind") == Some("HANDOFF") {
        return Is::Handoff;
    }
    // Many in a row are about one attribute.
    let mut last = ("", None);
    let by_attribute = table::KINDS.iter().find(|(name, value, _)| {
        if last.0 != *name {
            last = (name, span.attributes.text(name));
        }
        last.1 == Some(value)
    });
    let by_name = || {
        table::NAMES
            .iter()
            .find(|(beginning, _)| span.name.starts_with(beginning))
    };
    by_attribute
        .map(|(_, _, is)| *is)
        .or_else(|| by_name().map(|(_, is)| *is))
        .unwrap_or(Is::Other)
}

/// The record of a span, and the definitions that it names. A tool may need the call that
/// the step above it made.
pub(super) fn record(look: &Look<'_>, is: Is, above: Above, made: &mut Option<Call>) -> (Record, Vec<Record>) {
    let span = look.span;
    // Where its parents have not come, or do not say it, the service's name stands for the agent's.
    let assumed = above.agent.is_none();
    let agent = agent(look, above.agent.as_deref());
    let name = agent.id.clone();
    let mut once = Once::new(&name);
    // Set member by member: a record is large, and would be moved each time.
    let mut record = match is {
        Is::Run => run(look, agent, &mut once),
        Is::Call => call(look, agent, &mut once),
        Is::Tool => execution(look, made, agent),
        Is::Retrieval => retrieval(look, agent),
        Is::Handoff => handoff(look, agent),
        Is::Guardrail => own::guardrail(look, Record::new(agent, Kind::Decision)),
        Is::Evaluation => own::evaluation(look, Record::new(agent, Kind::Review)),
        Is::Step => step(look, agent),
        Is::Other => Record::new(agent, Kind::from("span")),
    };
    own::members(look, &mut record);
    let trace = hex(&span.trace);
    record.id = Some(id_of(&[&span.trace, &span.span]));
    record.trace = Some(Trace::new().id(trace.clone()).span(hex(&span.span)));
    record.correlation = Some(trace);
    record.duration_ms = span.milliseconds();
    record.parent = span.parent.map(|parent| id_of(&[&span.trace, &parent]));
    record.session = above.session.as_deref().and_then(word);
    record.outcome.get_or_insert_with(|| outcome(look));
    record.time = time(span.start);
    let repeated = once.repeated(look);
    let mut rest = look.rest();
    // What was set on the way, such as messages that are neither asked nor said.
    for (name, value) in record.attributes.iter().flat_map(Members::iter) {
        rest.set(name, value.clone());
    }
    for (name, digest) in repeated {
        rest.set(name, digest.as_str());
    }
    rest.set("span.name", &*span.name);
    rest.set(DIGEST, span.digest.as_str());
    if assumed {
        rest.set(ASSUMED, true);
    }
    if record.time.is_none() && span.start > 0 {
        rest.set("span.start", span.start);
    }
    if !span.scope.is_empty() {
        rest.set("otel.scope", &*span.scope);
    }
    let broken = broken(&record, &rest);
    if !broken.is_empty() {
        rest.set(BROKEN, serde_json::Value::from(broken));
    }
    let events: Vec<&Event<'_>> = span.events.iter().filter(|event| event.name != "exception").collect();
    if !events.is_empty() {
        rest.set("span.events", events_json(&events));
    }
    record.attributes = Some(rest);
    (record, once.definitions)
}

fn agent(look: &Look<'_>, named: Option<&str>) -> Agent {
    let service = || look.word(&["service.name"]);
    let mut agent = Agent::new(match named {
        Some(name) => agent_id(Some(name)),
        None => agent_id(service().as_deref()),
    });
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

fn handoff(look: &Look<'_>, agent: Agent) -> Record {
    const TO: &[&str] = &["output.value", "gen_ai.handoff.to_agent"];
    let to = look.span.name.strip_prefix("handoff to ").map(Cow::Borrowed);
    let to = to.or_else(|| look.word(TO));
    look.take_where(TO, |value| value.scalar() == to);
    let to = to.as_deref().and_then(word);
    let receiver = crate::record::Receiver::agent(to.unwrap_or_else(|| "unknown".to_owned()));
    Record::new(agent, Kind::Handoff).with_handoff(Handoff::new(receiver))
}

/// How it ended. Of the places in which an error may stand each dialect uses others.
pub(super) fn outcome(look: &Look<'_>) -> Outcome {
    let span = look.span;
    let status = if span.failed { Status::Failure } else { Status::Success };
    let exception = span.events.iter().find(|event| event.name == "exception");
    let typed = look.word(table::ERROR_TYPE);
    if !span.failed && exception.is_none() && typed.is_none() {
        return Outcome::new(status);
    }
    let of = |name: &str| Some(Cow::Borrowed(exception?.attributes.text(name)?));
    let mut error = ErrorDetail::new();
    if let Some(name) = typed.or_else(|| of("exception.type")) {
        error = error.type_(short(&name));
    }
    // LangChain puts the whole trace behind the message.
    let (message, trace) = match span.message.split_once("Traceback (most recent call last)") {
        Some((message, trace)) => (
            message.trim_end(),
            Some(Cow::Owned(format!("Traceback (most recent call last){trace}"))),
        ),
        None => (&*span.message, None),
    };
    let message = Some(Cow::Borrowed(message)).filter(|message| !message.is_empty());
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

/// Where a text begins as JSON does and is none, such as what an SDK cut at its limit.
fn broken(record: &Record, rest: &Members) -> Vec<String> {
    let of_tool = |tool: &Tool| {
        let parts = [("tools.parameters", &tool.parameters), ("tools.result", &tool.result)];
        parts.map(|(name, value)| value.as_ref().filter(|value| is_broken(value)).map(|_| name))
    };
    let of_tools = record.tools.iter().flat_map(of_tool).flatten();
    let of_rest = rest.iter().filter(|(_, value)| is_broken(value)).map(|(name, _)| name);
    of_tools.chain(of_rest).map(str::to_owned).collect()
}

fn is_broken(value: &Json) -> bool {
    [r#""{\""#, r#""[\""#, r#""[{"#]
        .iter()
        .any(|beginning| value.as_str().starts_with(beginning))
}

fn events_json(events: &[&Event<'_>]) -> Json {
    let of = |event: &&Event<'_>| {
        let of_its_own = event
            .attributes
            .iter()
            .filter(|(name, _)| !matches!(*name, "name" | "time"));
        let head = [
            ("name", Some(Json::from(&*event.name))),
            ("time", time(event.time).map(|time| Json::from(&*time))),
        ];
        let head = head
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let of_its_own = of_its_own.map(|(name, value)| (name.to_owned(), kept(value)));
        Json::from(Members::distinct(head.chain(of_its_own)))
    };
    list(&events.iter().map(of).collect::<Vec<Json>>())
}
