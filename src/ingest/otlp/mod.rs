//! Spans and events of OpenTelemetry: each becomes one record, whatever SDK sent it, in whatever order, however often.
//!
//! `wire` and `text` read OTLP in protobuf and in JSON (no more of it than `most` allows) into the spans of `span`; `table` says which attribute is which member,
//! `look` finds it and remembers what was taken, `messages` knows the forms that messages have. `record` makes the record, with `run`,
//! `call`, `tool`, `retrieval` and `step` for what is each kind's own, `own` for what `auditdb.*` attributes and guardrails say, `ids` for what is
//! computed, `once` for what is defined, `remembered` for whose spans are and `silent` for what is missed; `event` makes that of a log
//! record.
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
mod remembered;
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
use messages::Call;
use parking_lot::Mutex;
use record::Above;
pub(crate) use record::DIGEST;
use remembered::{Known, LEVELS, Remembered, SpanKey};
use silent::Silent;
pub use span::Malformed;
use span::{Log, Span};
use std::collections::HashMap;
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
    /// The records, those that others name before these.
    pub records: Vec<Made>,
    /// Why a span or log record cannot be read, for each of those.
    pub refused: Vec<String>,
    /// How many log records are about nothing that an agent did, and were passed over.
    pub passed_over: u64,
    /// Which agents send calls of models without what was asked and said, and what makes them send it: a sentence each,
    /// once as long as the mapper lives.
    pub without_content: Vec<String>,
}

/// A record that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    text: String,
    id: String,
    digest: Option<String>,
}

impl Made {
    /// A record of what has these bytes' digest; a definition comes of many.
    fn of(record: &Record, digest: Option<String>) -> Self {
        Made {
            text: record.to_json(),
            id: record.id.clone().unwrap_or_default(),
            digest,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The digest of the bytes that it was made of, which stands in it too.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

/// An export request, not compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) encoding: Encoding,
    pub(crate) signal: Signal,
}

/// The text of the record with that id, where it is known.
pub(crate) type Recorded<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Takes a part of the records that are made.
pub(crate) type Part<'a> = &'a mut dyn FnMut(Vec<Made>);

/// The records of so many spans are a part.
const PART: usize = 128;

/// Turns requests into records. It remembers the last spans, so that those below them know whose they are. Several threads may
/// use one.
#[derive(Debug, Default)]
pub struct Mapper {
    remembered: Mutex<Remembered>,
    silent: Mutex<Silent>,
}

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
    pub fn records(&self, body: &[u8], encoding: Encoding, signal: Signal) -> Result<Mapped, Malformed> {
        let sent = Sent { body, encoding, signal };
        let mut records = Vec::new();
        let mapped = self.records_beside(&sent, &|_| None, &mut |part| records.extend(part))?;
        Ok(Mapped { records, ..mapped })
    }

    /// The same beside records that were made before, also by another mapper: a span that this one has not seen is looked
    /// for there, as the record that it became. The records are handed on a part at a time, those that others name first,
    /// so that they can be on their way while the next ones are made.
    ///
    /// # Errors
    /// As [`Mapper::records`].
    pub(crate) fn records_beside(
        &self,
        sent: &Sent<'_>,
        recorded: Recorded<'_>,
        part: Part<'_>,
    ) -> Result<Mapped, Malformed> {
        let mut mapped = Mapped::default();
        match sent.signal {
            Signal::Traces => {
                let spans = match sent.encoding {
                    Encoding::Protobuf => wire::spans(sent.body)?,
                    Encoding::Json => text::spans(sent.body)?,
                };
                self.spans(&sound(spans, &mut mapped), &mut mapped, recorded, part);
            }
            Signal::Logs => {
                let logs = match sent.encoding {
                    Encoding::Protobuf => wire::logs(sent.body)?,
                    Encoding::Json => text::logs(sent.body)?,
                };
                self.logs(&sound(logs, &mut mapped), &mut mapped, recorded, part);
            }
        }
        Ok(mapped)
    }

    fn spans(&self, spans: &[Span<'_>], mapped: &mut Mapped, recorded: Recorded<'_>, part: Part<'_>) {
        let mut turns = self.remember(spans);
        let here: HashMap<SpanKey, &Span<'_>> = spans.iter().map(|span| (key(span), span)).collect();
        let mut steps: HashMap<SpanKey, Option<Call>> = HashMap::new();
        for turns in turns.chunks_mut(PART) {
            let mut made = Vec::with_capacity(turns.len());
            for Turn {
                look,
                is,
                above,
                missing,
            } in turns
            {
                let above = whole(std::mem::take(above), *missing, recorded);
                // A step is looked through once, and its call is that of the first tool of that name below it.
                let mut none = None;
                let parent = look.span.parent.filter(|_| *is == Is::Tool);
                let step = parent.and_then(|parent| here.get(&(look.span.trace, parent)));
                let made_by = match step {
                    Some(step) => steps.entry(key(step)).or_insert_with(|| tool::made(step)),
                    None => &mut none,
                };
                let (record, definitions) = record::record(look, *is, above, made_by);
                if *is == Is::Call && !call::has_content(look, &record) {
                    let told = self.silent.lock().tell(look, &record.agent.id);
                    mapped.without_content.extend(told);
                }
                made.extend(definitions.iter().map(|record| Made::of(record, None)));
                made.push(Made::of(&record, Some(look.span.digest.clone())));
            }
            part(made);
        }
    }

    /// Remembers spans, and gives for each what those above it say.
    fn remember<'a>(&self, spans: &'a [Span<'a>]) -> Vec<Turn<'a>> {
        let turn = |span: &'a Span<'a>| {
            let (look, is) = (Look::new(span), record::is(span));
            let above = record::said(&look, is);
            let missing = None;
            Turn {
                look,
                is,
                above,
                missing,
            }
        };
        let mut turns: Vec<Turn<'_>> = spans.iter().map(turn).collect();
        let mut remembered = self.remembered.lock();
        // Children come before their parents: first all of them are known.
        for Turn { look, above, .. } in &turns {
            let known = Known {
                parent: look.span.parent,
                said: above.clone(),
            };
            remembered.add(key(look.span), known);
        }
        for turn in &mut turns {
            (turn.above, turn.missing) = remembered.above(key(turn.look.span));
        }
        remembered.forget_the_oldest();
        turns
    }

    fn logs(&self, logs: &[Log<'_>], mapped: &mut Mapped, recorded: Recorded<'_>, part: Part<'_>) {
        for logs in logs.chunks(PART) {
            let mut made = Vec::with_capacity(logs.len());
            for log in logs {
                let known = log.trace.zip(log.span).map(|key| self.remembered.lock().above(key));
                let above = known.map(|(above, missing)| whole(above, missing, recorded));
                match event::record(log, above.unwrap_or_default()) {
                    Some(record) => {
                        self.silent.lock().speaks(&record.agent.id);
                        made.push(Made::of(&record, Some(log.digest.clone())));
                    }
                    None => mapped.passed_over += 1,
                }
            }
            part(made);
        }
    }
}

/// A span on its way to its record.
struct Turn<'a> {
    look: Look<'a>,
    is: Is,
    /// What is known of those above it, and where that ends.
    above: Above,
    missing: Option<SpanKey>,
}

fn key(span: &Span<'_>) -> SpanKey {
    (span.trace, span.span)
}

/// What those above a span say, also from where they are not remembered.
fn whole(above: Above, missing: Option<SpanKey>, recorded: Recorded<'_>) -> Above {
    match missing {
        Some((trace, span)) => beside(above, ids::id_of(&[&trace, &span]), recorded),
        None => above,
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
