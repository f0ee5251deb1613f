//! Calls of tools and their results.

use super::super::call::{Answer, Call, error, milliseconds, result, server};
use super::super::line::{Left, Line, is_true, object, object_in, said};
use super::super::message::Message;
use super::{ClaudeCode, Place};
use crate::ingest::raw::Object;
use crate::record::{Did, Status};
use serde_json::value::RawValue;

/// What stands for a result where a person said no.
const REFUSED: &[&str] = &[
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action right now",
];

impl ClaudeCode {
    /// Whether the call is none that is open already.
    pub(super) fn is_new_call(&self, block: &Object) -> bool {
        said(block, "id").is_some_and(|id| !self.calls.contains_key(&id))
    }

    /// A call that the answer asks for.
    pub(super) fn called(&mut self, line: &Line, block: &Object, answer: &mut Message, place: &Place) {
        let (call, name) = (
            said(block, "id").unwrap_or_default(),
            said(block, "name").unwrap_or_default(),
        );
        let input = object_in(block, "input").unwrap_or_default();
        let mut left = line.nothing();
        left.add_in(line, "block", block, &["type", "id", "name", "input"]);
        let is_handoff = matches!(name.as_str(), "Task" | "Agent");
        if let Some(prompt) = input.text("prompt").filter(|_| is_handoff) {
            self.handed.insert(blake3::hash(prompt.as_bytes()), call.clone());
        }
        answer.asks(&call, &name);
        if let Some(strand) = self.strands.get_mut(place.strand) {
            strand.calls.push(call.clone());
        }
        let open = Call {
            id: self.course.id(&["tool", &call]),
            system: server(&name).or_else(|| said(block, "server_name")),
            input: block.get("input").map(|input| line.keep(input)),
            stamp: place.stamp.below(&answer.id),
            to: is_handoff.then(|| {
                let named = said(&input, "subagent_type");
                (self.sub_agent(named.as_deref()), said(&input, "description"))
            }),
            call: call.clone(),
            name,
            left,
            early: Answer::default(),
        };
        self.calls.insert(call, open);
    }

    /// The result of a tool. Gives the id of the record that has it.
    pub(super) fn answered(&mut self, line: &Line, part: &RawValue, place: &Place, mut left: Left) -> String {
        let part = object(part).unwrap_or_default();
        let of = said(&part, "tool_use_id").unwrap_or_default();
        let details = object_in(&line.members, "toolUseResult").unwrap_or_default();
        left.add_in(line, "block", &part, &["type", "tool_use_id", "content", "is_error"]);
        let mut answer = Answer {
            duration: milliseconds(&details, &["totalDurationMs", "durationMs"]),
            ..Answer::default()
        };
        let mut text = String::new();
        if let Some(content) = part.get("content") {
            let (value, said) = result(line, content);
            answer.result = Some(value);
            text = said;
        }
        self.judge(&mut answer, &text, &part, &details);
        match self.calls.remove(&of) {
            Some(call) => {
                answer.duration = answer.duration.or_else(|| call.stamp.until(&place.stamp));
                if call.to.is_some() {
                    // By this id the sub-agent's own file names where it came from; a sub-agent begins once.
                    let id = said(&details, "agentId").map(|agent| self.course.id(&["agent", &agent]));
                    answer.id = id.filter(|id| self.over.insert(id.clone(), call.id.clone()).is_none());
                }
                answer.left = left;
                let id = answer.id.clone().unwrap_or_else(|| call.id.clone());
                self.course.push(call.record(Some(answer)));
                id
            }
            None => {
                answer.left = left;
                let id = self.course.id(&["result", &place.uuid, &of]);
                let call = Call::missing(of, id.clone(), place.stamp.clone());
                self.course.push(call.record(Some(answer)));
                id
            }
        }
    }

    /// How the call ended.
    fn judge(&self, answer: &mut Answer, text: &str, part: &Object, details: &Object) {
        answer.status = Some(if REFUSED.iter().any(|no| text.starts_with(no)) {
            let said = text
                .split_once("the user said:")
                .map(|(_, said)| said.trim().to_owned());
            answer.human = Some((Did::Rejected, said.filter(|said| !said.is_empty())));
            Status::Denied
        } else if is_true(details, "interrupted") {
            Status::Cancelled
        } else if is_true(part, "is_error") {
            answer.error = Some(error("tool_error", text));
            Status::Failure
        } else {
            if text.starts_with("User has approved your plan") {
                answer.human = Some((Did::Approved, None));
            }
            Status::Success
        });
    }

    /// The strand's open calls will have no result any more.
    pub(super) fn give_up(&mut self, strand: usize) {
        let calls = self
            .strands
            .get_mut(strand)
            .map(|strand| std::mem::take(&mut strand.calls));
        for call in calls.unwrap_or_default() {
            if let Some(call) = self.calls.remove(&call) {
                self.course.push(call.record(None));
            }
        }
    }
}
