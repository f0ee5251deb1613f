//! Rollouts of Codex CLI. A line is `{timestamp, type, payload}`, in 2025 also the payload alone: `session_meta` first,
//! `turn_context` for each turn, `response_item`s as the model's API has them, and `event_msg`s, some of which tell the same
//! once more. An answer of the model is the items up to the `token_count` event that says what was used.
//!
//! Here lines become records; `item` reads what the model saw and said, `event` what Codex says of it, `ended` how tools ended.

mod ended;
mod event;
mod item;

use super::super::raw::Object;
use super::call::Call;
use super::course::{Course, Stamp};
use super::line::{Left, Line, object_in, said};
use super::message::Message;
use super::{Pause, Waiting};
use crate::ingest::word;
use crate::record::{Input, Kind, Model, Policy, Prompt, Record};
use std::collections::HashMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Codex {
    course: Course,
    /// Whether the file has said whose it is.
    is_named: bool,
    agent: String,
    /// The agent above, and the record in its session from which this one came.
    above: Option<(String, String)>,
    /// What came from one prompt, and whether the turn said it itself.
    chain: String,
    is_chain_named: bool,
    provider: Option<String>,
    model: Option<Model>,
    prompt: Option<Prompt>,
    /// The record from which the next answer comes.
    last: Option<String>,
    /// The answer that may go on, and the last record of a tool since.
    message: Option<Message>,
    answered: Option<String>,
    calls: HashMap<String, Call>,
    /// The open calls in their order; some have their results already.
    order: Vec<String>,
    /// The records of calls that are over.
    over: HashMap<String, String>,
    /// The records of what was said, by its hash.
    heard: HashMap<blake3::Hash, String>,
}

/// Items of the model's API, by which a line without an envelope is known.
const ITEMS: &[&str] = &["message", "reasoning"];

impl Codex {
    pub(super) fn new(agent: Option<&str>, file: &str) -> Self {
        let course = Course::new("codex", agent.unwrap_or("codex"), file);
        Codex {
            agent: course.agent.clone(),
            course,
            is_named: false,
            above: None,
            chain: String::new(),
            is_chain_named: false,
            provider: None,
            model: None,
            prompt: None,
            last: None,
            message: None,
            answered: None,
            calls: HashMap::new(),
            order: Vec::new(),
            over: HashMap::new(),
            heard: HashMap::new(),
        }
    }

    pub(super) fn line(&mut self, line: &Line) -> Vec<String> {
        let members = &line.members;
        self.course.now(members.text("timestamp"));
        let kind = members.text("type").unwrap_or_default();
        match (kind.as_str(), object_in(members, "payload")) {
            ("session_meta", Some(payload)) => self.meta(line, &payload),
            ("turn_context", Some(payload)) => self.context(line, &payload),
            ("response_item", Some(payload)) => self.item(line, &payload),
            ("event_msg", Some(payload)) => self.event(line, &payload),
            ("", None) if said(members, "id").is_some() && members.get("timestamp").is_some() => {
                self.meta(line, members);
            }
            (item, None) if ITEMS.contains(&item) || item.ends_with("_call") || item.ends_with("_output") => {
                self.item(line, members);
            }
            _ => self.other(line),
        }
        self.course.taken()
    }

    pub(super) fn pause(&mut self, pause: Pause) -> Vec<String> {
        if pause >= Pause::Resting {
            self.close();
        }
        if pause == Pause::Ended {
            self.give_up();
        }
        self.course.taken()
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            calls: self.calls.len() as u64,
            messages: u64::from(self.message.is_some()),
        }
    }

    /// The head of the file. A later one is that of a session whose beginning was copied here.
    fn meta(&mut self, line: &Line, payload: &Object) {
        let id = ["id", "session_id"].into_iter().find_map(|name| said(payload, name));
        let Some(id) = id.filter(|_| !self.is_named) else {
            return self.other(line);
        };
        self.is_named = true;
        self.course.session = word(&id).unwrap_or_default();
        self.course.version = said(payload, "cli_version").as_deref().and_then(word);
        self.provider = said(payload, "model_provider").as_deref().and_then(word);
        self.above(payload, &id);
        let mut told = vec!["id", "cli_version"];
        for name in ["base_instructions", "instructions"] {
            let inner = object_in(payload, name).and_then(|object| said(&object, "text").filter(|_| object.len() == 1));
            if let Some(text) = inner.or_else(|| said(payload, name)) {
                self.prompt = Some(self.course.prompt("instructions", &text));
                told.push(name);
            }
        }
        let left = self.rest(line, payload, &told);
        let stamp = self.stamp();
        let mut record = stamp.record("transcript");
        if let Some(prompt) = &self.prompt {
            record = record.input(Input::new().prompt(prompt.clone()));
        }
        self.push(line, &stamp, record, left);
    }

    /// Who made this agent, if another one did.
    fn above(&mut self, payload: &Object, id: &str) {
        let inner = |members: &Object, name: &str| object_in(members, name).unwrap_or_default();
        let spawn = inner(&inner(&inner(payload, "source"), "subagent"), "thread_spawn");
        let of = |name: &str| said(&spawn, name).or_else(|| said(payload, name));
        let Some(parent) = of("parent_thread_id") else { return };
        let role = of("agent_role").unwrap_or_else(|| "sub-agent".to_owned());
        let record = self.course.id_in(&super::super::short(&parent), &["agent", id]);
        self.above = Some((self.agent.clone(), record.clone()));
        self.agent = word(&format!("{}/{role}", self.agent)).unwrap_or_default();
        self.last = Some(record);
    }

    /// What holds for a turn: the model, and what may be done without asking.
    fn context(&mut self, line: &Line, payload: &Object) {
        if let Some(turn) = said(payload, "turn_id") {
            self.chain = turn;
            self.is_chain_named = true;
        }
        if let Some(name) = said(payload, "model").as_deref().and_then(word) {
            let mut model = Model::from(name);
            model.provider.clone_from(&self.provider);
            self.model = Some(model);
        }
        let stamp = self.stamp();
        let mut record = stamp.record("transcript");
        record.model.clone_from(&self.model);
        let sandbox = object_in(payload, "sandbox_policy");
        let sandbox = sandbox.and_then(|policy| said(&policy, "type").or_else(|| said(&policy, "mode")));
        let rules = [
            ("approval_policy", said(payload, "approval_policy")),
            ("sandbox_policy", sandbox.or_else(|| said(payload, "sandbox_policy"))),
        ];
        for (policy, rule) in rules {
            if let Some(rule) = rule {
                record = record.policy(Policy::new(policy).rule(rule));
            }
        }
        let left = self.rest(line, payload, &[]);
        self.push(line, &stamp, record, left);
    }

    /// A line of which nothing more is known.
    fn other(&mut self, line: &Line) {
        let stamp = self.stamp();
        let record = stamp.record("transcript");
        self.push(line, &stamp, record, line.everything());
    }

    /// A record of this line alone. Gives its id.
    fn push(&mut self, line: &Line, stamp: &Stamp, record: Record, left: Left) -> String {
        let id = self.course.place(line);
        self.course.push(stamp.finish(record, id.clone(), left));
        id
    }

    /// What the line holds but what is told: under `payload` what stands there, beside it what stands beside.
    fn rest(&self, line: &Line, payload: &Object, told: &[&str]) -> Left {
        if line.members.get("payload").is_none() {
            return line.left(&[told, &["timestamp"]].concat());
        }
        let is_item = line.members.text("type").as_deref() == Some("response_item");
        let mut left = line.left(&["timestamp", "payload", if is_item { "type" } else { "payload" }]);
        left.add_in(line, "payload", payload, told);
        left
    }

    fn stamp(&self) -> Stamp {
        self.stamp_below(self.last.clone())
    }

    fn stamp_below(&self, parent: Option<String>) -> Stamp {
        self.course.stamp(&self.agent, &self.chain, parent)
    }

    /// The answer is over.
    fn close(&mut self) {
        if let Some(message) = self.message.take() {
            // The next one comes from what the tools gave, if it had any called.
            self.last = self.answered.take().or_else(|| Some(message.id.clone()));
            self.course.push(message.record());
        }
    }

    /// The open calls will have no result any more.
    fn give_up(&mut self) {
        for call in std::mem::take(&mut self.order) {
            if let Some(call) = self.calls.remove(&call) {
                self.course.push(call.record(None));
            }
        }
    }
}
