//! The last spans that came, and what each said of whose it is: those below them may come later, and do not say it.

use super::record::Above;
use std::collections::{HashMap, VecDeque};

/// A trace and a span in it.
pub(super) type SpanKey = ([u8; 16], [u8; 8]);

/// So many spans are remembered: those of some thousand runs.
const REMEMBERED: usize = 1 << 16;

/// So many spans are above one at most.
pub(super) const LEVELS: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    known: HashMap<SpanKey, Known>,
    order: VecDeque<SpanKey>,
}

/// What is remembered of a span.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) parent: Option<[u8; 8]>,
    pub(super) said: Above,
}

impl Remembered {
    pub(super) fn add(&mut self, key: SpanKey, known: Known) {
        if self.known.insert(key, known).is_none() {
            self.order.push_back(key);
        }
    }

    /// What a span says, and where it does not, the nearest above it that does; also the span at which they end, if something
    /// is missing still.
    pub(super) fn above(&self, (trace, mut span): SpanKey) -> (Above, Option<SpanKey>) {
        let mut found = Above::default();
        for _ in 0..LEVELS {
            let Some(known) = self.known.get(&(trace, span)) else {
                return (found, Some((trace, span)));
            };
            found = found.or(&known.said);
            match known.parent {
                Some(parent) if !found.is_whole() => span = parent,
                _ => break,
            }
        }
        (found, None)
    }

    pub(super) fn forget_the_oldest(&mut self) {
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}
