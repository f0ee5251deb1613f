//! Checkpoints that were kept elsewhere, held against the log and against each other. What does not fit has four causes that
//! mean something else each to whoever has to act, so each has words of its own:
//!
//! - **cut off**: the log ends before a checkpoint, and files that are still there know of more records than it has;
//! - **rolled back**: the log ends before a checkpoint, and nothing in its directory knows of more: all of it is of then;
//! - **rewritten**: the log reaches a checkpoint, and among its records are others, whatever has signed them since;
//! - **forked**: two checkpoints that the log's key has signed contradict each other: two histories were shown. Two of the
//!   same size with different roots do, and so does one that fits the log with a smaller one that does not.
//!
//! What must hold: nothing is said of a checkpoint whose signature is not the log's but that.

use super::Verify;
use super::report::Report;
use super::trust::Trust;
use crate::error::Result;
use crate::log::fault::{Fault, What};
use crate::proof::{Checkpoint, Hash, KeyType, SignedCheckpoint};

/// How far a log is and what can be computed of it.
pub(super) struct Held<'a> {
    pub(super) trust: &'a Trust,
    /// Its size, where it could be linked up to there.
    pub(super) end: Option<u64>,
    pub(super) root: &'a dyn Fn(u64) -> Result<Hash>,
    /// So many records are known of by other files than those that hold them.
    pub(super) remembered: u64,
}

impl Verify<'_> {
    /// Holds the log against all checkpoints that were given, and these against each other.
    pub(super) fn held_against(&self, held: &Held<'_>, report: &mut Report) {
        let mut say = |what| report.faults.push(Fault::new(self.layout.root(), what));
        let mut signed: Vec<&Checkpoint> = Vec::new();
        let found = self.found_elsewhere(held.trust, &mut say);
        for given in self.anchors.checkpoints.iter().chain(found) {
            match is_signed(given, held.trust) {
                Ok(()) => signed.push(given.checkpoint()),
                Err(why) => say(What::Checkpoint(format!(
                    "the given one of {} records: {why}",
                    given.checkpoint().size()
                ))),
            }
        }
        signed.sort_by_key(|checkpoint| (checkpoint.size(), *checkpoint.root()));
        signed.dedup_by_key(|checkpoint| (checkpoint.size(), *checkpoint.root()));
        let mut two_of_a_size = None;
        for pair in signed.windows(2) {
            if let [one, other] = pair
                && one.size() == other.size()
                && two_of_a_size.is_none()
            {
                two_of_a_size = Some(one.size());
                say(What::Forked {
                    one: one.size(),
                    other: one.size(),
                });
            }
        }
        let Some(end) = held.end else { return };
        let (mut fitting, mut differing) = (Vec::new(), Vec::new());
        for checkpoint in signed.iter().filter(|checkpoint| checkpoint.size() <= end) {
            match (held.root)(checkpoint.size()) {
                Ok(root) if root == *checkpoint.root() => fitting.push(checkpoint.size()),
                Ok(_) => differing.push(checkpoint.size()),
                Err(error) => say(What::Checkpoint(format!(
                    "the given one of {} records: its root cannot be computed: {error}",
                    checkpoint.size()
                ))),
            }
        }
        let fits = fitting.iter().max().copied();
        // The log itself proves that one does not continue the other.
        let contradicted = differing
            .iter()
            .rev()
            .find(|size| fits.is_some_and(|fits| fits > **size));
        if let (Some(one), Some(other), None) = (contradicted, fits, two_of_a_size) {
            say(What::Forked { one: *one, other });
        }
        if let Some(size) = differing.iter().find(|size| fits.is_none_or(|fits| fits < **size))
            && two_of_a_size != Some(*size)
        {
            let unchanged = fits.unwrap_or(0);
            say(What::Rewritten { unchanged, size: *size });
        }
        if let Some(size) = signed.last().map(|newest| newest.size()).filter(|size| *size > end) {
            say(if held.remembered > end {
                let known = held.remembered;
                What::TailCut { size, end, known }
            } else {
                What::RolledBack { size, end }
            });
        }
        report.complete_to = report.complete_to.max(fits);
        report.anchored = fitting.len() as u64;
    }

    /// Of the checkpoints from places that keep those of several logs, those of this one.
    fn found_elsewhere(&self, trust: &Trust, say: &mut impl FnMut(What)) -> Vec<&SignedCheckpoint> {
        let Some(origin) = trust.log_keys().first().map(|key| key.name()) else {
            return Vec::new();
        };
        let found = self.anchors.found.iter();
        let mine: Vec<_> = found.filter(|signed| signed.checkpoint().origin() == origin).collect();
        let of_the_name = |other: &&SignedCheckpoint| other.checkpoint().origin().split('/').next() == Some(self.log);
        if let Some(other) = self.anchors.found.iter().find(of_the_name).filter(|_| mine.is_empty()) {
            say(What::OtherOrigin {
                anchored: other.checkpoint().origin().to_owned(),
                found: origin.to_owned(),
            });
        }
        mine
    }
}

/// Why a checkpoint is not signed by a key that the log states.
fn is_signed(given: &SignedCheckpoint, trust: &Trust) -> std::result::Result<(), String> {
    let Err(fault) = given.verify(trust.log_keys()) else {
        return Ok(());
    };
    let ours =
        |key: &&crate::proof::VerifierKey| key.key_type() == KeyType::Note && key.name() == given.checkpoint().origin();
    Err(match trust.log_keys().iter().find(ours) {
        // A log that was rolled back to before its key was changed looks like this, too.
        Some(_) => "none of the log's keys has signed it; it is forged, or the log was rolled back to before its key was changed"
            .to_owned(),
        None => fault.to_string(),
    })
}
