//! Answers of the model, put together from their lines.

use super::super::line::{Left, Line, number, object, object_in, said, text_of};
use super::super::message::Message;
use super::{ClaudeCode, Place, TOLD};
use crate::ingest::raw::{Object, list, text};
use crate::ingest::word;
use crate::record::{Json, Model, Usage};
use serde_json::value::RawValue;

impl ClaudeCode {
    /// A piece of an answer.
    pub(super) fn assistant(&mut self, line: &Line, message: &Object, place: Place) {
        let name = said(message, "id").unwrap_or_else(|| place.uuid.clone());
        let open = self
            .strands
            .get_mut(place.strand)
            .and_then(|strand| strand.message.take());
        let mut left = line.left(TOLD);
        let told = ["id", "type", "role", "model", "content", "stop_reason", "usage"];
        left.add_in(line, "message", message, &told);
        left.set("message_id", name.as_str());
        if let Some(usage) = message.get("usage") {
            left.set("usage", line.keep(usage));
        }
        let content = message.get("content");
        let parts = content.and_then(list);
        if let Some(odd) = content.filter(|content| parts.is_none() && text(content).is_none()) {
            left.set("content", line.keep(odd));
        }
        let mut answer = match open {
            Some(mut open) if open.name == name => {
                open.and(left, &place.stamp);
                open
            }
            open => {
                if let Some(open) = open {
                    self.whole(open);
                }
                let id = self.course.id(&["line", &place.uuid]);
                Message::new(name, id, place.stamp.clone(), left)
            }
        };
        let model = message.text("model").as_deref().and_then(word);
        answer.model = model.map(Model::from).or(answer.model);
        answer.finish = said(message, "stop_reason").or(answer.finish);
        // The lines of an answer say what was used so far: the most is what was used.
        if let Some(usage) = object_in(message, "usage").map(|usage| used(&usage))
            && answer
                .usage
                .as_ref()
                .is_none_or(|before| before.output_tokens <= usage.output_tokens)
        {
            answer.usage = Some(usage);
        }
        answer.said.extend(content.and_then(text));
        for part in parts.unwrap_or_default() {
            self.piece(line, &part, &mut answer, &place);
        }
        self.known
            .entry(place.uuid)
            .or_insert((answer.id.clone(), place.strand));
        if let Some(strand) = self.strands.get_mut(place.strand) {
            strand.message = Some(answer);
        }
    }

    fn piece(&mut self, line: &Line, part: &RawValue, answer: &mut Message, place: &Place) {
        let block = object(part).unwrap_or_default();
        match block.text("type").as_deref().unwrap_or_default() {
            "text" if text_of(part).is_some() => answer.said.extend(text_of(part)),
            "thinking" => {
                answer.thought.extend(said(&block, "thinking"));
                if block.iter().any(|(name, _)| !matches!(name, "type" | "thinking")) {
                    let mut left = Left::default();
                    left.add(line, &block, &["thinking"]);
                    answer.pieces.push(Json::from(left.members));
                }
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" if self.is_new_call(&block) => {
                self.called(line, &block, answer, place);
            }
            // A tool that the provider itself called.
            kind if kind.ends_with("_tool_result") => {
                self.answered(line, part, place, line.nothing());
            }
            _ => answer.pieces.push(line.keep(part)),
        }
    }

    /// The answer at the end of a strand is over; if it has to say so itself, only one that does.
    pub(super) fn close(&mut self, strand: usize, says_so: bool) {
        let open = self.strands.get_mut(strand).map(|strand| &mut strand.message);
        if let Some(open) = open
            && open.as_ref().is_some_and(|open| !says_so || open.finish.is_some())
            && let Some(open) = open.take()
        {
            self.whole(open);
        }
    }

    fn whole(&mut self, mut message: Message) {
        match self.over.get(&message.name).filter(|first| **first != message.id) {
            // More of an answer that was taken for whole: what it used is counted there.
            Some(first) => {
                message.left.set("goes_on", first.as_str());
                message.usage = None;
            }
            None => {
                self.over.insert(message.name.clone(), message.id.clone());
            }
        }
        self.course.push(message.record());
    }
}

/// Tokens as OpenTelemetry counts them: those out of the cache are part of the input.
fn used(usage: &Object) -> Usage {
    let mut used = Usage::new();
    used.cache_read_tokens = number(usage, "cache_read_input_tokens");
    used.cache_write_tokens = number(usage, "cache_creation_input_tokens");
    used.output_tokens = number(usage, "output_tokens");
    let parts = [
        number(usage, "input_tokens"),
        used.cache_read_tokens,
        used.cache_write_tokens,
    ];
    if parts.iter().any(Option::is_some) {
        used.input_tokens = Some(parts.into_iter().flatten().fold(0, u64::saturating_add));
    }
    let details = object_in(usage, "output_tokens_details").unwrap_or_default();
    used.reasoning_tokens = number(&details, "thinking_tokens");
    used
}
