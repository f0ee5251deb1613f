//! The answer over several logs: each is scanned by itself, in its own order, and of the records that they have next the one
//! that comes first in time is given. It holds no more than one record of each log at a time.
//!
//! What must hold: every record that fits is given once, whatever the times in it say; a page and the pages behind its
//! cursor are together what one answer would have been, also while records are appended, sealed or dropped; what is in a
//! log that cannot be asked is not taken for nothing.

use super::askable::Logs;
use super::cursor::{Cursor, Edge};
use super::patience::Patience;
use super::question::{Order, Query};
use super::reach::{Reach, Stopped, Unasked};
use super::scan::{Scan, WHOLE};
use crate::entry::Entry;
use crate::error::{Error, Result};
use std::cmp::Ordering;
use std::ops::Range;

/// The records that fit a query, one after the other as they are found; see [`crate::Database::query`].
pub struct Found {
    /// The oldest first.
    logs: Vec<Merged>,
    order: Order,
    left: Option<usize>,
    patience: Patience,
    /// What a cursor said of logs that are not asked this time, for the next one.
    carried: Vec<Edge>,
    unasked: Vec<Unasked>,
    returned: u64,
    stopped: Option<Stopped>,
}

/// A log, and the record of it that is next.
struct Merged {
    scan: Scan,
    head: Option<Entry>,
}

/// Nothing of a log.
const NOTHING: Range<u64> = 0..0;

impl Found {
    pub(crate) fn new(logs: &Logs, query: &Query) -> Result<Self> {
        let ids = logs.asked.iter().map(|asked| asked.files.identity.log_id);
        let ids: Vec<[u8; 16]> = ids.collect();
        let cursor = query.cursor.as_ref();
        let known = |id: &[u8; 16]| cursor.and_then(|cursor| cursor.left_of(id));
        let newest_known = ids.iter().rposition(|id| known(id).is_some());
        if cursor.is_some() && newest_known.is_none() {
            return Err(Error::OtherCursor {
                path: logs.path.clone(),
            });
        }
        let range = |(at, id): (usize, &[u8; 16])| match known(id) {
            Some(left) => left,
            // It came to be behind the first page, like what is appended.
            None if query.order == Order::Newest && newest_known.is_some_and(|newest| at > newest) => NOTHING,
            None => WHOLE,
        };
        let ranges = ids.iter().enumerate().map(range);
        let merged = logs.asked.iter().zip(ranges).map(|(asked, range)| Merged {
            scan: Scan::new(asked, query, range),
            head: None,
        });
        let edges = cursor.into_iter().flat_map(|cursor| &cursor.edges);
        Ok(Found {
            logs: merged.collect(),
            order: query.order,
            left: query.limit,
            patience: query.patience.clone(),
            carried: edges.filter(|edge| !ids.contains(&edge.log_id)).copied().collect(),
            unasked: logs.unasked.clone(),
            returned: 0,
            stopped: None,
        })
    }

    /// How far it has been looked so far; the whole answer's reach once there are no more records.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        self.logs.iter().for_each(|log| reach.add(log.scan.reach()));
        Reach {
            unasked: self.unasked.clone(),
            returned: self.returned,
            stopped: self.stopped,
            ..reach
        }
    }

    /// Where to go on behind what was given so far; `None` at the end of all logs. What comes there need not fit.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        if self.is_over() {
            return None;
        }
        let edge = |log: &Merged| Edge {
            log_id: log.scan.log_id(),
            seq: match (&log.head, self.order) {
                // It was found and not given yet.
                (Some(head), Order::Newest) => head.seq().saturating_add(1),
                (Some(head), Order::Oldest) => head.seq(),
                (None, _) => log.scan.edge(),
            },
        };
        Some(Cursor {
            order: self.order,
            edges: self.logs.iter().map(edge).chain(self.carried.iter().copied()).collect(),
        })
    }

    fn is_over(&self) -> bool {
        let is_over = |log: &Merged| log.head.is_none() && log.scan.is_over();
        self.logs.iter().all(is_over)
    }

    /// Finds what each log has next. Without one of them nobody knows which record is the next of all.
    fn fill(&mut self) -> Option<Stopped> {
        for log in self.logs.iter_mut().filter(|log| log.head.is_none()) {
            log.head = log.scan.next();
            if let (None, Some(stopped)) = (&log.head, log.scan.reach().stopped) {
                return Some(stopped);
            }
        }
        None
    }

    /// The log that has the next record of all.
    fn first(&mut self) -> Option<&mut Merged> {
        let order = self.order;
        let logs = self.logs.iter_mut().enumerate();
        let heads = logs.filter_map(|(at, log)| log.head.as_ref().map(Entry::time).map(|time| ((time, at), log)));
        let before = |(one, _): &((i64, usize), &mut Merged), (other, _): &((i64, usize), &mut Merged)| -> Ordering {
            match order {
                Order::Oldest => one.cmp(other),
                Order::Newest => other.cmp(one),
            }
        };
        heads.min_by(before).map(|(_, log)| log)
    }
}

impl Iterator for Found {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        if self.stopped.is_some() || self.is_over() {
            return None;
        }
        self.stopped = match self.left {
            Some(0) => Some(Stopped::Limit),
            _ => self.patience.cancelled().or_else(|| self.fill()),
        };
        if self.stopped.is_some() {
            return None;
        }
        let next = self.first()?.head.take()?;
        self.returned += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Some(Ok(next))
    }
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("reach", &self.reach())
            .finish_non_exhaustive()
    }
}
