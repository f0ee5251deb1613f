//! Taking in what agents of others sent: a request of OpenTelemetry becomes records, and what is there already is passed over.
//!
//! What must hold: a span has one record, however often it comes and whatever is known of those above it when it does. Only what
//! is durable is passed over, and what was taken in is durable.

use super::appending::Pass;
use super::{Database, record_of};
use crate::error::{Error, Result};
use crate::ingest::otlp::{DIGEST, Made, Malformed, Mapper, Sent};
use crate::query::Logs;
use crate::record::look::shown;
use std::sync::mpsc;
use uuid::Uuid;

/// Who sent a request.
pub(crate) struct Sender<'a> {
    /// Why a record is none that it may see or send.
    pub(crate) objection: &'a (dyn Fn(&str) -> Option<String> + Sync),
    pub(crate) pass: Option<&'a Pass>,
}

/// What became of a request.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// How many records are there now, also those that were before.
    pub(crate) records: usize,
    /// Why the log took others not.
    pub(crate) refused: Vec<String>,
    /// Why others were not made.
    pub(crate) unread: Vec<String>,
    /// See [`crate::ingest::otlp::Mapped::without_content`].
    pub(crate) without_content: Vec<String>,
}

impl Taken {
    /// Whether nothing of what was sent stood where it was looked for.
    #[cfg(feature = "cli")]
    pub(crate) fn is_nothing(&self) -> bool {
        self.records == 0 && self.refused.is_empty()
    }
}

impl Database {
    /// Makes records of a request, and of those the ones durable that are as the schema says. Of a long request the first ones
    /// are appended while the last ones are made.
    ///
    /// # Errors
    /// As [`Database::append_all`], but for refusals; a beginning of the records may be stored then. Inside: the request cannot
    /// be read as a whole, and nothing was stored.
    pub(crate) fn take_in(
        &self,
        mapper: &Mapper,
        sent: &Sent<'_>,
        sender: &Sender<'_>,
    ) -> Result<std::result::Result<Taken, Malformed>> {
        let logs = self.logs_to_ask()?;
        let recorded = Recorded { logs };
        let known = |id: &str| recorded.text(id).filter(|text| (sender.objection)(text).is_none());
        let append = |part: Vec<Made>, taken: &mut Taken| self.take_part(&part, &recorded, sender, taken);
        std::thread::scope(|scope| {
            let (mut last, mut others) = (Vec::new(), None);
            let mapped = mapper.records_beside(sent, &known, &mut |part| {
                let before: Vec<Made> = std::mem::replace(&mut last, part);
                if before.is_empty() {
                    return;
                }
                // One that is not short: another thread begins to append.
                let (to, _) = others.get_or_insert_with(|| {
                    let (to, parts) = mpsc::channel();
                    let all = move || -> Result<Taken> {
                        let mut taken = Taken::default();
                        parts.into_iter().try_for_each(|part| append(part, &mut taken))?;
                        Ok(taken)
                    };
                    (to, scope.spawn(all))
                });
                // Nobody takes them any more if an append failed, which is said in the end.
                let _ = to.send(before);
            });
            let mut taken = match others {
                Some((to, all)) => {
                    drop(to);
                    all.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?
                }
                None => Taken::default(),
            };
            let mapped = match mapped {
                Ok(mapped) => mapped,
                Err(malformed) => return Ok(Err(malformed)),
            };
            append(last, &mut taken)?;
            taken.unread = mapped.refused;
            taken.without_content = mapped.without_content;
            Ok(Ok(taken))
        })
    }

    fn take_part(&self, part: &[Made], recorded: &Recorded, sender: &Sender<'_>, taken: &mut Taken) -> Result<()> {
        let mut new = Vec::with_capacity(part.len());
        for made in part {
            match (sender.objection)(made.text()) {
                Some(why) => taken.refused.push(why),
                None if recorded.has(made) => taken.records += 1,
                None => new.push(made.text().as_bytes()),
            }
        }
        let refused = self.append_what_is_taken(&new, sender.pass)?;
        taken.records += new.len() - refused.len();
        taken.refused.extend(refused.iter().map(ToString::to_string));
        Ok(())
    }

    /// Appends those of some records that are as the schema says, and waits until they are durable; gives the refusals of the
    /// others. All of them become durable as one if none is refused.
    pub(crate) fn append_what_is_taken(&self, texts: &[&[u8]], pass: Option<&Pass>) -> Result<Vec<Error>> {
        let is_refusal = |error: &Error| matches!(error, Error::Refused(_) | Error::NotAllowed { .. });
        match self.append_texts(texts, pass) {
            Ok(_) => return Ok(Vec::new()),
            // None of them is in then.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error),
        }
        let mut refused = Vec::new();
        for text in texts {
            match self.append_texts(&[*text], pass) {
                Ok(_) => {}
                Err(error) if is_refusal(&error) => refused.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }
}

/// The records of all logs, by their ids, as they are at one moment.
struct Recorded {
    logs: Logs,
}

impl Recorded {
    /// The text of the record with that id. None also where it cannot be read: then it is as if it were not there.
    fn text(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).ok()?;
        self.logs.asked.iter().rev().find_map(|asked| {
            let seq = asked.files.find_id(id.as_bytes()).ok()??;
            let entry = record_of(&asked.files, seq).ok()??;
            entry.whole(&asked.files).ok()
        })
    }

    /// Whether the record that was made of the same bytes is there.
    fn has(&self, made: &Made) -> bool {
        let known = || shown(&self.text(made.id())?, &["attributes", DIGEST]);
        made.digest().is_some_and(|digest| known().as_deref() == Some(digest))
    }
}
