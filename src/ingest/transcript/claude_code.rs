//! Claude Code's session files. A line has a `type` and, if it is part of the conversation, `uuid`, `parentUuid` and a
//! `message` as the model's API has it. One answer of the model is several lines with the same `message.id`, each with one
//! block and the usage so far; results of tools stand in later `user` lines. Sub-agents have files of their own (`agentId`),
//! or, in old versions, lines with `isSidechain` between the others.
//!
//! Here lines become records; `strand` says whose conversation a line belongs to, `answer` puts the model's answers
//! together, `tools` calls and results.

mod answer;
mod strand;
mod tools;

use super::super::raw::{Object, list};
use super::call::{Call, error};
use super::course::Course;
use super::line::{Left, Line, is_true, list_of, object, object_in, text_of, texts, texts_among};
use super::{Pause, Waiting};
use crate::ingest::word;
use crate::record::{Did, Fallback, Human, Input, Json, Kind, Outcome, Record, Status, Trigger};
use serde_json::value::RawValue;
use std::collections::HashMap;
use strand::{Place, Strand};

/// See the module.
#[derive(Debug)]
pub(super) struct ClaudeCode {
    course: Course,
    /// The conversations of the file: the person's first, then those of sub-agents.
    strands: Vec<Strand>,
    /// The place of a sub-agent's strand by its id.
    by_agent: HashMap<String, usize>,
    /// The record and the strand of each line, by its uuid.
    known: HashMap<String, (String, usize)>,
    /// The calls without a result, by their ids.
    calls: HashMap<String, Call>,
    /// The open calls that made a sub-agent, by the prompt that it was given.
    handed: HashMap<blake3::Hash, String>,
    /// The records of answers that are over, by the API's id, and of sub-agents' beginnings.
    over: HashMap<String, String>,
}

/// The members that a record's own members tell.
const TOLD: &[&str] = &["type", "message", "timestamp", "sessionId", "version"];

/// What Claude Code itself puts into a prompt's place.
const NOT_TYPED: &[&str] = &[
    "<local-command-",
    "<bash-stdout>",
    "<task-notification>",
    "<system-reminder>",
];

impl ClaudeCode {
    pub(super) fn new(agent: Option<&str>, file: &str) -> Self {
        let course = Course::new("claude_code", agent.unwrap_or("claude-code"), file);
        ClaudeCode {
            strands: vec![Strand::of(&course.agent)],
            course,
            by_agent: HashMap::new(),
            known: HashMap::new(),
            calls: HashMap::new(),
            handed: HashMap::new(),
            over: HashMap::new(),
        }
    }

    pub(super) fn line(&mut self, line: &Line) -> Vec<String> {
        let members = &line.members;
        if let Some(session) = members.text("sessionId").as_deref().and_then(word) {
            self.course.session = session;
        }
        if let Some(version) = members.text("version").as_deref().and_then(word) {
            self.course.version = Some(version);
        }
        self.course.now(members.text("timestamp"));
        let place = self.place(line);
        match (members.text("type").as_deref(), object_in(members, "message")) {
            (Some("user"), Some(message)) => self.user(line, &message, place),
            (Some("assistant"), Some(message)) if is_true(members, "isApiErrorMessage") => {
                let text = message.get("content").and_then(texts).unwrap_or_default();
                self.failed(line, place, &text);
            }
            (Some("assistant"), Some(message)) => self.assistant(line, &message, place),
            (Some("system"), _) => self.system(line, place),
            _ => self.other(line, place),
        }
        self.course.taken()
    }

    pub(super) fn pause(&mut self, pause: Pause) -> Vec<String> {
        for strand in 0..self.strands.len() {
            self.close(strand, pause == Pause::Growing);
        }
        if pause == Pause::Ended {
            for strand in 0..self.strands.len() {
                self.give_up(strand);
            }
        }
        self.course.taken()
    }

    pub(super) fn waiting(&self) -> Waiting {
        let open = self.strands.iter().filter(|strand| strand.message.is_some());
        Waiting {
            calls: self.calls.len() as u64,
            messages: open.count() as u64,
        }
    }

    /// A message of the person or of whoever called the sub-agent, and results of tools.
    fn user(&mut self, line: &Line, message: &Object, place: Place) {
        let content = message.get("content");
        let parts = content.and_then(list).unwrap_or_default();
        let (results, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| is_result(part));
        let only_results = !results.is_empty() && others.is_empty();
        self.close(place.strand, only_results);
        // What the line holds besides stands in the first of its records.
        let mut left = line.left(TOLD);
        left.add_in(line, "message", message, &["role", "content"]);
        let mut left = Some(left);
        for part in &results {
            let record = self.answered(line, part, &place, left.take().unwrap_or_else(|| line.nothing()));
            self.known.entry(place.uuid.clone()).or_insert((record, place.strand));
        }
        if only_results {
            return;
        }
        let said = content
            .and_then(super::super::raw::text)
            .or_else(|| texts_among(&others));
        let is_alone = left.is_some();
        let mut left = left.unwrap_or_else(|| line.nothing());
        let pieces = others.iter().filter(|part| text_of(part).is_none());
        let pieces: Vec<Json> = pieces.map(|part| line.keep(part)).collect();
        if !pieces.is_empty() {
            left.set("blocks", list_of(&pieces));
        }
        if let Some(content) = content.filter(|content| others.is_empty() && said.is_none() && content.get() != "[]") {
            left.set("content", line.keep(content));
        }
        self.said(line, place, said.unwrap_or_default(), left, is_alone);
    }

    /// Somebody said something; in a line of its own or beside the results of tools.
    fn said(&mut self, line: &Line, mut place: Place, said: String, left: Left, is_alone: bool) {
        let id = self.course.id(&["line", &place.uuid]);
        let is_sub = self.strands.get(place.strand).is_some_and(|strand| strand.is_sub);
        let mut input = Input::new();
        let mut human = None;
        if said.starts_with("[Request interrupted by user") {
            human = Some(Human::new().role("user").did(Did::Overrode));
        } else if is_alone && is_typed(line, &said) {
            if is_sub {
                input = input.trigger(Trigger::Agent).from(self.course.agent.as_str());
            } else {
                // A prompt begins a chain of its own, and ends what was open.
                self.give_up(place.strand);
                let chain = line.members.text("promptId").as_deref().and_then(word);
                let chain = chain.or_else(|| word(&place.uuid)).unwrap_or_default();
                if let Some(strand) = self.strands.get_mut(place.strand) {
                    strand.correlation.clone_from(&chain);
                }
                place.stamp.correlation = chain;
                place.stamp.parent = None;
                input = input.trigger(Trigger::Person);
            }
        }
        if !said.is_empty() {
            input = input.text(said);
        }
        let mut record = place.stamp.record(Kind::Message);
        record.human = human;
        if input != Input::new() {
            record = record.input(input);
        }
        let record = place.stamp.finish(record, id.clone(), left);
        self.course.push(record);
        self.known.entry(place.uuid).or_insert((id, place.strand));
    }

    fn system(&mut self, line: &Line, place: Place) {
        let members = &line.members;
        let model = |name: &str| members.text(name).as_deref().and_then(word);
        match members.text("subtype").as_deref() {
            Some("api_error") => {
                let message = object_in(members, "error").and_then(|error| error.text("message"));
                self.failed(line, place, &message.unwrap_or_default());
            }
            Some("model_refusal_fallback") => {
                let mut record = place.stamp.record("transcript");
                let models = model("originalModel").zip(model("fallbackModel"));
                record.fallback = models.map(|(from, to)| Fallback::new(from, to));
                self.plain(line, place, record);
            }
            _ => self.other(line, place),
        }
    }

    /// The model's API did not answer.
    fn failed(&mut self, line: &Line, place: Place, message: &str) {
        let outcome = Outcome::new(Status::Failure).error(error("api_error", message));
        let record = place.stamp.record(Kind::Error).outcome(outcome);
        self.plain(line, place, record);
    }

    /// A line of which nothing more is known.
    fn other(&mut self, line: &Line, place: Place) {
        let record = place.stamp.record("transcript");
        self.plain(line, place, record);
    }

    /// A line that is a record for itself, with all that it holds.
    fn plain(&mut self, line: &Line, place: Place, record: Record) {
        let id = self.course.id(&["line", &place.uuid]);
        let record = place.stamp.finish(record, id.clone(), line.everything());
        self.course.push(record);
        self.known.entry(place.uuid).or_insert((id, place.strand));
    }
}

fn is_result(part: &RawValue) -> bool {
    object(part).is_some_and(|part| part.text("type").as_deref() == Some("tool_result"))
}

/// Whether it is what the person, or the agent above, said, and not what Claude Code put there.
fn is_typed(line: &Line, said: &str) -> bool {
    let members = &line.members;
    let by = object_in(members, "origin").and_then(|origin| origin.text("kind"));
    let marked = ["isMeta", "isCompactSummary", "isVisibleInTranscriptOnly"];
    !marked.iter().any(|name| is_true(members, name))
        && by.is_none_or(|by| by == "human")
        && !NOT_TYPED.iter().any(|beginning| said.starts_with(beginning))
}
