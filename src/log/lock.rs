//! The lock of the one that writes.
//!
//! What must hold: whoever finds it taken is told by whom, and why others cannot append through that process if they
//! cannot.

use super::layout::Layout;
use crate::disk::{Disk, LockAttempt, LockGuard, Open};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(crate) fn take_lock(disk: &dyn Disk, layout: &Layout) -> Result<Box<dyn LockGuard>> {
    take_lock_at(disk, layout.lock())
}

pub(crate) fn take_lock_at(disk: &dyn Disk, path: PathBuf) -> Result<Box<dyn LockGuard>> {
    match disk.lock(&path).map_err(|error| Error::io("locking", &path, error))? {
        LockAttempt::Held(guard) => Ok(guard),
        LockAttempt::Busy(pid) => {
            let no_door = note_in(disk, &path);
            Err(Error::Locked { path, pid, no_door })
        }
    }
}

/// What the holder of the lock left behind its process's id.
fn note_in(disk: &dyn Disk, lock: &Path) -> Option<String> {
    let mut text = [0; 1024];
    let len = disk.open(lock, Open::Read).ok()?.read_at(&mut text, 0).ok()?;
    let text = String::from_utf8_lossy(text.get(..len)?);
    let note = text.lines().nth(1)?.trim();
    (!note.is_empty()).then(|| note.to_owned())
}
