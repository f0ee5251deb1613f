//! Taking in what agents of others sent: a request of OpenTelemetry becomes records, and what is there already is passed over.
//!
//! What must hold: a span has one record, however often it comes and whatever is known of those above it when it does. Only what
//! is durable is passed over, and what was taken in is durable.

use super::appending::{Pass, Submitted};
use super::{Database, record_of};
use crate::error::Result;
use crate::ingest::otlp::{DIGEST, Made, Malformed, Mapper, Sent};
use crate::query::Logs;
use crate::record::look::shown;
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
    /// become so while the last ones are made.
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
        let (mut taken, mut under_way) = (Taken::default(), Vec::new());
        let mut submitted = Ok(());
        let mapped = mapper.records_beside(sent, &known, &mut |part| {
            if submitted.is_ok() {
                let handed_over = self.hand_over(&part, &recorded, sender, &mut taken);
                submitted = handed_over.map(|part| under_way.push(part));
            }
        });
        let mapped = match mapped {
            Ok(mapped) => mapped,
            Err(malformed) => return Ok(Err(malformed)),
        };
        submitted?;
        for part in under_way {
            part.wait()?;
        }
        taken.unread = mapped.refused;
        taken.without_content = mapped.without_content;
        Ok(Ok(taken))
    }

    /// Hands over what is new of some records.
    fn hand_over(
        &self,
        part: &[Made],
        recorded: &Recorded,
        sender: &Sender<'_>,
        taken: &mut Taken,
    ) -> Result<Submitted> {
        let mut new = Vec::with_capacity(part.len());
        for made in part {
            match (sender.objection)(made.text()) {
                Some(why) => taken.refused.push(why),
                None if recorded.has(made) => taken.records += 1,
                None => new.push(made.text().as_bytes()),
            }
        }
        let submitted = self.submit_each(&new, sender.pass)?;
        taken.records += new.len() - submitted.refused.len();
        taken.refused.extend(submitted.refused.iter().map(ToString::to_string));
        Ok(submitted)
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
