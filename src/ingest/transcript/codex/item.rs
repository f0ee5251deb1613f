//! Items of the model's API: messages, reasoning, calls of tools and their results.

use super::super::call::{Answer, Call, result, server};
use super::super::line::{Left, Line, list_of, object, said, text_of, texts_among};
use super::super::message::Message;
use super::ended::judge;
use super::{Codex, Kind};
use crate::ingest::raw::{Object, list, text, unfolded};
use crate::ingest::word;
use crate::record::{Input, Status, Trigger};
use serde_json::value::RawValue;

/// How what Codex itself puts into a person's mouth begins.
const NOT_TYPED: &[&str] = &[
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<collaboration_mode>",
    "<multi_agent_mode>",
    "<apps_instructions>",
    "<turn_aborted>",
    "<skill>",
    "<user_shell_command>",
    "<subagent_notification>",
    "# AGENTS.md",
];

/// Calls that the provider itself carries out: they have no item for the result.
const AT_ONCE: &[&str] = &["web_search_call", "image_generation_call"];

impl Codex {
    pub(super) fn item(&mut self, line: &Line, payload: &Object) {
        let kind = payload.text("type").unwrap_or_default();
        match kind.as_str() {
            "message" if payload.text("role").as_deref() == Some("assistant") => {
                self.says(line, payload, |answer, said| answer.said.push(said));
            }
            "message" => self.hears(line, payload),
            "reasoning" => self.says(line, payload, |answer, said| answer.thought.push(said)),
            kind if kind.ends_with("_output") => self.answered(line, payload),
            kind if kind.ends_with("_call") => self.called(line, payload, kind),
            _ => self.other(line),
        }
    }

    /// A message of the person, or one that Codex puts before the model.
    fn hears(&mut self, line: &Line, payload: &Object) {
        self.close();
        let (said, left) = self.content(line, payload, &["type", "role", "content"]);
        let is_user = payload.text("role").as_deref() == Some("user");
        let is_typed = is_user && !NOT_TYPED.iter().any(|beginning| said.starts_with(beginning));
        let mut input = Input::new();
        let id = self.course.place(line);
        let mut parent = self.last.clone();
        if is_typed {
            match &self.above {
                Some((agent, record)) => {
                    input = input.trigger(Trigger::Agent).from(agent.as_str());
                    parent = Some(record.clone());
                }
                None => {
                    input = input.trigger(Trigger::Person);
                    parent = None;
                }
            }
            self.give_up();
            if !self.is_chain_named {
                self.chain.clone_from(&id);
            }
            self.last = Some(id.clone());
        } else if let Some(role) = payload.text("role").as_deref().and_then(word) {
            input = input.from(role);
        }
        self.heard.insert(blake3::hash(said.as_bytes()), id.clone());
        if !said.is_empty() {
            input = input.text(said);
        }
        let stamp = self.stamp_below(parent);
        let record = stamp.record(Kind::Message).input(input);
        self.course.push(stamp.finish(record, id, left));
    }

    /// A piece of an answer: what the model said, or thought.
    fn says(&mut self, line: &Line, payload: &Object, put: impl Fn(&mut Message, String)) {
        let (said, left) = self.content(line, payload, &["type", "role", "content", "summary"]);
        let answer = self.answer(line, Some(left));
        let hash = blake3::hash(said.as_bytes());
        let id = answer.id.clone();
        if !said.is_empty() {
            put(answer, said);
            self.heard.insert(hash, id);
        }
    }

    /// The text of an item, and what it holds besides.
    fn content(&self, line: &Line, payload: &Object, known: &[&str]) -> (String, Left) {
        let mut left = self.rest(line, payload, known);
        let (mut said, mut pieces) = (Vec::new(), Vec::new());
        for raw in ["summary", "content"].into_iter().filter_map(|name| payload.get(name)) {
            let Some(parts) = list(raw) else {
                match text(raw) {
                    Some(text) => said.push(text),
                    None => pieces.push(line.keep(raw)),
                }
                continue;
            };
            said.extend(texts_among(&parts));
            pieces.extend(
                parts
                    .iter()
                    .filter(|part| text_of(part).is_none())
                    .map(|part| line.keep(part)),
            );
        }
        if !pieces.is_empty() {
            left.set("blocks", list_of(&pieces));
        }
        (said.join("\n"), left)
    }

    /// The answer to which this line belongs.
    fn answer(&mut self, line: &Line, left: Option<Left>) -> &mut Message {
        if self.answered.is_some() {
            self.close();
        }
        let open = self.message.take();
        let stamp = self.stamp();
        let message = match (open, left) {
            (Some(mut open), Some(left)) => {
                open.and(left, &stamp);
                open
            }
            (Some(open), None) => open,
            (None, left) => {
                let id = self.course.place(line);
                let mut message = Message::new(String::new(), id, stamp, left.unwrap_or_default());
                message.model.clone_from(&self.model);
                message.prompt.clone_from(&self.prompt);
                message
            }
        };
        self.message.insert(message)
    }

    fn called(&mut self, line: &Line, payload: &Object, kind: &str) {
        let told = ["name", "arguments", "input", "action", "call_id", "namespace"];
        let left = self.rest(line, payload, &told);
        let name = said(payload, "name").unwrap_or_else(|| kind.trim_end_matches("_call").to_owned());
        let call = ["call_id", "id"].into_iter().find_map(|name| said(payload, name));
        let arguments = ["arguments", "input", "action"]
            .into_iter()
            .find_map(|name| payload.get(name));
        let input = arguments.map(|raw| match text(raw) {
            Some(text) => unfolded(&text),
            None => line.keep(raw),
        });
        let is_known = call.as_ref().is_some_and(|call| self.calls.contains_key(call));
        let answer = self.answer(line, None);
        let parent = answer.id.clone();
        answer.asks(call.as_deref().unwrap_or_default(), &name);
        let id = match &call {
            Some(call) if !is_known => self.course.id(&["tool", call]),
            _ => self.course.place(line),
        };
        let parameters = input
            .as_ref()
            .and_then(|input| serde_json::from_str::<&RawValue>(input.as_str()).ok());
        let parameters = parameters.and_then(object).unwrap_or_default();
        let open = Call {
            call: call.clone().unwrap_or_default(),
            system: said(payload, "namespace").or_else(|| server(&name)),
            to: (name == "spawn_agent").then(|| {
                let role = ["agent_type", "agent_role"]
                    .into_iter()
                    .find_map(|name| said(&parameters, name));
                let role = role.unwrap_or_else(|| "sub-agent".to_owned());
                let to = word(&format!("{}/{role}", self.course.agent));
                (to.unwrap_or_default(), said(&parameters, "message"))
            }),
            name,
            input,
            stamp: self.stamp_below(Some(parent)),
            id: id.clone(),
            left,
            early: Answer::default(),
        };
        match call {
            Some(call) if !is_known && !AT_ONCE.contains(&kind) => {
                self.order.push(call.clone());
                self.calls.insert(call, open);
            }
            call => {
                let status = match payload.text("status").as_deref() {
                    Some("completed") => Status::Success,
                    Some("failed") => Status::Failure,
                    _ => Status::Unknown,
                };
                let answer = Answer {
                    status: Some(status),
                    ..Answer::default()
                };
                self.course.push(open.record(Some(answer)));
                self.over.extend(call.map(|call| (call, id)));
            }
        }
    }

    /// The result of a tool.
    fn answered(&mut self, line: &Line, payload: &Object) {
        let of = said(payload, "call_id").unwrap_or_default();
        let left = self.rest(line, payload, &["type", "call_id", "output"]);
        let mut answer = Answer {
            left,
            ..Answer::default()
        };
        let output = payload.get("output");
        let inner = output.and_then(object).unwrap_or_default();
        if let Some(output) = output {
            let (value, said) = result(line, output);
            judge(&mut answer, &said, &inner, &value);
            answer.result = Some(value);
        }
        let call = self.calls.remove(&of);
        let call = call.unwrap_or_else(|| {
            let id = self.course.place(line);
            Call::missing(of.clone(), id, self.stamp())
        });
        let stamp = self.stamp();
        answer.duration = answer.duration.or_else(|| call.stamp.until(&stamp));
        if call.to.is_some() {
            let result = answer
                .result
                .as_ref()
                .and_then(|result| serde_json::from_str::<&RawValue>(result.as_str()).ok());
            let agent = result.and_then(object).and_then(|result| said(&result, "agent_id"));
            // By this id the sub-agent's own file names where it came from.
            answer.id = agent.map(|agent| self.course.id(&["agent", &agent]));
            answer.status = answer.status.or(answer.id.is_some().then_some(Status::Success));
        }
        let id = answer.id.clone().unwrap_or_else(|| call.id.clone());
        self.ends(of, id, call, answer);
    }

    /// The record of a call that is over.
    pub(super) fn ends(&mut self, of: String, id: String, call: Call, answer: Answer) {
        match &self.message {
            Some(_) => self.answered = Some(id.clone()),
            None => self.last = Some(id.clone()),
        }
        self.over.insert(of, id);
        self.course.push(call.record(Some(answer)));
    }
}
