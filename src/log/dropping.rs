//! Dropping sealed segments from the beginning of the log. Who decides that their time has passed is a later room; here is
//! how it is done so that a crash at any step leaves either the segment or its tombstone, and mostly both.
//!
//! What must hold, in this order: the tombstone is durable under a name that nobody believes; the record that announces
//! it, with a digest of its bytes, is durable; the tombstone has its name; the index goes, then the segment. What is
//! announced is finished at the next opening, and what is not is undone. A segment that does not verify is never
//! dropped: that would be the end of the evidence that somebody changed it.

use super::checkpoints;
use super::copy::file_digest;
use super::events::{self, BLAKE3, Standing, event_of, hex};
use super::fault::{Fault, What};
use super::handle::Core;
use super::layout::{Layout, index_seq, list_numbered, unannounced_seq};
use super::read::Files;
use super::segment::SegmentFile;
use super::terms::{self, Dropping};
use super::tombstone::{self, Manifest, NotHeld, Tombstone};
use super::verify::verify_segment;
use super::view::{SegmentRef, Tip};
use super::writer::{CommitFailure, Writer};
use crate::disk::{Disk, write_new};
use crate::error::{Error, Result};
use crate::policy::Class;
use crate::proof::Hash;
use crate::record::{format_time, read_head};
use std::path::Path;
use std::sync::Arc;

/// A segment that is about to be dropped: what its tombstone will say, and the lines that it will keep.
#[derive(Debug)]
pub(crate) struct Doomed {
    said: Manifest,
    lines: Vec<Vec<u8>>,
}

impl Doomed {
    /// Reads and verifies a segment that may be dropped, which was kept for that class's time, up to `kept_until`.
    /// `not_held` are the holds that are in force and do not cover it.
    pub(crate) fn new(
        files: &Files,
        first_seq: u64,
        class: &Class,
        kept_until: i64,
        not_held: Vec<NotHeld>,
    ) -> Result<Self> {
        let (disk, layout) = (&*files.disk, &files.layout);
        let path = layout.segment(first_seq);
        let checked = verify_segment(disk, &path);
        let damaged = |what| files.damaged(Fault::new(&path, what));
        if let Some(fault) = checked.faults.into_iter().next() {
            return Err(files.damaged(fault));
        }
        let (before, after) = checked
            .before
            .zip(checked.after)
            .ok_or_else(|| damaged(What::Directory))?;
        if checked.log_id != Some(files.identity.log_id) || before.next_seq() != first_seq {
            return Err(damaged(What::Misplaced));
        }
        let digest = file_digest(disk, &path).map_err(|error| Error::io("reading", &path, error))?;
        let opened = SegmentFile::open(disk, &path).map_err(|fault| files.damaged(fault))?;
        let trailer = opened.trailer();
        let span = |least: i64, greatest: i64| (format_time(least), format_time(greatest));
        let standing = |tip: &Tip| Standing::new(&tip.tree, &tip.chain);
        Ok(Doomed {
            said: Manifest {
                log_id: files.identity.log_id(),
                segment: first_seq,
                count: trailer.count,
                text: trailer.text,
                file: opened.len(),
                digest: format!("{BLAKE3}{}", digest.to_hex()),
                time: span(trailer.time_min, trailer.time_max),
                logged: span(trailer.logged_min, trailer.logged_max),
                before: standing(&before),
                frontier: after.tree.roots().iter().map(|root| hex(root)).collect(),
                after: standing(&after),
                class: class.name().to_owned(),
                months: class.months(),
                kept_until: format_time(kept_until),
                // Said when it is announced.
                dropped: String::new(),
                record: 0,
                policy: None,
                checkpoint: covering_checkpoint(disk, layout, after.next_seq()),
                holds: not_held,
            },
            lines: checked.marks.into_iter().map(|mark| mark.line).collect(),
        })
    }
}

impl Core {
    /// Drops segments, which must be the first ones of the log; gives for each the seq of the record that says so.
    /// `dropped` is when that was.
    pub(crate) fn drop_segments(&self, doomed: Vec<Doomed>, dropped: i64) -> Result<Vec<u64>> {
        let files = &self.files;
        let starts = files.view.read().segments.first().map(|segment| segment.first_seq);
        let mut next = starts;
        for segment in &doomed {
            if next != Some(segment.said.segment) {
                return Err(files.damaged(Fault::new(files.layout.segment(segment.said.segment), What::Gap)));
            }
            next = Some(segment.said.end());
        }
        let dir = files.layout.tombstone_dir();
        files
            .disk
            .create_dir(&dir)
            .map_err(|error| Error::io("creating", &dir, error))?;
        let seqs: Vec<u64> = doomed.iter().map(|segment| segment.said.segment).collect();
        let announced = self.act(|writer| writer.announce(doomed, dropped))?;
        remove(files, &seqs)?;
        Ok(announced)
    }
}

impl Writer {
    /// Makes tombstones and the records that announce them durable.
    fn announce(&mut self, doomed: Vec<Doomed>, dropped: i64) -> std::result::Result<Vec<u64>, CommitFailure> {
        let files = Arc::clone(&self.files);
        let (disk, layout) = (&*files.disk, &files.layout);
        let (now, monotonic) = (disk.now(), disk.monotonic());
        let mut draft = self.begin(now, monotonic, 0);
        let (mut announced, mut firsts) = (Vec::new(), Vec::new());
        for mut segment in doomed {
            let first = segment.said.segment;
            segment.said.dropped = format_time(dropped);
            segment.said.record = draft.next_seq();
            let bytes = self.signer.tombstone(&segment.said, &segment.lines)?;
            let path = layout.tombstone_temporary(first);
            write_new(disk, &path, &bytes).map_err(|error| Error::io("writing", &path, error))?;
            let digest: Hash = *blake3::hash(&bytes).as_bytes();
            announced.push(self.own(&mut draft, terms::tombstone(&segment.said, &digest), now));
            firsts.push(first);
        }
        sync_dir(disk, &layout.tombstone_dir())?;
        if draft.count() > 0 {
            self.write(&draft, now, monotonic)?;
        }
        // From here on it is announced: what fails now is finished at the next opening.
        for first in firsts {
            let (from, to) = (layout.tombstone_temporary(first), layout.tombstone(first));
            disk.rename(&from, &to)
                .map_err(|error| Error::io("naming", &to, error))?;
        }
        sync_dir(disk, &layout.tombstone_dir())?;
        Ok(announced)
    }
}

/// Finishes what a crash interrupted, and undoes what was not announced. What stands there without being what the log
/// announced is left alone: verify names it.
pub(crate) fn finish(files: &Files) -> Result<()> {
    let (disk, layout) = (&*files.disk, &files.layout);
    let dir = layout.tombstone_dir();
    let (_, others) = tombstone::list(disk, layout).map_err(|error| Error::io("listing", &dir, error))?;
    for first in others.iter().filter_map(|name| unannounced_seq(name)) {
        let (from, to) = (layout.tombstone_temporary(first), layout.tombstone(first));
        let found = Tombstone::read_at(disk, &from).ok();
        if found.is_some_and(|found| found.said.segment == first && is_announced(files, &found)) {
            disk.rename(&from, &to)
                .map_err(|error| Error::io("naming", &to, error))?;
        } else {
            disk.remove(&from)
                .map_err(|error| Error::io("removing", &from, error))?;
        }
    }
    let (tombstones, _) = tombstone::list(disk, layout).map_err(|error| Error::io("listing", &dir, error))?;
    let segments = files.view.read().segments.clone();
    remove_orphans(disk, layout, &tombstones, &segments)?;
    let mut dropped = Vec::new();
    // From the first on: a hole in the log is none of ours.
    for segment in segments.iter() {
        if !tombstones.contains(&segment.first_seq) {
            break;
        }
        let found = Tombstone::read(disk, layout, segment.first_seq).ok();
        let same = found.is_some_and(|found| is_of(disk, &segment.path, &found) && is_announced(files, &found));
        if !same {
            break;
        }
        dropped.push(segment.first_seq);
    }
    if dropped.is_empty() && others.is_empty() {
        return Ok(());
    }
    // Also of one that had its name already: it may not have been durable.
    sync_dir(disk, &dir)?;
    remove(files, &dropped)
}

/// Removes indexes of segments that are dropped and gone: an index says what the records said.
fn remove_orphans(disk: &dyn Disk, layout: &Layout, tombstones: &[u64], segments: &[Arc<SegmentRef>]) -> Result<()> {
    let dir = layout.index_dir();
    let (indexes, _) = list_numbered(disk, &dir, index_seq).map_err(|error| Error::io("listing", &dir, error))?;
    let is_there = |first: &u64| segments.iter().any(|segment| segment.first_seq == *first);
    let orphans = indexes
        .into_iter()
        .filter(|first| tombstones.contains(first) && !is_there(first));
    let mut removed = false;
    for first in orphans {
        removed |= remove_if_there(disk, &layout.index(first))?;
    }
    if removed { sync_dir(disk, &dir) } else { Ok(()) }
}

/// Whether the log holds the record that announces exactly this tombstone.
fn is_announced(files: &Files, found: &Tombstone) -> bool {
    let seq = found.said.record;
    let line = match files.line(seq) {
        Ok(Some(line)) => Some(line),
        // It may have been dropped in its turn.
        _ => files.kept_line(seq).map(String::into_bytes),
    };
    let event = line.and_then(|line| {
        let members = line.get(read_head(&line)?.members)?.to_vec();
        (events::mark_name(&members)? == b"tombstone").then(|| event_of::<Dropping>(&members))?
    });
    event.is_some_and(|event| event.segment == found.said.segment && event.announces(&found.digest))
}

/// Whether a segment is the one that a tombstone is about.
fn is_of(disk: &dyn Disk, path: &Path, found: &Tombstone) -> bool {
    SegmentFile::open(disk, path).is_ok_and(|file| {
        let trailer = file.trailer();
        let chains = (hex(&trailer.chain_before), hex(&trailer.chain_after));
        (trailer.first_seq, trailer.count) == (found.said.segment, found.said.count)
            && chains == (found.said.before.chain.clone(), found.said.after.chain.clone())
    })
}

/// Removes segments whose tombstones are there, with their indexes.
fn remove(files: &Files, firsts: &[u64]) -> Result<()> {
    let (disk, layout) = (&*files.disk, &files.layout);
    {
        let mut view = files.view.write();
        let left = view
            .segments
            .iter()
            .filter(|segment| !firsts.contains(&segment.first_seq));
        view.segments = Arc::new(left.cloned().collect());
        let first_journal = view.journals.first().map_or(0, |journal| journal.first_seq);
        view.kept_from = view.segments.first().map_or(first_journal, |segment| segment.first_seq);
    }
    files.forget();
    remove_files(disk, layout, firsts)
}

/// The same of the files alone.
pub(super) fn remove_files(disk: &dyn Disk, layout: &Layout, firsts: &[u64]) -> Result<()> {
    let mut indexed = false;
    for first in firsts {
        indexed |= remove_if_there(disk, &layout.index(*first))?;
    }
    if indexed {
        sync_dir(disk, &layout.index_dir())?;
    }
    for first in firsts {
        remove_if_there(disk, &layout.segment(*first))?;
        // One after the other: what is left is always the end of the log.
        sync_dir(disk, &layout.segment_dir())?;
    }
    Ok(())
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<bool> {
    let io = |error| Error::io("removing", path, error);
    let there = disk.stat(path).map_err(io)?.is_some();
    if there {
        disk.remove(path).map_err(io)?;
    }
    Ok(there)
}

pub(super) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<()> {
    disk.sync_dir(dir).map_err(|error| Error::io("syncing", dir, error))
}

/// The smallest stored checkpoint for at least so many records.
fn covering_checkpoint(disk: &dyn Disk, layout: &Layout, end: u64) -> Option<String> {
    let (sizes, _) = checkpoints::list(disk, layout).ok()?;
    let size = sizes.into_iter().find(|size| *size >= end)?;
    String::from_utf8(checkpoints::read(disk, &layout.checkpoint(size)).ok()?).ok()
}
