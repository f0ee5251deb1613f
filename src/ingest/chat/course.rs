//! A trajectory while it becomes records, message by message.

use super::super::raw::{Object, kept, list, text, unfolded};
use super::super::{short, uuid_of};
use super::{Message, Trajectory};
use crate::record::{
    Agent, Decision, Definition, Json, Model, Output, Prompt, Record, Review, Status, Tool, Trigger, Verdict, digest,
    format_time, parse_time,
};
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet, VecDeque};

pub(super) struct Course<'a> {
    trajectory: &'a Trajectory,
    agent: String,
    /// The digests of the prompts that have their definition.
    defined: &'a mut HashSet<String>,
    /// The file's model, and whether a record names it.
    model: Option<String>,
    model_named: bool,
    prompt: Option<String>,
    prompt_named: bool,
    parent: Option<String>,
    /// What the user said since the last turn.
    heard: String,
    /// What messages without a record of their own hold besides their text.
    beside: Vec<Json>,
    /// The places of the tools' messages that wait for their call, by its id.
    results: HashMap<String, VecDeque<usize>>,
    /// The places of those that found it.
    answered: HashSet<usize>,
    out: Vec<String>,
}

/// A call of a tool as an assistant's message has it.
struct Call {
    id: String,
    name: String,
    arguments: Option<Json>,
    /// The whole of it, where there is more to it than that.
    whole: Option<Json>,
}

impl<'a> Course<'a> {
    pub(super) fn new(trajectory: &'a Trajectory, agent: String, defined: &'a mut HashSet<String>) -> Self {
        let mut results: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (place, message) in trajectory.messages.iter().enumerate() {
            if let Some(call) = call_of_result(message) {
                results.entry(call).or_default().push_back(place);
            }
        }
        Course {
            trajectory,
            agent,
            defined,
            model: trajectory.rest.scalar("model"),
            model_named: false,
            prompt: None,
            prompt_named: true,
            parent: None,
            heard: String::new(),
            beside: Vec::new(),
            results,
            answered: HashSet::new(),
            out: Vec::new(),
        }
    }

    pub(super) fn records(mut self) -> Vec<String> {
        for (place, message) in self.trajectory.messages.iter().enumerate() {
            match message.role.as_str() {
                "system" | "developer" => self.prompted(message),
                "user" => {
                    if !self.heard.is_empty() {
                        self.heard.push('\n');
                    }
                    self.heard.push_str(&content(&message.members));
                    self.set_aside(message, &["role", "content"]);
                }
                "assistant" => self.turn(place, message),
                "tool" | "function" if self.answered.contains(&place) => {}
                "tool" | "function" => self.orphan(message),
                _ => self.other(message),
            }
        }
        self.unanswered();
        self.end();
        self.out
    }

    fn prompted(&mut self, message: &Message) {
        let prompt = content(&message.members);
        let digest = digest(prompt.as_bytes());
        if self.defined.insert(digest.clone()) {
            // The same definition from another trajectory is the same record: its id is the digest's.
            let definition = Definition::prompt("system", digest.as_str()).text(prompt);
            let record = Record::definition(Agent::new(self.agent.as_str()), definition);
            let id = uuid_of(
                blake3::Hasher::new(),
                &[b"definition", self.agent.as_bytes(), digest.as_bytes()],
            );
            self.out.push(record.id(id).to_json());
        }
        self.prompt = Some(digest);
        self.prompt_named = false;
        self.set_aside(message, &["role", "content"]);
    }

    fn turn(&mut self, place: usize, message: &Message) {
        let members = &message.members;
        let (mut calls, mut known) = (Vec::new(), vec!["role", "content"]);
        if let Some(listed) = members.get("tool_calls").and_then(list) {
            known.push("tool_calls");
            calls.extend(listed.iter().map(|call| Call::read(call)));
        }
        if let Some(function) = members
            .get("function_call")
            .filter(|function| Object::parse(function).is_ok())
        {
            known.push("function_call");
            let call = Call::read(function);
            calls.push(Call {
                id: call.name.clone(),
                ..call
            });
        }
        let said = content(members);
        if calls.is_empty() {
            let record = Record::message(self.agent()).with_decision(Decision::new("reply"));
            let record = self.record(record.output(Output::default().text(said)), members, &known);
            let record = self.with_heard(record);
            return self.push(record);
        }
        for (number, call) in calls.into_iter().enumerate() {
            let mut record = Record::new(self.agent(), "tool_call");
            if number == 0 {
                if !said.is_empty() {
                    record = record.reasoning(said.as_str());
                }
                record = self.with_rest(record, members, &known);
                record = self.with_heard(record);
            }
            let mut tool = Tool::new(short(if call.name.is_empty() { "unnamed" } else { &call.name }));
            if let Some(arguments) = call.arguments {
                tool = tool.parameters(arguments);
            }
            if !call.id.is_empty() {
                tool = tool.call(short(&call.id));
            }
            if let Some(whole) = call.whole {
                record = attribute(record, "tool_call", whole);
            }
            let result = self.result_of(&call.id, place);
            if let Some(result) = result {
                let same_name = result.members.text("name").as_deref() == Some(call.name.as_str());
                let known = [
                    "role",
                    "content",
                    "tool_call_id",
                    if same_name { "name" } else { "role" },
                ];
                self.set_aside(result, &known);
            }
            record = with_result(record, tool, result.map(|result| &result.members));
            let record = self.common(record, members);
            self.push(record);
        }
    }

    /// The first result that stands behind the call and is not another's.
    fn result_of(&mut self, call: &str, place: usize) -> Option<&'a Message> {
        let waiting = self.results.get_mut(call)?;
        while let Some(result) = waiting.pop_front() {
            if result > place {
                self.answered.insert(result);
                return self.trajectory.messages.get(result);
            }
        }
        None
    }

    /// A result whose call is not there.
    fn orphan(&mut self, message: &Message) {
        let members = &message.members;
        let name = members.text("name").filter(|name| !name.is_empty());
        let mut tool = Tool::new(name.as_deref().map_or_else(|| "unnamed".to_owned(), short));
        let mut known = vec!["role", "content"];
        if name.is_some_and(|name| short(&name) == name) {
            known.push("name");
        }
        if let Some(call) = members.text("tool_call_id").filter(|call| !call.is_empty()) {
            tool = tool.call(short(&call));
            if short(&call) == call {
                known.push("tool_call_id");
            }
        }
        let record = with_result(Record::new(self.agent(), "tool_call"), tool, Some(members));
        let record = self.record(record, members, &known);
        self.push(record);
    }

    /// A message of a role that is not known: kept as it is.
    fn other(&mut self, message: &Message) {
        let record = attribute(Record::message(self.agent()), "message", kept(message.raw.get()));
        let record = self.common(record, &message.members);
        self.push(record);
    }

    /// What nobody answered.
    fn unanswered(&mut self) {
        if !self.heard.is_empty() || !self.beside.is_empty() || !self.prompt_named {
            let record = self.common(Record::message(self.agent()), &Object::default());
            let record = self.with_heard(record);
            self.push(record);
        }
    }

    /// The last record: how the trajectory ended, if the file says so, and what else the file says of it.
    fn end(&mut self) {
        let rest = &self.trajectory.rest;
        let verdict = ["reward", "score", "success"].into_iter().find_map(|name| {
            let value = rest.get(name)?.get();
            let right = match value {
                "true" => true,
                "false" => false,
                number => number.parse::<f64>().ok()? >= 1.0,
            };
            Some((name, value, right))
        });
        let mut record = match verdict {
            Some((name, value, right)) => {
                let verdict = if right { Verdict::Right } else { Verdict::Wrong };
                let review = Review::new()
                    .verdict(verdict)
                    .reason(format!("{name} {value} in the imported file"));
                Record::review(self.agent(), verdict).with_review(review)
            }
            None if rest.iter().all(|(name, _)| self.is_told(name)) => return,
            None => Record::message(self.agent()),
        };
        for (name, value) in rest.iter() {
            record = attribute(record, name, kept(value.get()));
        }
        let record = self.common(record, &Object::default());
        self.push(record);
    }

    /// Whether the records say that member of the file already, as it stands there.
    fn is_told(&self, name: &str) -> bool {
        let value = || self.trajectory.rest.scalar(name);
        match name {
            "agent" => value().as_ref() == Some(&self.agent),
            "model" => self.model_named && value().is_some_and(|model| short(&model) == model),
            name => self.trajectory.named_by.contains(&name),
        }
    }

    fn agent(&self) -> Agent {
        Agent::new(self.agent.as_str())
    }

    fn record(&mut self, record: Record, members: &Object, known: &[&str]) -> Record {
        let record = self.with_rest(record, members, known);
        self.common(record, members)
    }

    /// What every record of the trajectory has in common.
    fn common(&mut self, mut record: Record, message: &Object) -> Record {
        let correlation = self.trajectory.correlation.as_str();
        record = record.correlation(correlation).session(correlation);
        if let Some(model) = message.scalar("model") {
            record = record.model(Model::default().name(short(&model)));
        } else if let Some(model) = &self.model {
            record = record.model(Model::default().name(short(model)));
            self.model_named = true;
        }
        if let Some(digest) = &self.prompt {
            let input = record.input.take().unwrap_or_default();
            record = record.input(input.prompt(Prompt::default().id("system").digest(digest.as_str())));
            self.prompt_named = true;
        }
        let times = ["timestamp", "created_at", "created"];
        if let Some(time) = times.into_iter().find_map(|name| time(message.get(name)?)) {
            record = record.at(time);
        }
        if !self.beside.is_empty() {
            let beside: Vec<_> = self.beside.drain(..).collect();
            let beside: Vec<&str> = beside.iter().map(Json::as_str).collect();
            record = attribute(record, "messages", kept(&format!("[{}]", beside.join(","))));
        }
        record
    }

    /// Everything of a message that has no place of its own.
    fn with_rest(&self, mut record: Record, members: &Object, known: &[&str]) -> Record {
        for (name, value) in members.iter().filter(|(name, _)| !known.contains(name)) {
            let told = name == "model" && members.scalar("model").is_some_and(|model| short(&model) == model);
            if !told {
                record = attribute(record, name, kept(value.get()));
            }
        }
        record
    }

    /// What the user said, which the record answers.
    fn with_heard(&mut self, mut record: Record) -> Record {
        if !self.heard.is_empty() {
            let input = record.input.take().unwrap_or_default();
            record = record.input(input.trigger(Trigger::Person).text(std::mem::take(&mut self.heard)));
        }
        record
    }

    /// Keeps what a message holds besides these members for the next record.
    fn set_aside(&mut self, message: &Message, known: &[&str]) {
        let rest = message.members.iter().filter(|(name, _)| !known.contains(name));
        let rest: Vec<String> = rest
            .map(|(name, value)| format!("{}:{}", Json::from(name).as_str(), kept(value.get()).as_str()))
            .collect();
        if !rest.is_empty() {
            let role = Json::from(message.role.as_str());
            self.beside
                .push(kept(&format!("{{\"role\":{},{}}}", role.as_str(), rest.join(","))));
        }
    }

    fn push(&mut self, mut record: Record) {
        if let Some(parent) = &self.parent {
            record = record.parent(parent.as_str());
        }
        let place = self.out.len().to_string();
        let id = uuid_of(
            blake3::Hasher::new(),
            &[
                self.trajectory.correlation.as_bytes(),
                place.as_bytes(),
                record.to_json().as_bytes(),
            ],
        );
        self.parent = Some(id.clone());
        self.out.push(record.id(id).to_json());
    }
}

impl Call {
    fn read(raw: &RawValue) -> Self {
        let call = Object::parse(raw).unwrap_or_default();
        let inner = call.get("function").and_then(|function| Object::parse(function).ok());
        let function = inner.as_ref().unwrap_or(&call);
        let (id, name) = (
            call.text("id").unwrap_or_default(),
            function.text("name").unwrap_or_default(),
        );
        let arguments = function.get("arguments");
        let outer: &[&str] = match inner {
            Some(_) => &["id", "type", "function"],
            None => &["id", "type", "name", "arguments"],
        };
        let is_told = call.iter().next().is_some()
            && call.iter().all(|(name, _)| outer.contains(&name))
            && (inner.is_none() || function.iter().all(|(name, _)| matches!(name, "name" | "arguments")))
            && call.get("type").is_none_or(|kind| kind.get() == "\"function\"")
            && (short(&id) == id && call.get("id").is_none_or(|id| text(id).is_some()))
            && (short(&name) == name && function.get("name").is_some_and(|name| text(name).is_some()));
        Call {
            arguments: arguments.map(|raw| text(raw).map_or_else(|| kept(raw.get()), |text| unfolded(&text))),
            whole: (!is_told).then(|| kept(raw.get())),
            id,
            name,
        }
    }
}

/// The record with its tool and what came of it.
fn with_result(mut record: Record, mut tool: Tool, result: Option<&Object>) -> Record {
    let Some(result) = result else {
        return record.outcome(Status::Unknown).tool(tool.status(Status::Unknown));
    };
    let text = content(result);
    let is_error = result.get("is_error").is_some_and(|is| is.get() == "true");
    tool = tool.result(unfolded(&text));
    if is_error || text.starts_with("Error") {
        tool = tool.status(Status::Failure);
        record = record.failed("tool_error", text);
    } else {
        tool = tool.status(Status::Success);
        record = record.outcome(Status::Success);
    }
    record.tool(tool)
}

/// Sets an attribute; one that has the name already is not replaced.
fn attribute(record: Record, name: &str, value: Json) -> Record {
    let mut free = name.to_owned();
    while record
        .attributes
        .as_ref()
        .is_some_and(|known| known.get(&free).is_some())
    {
        free.push('_');
    }
    record.attribute(free, value)
}

/// The call that a tool's message answers.
fn call_of_result(message: &Message) -> Option<String> {
    let members = &message.members;
    match message.role.as_str() {
        "tool" => members.text("tool_call_id").or_else(|| members.text("name")),
        "function" => members.text("name"),
        _ => None,
    }
}

/// A message's text; parts that are more than a text stay as JSON.
fn content(message: &Object) -> String {
    let part = |raw: &RawValue| {
        let object = Object::parse(raw).unwrap_or_default();
        let is_text = object.iter().all(|(name, _)| matches!(name, "type" | "text"));
        let text = text(raw).or_else(|| object.text("text").filter(|_| is_text));
        text.unwrap_or_else(|| raw.get().to_owned())
    };
    let Some(content) = message.get("content").or_else(|| message.get("refusal")) else {
        return String::new();
    };
    match (text(content), list(content)) {
        (Some(text), _) => text,
        (None, Some(parts)) => parts.iter().map(|raw| part(raw)).collect::<Vec<_>>().join("\n"),
        (None, None) => content.get().to_owned(),
    }
}

/// RFC 3339 as it stands, or seconds since 1970.
fn time(raw: &RawValue) -> Option<String> {
    let nanoseconds = match text(raw) {
        Some(text) => parse_time(&text).ok()?,
        None => raw.get().parse::<i64>().ok()?.checked_mul(1_000_000_000)?,
    };
    Some(format_time(nanoseconds))
}
