//! The note in a log's directory that says that it is a copy: a backup, or a log that was restored from one. The log's
//! keys may be at hand all the same (the directory was restored to where it had been), and then nothing else would tell.
//!
//! What must hold: the note is there before the first record is, and no writer opens a log that has one.

use crate::disk::{Disk, read_short};
use crate::error::{Error, Result};
use crate::log::events::Gap;
use crate::log::layout::Layout;
use serde::{Deserialize, Serialize};

/// What a copy of a log is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CopyKind {
    /// A backup: it is only read, and restored elsewhere.
    Backup,
    /// A restore that has not come to its end.
    Restoring,
    /// It was restored from a backup: writing goes on in a successor.
    Restored,
}

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) kind: CopyKind,
    /// The log's name and id.
    pub(crate) log: String,
    pub(crate) log_id: String,
    /// The segments that were damaged when they were copied, by their first seqs: they are copied again once they are
    /// sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<u64>,
    /// The records that are known to have been there and were not restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gap: Option<Gap>,
}

/// No note is longer, in bytes.
const LIMIT: usize = 1 << 20;

impl Note {
    /// The note in a log's directory; `None` if there is none.
    pub(crate) fn read(disk: &dyn Disk, layout: &Layout) -> Result<Option<Self>> {
        let path = layout.copied();
        let io = |error| Error::io("reading", &path, error);
        if disk.stat(&path).map_err(io)?.is_none() {
            return Ok(None);
        }
        let bytes = read_short(disk, &path, LIMIT).map_err(io)?;
        let note = serde_json::from_slice(&bytes);
        note.map(Some).map_err(|error| {
            let why = format!("it should say what this copy of a log is for, and does not: {error}");
            io(std::io::Error::other(why))
        })
    }

    /// Writes it in the place of the one that is there, durably.
    pub(crate) fn write(&self, disk: &dyn Disk, layout: &Layout) -> Result<()> {
        let (temporary, path) = (layout.copied_temporary(), layout.copied());
        let io = |error| Error::io("writing", &path, error);
        let text = serde_json::to_string(self).map_err(|error| io(error.into()))?;
        super::small::put(disk, &temporary, &path, text.as_bytes()).map_err(io)?;
        disk.sync_dir(layout.root()).map_err(io)
    }
}

/// What a log is a copy for; `None` if it is none, or its note cannot be read.
pub(crate) fn kind(disk: &dyn Disk, layout: &Layout) -> Option<CopyKind> {
    Some(Note::read(disk, layout).ok()??.kind)
}

/// Says no to whoever wants to write to a copy.
pub(crate) fn refuse_copy(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    match Note::read(disk, layout)? {
        None => Ok(()),
        Some(note) => Err(Error::Copy {
            path: layout.root().to_owned(),
            kind: note.kind,
        }),
    }
}
