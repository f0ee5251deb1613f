//! The lines that fit, one after the other from either end.

use super::plan::Node;
use crate::index::opened::Index;
use crate::index::unfit::{Unfit, guarded};
use std::sync::Arc;

/// How many lines are looked at first, and how much longer each further run is: who wants a few soon has them, and who
/// wants all has the work of few runs.
const FIRST: u32 = 1024;
const GROWTH: u32 = 4;

/// See [`Index::positions`].
pub(crate) struct Positions {
    index: Arc<Index>,
    node: Node,
    newest_first: bool,
    /// What was not looked at yet.
    left: std::ops::Range<u32>,
    run: u32,
    /// What was found in the last run; the next one last.
    found: Vec<u32>,
}

impl Positions {
    pub(super) fn new(index: Arc<Index>, node: Node, newest_first: bool) -> Self {
        let left = 0..index.count_lines();
        Positions {
            index,
            node,
            newest_first,
            left,
            run: FIRST,
            found: Vec::new(),
        }
    }

    /// Looks at the next run.
    fn look(&mut self) -> Result<(), Unfit> {
        // Runs begin at multiples of 64.
        let run = if self.newest_first {
            let start = self.left.end.saturating_sub(self.run) & !63;
            start..std::mem::replace(&mut self.left.end, start)
        } else {
            let end = self.left.start.saturating_add(self.run).min(self.left.end);
            std::mem::replace(&mut self.left.start, end)..end
        };
        self.run = self.run.saturating_mul(GROWTH) & !63;
        let (index, node) = (&self.index, &self.node);
        let fits = guarded(|| index.eval(node, &index.every(run.start, run.end)?))?;
        self.found.extend(fits.iter());
        if !self.newest_first {
            self.found.reverse();
        }
        Ok(())
    }
}

impl Iterator for Positions {
    type Item = Result<u32, Unfit>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.found.pop() {
                return Some(Ok(line));
            }
            if self.left.is_empty() {
                return None;
            }
            if let Err(unfit) = self.look() {
                self.left = 0..0;
                return Some(Err(unfit));
            }
        }
    }
}

impl std::fmt::Debug for Positions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Positions")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
