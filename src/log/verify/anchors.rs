//! What the log has to be, by what was noted elsewhere: the key and the first record that `init` printed, checkpoints that
//! were given away, and those that are stored beside the records. Without the former nothing is authenticated: whoever
//! writes the whole directory anew writes its keys anew, too.

use super::Verify;
use super::report::Report;
use super::trust::Trust;
use crate::error::Result;
use crate::log::checkpoints;
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
    /// A checkpoint that it signed.
    pub checkpoint: Option<&'a SignedCheckpoint>,
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
                    Ok(checkpoint) => disagreement(&checkpoint, trust, end, &root).map(What::Checkpoint),
                    Err(fault) => Some(What::Checkpoint(fault.to_string())),
                },
            };
            report.faults.extend(fault.map(|what| Fault::new(&path, what)));
        }
        self.identified(trust, report);
        if let Some(given) = self.anchors.checkpoint {
            match disagreement(given, trust, end, &root) {
                None => report.complete_to = Some(given.checkpoint().size()),
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

/// Why a checkpoint is not one of this log.
fn disagreement(
    signed: &SignedCheckpoint,
    trust: &Trust,
    end: Option<u64>,
    root: &dyn Fn(u64) -> Result<Hash>,
) -> Option<String> {
    if let Err(fault) = signed.verify(trust.log_keys()) {
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
