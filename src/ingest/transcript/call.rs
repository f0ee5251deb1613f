//! A tool call that waits for its result. Only both together are a record.

use super::super::raw::{Object, unfolded};
use super::course::Stamp;
use super::line::{Left, Line};
use super::meaning;
use crate::ingest::word;
use crate::record::{Did, ErrorDetail, Handoff, Human, Json, Kind, Outcome, Receiver, Record, Status, Tool};

/// See the module.
#[derive(Debug)]
pub(super) struct Call {
    /// By what its result names it.
    pub(super) call: String,
    pub(super) name: String,
    /// The server that has the tool, where the format says it.
    pub(super) system: Option<String>,
    pub(super) input: Option<Json>,
    pub(super) stamp: Stamp,
    /// The id of its record.
    pub(super) id: String,
    /// What else its line holds.
    pub(super) left: Left,
    /// To which agent it hands on, if it does, and why.
    pub(super) to: Option<(String, Option<String>)>,
    /// What is known of its end before its result.
    pub(super) early: Answer,
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) result: Option<Json>,
    pub(super) status: Option<Status>,
    pub(super) error: Option<ErrorDetail>,
    /// What the person did, if the call was up to one.
    pub(super) human: Option<(Did, Option<String>)>,
    pub(super) duration: Option<f64>,
    pub(super) left: Left,
    /// The sub-agent's id, where the call made one.
    pub(super) id: Option<String>,
}

impl Call {
    /// The call of a result that has none.
    pub(super) fn missing(call: String, id: String, stamp: Stamp) -> Self {
        let mut left = Left::default();
        left.set("call.missing", true);
        Call {
            call,
            name: String::new(),
            system: None,
            input: None,
            stamp,
            id,
            left,
            to: None,
            early: Answer::default(),
        }
    }

    /// The record of a call and what came of it. A call without an answer has none any more.
    pub(super) fn record(self, answer: Option<Answer>) -> Record {
        let mut left = self.left;
        let is_answered = answer.is_some();
        let early = self.early;
        let mut answer = answer.unwrap_or_default();
        answer.status = answer.status.or(early.status);
        answer.error = answer.error.or(early.error);
        answer.duration = early.duration.or(answer.duration);
        if !early.left.members.is_empty() {
            left.set("end", early.left.members);
        }
        if !answer.left.members.is_empty() {
            left.set("result", answer.left.members);
        }
        left.is_odd |= answer.left.is_odd;
        let mut tool = Tool::new(word(&self.name).unwrap_or_else(|| "unnamed".to_owned()));
        tool.call = word(&self.call);
        tool.system = self.system.as_deref().and_then(word);
        let status = answer.status.unwrap_or(Status::Unknown);
        let accesses = match status {
            // What was not allowed, or given up, has touched nothing that one could know of.
            Status::Denied | Status::Cancelled => Vec::new(),
            _ => meaning::accesses(&self.name, self.input.as_ref(), tool.call.as_deref()),
        };
        if let [access] = accesses.as_slice() {
            tool.operation = Some(access.operation.to_string());
        }
        tool.parameters = self.input;
        tool.result = answer.result;
        tool.duration_ms = answer.duration;
        tool.error.clone_from(&answer.error);
        tool.status = Some(status);
        let kind = if self.to.is_some() {
            Kind::Handoff
        } else {
            Kind::ToolCall
        };
        let mut record = self.stamp.record(kind);
        if let Some((to, reason)) = self.to {
            let mut handoff = Handoff::new(Receiver::agent(to));
            handoff.reason = reason;
            record = record.with_handoff(handoff);
        }
        if let Some((did, comment)) = answer.human.take() {
            let mut human = Human::new().role("user").did(did);
            human.comment = comment;
            record = record.human(human);
        }
        let mut outcome = Outcome::new(status);
        outcome.error = answer.error;
        record.duration_ms = answer.duration;
        record = record.tool(tool).outcome(outcome);
        for access in accesses {
            record = record.accessed(access);
        }
        let mut record = self.stamp.finish(record, answer.id.unwrap_or(self.id), left);
        if !is_answered {
            record = record.attribute("result.missing", true);
        }
        record
    }
}

/// A result as text becomes what it says in JSON, if it is an object or a list.
pub(super) fn result(line: &Line, content: &serde_json::value::RawValue) -> (Json, String) {
    match super::line::texts(content) {
        Some(text) => (unfolded(&text), text),
        None => (line.keep(content), String::new()),
    }
}

/// The server of a tool that is named `mcp__SERVER__TOOL`.
pub(super) fn server(name: &str) -> Option<String> {
    let (server, _) = name.strip_prefix("mcp__")?.split_once("__")?;
    Some(server.to_owned())
}

/// An error that says so much.
pub(super) fn error(class: &str, message: &str) -> ErrorDetail {
    let error = ErrorDetail::new().type_(class);
    if message.is_empty() {
        error
    } else {
        error.message(message)
    }
}

/// A number of milliseconds among the members.
pub(super) fn milliseconds(members: &Object, names: &[&str]) -> Option<f64> {
    let number = |name: &&str| members.get(name)?.get().parse::<f64>().ok();
    names
        .iter()
        .find_map(number)
        .filter(|number| (0.0..9e15).contains(number))
}
