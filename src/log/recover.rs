//! Making a log writable again after real damage. It never happens by itself: a person asks for it, what is cut off or
//! replaced is kept, and what was done is recorded.
//!
//! From the first frame on that cannot be read, journals are cut back: what stands behind it cannot be linked to the
//! records before. A damaged segment stays where it is, and verify goes on naming it. Tree files are computed anew from the segments.

use super::events::{self, Recovered};
use super::fault::Fault;
use super::handle::{Log, take_lock};
use super::journal::FrameReader;
use super::layout::Layout;
use super::open::identify;
use super::options::Options;
use super::replay::{Listing, replay, sealed_tip};
use super::tree_files;
use super::verify::{Verify, verify, verify_segment};
use super::view::Tip;
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What recovery did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recovery {
    /// What verify named before.
    pub faults: Vec<Fault>,
    /// What was put aside: the file, where it is now, and from which byte on.
    pub kept: Vec<(PathBuf, PathBuf, u64)>,
}

/// Recovers a log; nobody may be writing to it.
pub(crate) fn recover(disk: &Arc<dyn Disk>, layout: &Layout, name: &str, options: &Options) -> Result<Recovery> {
    let lock = take_lock(&**disk, layout)?;
    let task = Verify {
        disk: &**disk,
        layout,
        log: name,
        log_id: None,
        seqs: None,
        threads: 2,
        progress: &|_, _| {},
    };
    let report = verify(&task).map_err(|error| Error::io("reading", layout.root(), error))?;
    let mut done = Recovery {
        faults: report.faults,
        kept: Vec::new(),
    };
    let mut events = Vec::new();
    if !done.faults.is_empty() {
        let io = |error| Error::io("creating", layout.damaged_dir(), error);
        disk.create_dir(&layout.damaged_dir()).map_err(io)?;
        let identity = identify(&**disk, layout)?;
        let identity = identity.ok_or_else(|| Error::NotADatabase {
            path: layout.root().to_owned(),
        })?;
        let mut aside = Aside {
            disk: &**disk,
            layout,
            done: &mut done,
            events: &mut events,
        };
        aside.trees()?;
        aside.journals(identity.log_id)?;
        aside.hint()?;
    }
    drop(lock);
    let log = Log::open(Arc::clone(disk), layout.clone(), options.clone())?;
    for event in &events {
        log.core().act(|writer| writer.record(events::recovered(event)))?;
    }
    Ok(done)
}

struct Aside<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    done: &'a mut Recovery,
    events: &'a mut Vec<Recovered>,
}

impl Aside<'_> {
    /// Computes the tree files anew where they are named.
    fn trees(&mut self) -> Result<()> {
        let dir = self.layout.tree_dir();
        let faults: Vec<_> = self
            .done
            .faults
            .iter()
            .filter(|fault| fault.file.starts_with(&dir))
            .cloned()
            .collect();
        let Some(fault) = faults.first() else { return Ok(()) };
        let listing = self.listing()?;
        let first_journal = listing.journals.first().copied().unwrap_or(u64::MAX);
        let mut sealed = Vec::new();
        for first in listing.segments.iter().filter(|first| **first < first_journal) {
            let checked = verify_segment(self.disk, &self.layout.segment(*first));
            if !checked.faults.is_empty() {
                // The tree file may be all that is left to prove what the segment held.
                let faults = checked.faults;
                return Err(Error::Damaged {
                    path: self.layout.root().to_owned(),
                    faults,
                });
            }
            sealed.push((*first, checked.leaves));
        }
        for name in self.list(&dir)? {
            self.put_aside(&dir.join(name), 0, Some(fault))?;
        }
        for (first, leaves) in sealed {
            tree_files::extend(self.disk, self.layout, first, &leaves)
                .map_err(|failure| Error::io("writing", failure.path, failure.error))?;
        }
        Ok(())
    }

    /// Cuts journals back to the last frame up to which everything links.
    fn journals(&mut self, log_id: [u8; 16]) -> Result<()> {
        let listing = self.listing()?;
        let first_journal = listing.journals.first().copied().unwrap_or(u64::MAX);
        let sealed: Vec<u64> = listing
            .segments
            .iter()
            .copied()
            .filter(|seq| *seq < first_journal)
            .collect();
        let damaged = |fault| Error::Damaged {
            path: self.layout.root().to_owned(),
            faults: vec![fault],
        };
        let mut tip: Option<Tip> = Some(sealed_tip(self.disk, self.layout, &sealed).map_err(damaged)?);
        if listing.journals.is_empty() {
            return self.begin_at(tip.as_ref().map_or(0, Tip::next_seq));
        }
        for (place, first) in listing.journals.iter().enumerate() {
            let path = self.layout.journal(*first);
            let fault = self.done.faults.iter().find(|fault| fault.file == path).cloned();
            let Some(before) = tip.take() else {
                self.put_aside(&path, 0, fault.as_ref())?;
                continue;
            };
            let is_last = place + 1 == listing.journals.len();
            let reader = FrameReader::open(self.disk, &path, log_id).map_err(damaged)?;
            let end = match replay(reader, *first, before.clone(), u64::MAX) {
                Ok(replayed) if fault.is_none() && (is_last || replayed.closed) => {
                    tip = Some(replayed.tip);
                    continue;
                }
                Ok(replayed) => replayed.reader.offset(),
                Err(found) if *first == before.next_seq() => found.offset.unwrap_or(0),
                Err(_) => {
                    self.put_aside(&path, 0, fault.as_ref())?;
                    self.begin_at(before.next_seq())?;
                    continue;
                }
            };
            self.put_aside(&path, end, fault.as_ref())?;
            if end == 0 {
                self.begin_at(*first)?;
            }
        }
        Ok(())
    }

    /// The hint may speak of what is no longer there.
    fn hint(&self) -> Result<()> {
        let path = self.layout.committed();
        let io = |error| Error::io("removing", &path, error);
        match self.disk.stat(&path).map_err(io)? {
            Some(_) => self.disk.remove(&path).map_err(io),
            None => Ok(()),
        }
    }

    fn begin_at(&self, first_seq: u64) -> Result<()> {
        let path = self.layout.journal(first_seq);
        let io = |error| Error::io("creating", &path, error);
        self.disk.open(&path, Open::Create).map_err(io)?;
        self.disk.sync_dir(&self.layout.journal_dir()).map_err(io)
    }

    /// Copies a file to where damaged files are kept, then cuts it back to `end`; with nothing left of it, it goes.
    fn put_aside(&mut self, path: &Path, end: u64, fault: Option<&Fault>) -> Result<()> {
        let io = |error| Error::io("putting aside", path, error);
        let file = self.disk.open(path, Open::Read).map_err(io)?;
        let len = file.len().map_err(io)?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = file.read_at(&mut bytes, 0).map_err(io)?;
        bytes.truncate(read);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let dir = self.layout.damaged_dir();
        let taken = self.list(&dir)?;
        let mut number = 0_u32;
        let kept = loop {
            let candidate = format!("{name}.{number}");
            if !taken.contains(&candidate) {
                break dir.join(candidate);
            }
            number += 1;
        };
        let copy = self.disk.open(&kept, Open::Create).map_err(io)?;
        copy.write_at(&bytes, 0).and_then(|()| copy.sync()).map_err(io)?;
        self.disk.sync_dir(&dir).map_err(io)?;
        if end == 0 {
            self.disk.remove(path).map_err(io)?;
        } else {
            let file = self.disk.open(path, Open::Write).map_err(io)?;
            file.set_len(end).and_then(|()| file.sync()).map_err(io)?;
        }
        if let Some(parent) = path.parent() {
            self.disk.sync_dir(parent).map_err(io)?;
        }
        let relative = |path: &Path| {
            path.strip_prefix(self.layout.root())
                .unwrap_or(path)
                .display()
                .to_string()
        };
        let cut = bytes.get(usize::try_from(end).unwrap_or(0)..).unwrap_or_default();
        self.events.push(Recovered {
            name: "recovered",
            why: "damage",
            file: relative(path),
            offset: end,
            bytes: cut.len() as u64,
            digest: crate::record::digest(cut),
            kept: relative(&kept),
            fault: fault.map(|fault| fault.what.to_string()),
        });
        self.done.kept.push((path.to_owned(), kept, end));
        Ok(())
    }

    fn listing(&self) -> Result<Listing> {
        Listing::read(self.disk, self.layout).map_err(|error| Error::io("listing", self.layout.root(), error))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.disk.list(dir).map_err(|error| Error::io("listing", dir, error))
    }
}
