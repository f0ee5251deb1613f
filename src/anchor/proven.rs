//! How far a log is anchored: by what can be checked at the moment, and by the note of what was tried.

use super::directory;
use super::target::{Target, Way, targets};
use crate::error::Result;
use crate::log::anchored::read_notes;
use crate::log::{AnchorStanding, Files};
use crate::proof::SignedCheckpoint;
use crate::record::format_time;

/// Up to which size a log is anchored somewhere, as far as that can be checked now: what a target keeps is read, and what one
/// has signed is verified.
///
/// # Errors
/// The policy cannot be read. A target that cannot be reached proves nothing.
pub(crate) fn proven(files: &Files) -> Result<u64> {
    let all = targets(files)?;
    Ok(all.iter().map(|target| proven_at(files, target)).max().unwrap_or(0))
}

/// How it stands with each target of a log; what is proved of it is found out if that is wanted.
///
/// # Errors
/// The policy cannot be read.
pub(crate) fn standing(files: &Files, prove: bool) -> Result<Vec<AnchorStanding>> {
    let notes = read_notes(&*files.disk, &files.layout);
    let now = files.disk.now();
    let all = targets(files)?;
    let standing = |target: Target| {
        let noted = notes.get(&target.name).cloned().unwrap_or_default();
        let age = noted
            .at
            .map(|at| now.saturating_sub(at).max(0).unsigned_abs() / 1_000_000_000);
        AnchorStanding {
            log: files.identity.name().to_owned(),
            size: noted.size,
            proven: prove.then(|| proven_at(files, &target)),
            records: files.end_seq(),
            to: target.name,
            anchored: noted.at.map(format_time),
            age_seconds: age,
            error: noted.error,
            failures: noted.failures,
        }
    };
    Ok(all.into_iter().map(standing).collect())
}

fn proven_at(files: &Files, target: &Target) -> u64 {
    match &target.to {
        Way::Directory(dir) => {
            let kept = directory::of_log(&*files.disk, dir, &files.identity.origin());
            let first = kept.ok().and_then(|mut kept| kept.find(|signed| is_of(files, signed)));
            first.map_or(0, |signed| signed.checkpoint().size())
        }
        #[cfg(feature = "anchors")]
        Way::Witness { key, .. } => super::witness::cosigned_to(files, key),
        #[cfg(feature = "anchors")]
        Way::Authority { certificate, .. } => super::authority::stamped_to(files, certificate),
        #[cfg(not(feature = "anchors"))]
        Way::Witness { .. } | Way::Authority { .. } => 0,
    }
}

/// Whether a checkpoint is what the log says of itself at its size. Whose signature it bears is for verify to judge, which knows
/// all keys that were ever in force.
pub(super) fn is_of(files: &Files, signed: &SignedCheckpoint) -> bool {
    let checkpoint = signed.checkpoint();
    checkpoint.origin() == files.identity.origin()
        && checkpoint.size() <= files.end_seq()
        && files
            .root_at(checkpoint.size())
            .is_ok_and(|root| root == *checkpoint.root())
}
