//! What the log has to be, by what was noted elsewhere: the key and the first record that `init` printed, checkpoints that
//! were given away, and those that are stored beside the records. Without the former nothing is authenticated: whoever
//! writes the whole directory anew writes its keys anew, too.

use super::Verify;
use super::report::Report;
use super::trust::Trust;
use crate::error::Result;
use crate::log::checkpoints;
use crate::log::events::{Predecessor, hex};
use crate::log::fault::{Fault, What};
use crate::log::tiles::StoredTiles;
use crate::proof::{Hash, SignedCheckpoint, VerifierKey, WithTail, root_at};
use std::path::Path;

/// What was noted elsewhere.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Anchors<'a> {
    /// The log's first key.
    pub key: Option<&'a VerifierKey>,
    /// The leaf of its first record.
    pub genesis: Option<&'a Hash>,
    /// Checkpoints that it signed.
    pub checkpoints: &'a [SignedCheckpoint],
}

impl<'a> Anchors<'a> {
    /// Both together; what only one can say, the second one says.
    pub(crate) fn and(self, other: &Anchors<'a>) -> Self {
        Anchors {
            key: other.key.or(self.key),
            genesis: other.genesis.or(self.genesis),
            checkpoints: if other.checkpoints.is_empty() {
                self.checkpoints
            } else {
                other.checkpoints
            },
        }
    }
}

/// What a successor says of the log that it goes on from.
#[derive(Debug, Clone)]
pub(crate) struct Continued {
    /// The successor's name.
    pub(crate) by: String,
    pub(crate) predecessor: Predecessor,
}

impl Verify<'_> {
    /// Holds the log against all of these. `end` is its size, where it could be linked up to there.
    pub(super) fn anchored(
        &self,
        stored: &(Vec<u64>, Vec<String>),
        trust: &Trust,
        sealed_end: u64,
        tail: &[Hash],
        end: Option<u64>,
        report: &mut Report,
    ) {
        let tiles = WithTail {
            stored: StoredTiles {
                disk: self.disk,
                layout: self.layout,
            },
            count: sealed_end,
            tail,
        };
        let root = |size: u64| root_at(&tiles, size);
        let (sizes, others) = stored;
        for name in others.iter().filter(|name| *name != "new") {
            let path = self.layout.checkpoint_dir().join(name);
            report.faults.push(Fault::new(path, What::Stray));
        }
        for size in sizes {
            let path = self.layout.checkpoint(*size);
            let fault = match checkpoints::read(self.disk, &path) {
                Err(error) => Some(What::Unreadable(error.to_string())),
                Ok(bytes) => match SignedCheckpoint::parse(&bytes) {
                    Ok(checkpoint) if checkpoint.checkpoint().size() != *size => Some(What::Misplaced),
                    Ok(checkpoint) => disagreement(&checkpoint, trust.log_keys(), end, &root).map(What::Checkpoint),
                    Err(fault) => Some(What::Checkpoint(fault.to_string())),
                },
            };
            report.faults.extend(fault.map(|what| Fault::new(&path, what)));
        }
        self.identified(trust, report);
        if let Some(continued) = &self.continued
            && let Some(why) = not_continued(continued, trust, end, &root)
        {
            let by = continued.by.clone();
            report
                .faults
                .push(Fault::new(self.layout.root(), What::Succeeded { by, why }));
        }
        for given in self.anchors.checkpoints {
            match disagreement(given, trust.log_keys(), end, &root) {
                None => report.complete_to = report.complete_to.max(Some(given.checkpoint().size())),
                Some(why) => report.faults.push(Fault::new(
                    self.layout.root(),
                    What::Checkpoint(format!("the given one: {why}")),
                )),
            }
        }
    }

    /// Compares the first record and its key with those that were asked for.
    fn identified(&self, trust: &Trust, report: &mut Report) {
        let path: &Path = self.layout.root();
        let (leaf, key) = match trust.genesis() {
            Some((leaf, key)) => (Some(leaf), key.as_str()),
            None => (None, ""),
        };
        if let Some(wanted) = self.anchors.key
            && wanted.to_string() != key
        {
            report.faults.push(Fault::new(path, What::OtherKey));
        }
        if let Some(wanted) = self.anchors.genesis
            && Some(wanted) != leaf
        {
            report.faults.push(Fault::new(path, What::OtherGenesis));
        }
        report.authenticated = self.anchors.key.is_some() && self.anchors.genesis.is_some();
    }
}

/// Why the log is not what its successor says of it.
fn not_continued(
    continued: &Continued,
    trust: &Trust,
    end: Option<u64>,
    root: &dyn Fn(u64) -> Result<Hash>,
) -> Option<String> {
    let Predecessor { origin, standing, .. } = &continued.predecessor;
    if trust.log_keys().first().is_none_or(|key| key.name() != origin) {
        return Some(format!("it was {origin}"));
    }
    let (standing, end) = (standing.as_ref()?, end?);
    let size = standing.size;
    if size > end {
        let last = size - 1;
        return Some(format!("records {end}..{last} are missing"));
    }
    match root(size) {
        Ok(root) if hex(&root) == standing.root => None,
        Ok(_) => Some(format!("among its first {size} records are others")),
        Err(error) => Some(format!("its root cannot be computed: {error}")),
    }
}

/// Why a checkpoint is not one of this log.
pub(crate) fn disagreement(
    signed: &SignedCheckpoint,
    keys: &[VerifierKey],
    end: Option<u64>,
    root: &dyn Fn(u64) -> Result<Hash>,
) -> Option<String> {
    if let Err(fault) = signed.verify(keys) {
        return Some(fault.to_string());
    }
    let checkpoint = signed.checkpoint();
    let (size, end) = (checkpoint.size(), end?);
    if size > end {
        let last = size - 1;
        return Some(format!(
            "it was signed for {size} records and the log has {end}: records {end}..{last} are missing"
        ));
    }
    match root(size) {
        Ok(root) if root == *checkpoint.root() => None,
        Ok(_) => Some(format!(
            "among the first {size} records are others than it was signed for"
        )),
        Err(error) => Some(format!("its root cannot be computed: {error}")),
    }
}
