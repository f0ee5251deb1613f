//! The small files beside the records: checkpoints with what others signed, tombstones, indexes.

use super::{Copying, Work, small};
use crate::disk::{Disk, Kind, read_short};
use crate::error::{Error, Result};
use crate::log::anchored::PROOF_FILE_BYTES;
use crate::log::checkpoints;
use crate::log::fault::{Fault, What};
use crate::log::layout::{Layout, proof_of};
use crate::log::tiles::StoredTiles;
use crate::log::tombstone::{self, Tombstone};
use crate::log::verify::disagreement;
use crate::proof::{NOTE_LIMIT, SignedCheckpoint, WithTail, root_at};
use std::path::Path;

impl Work<'_> {
    /// Brings the checkpoints, and what stands beside them under their names.
    pub(super) fn checkpoints(&mut self) -> Result<()> {
        let (disk, from, to) = (self.disk(), self.task.from, self.task.to);
        let end = self.dest.tip.next_seq();
        // Listed behind the records, of which some name what was kept here.
        let (sizes, others) =
            checkpoints::list(disk, from).map_err(|error| Error::io("listing", from.checkpoint_dir(), error))?;
        let sizes = sizes
            .into_iter()
            .filter(|size| *size <= end)
            .map(|size| format!("{size:020}"));
        let is_proof = |name: &String| proof_of(name).is_some() && !name.ends_with(".tmp");
        let (names, mut put): (Vec<String>, _) = (sizes.chain(others.into_iter().filter(is_proof)).collect(), 0);
        let keys = self.keys();
        let tail = self.dest.tail();
        let tiles = WithTail {
            stored: StoredTiles { disk, layout: to },
            count: self.dest.sealed.next_seq(),
            tail: &tail,
        };
        let root = |size: u64| root_at(&tiles, size);
        let mut faults = Vec::new();
        for name in names {
            let (source, path) = (from.checkpoint_dir().join(&name), to.checkpoint_dir().join(&name));
            let bytes = match whole(disk, &source, PROOF_FILE_BYTES) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(why) => {
                    faults.push(Fault::new(&source, What::Unreadable(why.to_string())));
                    continue;
                }
            };
            let there = match disk.stat(&path) {
                Ok(Some(_)) => read_short(disk, &path, PROOF_FILE_BYTES).ok(),
                _ => None,
            };
            if there.as_ref() == Some(&bytes) {
                continue;
            }
            if name.len() > 20 && there.is_some() {
                // Kept once, as a record says, and never changed.
                faults.push(Fault::new(&source, What::ProofChanged));
                continue;
            }
            if name.len() == 20 {
                let wrong = |why: String| Fault::new(&source, What::Checkpoint(why));
                let signed = match SignedCheckpoint::parse(&bytes) {
                    Ok(signed) if bytes.len() <= NOTE_LIMIT => signed,
                    Ok(_) => {
                        faults.push(wrong("it is too long".to_owned()));
                        continue;
                    }
                    Err(fault) => {
                        faults.push(wrong(fault.to_string()));
                        continue;
                    }
                };
                if format!("{:020}", signed.checkpoint().size()) != name {
                    faults.push(Fault::new(&source, What::Misplaced));
                    continue;
                }
                // What others sign comes later; what the log signed is always the same.
                let same = there.as_deref().and_then(|there| SignedCheckpoint::parse(there).ok());
                let agrees = match same {
                    Some(same) if same.checkpoint() == signed.checkpoint() => None,
                    Some(_) => Some("it says something else than when it was copied".to_owned()),
                    None => disagreement(&signed, &keys, Some(end), &root),
                };
                if let Some(why) = agrees {
                    faults.push(wrong(why));
                    continue;
                }
            }
            small::put(disk, &to.checkpoint_temporary(), &path, &bytes)
                .map_err(|error| Error::io("writing", &path, error))?;
            put += 1;
            self.done.bytes += bytes.len() as u64;
        }
        self.done.files += put;
        faults.into_iter().for_each(|fault| self.is_damaged(fault));
        sync_if(disk, put > 0, &to.checkpoint_dir())
    }

    /// Brings the tombstones of what was dropped. What they are about is judged before anything goes.
    pub(super) fn tombstones(&mut self) -> Result<()> {
        let (from, to) = (self.task.from, self.task.to);
        let put = bring_tombstones(self.disk(), from, to, &self.source.tombstones)?;
        self.done.files += put.0;
        self.done.bytes += put.1;
        put.2.into_iter().for_each(|fault| self.is_damaged(fault));
        Ok(())
    }

    /// Brings the indexes of segments. They are no evidence: one that cannot be copied is left out.
    pub(super) fn indexes(&mut self) -> Result<()> {
        let (disk, from, to) = (self.disk(), self.task.from, self.task.to);
        let mut put = 0;
        for first in self.dest.segments.clone() {
            if (self.task.stop)() {
                break;
            }
            let (source, path) = (from.index(first), to.index(first));
            let Ok(Some(there)) = disk.stat(&source) else { continue };
            let known = disk.stat(&path).ok().flatten();
            let dropped = disk.stat(&from.tombstone(first)).is_ok_and(|stat| stat.is_some());
            if there.kind != Kind::File || dropped || known.is_some_and(|known| known.len == there.len) {
                continue;
            }
            if put == 0 {
                let dir = to.index_dir();
                disk.create_dir(&dir)
                    .map_err(|error| Error::io("creating", &dir, error))?;
            }
            let mut temporary = path.clone().into_os_string();
            temporary.push(".tmp");
            let temporary = Path::new(&temporary);
            let Ok(bytes) = small::copy_anew(disk, &source, temporary) else {
                continue;
            };
            let io = |error| Error::io("copying", &path, error);
            let same = small::digest(disk, &source).ok() == small::digest(disk, temporary).ok();
            if !same {
                // Made anew, or gone, meanwhile.
                disk.remove(temporary).map_err(io)?;
                continue;
            }
            disk.set_readonly(temporary).map_err(io)?;
            disk.rename(temporary, &path).map_err(io)?;
            put += 1;
            self.done.bytes += bytes;
            (self.task.progress)(self.done.bytes, self.done.bytes);
        }
        self.done.files += put;
        sync_if(disk, put > 0, &to.index_dir())
    }
}

/// Brings the tombstones of what stood before a copy's first record.
pub(super) fn tombstones_before(
    disk: &dyn Disk,
    from: &Layout,
    to: &Layout,
    tombstones: &[u64],
    first: u64,
) -> Result<()> {
    let before: Vec<u64> = tombstones.iter().copied().filter(|seq| *seq < first).collect();
    bring_tombstones(disk, from, to, &before).map(|_| ())
}

/// Brings tombstones: how many, how many bytes, and what is wrong with the others.
fn bring_tombstones(disk: &dyn Disk, from: &Layout, to: &Layout, firsts: &[u64]) -> Result<(u64, u64, Vec<Fault>)> {
    let dir = to.tombstone_dir();
    if !firsts.is_empty() {
        disk.create_dir(&dir)
            .map_err(|error| Error::io("creating", &dir, error))?;
    }
    let (mut files, mut bytes, mut faults) = (0, 0, Vec::new());
    for first in firsts {
        let (source, path) = (from.tombstone(*first), to.tombstone(*first));
        let io = |error| Error::io("copying", &source, error);
        if disk.stat(&path).map_err(io)?.is_some() {
            // Written once; another one in its place is for verify to name.
            if small::digest(disk, &source).map_err(io)? != small::digest(disk, &path).map_err(io)? {
                let why = "is another than the one that was copied before".to_owned();
                faults.push(Fault::new(&source, What::Tombstone(why)));
            }
            continue;
        }
        match Tombstone::read_at(disk, &source) {
            Ok(found) if found.said.segment == *first => {}
            Ok(_) => {
                faults.push(Fault::new(&source, What::Misplaced));
                continue;
            }
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        }
        let temporary = to.tombstone_temporary(*first);
        let copied = small::copy_anew(disk, &source, &temporary).map_err(io)?;
        if small::digest(disk, &source).map_err(io)? != small::digest(disk, &temporary).map_err(io)? {
            return Err(io(std::io::Error::other("what was written is not what is read")));
        }
        disk.set_readonly(&temporary).map_err(io)?;
        disk.rename(&temporary, &path).map_err(io)?;
        (files, bytes) = (files + 1, bytes + copied);
    }
    sync_if(disk, files > 0, &dir)?;
    Ok((files, bytes, faults))
}

/// The segments of a copy that the log has dropped, as its tombstones say, from the first on.
pub(super) fn doomed(task: &Copying<'_>, segments: &[u64]) -> Result<Vec<u64>> {
    let list = tombstone::list(&**task.disk, task.to);
    let (tombstones, _) = list.map_err(|error| Error::io("listing", task.to.tombstone_dir(), error))?;
    let doomed = segments.iter().copied().take_while(|first| tombstones.contains(first));
    Ok(doomed.collect())
}

/// The bytes of a regular file of that length at most; `None` if it is no file, or gone.
fn whole(disk: &dyn Disk, path: &Path, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    match disk.stat(path)? {
        Some(stat) if stat.kind == Kind::File => {
            let bytes = read_short(disk, path, limit)?;
            Ok((bytes.len() <= limit).then_some(bytes))
        }
        _ => Ok(None),
    }
}

fn sync_if(disk: &dyn Disk, wanted: bool, dir: &Path) -> Result<()> {
    if wanted {
        crate::log::dropping::sync_dir(disk, dir)
    } else {
        Ok(())
    }
}
