//! Spans and events of OpenTelemetry: each becomes one record, whatever SDK sent it, in whatever order, however often.
//!
//! `wire` and `text` read OTLP in protobuf and in JSON (no more of it than `most` allows) into the spans of `span`; `table` says which attribute is which member,
//! `look` finds it and remembers what was taken, `messages` knows the forms that messages have. `record` makes the record, with `run`,
//! `call`, `tool`, `retrieval` and `step` for what is each kind's own, `own` for what `auditdb.*` attributes and guardrails say, `ids` for what is
//! computed, `once` for what is defined and `silent` for what is missed; `event` makes that of a log record.
//!
//! What must hold: a record's id is computed from trace and span, and it says of which bytes it was made, so a span that comes again is a retry; its parent is named
//! the same way, and need not have come; what no member takes stands in `attributes`; a span that cannot be read is named and
//! keeps no other from being recorded.

mod call;
mod event;
mod ids;
mod look;
mod messages;
mod most;
mod once;
mod own;
mod record;
mod retrieval;
mod run;
mod silent;
mod span;
mod step;
mod table;
mod text;
mod tool;
mod wire;

use crate::record::Record;
use look::Look;
use record::Above;
pub(crate) use record::DIGEST;
use silent::Silent;
pub use span::Malformed;
use span::{Log, Span};
use std::collections::{HashMap, VecDeque};
use table::Is;

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

/// What a request holds, by the path to which it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `/v1/traces`.
    Traces,
    /// `/v1/logs`.
    Logs,
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapped {
    /// The records as JSON text, those that others name before these.
    pub records: Vec<String>,
    /// Why a span or log record cannot be read, for each of those.
    pub refused: Vec<String>,
    /// How many log records are about nothing that an agent did, and were passed over.
    pub passed_over: u64,
    /// Which agents send calls of models without what was asked and said, and what makes them send it: a sentence each,
    /// once as long as the mapper lives.
    pub without_content: Vec<String>,
}

/// The text of the record with that id, where it is known.
pub type Recorded<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Turns requests into records. It remembers the last spans, so that those below them know whose they are.
#[derive(Debug, Default)]
pub struct Mapper {
    known: HashMap<SpanKey, Known>,
    order: VecDeque<SpanKey>,
    silent: Silent,
}

type SpanKey = ([u8; 16], [u8; 8]);

/// What is remembered of a span.
#[derive(Debug)]
struct Known {
    parent: Option<[u8; 8]>,
    said: Above,
}

/// So many spans are remembered: those of some thousand runs.
const REMEMBERED: usize = 1 << 16;

/// So many spans are above one at most.
const LEVELS: usize = 256;

impl Mapper {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The records of an export request, which is not compressed.
    ///
    /// # Errors
    /// It cannot be read as a whole.
    pub fn records(&mut self, body: &[u8], encoding: Encoding, signal: Signal) -> Result<Mapped, Malformed> {
        self.records_beside(body, encoding, signal, &|_| None)
    }

    /// The same beside records that were made before, also by another mapper: a span that this one has not seen is looked
    /// for there, as the record that it became.
    ///
    /// # Errors
    /// As [`Mapper::records`].
    pub fn records_beside(
        &mut self,
        body: &[u8],
        encoding: Encoding,
        signal: Signal,
        recorded: Recorded<'_>,
    ) -> Result<Mapped, Malformed> {
        let mut mapped = Mapped::default();
        match signal {
            Signal::Traces => {
                let spans = match encoding {
                    Encoding::Protobuf => wire::spans(body)?,
                    Encoding::Json => text::spans(body)?,
                };
                self.spans(&sound(spans, &mut mapped), &mut mapped, recorded);
            }
            Signal::Logs => {
                let logs = match encoding {
                    Encoding::Protobuf => wire::logs(body)?,
                    Encoding::Json => text::logs(body)?,
                };
                self.logs(&sound(logs, &mut mapped), &mut mapped, recorded);
            }
        }
        Ok(mapped)
    }

    fn spans(&mut self, spans: &[Span], mapped: &mut Mapped, recorded: Recorded<'_>) {
        let looks: Vec<(Look<'_>, Is)> = spans.iter().map(|span| (Look::new(span), record::is(span))).collect();
        // Children come before their parents: first all of them are known.
        for (look, is) in &looks {
            let known = Known {
                parent: look.span.parent,
                said: record::said(look, *is),
            };
            self.remember((look.span.trace, look.span.span), known);
        }
        let here: HashMap<SpanKey, &Look<'_>> = looks
            .iter()
            .map(|(look, _)| ((look.span.trace, look.span.span), look))
            .collect();
        for (look, is) in &looks {
            let above = self.above((look.span.trace, look.span.span), recorded);
            let step = look.span.parent.and_then(|parent| here.get(&(look.span.trace, parent)));
            let (record, definitions) = record::record(look, *is, above, step.copied());
            if *is == Is::Call && !call::has_content(look, &record) {
                mapped.without_content.extend(self.silent.tell(look, &record.agent.id));
            }
            mapped.records.extend(definitions.iter().map(Record::to_json));
            mapped.records.push(record.to_json());
        }
        self.forget_the_oldest();
    }

    fn logs(&mut self, logs: &[Log], mapped: &mut Mapped, recorded: Recorded<'_>) {
        for log in logs {
            let above = log.trace.zip(log.span).map(|key| self.above(key, recorded));
            match event::record(log, above.unwrap_or_default()) {
                Some(record) => {
                    self.silent.speaks(&record.agent.id);
                    mapped.records.push(record.to_json());
                }
                None => mapped.passed_over += 1,
            }
        }
    }

    /// What a span says, and where it does not, the nearest above it that does.
    fn above(&self, (trace, mut span): SpanKey, recorded: Recorded<'_>) -> Above {
        let mut found = Above::default();
        for _ in 0..LEVELS {
            let Some(known) = self.known.get(&(trace, span)) else {
                return beside(found, ids::id_of(&[&trace, &span]), recorded);
            };
            found = found.or(&known.said);
            match known.parent {
                Some(parent) if !found.is_whole() => span = parent,
                _ => break,
            }
        }
        found
    }

    fn remember(&mut self, key: SpanKey, known: Known) {
        if self.known.insert(key, known).is_none() {
            self.order.push_back(key);
        }
    }

    fn forget_the_oldest(&mut self) {
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// With what that record says, and the nearest above it that does.
fn beside(mut found: Above, id: String, recorded: Recorded<'_>) -> Above {
    let mut next = Some(id);
    for _ in 0..LEVELS {
        let Some(text) = next.filter(|_| !found.is_whole()).and_then(|id| recorded(&id)) else {
            break;
        };
        let (above, parent) = Above::recorded(&text);
        (found, next) = (found.or(&above), parent);
    }
    found
}

/// Those that could be read; of the others it is noted why not.
fn sound<T>(all: Vec<Result<T, Malformed>>, mapped: &mut Mapped) -> Vec<T> {
    let mut sound = Vec::with_capacity(all.len());
    for (place, one) in all.into_iter().enumerate() {
        match one {
            Ok(one) => sound.push(one),
            Err(malformed) => mapped.refused.push(format!("number {place}: {malformed}")),
        }
    }
    sound
}

#[cfg(test)]
mod tests;
