//! Torn tails: what a write that was cut short left behind the last frame. The bytes are kept aside, cut off, and recorded.
//!
//! What must hold: each step can be the last one before a crash. Until its record is durable the copy bears another name, by
//! which the next opening knows what is still to be recorded; so a cut may be recorded twice and is never forgotten.

use super::events::{Did, Recovered, hex};
use super::layout::Layout;
use super::replay::Replayed;
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// A tail that was kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torn {
    first_seq: u64,
    offset: u64,
}

/// How many bytes are copied at once: a hostile tail may be of any length.
const PIECE: usize = 1 << 20;

/// Keeps what stands behind a journal's last frame, up to `end`, aside and cuts it off.
pub(crate) fn cut(disk: &dyn Disk, layout: &Layout, replayed: &Replayed, end: u64) -> Result<()> {
    let offset = replayed.reader.offset();
    let path = &replayed.journal.path;
    let kept = layout.torn_unrecorded(replayed.journal.first_seq, offset);
    let io = |error| Error::io("keeping the torn tail in", &kept, error);
    if disk.stat(&kept).map_err(io)?.is_some() {
        // From an opening that did not get further than this.
        disk.remove(&kept).map_err(io)?;
    }
    let file = disk.open(&kept, Open::Create).map_err(io)?;
    let mut failed = None;
    let copied = replayed.reader.search(offset, end, 0, |from, piece| {
        failed = file.write_at(piece, from - offset).err();
        failed.is_some().then_some(())
    });
    copied.map_err(|fault| Error::damaged(layout.root(), fault))?;
    if let Some(error) = failed {
        return Err(io(error));
    }
    file.sync().map_err(io)?;
    disk.sync_dir(&layout.journal_dir()).map_err(io)?;
    let journal = disk
        .open(path, Open::Write)
        .map_err(|error| Error::io("opening", path, error))?;
    let cut = journal.set_len(offset).and_then(|()| journal.sync());
    cut.map_err(|error| Error::io("cutting", path, error))
}

/// The tails that were kept aside and are not recorded yet.
pub(crate) fn unrecorded(disk: &dyn Disk, layout: &Layout) -> Result<Vec<Torn>> {
    let dir = layout.journal_dir();
    let names = disk.list(&dir).map_err(|error| Error::io("listing", &dir, error))?;
    let torn = |name: &String| {
        let (first_seq, offset) = name.strip_suffix(".new")?.split_once(".torn-")?;
        Some(Torn {
            first_seq: first_seq.parse().ok()?,
            offset: offset.parse().ok()?,
        })
    };
    Ok(names.iter().filter_map(torn).collect())
}

impl Torn {
    /// What is recorded of it.
    pub(crate) fn event(self, disk: &dyn Disk, layout: &Layout) -> Result<Recovered> {
        let kept = layout.torn_unrecorded(self.first_seq, self.offset);
        let io = |error| Error::io("reading", &kept, error);
        let file = disk.open(&kept, Open::Read).map_err(io)?;
        let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
        loop {
            let read = file.read_at(&mut piece, bytes).map_err(io)?;
            if read == 0 {
                break;
            }
            hash.update(piece.get(..read).unwrap_or_default());
            bytes += read as u64;
        }
        let name = |path: &Path| path.strip_prefix(layout.root()).unwrap_or(path).display().to_string();
        Ok(Recovered {
            name: "recovered",
            why: "torn_tail",
            file: name(&layout.journal(self.first_seq)),
            offset: self.offset,
            bytes,
            digest: Some(format!("sha256:{}", hex(&hash.finalize()))),
            kept: Some(name(&layout.torn(self.first_seq, self.offset))),
            did: Did::Cut,
            fault: None,
            unreadable: Vec::new(),
        })
    }

    /// Notes that its record is durable.
    pub(crate) fn settle(self, disk: &dyn Disk, layout: &Layout) -> Result<()> {
        let path = layout.torn(self.first_seq, self.offset);
        let io = |error| Error::io("keeping the torn tail in", &path, error);
        disk.rename(&layout.torn_unrecorded(self.first_seq, self.offset), &path)
            .map_err(io)?;
        disk.sync_dir(&layout.journal_dir()).map_err(io)
    }
}
