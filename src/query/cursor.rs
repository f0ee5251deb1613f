//! Where an answer went on to, as a short text that nobody needs to understand: the order, and for each log that was asked
//! where in it the rest begins. Records keep their seq for ever, so it stays right while others are appended, sealed or
//! dropped.
//!
//! The text is base64url of a version, the order, and then: in version 1, which is of one log, the seq of the record that
//! was looked at last and the log's id; in version 2 the number of logs in two bytes and for each its id and edge. Numbers
//! are big-endian.

use super::question::Order;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Where to go on with a query. It is good for the logs it came from, and for the same query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) order: Order,
    /// One a log.
    pub(super) edges: Vec<Edge>,
}

/// Where in a log the rest begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) log_id: [u8; 16],
    /// Oldest first: the first seq of what is left. Newest first: the seq behind it, so that 0 leaves nothing.
    pub(super) seq: u64,
}

/// Of one log, and of several.
const ONE: u8 = 1;
const SEVERAL: u8 = 2;

impl Cursor {
    /// The most logs that a cursor is of.
    pub(super) const LOGS: usize = u16::MAX as usize;

    /// What is left of a log; `None` if the cursor says nothing about it.
    pub(super) fn left_of(&self, log_id: &[u8; 16]) -> Option<Range<u64>> {
        let edge = self.edges.iter().find(|edge| edge.log_id == *log_id)?;
        Some(match self.order {
            Order::Newest => 0..edge.seq,
            Order::Oldest => edge.seq..u64::MAX,
        })
    }

    /// The record of a single log that was looked at last; `None` before the first.
    fn last(&self, edge: &Edge) -> Option<u64> {
        match self.order {
            Order::Newest => Some(edge.seq),
            Order::Oldest => edge.seq.checked_sub(1),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = u8::from(self.order == Order::Oldest);
        let one = match self.edges.as_slice() {
            [edge] => self.last(edge).map(|last| (last, edge.log_id)),
            _ => None,
        };
        let bytes = match one {
            Some((last, log_id)) => [&[ONE, order][..], &last.to_be_bytes(), &log_id].concat(),
            None => {
                let count = u16::try_from(self.edges.len()).unwrap_or(u16::MAX);
                let mut bytes = [&[SEVERAL, order][..], &count.to_be_bytes()].concat();
                for edge in self.edges.iter().take(Self::LOGS) {
                    bytes.extend_from_slice(&edge.log_id);
                    bytes.extend_from_slice(&edge.seq.to_be_bytes());
                }
                bytes
            }
        };
        f.write_str(&Base64UrlUnpadded::encode_string(&bytes))
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCursor;

impl fmt::Display for NoCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no cursor; take it as the page before gave it")
    }
}

impl std::error::Error for NoCursor {}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        // No longer than all that a cursor can hold, at four characters for three bytes.
        let longest = (4 + Cursor::LOGS * 24) / 3 * 4 + 4;
        if text.len() > longest {
            return Err(NoCursor);
        }
        let read = || {
            let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
            let (head, rest) = bytes.split_first_chunk::<2>()?;
            let order = match head {
                [_, 0] => Order::Newest,
                [_, 1] => Order::Oldest,
                _ => return None,
            };
            let edges = match head {
                [ONE, _] => vec![of_one(rest, order)?],
                [SEVERAL, _] => of_several(rest)?,
                _ => return None,
            };
            Some(Cursor { order, edges })
        };
        read().ok_or(NoCursor)
    }
}

fn of_one(bytes: &[u8], order: Order) -> Option<Edge> {
    let (seq, log_id) = bytes.split_first_chunk::<8>()?;
    let last = u64::from_be_bytes(*seq);
    Some(Edge {
        log_id: log_id.try_into().ok()?,
        seq: match order {
            Order::Newest => last,
            Order::Oldest => last.saturating_add(1),
        },
    })
}

fn of_several(bytes: &[u8]) -> Option<Vec<Edge>> {
    let (count, mut rest) = bytes.split_first_chunk::<2>()?;
    let mut edges = Vec::new();
    let mut known = BTreeSet::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (log_id, behind) = rest.split_first_chunk::<16>()?;
        let (seq, behind) = behind.split_first_chunk::<8>()?;
        rest = behind;
        edges.push(Edge {
            log_id: *log_id,
            seq: u64::from_be_bytes(*seq),
        });
        // A log has one place.
        known.insert(*log_id).then_some(())?;
    }
    (rest.is_empty() && !edges.is_empty()).then_some(edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor(order: Order, seqs: &[u64]) -> Cursor {
        let edges = (1..).zip(seqs).map(|(log, seq)| Edge {
            log_id: [log; 16],
            seq: *seq,
        });
        Cursor {
            order,
            edges: edges.collect(),
        }
    }

    #[test]
    fn a_cursor_comes_back_from_its_text_and_that_of_one_log_is_as_it_always_was() {
        for order in [Order::Newest, Order::Oldest] {
            for seqs in [&[0][..], &[7], &[u64::MAX], &[3, 0], &[1, u64::MAX, 2]] {
                let cursor = cursor(order, seqs);
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
        // As version 1 wrote it behind the record 7.
        let text = |order: u8| {
            let bytes = [&[1, order][..], &7_u64.to_be_bytes(), &[1; 16]].concat();
            Base64UrlUnpadded::encode_string(&bytes)
        };
        for (order, byte, edge) in [(Order::Newest, 0, 7), (Order::Oldest, 1, 8)] {
            assert_eq!(text(byte).parse(), Ok(cursor(order, &[edge])));
            assert_eq!(cursor(order, &[edge]).to_string(), text(byte));
        }
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        let good = [&[2, 0, 0, 2][..], &[1; 16], &[0; 8], &[2; 16], &[0; 8]].concat();
        let parse = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes).parse::<Cursor>();
        assert!(parse(&good).is_ok());
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            parse(&bytes)
        };
        // Another version, another order, none, one too few, one too many.
        for (at, byte) in [(0, 0), (0, 3), (1, 2), (3, 0), (3, 1), (3, 3)] {
            assert_eq!(changed(at, byte), Err(NoCursor), "{at} {byte}");
        }
        let twice = [&[2, 0, 0, 2][..], &[1; 16], &[0; 8], &[1; 16], &[9; 8]].concat();
        assert_eq!(parse(&twice), Err(NoCursor));
        assert_eq!("A".repeat(3_000_000).parse::<Cursor>(), Err(NoCursor));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = text.parse::<Cursor>();
            if let Ok(cursor) = Base64UrlUnpadded::encode_string(&bytes).parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
    }
}
