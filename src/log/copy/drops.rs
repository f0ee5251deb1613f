//! Following what the log has dropped: a copy must not be the way to keep what had to go. And whoever can write a tombstone
//! into a log must not have the backup delete the evidence: nothing goes before the whole copy, with the segment still in
//! it, was verified, and with it that the log has signed and announced the tombstone, that the time had passed, and that no hold
//! was in force.

use super::{Work, extras};
use crate::error::{Error, Result};
use crate::log::dropping::remove_files;
use crate::log::verify::{Anchors, Verify, verify};

impl Work<'_> {
    /// Drops from the copy what the log has dropped.
    pub(super) fn drops(&mut self) -> Result<()> {
        let (disk, to) = (self.disk(), self.task.to);
        let doomed = extras::doomed(self.task, &self.dest.segments)?;
        if doomed.is_empty() {
            return Ok(());
        }
        let task = Verify {
            disk,
            layout: to,
            log: &self.source.log,
            log_id: Some(self.source.log_id),
            seqs: None,
            anchors: Anchors::default(),
            continued: None,
            threads: self.task.threads,
            progress: self.task.progress,
        };
        let report = verify(&task).map_err(|error| Error::io("reading", to.root(), error))?;
        if !report.is_sound() {
            report.faults.into_iter().for_each(|fault| self.is_damaged(fault));
            return Ok(());
        }
        remove_files(disk, to, &doomed)?;
        self.dest.segments.retain(|first| !doomed.contains(first));
        self.note.damaged.retain(|first| !doomed.contains(first));
        self.done.dropped = doomed.len() as u64;
        Ok(())
    }
}
