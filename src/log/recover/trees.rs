//! Damaged tree files. They are computed anew from the text of the segments. Where text is lost they may be all that
//! is left to tell what it was, so the leaves of lost records are taken over from them, if the whole then has the root
//! that the log stands at.

use super::Mend;
use super::segments::ranges;
use crate::disk::Open;
use crate::error::{Error, Result};
use crate::log::derive::derive;
use crate::log::events::Did;
use crate::log::fault::{Fault, What};
use crate::log::segment::Remains;
use crate::log::tombstone;
use crate::log::tree_files;
use crate::log::view::Tip;
use crate::proof::{CHAIN_START, Frontier, Hash};

impl Mend<'_> {
    /// Computes the tree files anew where verify named any; `end` is how far the log is behind its last segment.
    pub(super) fn trees(&mut self, end: &Tip) -> Result<()> {
        let dir = self.layout.tree_dir();
        let level_0 = self.layout.tree(0);
        let named = self.faults.iter().find(|fault| fault.file.starts_with(&dir)).cloned();
        // Where text is lost, verify has nothing to compare with.
        let (size, tree) = (end.next_seq(), Some(&end.tree));
        let holds = tree_files::frontier(self.disk, self.layout, size).as_ref() == tree
            && tree_files::frontier_of_leaves(self.disk, self.layout, size).as_ref() == tree;
        let Some(fault) = named.or_else(|| (!holds).then(|| Fault::new(&level_0, What::TreeFile))) else {
            return Ok(());
        };
        let leaves = self.leaves(size).ok_or_else(|| {
            let lost = ranges(&self.unread(size));
            self.lost(format!(
                "the text of records {lost} is lost, and with {} their hashes are too",
                level_0.display()
            ))
        })?;
        if Self::tree_over(&leaves) != end.tree {
            // Nobody can tell which hash is wrong. Those that are there stay; those that are not are needed to go on.
            let stat = self
                .disk
                .stat(&level_0)
                .map_err(|error| Error::io("reading", &level_0, error))?;
            let there = stat.map_or(0, |stat| stat.len / 32).min(size);
            let mut stay = tree_files::read(self.disk, &level_0, 0, there).unwrap_or_default();
            stay.extend(leaves.iter().skip(stay.len()));
            let unread = self.unread(size);
            self.leave(&level_0, Some(&fault), unread)?;
            return self.write_tree(&stay);
        }
        for name in self.list(&dir)? {
            let path = dir.join(name);
            if path == level_0 {
                // Kept in place: the leaves of lost records must not be gone for a moment.
                self.keep(&path, Did::Rebuilt, 0, Some(&fault))?;
                let io = |error| Error::io("cutting", &path, error);
                let file = self.disk.open(&path, Open::Write).map_err(io)?;
                if file.len().map_err(io)? > leaves.len() as u64 * 32 {
                    file.set_len(leaves.len() as u64 * 32).map_err(io)?;
                }
            } else {
                self.keep(&path, Did::Rebuilt, 0, Some(&fault))?;
                let io = |error| Error::io("removing", &path, error);
                self.disk.remove(&path).map_err(io)?;
            }
        }
        self.write_tree(&leaves)
    }

    fn write_tree(&self, leaves: &[Hash]) -> Result<()> {
        tree_files::extend(self.disk, self.layout, 0, leaves)
            .map_err(|failure| Error::io("writing", failure.path, failure.error))
    }

    /// The leaves of the first `size` records: from text, and where that is lost from the tree file; `None` if neither
    /// has one of them. Whether they are the right ones, a root has to tell.
    pub(super) fn leaves(&self, size: u64) -> Option<Vec<Hash>> {
        let mut leaves: Vec<Hash> = Vec::new();
        let fill = |leaves: &mut Vec<Hash>, to: u64| {
            let from = leaves.len() as u64;
            match to.checked_sub(from) {
                None | Some(0) => Some(()),
                Some(count) => {
                    leaves.extend(tree_files::read(self.disk, &self.layout.tree(0), from, count)?);
                    Some(())
                }
            }
        };
        for first in self.listing().ok()?.segments.into_iter().filter(|first| *first < size) {
            let Ok(remains) = Remains::read(self.disk, &self.layout.segment(first)) else {
                continue;
            };
            for piece in remains.pieces().filter(|piece| piece.end_seq <= size) {
                fill(&mut leaves, piece.first_seq)?;
                if piece.first_seq == leaves.len() as u64 {
                    leaves.extend(derive(&piece.text, piece.first_seq, CHAIN_START).ok()?.leaves);
                }
            }
        }
        fill(&mut leaves, size)?;
        (leaves.len() as u64 == size).then_some(leaves)
    }

    pub(super) fn tree_over(leaves: &[Hash]) -> Frontier {
        let mut tree = Frontier::new();
        for leaf in leaves {
            tree.push(*leaf);
        }
        tree
    }

    /// The seqs below `size` that no segment's text holds.
    fn unread(&self, size: u64) -> Vec<(u64, u64)> {
        let segments = self.listing().map(|listing| listing.segments).unwrap_or_default();
        // What was dropped is not lost.
        let first = segments.first().copied().filter(|first| *first < size);
        let dropped = tombstone::tip_before(self.disk, self.layout, first.unwrap_or(size));
        let (mut lost, mut expected) = (Vec::new(), dropped.map_or(0, |tip| tip.next_seq()));
        for first in segments.into_iter().filter(|first| *first < size) {
            let Ok(remains) = Remains::read(self.disk, &self.layout.segment(first)) else {
                continue;
            };
            for piece in remains.pieces() {
                if piece.first_seq > expected {
                    lost.push((expected, piece.first_seq - 1));
                }
                expected = expected.max(piece.end_seq);
            }
        }
        if expected < size {
            lost.push((expected, size - 1));
        }
        lost
    }
}
