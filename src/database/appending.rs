//! Taking records in. Each finds its log: the handle's own, or the one to which the policy leads.
//!
//! What must hold: a record is checked before any of a list is stored; what comes back is in the order of what went in.

use super::access::filled;
use super::branches::Branches;
use super::facts::lead;
use super::{Database, Mode};
use crate::error::{Error, Result};
use crate::log::{Receipt, Ticket};
use crate::policy::Policy;
#[cfg(feature = "server")]
use crate::record::Writer;
use crate::record::{Prepared, Record};
use std::borrow::Cow;
use std::sync::Arc;

/// What became of a list of records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// A receipt for each record, in their order; each says in which log it is.
    pub receipts: Vec<Receipt>,
    /// Whether all of them became durable as one: a list that is longer than one commit takes is not, or one whose records
    /// went to several logs, and a crash in the middle may leave a part of it.
    pub atomic: bool,
}

/// A record that was handed over and becomes durable while its caller goes on.
#[derive(Debug)]
pub struct Pending {
    ticket: Arc<Ticket>,
}

impl Pending {
    /// Waits until the record is durable.
    ///
    /// # Errors
    /// The record was not stored: the disk is full, or the log takes nothing any more since a write failed.
    pub fn wait(self) -> Result<Receipt> {
        one(self.ticket.wait()?)
    }
}

/// Records that were handed over, and why others were not.
#[cfg(any(feature = "cli", feature = "server"))]
#[derive(Debug, Default)]
pub(crate) struct Submitted {
    tickets: Vec<Arc<Ticket>>,
    pub(crate) refused: Vec<Error>,
}

#[cfg(any(feature = "cli", feature = "server"))]
impl Submitted {
    /// Waits until all are durable; gives the refusals.
    ///
    /// # Errors
    /// As [`Pending::wait`]; of several logs one may have stored its share.
    pub(crate) fn wait(self) -> Result<Vec<Error>> {
        for ticket in self.tickets {
            ticket.wait()?;
        }
        Ok(self.refused)
    }
}

/// In whose name records are appended, where that is not this process, and where they may go.
#[cfg(feature = "server")]
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) writer: Arc<Writer>,
    /// The lines of logs; any if none is named.
    pub(crate) logs: Vec<String>,
}

/// Records of this process.
#[cfg(not(feature = "server"))]
pub(super) type Pass = std::convert::Infallible;

impl Database {
    /// Appends a record and waits until it is durable.
    ///
    /// # Errors
    /// [`Error::Refused`] if the record is not as the schema says, [`Error::DiskFull`] if there is no room (nothing was
    /// stored then), [`Error::Poisoned`] once a write failed in any other way.
    pub fn append(&self, record: &Record) -> Result<Receipt> {
        self.append_json(&record.to_json())
    }

    /// Appends records in their order and waits until all are durable.
    ///
    /// # Errors
    /// As [`Database::append`]; if one record is refused, none is stored.
    pub fn append_all<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Result<Appended> {
        let texts: Vec<String> = records.into_iter().map(Record::to_json).collect();
        self.append_all_json(texts.iter().map(String::as_str))
    }

    /// Appends a record given as a JSON object and waits until it is durable.
    ///
    /// # Errors
    /// As [`Database::append`].
    pub fn append_json(&self, text: &str) -> Result<Receipt> {
        one(self.append_texts(&[text.as_bytes()], None)?.receipts)
    }

    /// Appends records given as JSON objects, in their order, and waits until all are durable.
    ///
    /// # Errors
    /// As [`Database::append_all`].
    pub fn append_all_json<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Appended> {
        let texts: Vec<&[u8]> = texts.into_iter().map(str::as_bytes).collect();
        self.append_texts(&texts, None)
    }

    /// Appends records as [`Database::append_all_json`] does, in the name of another.
    #[cfg(feature = "server")]
    pub(crate) fn append_by(&self, texts: &[&str], pass: Option<&Pass>) -> Result<Appended> {
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        self.append_texts(&texts, pass)
    }

    /// Hands a record over without waiting until it is durable; it waits only while the queue is full. Records become
    /// durable in the order in which they were handed over.
    ///
    /// # Errors
    /// As [`Database::append`], as far as it shows already.
    pub fn submit(&self, record: &Record) -> Result<Pending> {
        self.submit_json(&record.to_json())
    }

    /// Hands over a record given as a JSON object; see [`Database::submit`].
    ///
    /// # Errors
    /// As [`Database::submit`].
    pub fn submit_json(&self, text: &str) -> Result<Pending> {
        let policy = self.policy()?;
        let text = self.filled(policy.as_deref(), text.as_bytes());
        let mut record = Prepared::new(&text, self.inner.options.record_bytes)?;
        let ticket = match self.led(policy.as_deref(), &mut record, None)? {
            Some(branch) => branch.submit_here(&text, record)?,
            None => self.submit_here(&text, record)?,
        };
        Ok(Pending { ticket })
    }

    /// Seals what was appended since the last seal and waits until it is done, also in the logs that records were led to
    /// since this handle was opened. Says whether there was anything.
    ///
    /// # Errors
    /// The segment could not be written; the records stay in the journal, and it is tried again later.
    pub fn seal(&self) -> Result<bool> {
        let mut sealed = false;
        for branch in self.inner.branches.iter().flat_map(Branches::all_open) {
            sealed |= branch.seal()?;
        }
        let own = match &self.inner.mode {
            Mode::Writing(log) => log.seal(),
            Mode::Reading(_) => Err(Error::ReadOnly {
                path: self.inner.path.clone(),
            }),
            Mode::Joined(joined) => joined.seal(),
        };
        Ok(own? | sealed)
    }

    pub(super) fn append_texts(&self, texts: &[&[u8]], pass: Option<&Pass>) -> Result<Appended> {
        let policy = self.policy()?;
        let policy = policy.as_deref();
        let filled: Vec<Cow<'_, [u8]>> = texts.iter().map(|text| self.filled(policy, text)).collect();
        // Checked here in any case: a refusal names its place best before the text travels.
        let limit = self.inner.options.record_bytes;
        let prepared = filled.iter().map(|text| Prepared::new(text, limit));
        let mut prepared = prepared.collect::<std::result::Result<Vec<_>, _>>()?;
        let ways = prepared.iter_mut().map(|record| self.led(policy, record, pass));
        let ways = ways.collect::<Result<Vec<Option<Database>>>>()?;
        let texts: Vec<&[u8]> = filled.iter().map(|text| &**text).collect();
        if ways.iter().all(Option::is_none) {
            return self.append_here(&texts, prepared);
        }
        self.append_apart(&texts, prepared, ways)
    }

    /// Hands records over as [`Database::submit`] does, also in the name of another. Those that are not as the schema says keep no
    /// other out.
    ///
    /// # Errors
    /// As [`Database::submit`], but for refusals.
    #[cfg(any(feature = "cli", feature = "server"))]
    pub(crate) fn submit_each(&self, texts: &[&[u8]], pass: Option<&Pass>) -> Result<Submitted> {
        let policy = self.policy()?;
        let policy = policy.as_deref();
        let filled: Vec<Cow<'_, [u8]>> = texts.iter().map(|text| self.filled(policy, text)).collect();
        let (mut shares, mut submitted) = (Vec::new(), Submitted::default());
        for (place, text) in filled.iter().enumerate() {
            let record = Prepared::new(text, self.inner.options.record_bytes).map_err(Error::from);
            let led = record.and_then(|mut record| Ok((self.led(policy, &mut record, pass)?, record)));
            match led {
                Ok((way, record)) => self.share(&mut shares, way, place, text, record),
                Err(error @ (Error::Refused(_) | Error::NotAllowed { .. })) => submitted.refused.push(error),
                Err(error) => return Err(error),
            }
        }
        for share in shares {
            let tickets = share.to.submit_all_here(&share.texts, share.records)?;
            submitted.tickets.extend(tickets);
        }
        Ok(submitted)
    }

    /// Appends records to the logs where they belong.
    fn append_apart(&self, texts: &[&[u8]], prepared: Vec<Prepared>, ways: Vec<Option<Database>>) -> Result<Appended> {
        let mut shares = Vec::new();
        for (place, ((way, record), text)) in ways.into_iter().zip(prepared).zip(texts).enumerate() {
            self.share(&mut shares, way, place, text, record);
        }
        let alone = shares.len() == 1;
        let (mut receipts, mut atomic) = (Vec::with_capacity(texts.len()), alone);
        for share in shares {
            let appended = share.to.append_here(&share.texts, share.records)?;
            atomic &= appended.atomic;
            receipts.extend(share.places.into_iter().zip(appended.receipts));
        }
        receipts.sort_unstable_by_key(|(place, _)| *place);
        Ok(Appended {
            receipts: receipts.into_iter().map(|(_, receipt)| receipt).collect(),
            atomic,
        })
    }

    /// Adds a record to those that go the same way.
    fn share<'a>(
        &self,
        shares: &mut Vec<Share<'a>>,
        way: Option<Database>,
        place: usize,
        text: &'a [u8],
        record: Prepared,
    ) {
        let to = way.unwrap_or_else(|| self.clone());
        let at = shares.iter().position(|share| Arc::ptr_eq(&share.to.inner, &to.inner));
        let at = at.unwrap_or_else(|| {
            shares.push(Share { to, ..Share::of(self) });
            shares.len() - 1
        });
        if let Some(share) = shares.get_mut(at) {
            share.places.push(place);
            share.texts.push(text);
            share.records.push(record);
        }
    }

    /// Appends to the handle's own log.
    fn append_here(&self, texts: &[&[u8]], prepared: Vec<Prepared>) -> Result<Appended> {
        let (receipts, atomic) = match &self.inner.mode {
            Mode::Writing(log) => log.append(prepared)?,
            Mode::Reading(_) => return Err(self.read_only()),
            Mode::Joined(joined) => joined.append(texts, prepared)?,
        };
        Ok(Appended { receipts, atomic })
    }

    fn submit_here(&self, text: &[u8], record: Prepared) -> Result<Arc<Ticket>> {
        match &self.inner.mode {
            Mode::Writing(log) => log.submit(record),
            Mode::Joined(joined) if let Some(log) = joined.own() => log.submit(record),
            _ => {
                let appended = self.append_here(&[text], vec![record]);
                Ok(Ticket::settled(appended.map(|appended| appended.receipts)))
            }
        }
    }

    #[cfg(any(feature = "cli", feature = "server"))]
    fn submit_all_here(&self, texts: &[&[u8]], records: Vec<Prepared>) -> Result<Vec<Arc<Ticket>>> {
        match &self.inner.mode {
            Mode::Writing(log) => log.submit_all(records),
            Mode::Joined(joined) if let Some(log) = joined.own() => log.submit_all(records),
            // Another process makes them durable, which is waited for.
            _ => {
                let appended = self.append_here(texts, records);
                Ok(vec![Ticket::settled(appended.map(|appended| appended.receipts))])
            }
        }
    }

    /// The policy that the records of this handle go by; none goes by one in a log that was opened alone.
    pub(super) fn policy(&self) -> Result<Option<Arc<Policy>>> {
        self.inner
            .branches
            .as_ref()
            .map_or(Ok(None), |branches| branches.policy(self))
    }

    pub(super) fn filled<'a>(&self, policy: Option<&Policy>, text: &'a [u8]) -> Cow<'a, [u8]> {
        policy.map_or(Cow::Borrowed(text), |policy| filled(policy, text))
    }

    /// The log that the policy leads the record to, if it is not the handle's own; a record without a way is marked.
    fn led(&self, policy: Option<&Policy>, record: &mut Prepared, pass: Option<&Pass>) -> Result<Option<Database>> {
        let own = super::lineage::line_of(self.identity().name());
        let policy = policy.filter(|policy| policy.is_routing());
        let Some((policy, branches)) = policy.zip(self.inner.branches.as_ref()) else {
            sign(record, pass, own)?;
            return Ok(None);
        };
        let way = lead(policy, record);
        record.unrouted = way.flag.map(str::to_owned);
        sign(record, pass, &way.log)?;
        if way.log == own {
            return Ok(None);
        }
        branches.line(self, &way.log).map(Some)
    }
}

/// The records of a list that go to one log.
struct Share<'a> {
    to: Database,
    places: Vec<usize>,
    texts: Vec<&'a [u8]>,
    records: Vec<Prepared>,
}

impl Share<'_> {
    fn of(to: &Database) -> Self {
        Share {
            to: to.clone(),
            places: Vec::new(),
            texts: Vec::new(),
            records: Vec::new(),
        }
    }
}

/// Puts the name on a record in which it goes to that log, if it may.
#[cfg(feature = "server")]
fn sign(record: &mut Prepared, pass: Option<&Pass>, log: &str) -> Result<()> {
    let Some(pass) = pass else { return Ok(()) };
    if !pass.logs.is_empty() && !pass.logs.iter().any(|allowed| allowed == log) {
        let what = format!(
            "the token {} is not for the log {log} to which the record belongs",
            pass.writer.id()
        );
        return Err(Error::NotAllowed { what });
    }
    record.writer = Some(Arc::clone(&pass.writer));
    Ok(())
}

#[cfg(not(feature = "server"))]
fn sign(_: &mut Prepared, _: Option<&Pass>, _: &str) -> Result<()> {
    Ok(())
}

fn one(receipts: Vec<Receipt>) -> Result<Receipt> {
    receipts.into_iter().next().ok_or(Error::Closed)
}
