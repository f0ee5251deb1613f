//! Stored checkpoints: one file each, a signed note named by its size. One is stored with every segment that is closed, and
//! whenever somebody asks for one. They are copies of what was shown to the outside: a log that is shorter than one of
//! them, or has another root at its size, has lost or changed records.

use super::layout::{Layout, checkpoint_size, list_numbered};
use crate::disk::{Disk, read_short, write_new};
use crate::error::{Error, Result};
use crate::proof::{NOTE_LIMIT, SignedCheckpoint};
use std::path::Path;

/// Stores a checkpoint durably. One of the same size that is there already stays, with all that signed it since.
pub(crate) fn store(disk: &dyn Disk, layout: &Layout, checkpoint: &SignedCheckpoint) -> Result<()> {
    let path = layout.checkpoint(checkpoint.checkpoint().size());
    let io = |error| Error::io("storing", &path, error);
    if disk.stat(&path).map_err(io)?.is_some() {
        return Ok(());
    }
    let temporary = layout.checkpoint_temporary();
    write_new(disk, &temporary, checkpoint.to_string().as_bytes()).map_err(io)?;
    disk.rename(&temporary, &path).map_err(io)?;
    disk.sync_dir(&layout.checkpoint_dir()).map_err(io)
}

/// The sizes of the checkpoints that are stored, and the names that are none.
pub(crate) fn list(disk: &dyn Disk, layout: &Layout) -> std::io::Result<(Vec<u64>, Vec<String>)> {
    list_numbered(disk, &layout.checkpoint_dir(), checkpoint_size)
}

/// The newest checkpoint that is stored and can be read.
pub(crate) fn newest(disk: &dyn Disk, layout: &Layout) -> Result<Option<SignedCheckpoint>> {
    let io = |error| Error::io("listing", layout.checkpoint_dir(), error);
    let (sizes, _) = list(disk, layout).map_err(io)?;
    let Some(size) = sizes.last() else { return Ok(None) };
    let path = layout.checkpoint(*size);
    let bytes = read(disk, &path).map_err(|error| Error::io("reading", &path, error))?;
    Ok(Some(SignedCheckpoint::parse(&bytes)?))
}

/// The bytes of a stored checkpoint; nothing in them is believed before it was verified.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> std::io::Result<Vec<u8>> {
    read_short(disk, path, NOTE_LIMIT)
}
