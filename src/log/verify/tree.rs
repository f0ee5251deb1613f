//! The tree files: level 0 against the leaves of the records, every higher level against the one below.

use crate::disk::{Disk, DiskFile, Open};
use crate::log::fault::{Fault, What};
use crate::log::layout::Layout;
use crate::log::tree_files::root_of;
use crate::proof::{Hash, TILE};
use std::sync::Arc;

/// The tree files as they were when verify began, so that what a living writer adds meanwhile is not judged.
pub(crate) struct TreeFiles {
    levels: Vec<Level>,
}

struct Level {
    path: std::path::PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    /// How many hashes it held.
    count: u64,
}

/// What stands in a file where nothing was written yet, or where it did not reach the medium.
const UNWRITTEN: Hash = [0; 32];

impl TreeFiles {
    /// Notes how long the files are.
    pub(crate) fn open(disk: &dyn Disk, layout: &Layout) -> (Self, Vec<Fault>) {
        let (mut levels, mut faults) = (Vec::new(), Vec::new());
        for level in 0..8 {
            let path = layout.tree(level);
            let file = match disk.open(&path, Open::Read) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => {
                    faults.push(Fault::new(&path, What::Unreadable(error.to_string())));
                    None
                }
            };
            let len = file.as_ref().and_then(|file| file.len().ok()).unwrap_or(0);
            if len % 32 != 0 {
                faults.push(Fault::new(&path, What::TreeFile).at(len - len % 32));
            }
            levels.push(Level {
                path,
                file,
                count: len / 32,
            });
        }
        (TreeFiles { levels }, faults)
    }

    /// Compares level 0 with the leaves of records from that seq on; `sealed` says that they have to be there.
    pub(crate) fn check_leaves(&self, first: u64, leaves: &[Hash], sealed: bool) -> Option<Fault> {
        let level = self.levels.first()?;
        let end = first + leaves.len() as u64;
        // What was added since the files were opened is there by now if it has to be.
        let now = level.file.as_ref().and_then(|file| file.len().ok()).unwrap_or(0) / 32;
        let known = if sealed { now.min(end) } else { level.count.min(end) };
        let present = usize::try_from(known.saturating_sub(first)).unwrap_or(0);
        let wrong = |seq: u64| Some(Fault::new(&level.path, What::TreeFile).at(seq * 32).seqs(seq, end - 1));
        if present > 0 {
            let found = match level.read(first, present) {
                Ok(found) => found,
                Err(fault) => return Some(fault),
            };
            // No leaf is all zeros: of what is being sealed a crash may have left a hole, and the next opening fills it.
            let is_wrong = |(found, leaf): (&Hash, &Hash)| found != leaf && (sealed || *found != UNWRITTEN);
            if let Some(place) = found.iter().zip(leaves).position(is_wrong) {
                return wrong(first + place as u64);
            }
        }
        if sealed && known < end {
            return match level.file {
                Some(_) => wrong(known.max(first)),
                None => Some(Fault::new(&level.path, What::Missing)),
            };
        }
        None
    }

    /// Checks the higher levels, which have to cover `sealed` records, and that no level holds more than `end` asks.
    pub(crate) fn check_levels(&self, sealed: u64, end: u64) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (mut sealed, mut end) = (sealed, end);
        for (below, level) in self.levels.iter().zip(self.levels.iter().skip(1)) {
            if below.count > end {
                faults.push(Fault::new(&below.path, What::TreeFile).at(end * 32));
            }
            (sealed, end) = (sealed / TILE as u64, end / TILE as u64);
            faults.extend(level.check(below, sealed));
        }
        faults
    }
}

impl Level {
    fn check(&self, below: &Level, wanted: u64) -> Option<Fault> {
        let complete = below.count / TILE as u64;
        for tile in 0..self.count.min(complete) {
            let hashes = match below.read(tile * TILE as u64, TILE) {
                Ok(hashes) => hashes,
                Err(fault) => return Some(fault),
            };
            let expected = root_of(&hashes);
            let unsettled = |hash: Option<&Hash>| tile >= wanted && hash == Some(&UNWRITTEN);
            match self.read(tile, 1) {
                Ok(found) if found.first() == Some(&expected) || unsettled(found.first()) => {}
                Ok(_) if hashes.iter().any(|hash| unsettled(Some(hash))) => {}
                Ok(_) => return Some(Fault::new(&self.path, What::TreeFile).at(tile * 32)),
                Err(fault) => return Some(fault),
            }
        }
        let now = |level: &Level| level.file.as_ref().and_then(|file| file.len().ok()).unwrap_or(0) / 32;
        if self.count > now(below) / TILE as u64 {
            return Some(Fault::new(&self.path, What::TreeFile).at(complete * 32));
        }
        let now = now(self);
        if now < wanted {
            let what = if self.file.is_some() {
                What::TreeFile
            } else {
                What::Missing
            };
            return Some(Fault::new(&self.path, what).at(now * 32));
        }
        None
    }

    fn read(&self, first: u64, count: usize) -> Result<Vec<Hash>, Fault> {
        let mut bytes = vec![0; count * 32];
        let read = self
            .file
            .as_ref()
            .map_or(Ok(0), |file| file.read_at(&mut bytes, first * 32));
        match read {
            Ok(read) if read == bytes.len() => Ok(bytes.as_chunks::<32>().0.to_vec()),
            Ok(_) => Err(Fault::new(&self.path, What::TreeFile).at(first * 32)),
            Err(error) => Err(Fault::new(&self.path, What::Unreadable(error.to_string())).at(first * 32)),
        }
    }
}
