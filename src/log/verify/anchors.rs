//! What the log has to be, by what was noted elsewhere: the key and the first record that `init` printed, checkpoints that
//! were given away, and those that are stored beside the records. Without the former nothing is authenticated: whoever
//! writes the whole directory anew writes its keys anew, too.

use super::Verify;
use super::against::Held;
use super::report::Report;
use super::trust::Trust;
use crate::disk::read_short;
use crate::error::Result;
use crate::log::anchored::{PROOF_FILE_BYTES, digest_of};
use crate::log::checkpoints;
use crate::log::events::{Predecessor, hex};
use crate::log::fault::{Fault, What};
use crate::log::layout::proof_of;
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
    /// Checkpoints from a place that keeps those of several logs: those of others, by their origin, are passed over.
    pub found: &'a [SignedCheckpoint],
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
            found: if other.found.is_empty() {
                self.found
            } else {
                other.found
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
        for name in others.iter().filter(|name| *name != "new" && proof_of(name).is_none()) {
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
        for (seq, at) in trust.signed_acts() {
            // What is beyond the records that could be linked nobody can tell.
            let was = end.is_none_or(|end| at.size > end) || root(at.size).is_ok_and(|root| hex(&root) == at.root);
            if !was {
                let why = "was signed for this log as it never was: it was brought from another state of it".to_owned();
                let fault = Fault::new(self.layout.root(), What::Person(why));
                report.faults.push(fault.seqs(*seq, *seq));
            }
        }
        self.proofs_kept(trust, report);
        self.identified(trust, report);
        if let Some(continued) = &self.continued
            && let Some(why) = not_continued(continued, trust, end, &root)
        {
            let by = continued.by.clone();
            report
                .faults
                .push(Fault::new(self.layout.root(), What::Succeeded { by, why }));
        }
        let held = Held {
            trust,
            end,
            root: &root,
            remembered: self.remembered(sizes),
        };
        self.held_against(&held, report);
    }

    /// Each proof that a record says was kept is there and as it was.
    fn proofs_kept(&self, trust: &Trust, report: &mut Report) {
        for (seq, event) in trust.anchored() {
            let Some((name, digest)) = event.kept() else { continue };
            let path = self.layout.checkpoint_dir().join(name);
            let what = match read_short(self.disk, &path, PROOF_FILE_BYTES) {
                Ok(bytes) if digest_of(&bytes) == digest => continue,
                Ok(_) => What::ProofChanged,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => What::Missing,
                Err(error) => What::Unreadable(error.to_string()),
            };
            report.faults.push(Fault::new(path, what).seqs(*seq, *seq));
        }
    }

    /// How many records the log has had by what its files still know: stored checkpoints, and hashes in the tree.
    fn remembered(&self, sizes: &[u64]) -> u64 {
        let signed = sizes.last().copied().unwrap_or(0);
        let hashed = self.disk.stat(&self.layout.tree(0)).ok().flatten();
        signed.max(hashed.map_or(0, |stat| stat.len / 32))
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
