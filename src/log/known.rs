//! Whether a record was here before: a retry gets its first receipt, something else under a known id or source is kept as
//! a conflict, and a definition that an earlier segment holds is written again in this one.
//!
//! What must hold: what is sent once is stored once; what is sent is never dropped because something else has its name.

use super::derive::Spans;
use super::draft::{Draft, Stamp};
use super::keys::{conflict_key, definition_key, id_key, id_prefix, source_key, stream_key};
use super::writer::{Entry, Writer};
use crate::error::{Error, Result};
use crate::record::{Head, Prepared, SourceKey, Writer as Author, parts_list, read_head, read_keys, read_parts};

impl Writer {
    /// The record that has the id or the source of this one, if there is one.
    pub(super) fn known(&mut self, draft: &Draft, record: &Prepared) -> Result<Option<(u64, Vec<u8>)>> {
        if let Some(id) = &record.id {
            let prefix = id_prefix(id);
            let possible = |spans: &Spans| spans.may_hold(prefix);
            let known = self.matching(draft, id_key(id), possible, |_, head| head.id == *id)?;
            if known.is_some() {
                return Ok(known);
            }
        }
        let Some(source) = &record.source else { return Ok(None) };
        if self.counts_on(draft, source) {
            return Ok(None);
        }
        let same = |line: &[u8], head: &Head| {
            read_keys(line.get(head.members.clone()).unwrap_or_default())
                .source
                .as_ref()
                == Some(source)
        };
        self.matching(draft, source_key(source), |_| true, same)
    }

    /// The record as which this one was stored when it was sent before: the one that has its id or source, or one that
    /// came into conflict with that.
    pub(super) fn sent_before(
        &self,
        draft: &Draft,
        known: Option<&(u64, Vec<u8>)>,
        entry: &Entry,
    ) -> Result<Option<(u64, Vec<u8>)>> {
        let Some((first, line)) = known else { return Ok(None) };
        let record = &entry.record;
        if is_retry(line, record, &entry.author) {
            return Ok(Some((*first, line.clone())));
        }
        let hash = conflict_key(*first, &parts_list(&record.moved), &record.members);
        let same = |line: &[u8], head: &Head| {
            head.conflict == Some(*first) && is_same_content(line, head, record, &entry.author)
        };
        let known = self.matching(draft, hash, |_| true, same)?;
        Ok(known.filter(|(_, line)| !line.is_empty()))
    }

    fn matching(
        &self,
        draft: &Draft,
        hash: u64,
        possible: impl Fn(&Spans) -> bool,
        same: impl Fn(&[u8], &Head) -> bool,
    ) -> Result<Option<(u64, Vec<u8>)>> {
        // A segment that cannot answer holds nobody up: its record may then come twice, and verify names the segment.
        let (found, _) = self.files.find(hash, possible);
        for seq in found.into_iter().chain(draft.find(hash)) {
            let line = match draft.place(seq).and_then(|place| draft.line_at(place)) {
                Some(line) => Some(line.to_vec()),
                None => match self.files.line(seq) {
                    // The key is known and the text is lost: whatever comes under it now is kept as a conflict.
                    Err(Error::Damaged { .. } | Error::Io { .. }) => return Ok(Some((seq, Vec::new()))),
                    line => line?,
                },
            };
            if let Some(line) = line
                && read_head(&line).is_some_and(|head| same(&line, &head))
            {
                return Ok(Some((seq, line)));
            }
        }
        Ok(None)
    }

    /// Whether this number is higher than every other of the same emitter, so that it cannot have been seen before.
    fn counts_on(&mut self, draft: &Draft, source: &SourceKey) -> bool {
        let hash = stream_key(source);
        let above = draft.highest(hash).is_none_or(|highest| source.number > highest);
        above && self.streams.is_above(&self.files, hash, source.number)
    }

    /// Writes a definition again if the journal has none of this digest and an earlier segment has one.
    pub(super) fn define_again(&mut self, draft: &mut Draft, digest: &str, now: i64) -> Result<()> {
        let hash = definition_key(digest);
        let defined = {
            let view = self.files.view.read();
            view.journals
                .last()
                .is_some_and(|journal| journal.find(hash).next().is_some())
        };
        if defined || draft.find(hash).next().is_some() || self.undefined.contains(&hash) {
            return Ok(());
        }
        let same = |line: &[u8], head: &Head| {
            read_keys(line.get(head.members.clone()).unwrap_or_default())
                .defines
                .as_deref()
                == Some(digest)
        };
        let again = match self.matching(draft, hash, |_| true, same)? {
            Some((_, line)) => match read_head(&line) {
                Some(head) => self.files.definition_again(&line, &head)?,
                None => None,
            },
            None => None,
        };
        match again {
            Some(again) => {
                let id = self.new_id(now);
                let stamp = Stamp {
                    id,
                    logged: now,
                    time: now,
                    writer: &self.author,
                    salt: None,
                    conflict: None,
                };
                draft.add(&again, &stamp, &self.author, || self.new_id(now));
            }
            None => {
                self.undefined.insert(hash);
            }
        }
        Ok(())
    }
}

/// Whether a stored line is what this record would have become, so that it is the same record sent again.
fn is_retry(line: &[u8], record: &Prepared, author: &Author) -> bool {
    let Some(head) = read_head(line) else { return false };
    record.id.is_none_or(|id| id == head.id) && is_same_content(line, &head, record, author)
}

/// Whether a stored line holds what this record's caller sent, whatever id it got.
fn is_same_content(line: &[u8], head: &Head, record: &Prepared, author: &Author) -> bool {
    let part = |range: &std::ops::Range<usize>| line.get(range.clone()).unwrap_or_default();
    let moved = head
        .parts
        .as_ref()
        .map_or(Some(Vec::new()), |parts| read_parts(part(parts)))
        .unwrap_or_default();
    let same_moved = moved.len() == record.moved.len()
        && moved
            .iter()
            .zip(&record.moved)
            .all(|(a, b)| a.path == b.path && a.digest == b.digest);
    // A definition is the same whoever sends it: it says of itself which text it has.
    (record.defines.is_some() || part(&head.writer) == author.text().as_slice())
        && part(&head.members) == record.members.as_slice()
        && same_moved
        && match record.time {
            Some(time) => time == head.time,
            None => head.time == head.logged,
        }
}
