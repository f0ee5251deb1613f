//! Taking in what agents of others sent: a request of OpenTelemetry becomes records, and what is there already is passed over.
//!
//! What must hold: a span has one record, however often it comes and whatever is known of those above it when it does. Only what
//! is durable is passed over.

use super::appending::Pass;
use super::{Database, record_of};
use crate::error::{Error, Result};
use crate::ingest::otlp::{DIGEST, Made};
use crate::query::Logs;
use crate::record::look::shown;
use uuid::Uuid;

/// The records of all logs, by their ids, as they are at one moment.
pub(crate) struct Recorded {
    logs: Logs,
}

impl Recorded {
    /// The text of the record with that id. None also where it cannot be read: then it is as if it were not there.
    pub(crate) fn text(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).ok()?;
        self.logs.asked.iter().rev().find_map(|asked| {
            let seq = asked.files.find_id(id.as_bytes()).ok()??;
            let entry = record_of(&asked.files, seq).ok()??;
            entry.whole(&asked.files).ok()
        })
    }

    /// Those of some records that were not made of the same bytes as one that is there.
    pub(crate) fn new_among<'a>(&self, made: &'a [Made]) -> Vec<&'a str> {
        let new = made.iter().filter(|made| !self.has(made));
        new.map(Made::text).collect()
    }

    /// Whether the record that was made of these very bytes is there.
    fn has(&self, made: &Made) -> bool {
        let known = || shown(&self.text(made.id())?, &["attributes", DIGEST]);
        made.digest().is_some_and(|digest| known().as_deref() == Some(digest))
    }
}

impl Database {
    /// What is recorded now.
    ///
    /// # Errors
    /// The handle's own log cannot be read.
    pub(crate) fn recorded(&self) -> Result<Recorded> {
        let logs = self.logs_to_ask()?;
        Ok(Recorded { logs })
    }

    /// Appends those of some records that are as the schema says, and waits until they are durable; gives the refusals of the
    /// others. All of them become durable as one if none is refused.
    ///
    /// # Errors
    /// As [`Database::append_all`], but for refusals; a beginning of them may be stored then.
    pub(crate) fn append_what_is_taken(&self, texts: &[&str], pass: Option<&Pass>) -> Result<Vec<Error>> {
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let is_refusal = |error: &Error| matches!(error, Error::Refused(_) | Error::NotAllowed { .. });
        match self.append_texts(&texts, pass) {
            Ok(_) => return Ok(Vec::new()),
            // None of them is in then.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error),
        }
        let mut refused = Vec::new();
        for text in texts {
            match self.append_texts(&[text], pass) {
                Ok(_) => {}
                Err(error) if is_refusal(&error) => refused.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }
}
