//! What Codex says of its own work: beginnings and ends of turns, what was used, how tools ended, what a person was asked.

use super::super::call::{Answer, Call, error};
use super::super::line::{Left, Line, object_in, said};
use super::ended::{ended, used};
use super::{Codex, Kind};
use crate::ingest::raw::{Object, text};
use crate::record::{Did, Human, Json, Members, Outcome, Status};

impl Codex {
    pub(super) fn event(&mut self, line: &Line, payload: &Object) {
        let kind = payload.text("type").unwrap_or_default();
        match kind.as_str() {
            "token_count" => self.counted(line, payload),
            "task_started" | "turn_started" => {
                if let Some(turn) = said(payload, "turn_id") {
                    self.close();
                    self.chain = turn;
                    self.is_chain_named = true;
                }
                self.other(line);
            }
            "task_complete" | "turn_complete" | "turn_aborted" => self.turn_ends(line, payload, &kind),
            "exec_command_end" | "mcp_tool_call_end" | "patch_apply_end" => self.tool_ended(line, payload, &kind),
            "exec_approval_request" | "apply_patch_approval_request" => self.asked(line, payload),
            "error" | "stream_error" => {
                let message = said(payload, "message").unwrap_or_default();
                let outcome = Outcome::new(Status::Failure).error(error(&kind, &message));
                let stamp = self.stamp();
                let record = stamp.record(Kind::Error).outcome(outcome);
                self.push(line, &stamp, record, line.everything());
            }
            "user_message" | "agent_message" | "agent_reasoning" => self.echoed(line, payload),
            _ => self.other(line),
        }
    }

    /// What the answer used, which is whole with that. Said again, or of no answer, it is no fact of its own.
    fn counted(&mut self, line: &Line, payload: &Object) {
        let usage = object_in(payload, "info").and_then(|info| object_in(&info, "last_token_usage"));
        match (usage, &mut self.message) {
            (Some(usage), Some(message)) => {
                message.usage = Some(used(&usage));
                let mut left = line.left(&["type", "timestamp", "payload"]);
                left.add_in(line, "token_count", payload, &["type"]);
                let stamp = self.course.stamp(&self.agent, &self.chain, None);
                message.and(left, &stamp);
                self.close();
            }
            _ => self.other(line),
        }
    }

    fn turn_ends(&mut self, line: &Line, payload: &Object, kind: &str) {
        self.close();
        self.give_up();
        let stamp = self.stamp();
        let by_person = kind == "turn_aborted" && payload.text("reason").as_deref() == Some("interrupted");
        let mut record = stamp.record(if by_person {
            Kind::Message
        } else {
            Kind::from("transcript")
        });
        if by_person {
            record = record.human(Human::new().role("user").did(Did::Overrode));
        }
        self.push(line, &stamp, record, line.everything());
        self.is_chain_named = false;
    }

    /// Codex tells how a tool ended. That belongs to the call that waits for its result; one of which no item tells, such
    /// as a call out of a program that the model wrote, has its record from this.
    fn tool_ended(&mut self, line: &Line, payload: &Object, kind: &str) {
        let of = said(payload, "call_id").unwrap_or_default();
        let mut answer = ended(payload);
        let is_first = |call: &Call| call.early.left.members.is_empty();
        if self.calls.get(&of).is_some_and(is_first) {
            answer.left = self.rest(line, payload, &["call_id"]);
            if let Some(call) = self.calls.get_mut(&of) {
                call.early = answer;
            }
            return;
        }
        if of.is_empty() || self.over.contains_key(&of) || self.calls.contains_key(&of) {
            let parent = self.over.get(&of).cloned().or_else(|| self.last.clone());
            let stamp = self.stamp_below(parent);
            let record = stamp.record("transcript");
            self.push(line, &stamp, record, line.everything());
            return;
        }
        let invocation = object_in(payload, "invocation").unwrap_or_default();
        let name = match kind {
            "exec_command_end" => "exec_command".to_owned(),
            "patch_apply_end" => "patch_apply".to_owned(),
            _ => said(&invocation, "tool").unwrap_or_default(),
        };
        let mut told = vec!["call_id"];
        let mut first = |names: &[&'static str]| {
            let name = names.iter().find(|name| payload.get(name).is_some())?;
            told.push(name);
            Some((*name, payload.get(name)?))
        };
        let result = first(&["result", "aggregated_output", "stdout"]);
        answer.result = result.map(|(_, raw)| text(raw).map_or_else(|| line.keep(raw), Json::from));
        let given = first(&["command", "changes"]).map(|(name, raw)| Members::from([(name, line.keep(raw))]));
        let input = invocation.get("arguments").map(|raw| line.keep(raw));
        let input = given.map(Json::from).or(input);
        answer.left = self.rest(line, payload, &told);
        let id = self.course.id(&["tool", &of]);
        let call = Call {
            call: of.clone(),
            name,
            system: said(&invocation, "server"),
            input,
            stamp: self.stamp(),
            id: id.clone(),
            left: Left::default(),
            to: None,
            early: Answer::default(),
        };
        self.ends(of, id, call, answer);
    }

    /// The person was asked for leave. What was answered shows in what became of the call.
    fn asked(&mut self, line: &Line, payload: &Object) {
        let call = said(payload, "call_id").and_then(|call| self.calls.get(&call));
        let parent = call.map(|call| call.id.clone()).or_else(|| self.last.clone());
        let stamp = self.stamp_below(parent);
        let mut outcome = Outcome::new(Status::Pending);
        outcome.detail = said(payload, "reason");
        let record = stamp.record(Kind::Approval).outcome(outcome);
        self.push(line, &stamp, record, line.everything());
    }

    /// The same that an item said. If that was before, its text stands there.
    fn echoed(&mut self, line: &Line, payload: &Object) {
        let name = if payload.get("message").is_some() {
            "message"
        } else {
            "text"
        };
        let text = said(payload, name).unwrap_or_default();
        let Some(id) = self.heard.get(&blake3::hash(text.as_bytes())).cloned() else {
            return self.other(line);
        };
        let stamp = self.stamp_below(Some(id.clone()));
        let mut left = line.left(&["timestamp", "payload"]);
        left.add_in(line, "payload", payload, &[name]);
        left.set("repeats", id.as_str());
        let record = stamp.record("transcript");
        self.push(line, &stamp, record, left);
    }
}
