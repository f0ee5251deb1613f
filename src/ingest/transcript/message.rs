//! An answer of the model that is written over several lines, a piece of it each.

use super::course::Stamp;
use super::line::{Left, list_of};
use crate::ingest::word;
use crate::record::{Json, Kind, Members, Model, Output, Prompt, Record, Usage};

/// See the module.
#[derive(Debug)]
pub(super) struct Message {
    /// The provider's id of it, empty where there is none.
    pub(super) name: String,
    /// The id of its record.
    pub(super) id: String,
    pub(super) stamp: Stamp,
    pub(super) model: Option<Model>,
    pub(super) prompt: Option<Prompt>,
    pub(super) said: Vec<String>,
    pub(super) thought: Vec<String>,
    /// Why the model stopped.
    pub(super) finish: Option<String>,
    /// What the call used; none if another record has it.
    pub(super) usage: Option<Usage>,
    /// What else the first line holds.
    pub(super) left: Left,
    /// What the other lines hold besides.
    pub(super) lines: Vec<Json>,
    /// The tools that it asked for: call and name.
    pub(super) asked: Vec<Json>,
    /// Pieces that are none of these.
    pub(super) pieces: Vec<Json>,
}

impl Message {
    pub(super) fn new(name: String, id: String, stamp: Stamp, left: Left) -> Self {
        Message {
            name,
            id,
            stamp,
            model: None,
            prompt: None,
            said: Vec::new(),
            thought: Vec::new(),
            finish: None,
            usage: None,
            left,
            lines: Vec::new(),
            asked: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Another line of it.
    pub(super) fn and(&mut self, mut left: Left, stamp: &Stamp) {
        self.left.is_odd |= left.is_odd;
        if let Some(time) = stamp
            .time
            .as_deref()
            .filter(|time| self.stamp.time.as_deref() != Some(*time))
        {
            left.set("timestamp", time);
        }
        let new = left.beyond(&self.left);
        if !new.is_empty() {
            self.lines.push(Json::from(new));
        }
    }

    /// It asked for a tool.
    pub(super) fn asks(&mut self, call: &str, name: &str) {
        self.asked
            .push(Json::from(Members::from([("id", call), ("name", name)])));
    }

    pub(super) fn record(self) -> Record {
        let mut left = self.left;
        for (name, values) in [
            ("lines", &self.lines),
            ("tool_uses", &self.asked),
            ("blocks", &self.pieces),
        ] {
            if !values.is_empty() {
                left.set(name, list_of(values));
            }
        }
        // What the agent put in the model's place was no call of a model.
        let is_call = self.model.as_ref().and_then(|model| model.name.as_deref()) != Some("<synthetic>");
        let mut record = self.stamp.record(if is_call { Kind::ModelCall } else { Kind::Message });
        record.model = self.model;
        if !self.thought.is_empty() {
            record = record.reasoning(self.thought.join("\n"));
        }
        let mut output = Output::new();
        output.finish = self.finish.as_deref().and_then(word);
        if !self.said.is_empty() {
            output = output.text(self.said.join("\n"));
        }
        if output != Output::new() {
            record = record.output(output);
        }
        if let Some(prompt) = self.prompt {
            record = record.input(crate::record::Input::new().prompt(prompt));
        }
        record.usage = self.usage.filter(|_| is_call);
        self.stamp.finish(record, self.id, left)
    }
}
