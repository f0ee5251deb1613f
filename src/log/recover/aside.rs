//! Keeping what a recovery replaces, and the notes of what it does. A note is durable before what it tells of is done;
//! the notes go when they stand in the log. An interrupted recovery is run again, finds the copies that it made
//! already, and notes nothing twice.

use super::{Done, Mend};
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use crate::log::events::{Did, Recovered};
use crate::log::fault::Fault;
use crate::log::layout::Layout;
use crate::log::segment::Remains;
use std::path::{Path, PathBuf};

impl Mend<'_> {
    /// Copies a file to where damaged files are kept, as far as it can be read, and notes what is done with it from
    /// `offset` on.
    pub(super) fn keep(&mut self, path: &Path, did: Did, offset: u64, fault: Option<&Fault>) -> Result<()> {
        // Read with patience: a sector that is gone must not keep the rest from being kept.
        let remains = Remains::read(self.disk, path).map_err(|fault| self.damaged(fault))?;
        let kept = self.copy(path, remains.bytes())?;
        let cut = usize::try_from(offset)
            .ok()
            .and_then(|from| remains.bytes().get(from..));
        self.note(path, did, (offset, cut), Some(&kept), fault, Vec::new())
    }

    /// Notes that nothing could be mended in a file, and which records are lost with it.
    pub(super) fn leave(&mut self, path: &Path, fault: Option<&Fault>, unreadable: Vec<(u64, u64)>) -> Result<()> {
        let remains = Remains::read(self.disk, path).ok();
        let bytes = remains.as_ref().map(Remains::bytes);
        self.note(path, Did::Left, (0, bytes), None, fault, unreadable)
    }

    /// Cuts a file back; with nothing left of it, it goes.
    pub(super) fn cut(&mut self, path: &Path, end: u64, fault: Option<&Fault>) -> Result<()> {
        let did = if end == 0 { Did::Removed } else { Did::Cut };
        self.keep(path, did, end, fault)?;
        let io = |error| Error::io("cutting", path, error);
        if end == 0 {
            self.disk.remove(path).map_err(io)?;
        } else {
            let file = self.disk.open(path, Open::Write).map_err(io)?;
            file.set_len(end).and_then(|()| file.sync()).map_err(io)?;
        }
        match path.parent() {
            Some(parent) => self.disk.sync_dir(parent).map_err(io),
            None => Ok(()),
        }
    }

    /// Writes down what is about to be done.
    fn note(
        &mut self,
        path: &Path,
        did: Did,
        (offset, bytes): (u64, Option<&[u8]>),
        kept: Option<&Path>,
        fault: Option<&Fault>,
        unreadable: Vec<(u64, u64)>,
    ) -> Result<()> {
        let relative = |path: &Path| {
            path.strip_prefix(self.layout.root())
                .unwrap_or(path)
                .display()
                .to_string()
        };
        let event = Recovered {
            name: "recovered",
            why: "damage",
            file: relative(path),
            did,
            offset,
            bytes: bytes.map_or(0, <[u8]>::len) as u64,
            digest: bytes.map(crate::record::digest),
            kept: kept.map(relative),
            fault: fault.map(|fault| fault.what.to_string()),
            unreadable: unreadable.clone(),
        };
        self.done.push(Done {
            file: path.to_owned(),
            did,
            offset,
            kept: kept.map(Path::to_owned),
            unreadable,
        });
        // A structure of numbers and strings always serialises.
        let note = serde_json::to_string(&event).unwrap_or_default();
        if self.notes.contains(&note) {
            return Ok(());
        }
        if did == Did::Left {
            // Nothing is done; whoever runs the recovery again finds the same, or finds it put right.
            self.left.push(note);
            return Ok(());
        }
        self.notes.push(note);
        write_notes(self.disk, self.layout, &self.notes)
    }

    /// Where a durable copy of these bytes is kept.
    fn copy(&self, path: &Path, bytes: &[u8]) -> Result<PathBuf> {
        let io = |error| Error::io("keeping", path, error);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let dir = self.layout.damaged_dir();
        let taken = self.list(&dir)?;
        let mut number = 0_u32;
        let kept = loop {
            let candidate = format!("{name}.{number}");
            let kept = dir.join(&candidate);
            if !taken.contains(&candidate) {
                let copy = self.disk.open(&kept, Open::Create).map_err(io)?;
                copy.write_at(bytes, 0).and_then(|()| copy.sync()).map_err(io)?;
                break kept;
            }
            if Remains::read(self.disk, &kept).is_ok_and(|copy| copy.bytes() == bytes) {
                // From a recovery that was interrupted; what it wrote may not have been durable yet.
                let copy = self.disk.open(&kept, Open::Write).map_err(io)?;
                copy.write_at(bytes, 0).and_then(|()| copy.sync()).map_err(io)?;
                break kept;
            }
            number += 1;
        };
        self.disk.sync_dir(&dir).map_err(io)?;
        Ok(kept)
    }
}

/// What a recovery that was interrupted had noted: each event as JSON, on a line of its own.
pub(super) fn read_notes(disk: &dyn Disk, layout: &Layout) -> Result<Vec<String>> {
    let path = layout.unfinished();
    let io = |error| Error::io("reading", &path, error);
    if disk.stat(&path).map_err(io)?.is_none() {
        return Ok(Vec::new());
    }
    let file = disk.open(&path, Open::Read).map_err(io)?;
    let mut bytes = vec![0; usize::try_from(file.len().map_err(io)?).unwrap_or(0)];
    let read = file.read_at(&mut bytes, 0).map_err(io)?;
    bytes.truncate(read);
    let lines = bytes.split(|byte| *byte == b'\n');
    // What is not whole was not yet done.
    let whole = |line: &[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        crate::log::events::recovered_as_noted(text).map(|_| text.to_owned())
    };
    Ok(lines.filter_map(whole).collect())
}

/// Makes the notes durable.
fn write_notes(disk: &dyn Disk, layout: &Layout, notes: &[String]) -> Result<()> {
    let path = layout.unfinished();
    let io = |error| Error::io("writing", &path, error);
    let file = match disk.stat(&path).map_err(io)? {
        Some(_) => disk.open(&path, Open::Write).map_err(io)?,
        None => disk.open(&path, Open::Create).map_err(io)?,
    };
    let mut bytes = notes.join("\n").into_bytes();
    bytes.push(b'\n');
    file.write_at(&bytes, 0).map_err(io)?;
    file.set_len(bytes.len() as u64).map_err(io)?;
    file.sync().map_err(io)?;
    disk.sync_dir(&layout.damaged_dir()).map_err(io)
}

/// The notes stand in the log now.
pub(super) fn remove_notes(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    let path = layout.unfinished();
    let io = |error| Error::io("removing", &path, error);
    if disk.stat(&path).map_err(io)?.is_some() {
        disk.remove(&path).map_err(io)?;
        disk.sync_dir(&layout.damaged_dir()).map_err(io)?;
    }
    Ok(())
}
