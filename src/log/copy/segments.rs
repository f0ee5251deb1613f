//! Bringing sealed segments, each of which is copied once.

use super::dest::{Ready, put_again};
use super::source::Source;
use super::{Copy, Copying, Note, Stop, Work, small};
use crate::error::{Error, Result};
use crate::log::fault::{Fault, What};
use crate::log::replay::Listing;
use crate::log::segment::SegmentFile;
use crate::log::standing;
use crate::log::tree_files;
use crate::log::verify::{Checked, verify_part};
use crate::log::view::Tip;
use crate::proof::{chain_next, leaf_hash};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

/// So many segments become part of the copy at once.
const AT_ONCE: usize = 16;

/// A segment under its temporary name, and how many bytes of it were copied now; or why it is not there.
type Brought = (u64, std::io::Result<u64>);

impl Work<'_> {
    /// Brings the sealed segments that the copy does not have.
    pub(super) fn segments(&mut self) -> std::result::Result<(), Stop> {
        let from = self.dest.sealed.next_seq();
        let segments = &self.source.listing.segments;
        let wanted: Vec<u64> = segments.iter().copied().filter(|first| *first >= from).collect();
        let mut ready: Vec<Ready> = Vec::new();
        let total: u64 = wanted.iter().map(|first| self.length(*first)).sum();
        let task = self.task;
        let bring = |first: u64| -> Brought {
            let (from, to) = (task.from.segment(first), task.to.segment_temporary(first));
            (first, small::copy(&**task.disk, &from, &to))
        };
        if task.threads < 2 || wanted.len() < 2 {
            for first in wanted {
                if self.is_stopped() {
                    break;
                }
                self.take_segment(bring(first), &mut ready, total)?;
            }
        } else {
            // One is copied while another is verified.
            let enough = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let (hand_over, brought) = sync_channel::<Brought>(1);
                let enough = &enough;
                scope.spawn(move || {
                    for first in wanted {
                        if enough.load(Ordering::Relaxed) || hand_over.send(bring(first)).is_err() {
                            return;
                        }
                    }
                });
                for brought in brought {
                    if self.is_stopped() {
                        enough.store(true, Ordering::Relaxed);
                        break;
                    }
                    self.take_segment(brought, &mut ready, total)?;
                }
                Ok::<(), Stop>(())
            })?;
        }
        Ok(self.dest.name(&mut ready)?)
    }

    fn is_stopped(&mut self) -> bool {
        self.done.stopped |= (self.task.stop)();
        self.done.stopped
    }

    fn length(&self, first: u64) -> u64 {
        let stat = self.disk().stat(&self.task.from.segment(first));
        stat.ok().flatten().map_or(0, |stat| stat.len)
    }

    /// Verifies a segment that was brought and makes it part of the copy, at once or together with others.
    fn take_segment(
        &mut self,
        (first, copied): Brought,
        ready: &mut Vec<Ready>,
        total: u64,
    ) -> std::result::Result<(), Stop> {
        let (disk, from) = (self.disk(), self.task.from.segment(first));
        let bytes = match copied {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Stop::Gone),
            Err(error) => return Err(Error::io("copying", from, error).into()),
        };
        let checked = self.verified(first)?;
        self.done.files += u64::from(bytes > 0);
        self.done.bytes += bytes;
        (self.task.progress)(self.done.bytes, total.max(self.done.bytes));
        let reached = ready.last().map_or(&self.dest.sealed, |last| &last.after).clone();
        if checked.faults.is_empty() {
            if checked.before.as_ref() != Some(&reached) || checked.log_id != Some(self.source.log_id) {
                let why = format!("{} goes on from other records than those before it", from.display());
                return Err(self.task.apart(why).into());
            }
        } else {
            checked.faults.iter().for_each(|fault| self.is_damaged(fault.clone()));
            self.note.damaged.push(first);
        }
        if checked.marks.is_empty() {
            let end = checked.after.as_ref().map_or(0, Tip::next_seq);
            let faults = self.take_ends(&self.task.to.segment_temporary(first), &from);
            faults.into_iter().for_each(|fault| self.is_damaged(fault));
            self.trusted = self.trusted.max(end);
        } else {
            self.take_marks(&from, &checked.marks);
        }
        let segment = self.ready(first, checked)?;
        let stored = tree_files::read(disk, &self.task.from.tree(0), first, segment.leaves.len() as u64);
        if stored.as_ref() != Some(&segment.leaves) {
            let last = segment.after.next_seq().saturating_sub(1);
            let fault = Fault::new(self.task.from.tree(0), What::TreeFile).at(first * 32);
            self.is_damaged(fault.seqs(first, last));
        }
        if self.dest.is_sealed() {
            ready.push(segment);
            if ready.len() == AT_ONCE {
                self.dest.name(ready)?;
            }
            return Ok(());
        }
        self.complete(&segment)?;
        Ok(self.dest.seal(segment)?)
    }

    /// What was brought, read back and compared. If it is not as it should be, all of it is verified; if it is damaged then,
    /// the log's own file is, and its faults are given.
    fn verified(&self, first: u64) -> std::result::Result<Checked, Stop> {
        if let Some(checked) = self.task.as_stored(first) {
            return Ok(checked);
        }
        let (disk, threads) = (self.disk(), self.task.threads);
        let (from, to) = (self.task.from.segment(first), self.task.to.segment_temporary(first));
        let checked = verify_part(disk, &to, 0..u64::MAX, threads);
        if checked.faults.is_empty() {
            return Ok(checked);
        }
        // Perhaps it is only what a crash left.
        match small::copy_anew(disk, &from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Stop::Gone),
            copied => _ = copied.map_err(|error| Error::io("copying", &from, error))?,
        }
        let checked = verify_part(disk, &to, 0..u64::MAX, threads);
        if checked.faults.is_empty() {
            return Ok(checked);
        }
        let original = verify_part(disk, &from, 0..u64::MAX, threads);
        if original.faults.is_empty() {
            let why = std::io::Error::other("what was written is not what is read");
            return Err(Error::io("reading back", to, why).into());
        }
        Ok(original)
    }

    /// How far the log is behind a segment, and its leaves; those of one that cannot be read as a whole are in the log's tree.
    fn ready(&self, first: u64, checked: Checked) -> Result<Ready> {
        let (disk, from) = (self.disk(), self.task.from);
        let path = from.segment(first);
        let sound = checked.faults.is_empty();
        let lost = || Error::damaged(from.root(), Fault::new(&path, What::Directory));
        let after = match checked.after {
            Some(after) => after,
            None => self.tip_behind(first).ok_or_else(lost)?,
        };
        let leaves = if sound {
            checked.leaves
        } else {
            let count = after.next_seq().saturating_sub(first);
            let leaves = tree_files::read(disk, &from.tree(0), first, count);
            leaves
                .ok_or_else(|| Error::damaged(from.root(), Fault::new(from.tree(0), What::TreeFile).at(first * 32)))?
        };
        Ok(Ready { first, after, leaves })
    }

    /// How far the log is behind a segment of which the directory cannot be read.
    fn tip_behind(&self, first: u64) -> Option<Tip> {
        let (disk, from) = (self.disk(), self.task.from);
        let listing = &self.source.listing;
        let next = listing
            .segments
            .iter()
            .chain(&listing.journals)
            .copied()
            .find(|seq| *seq > first)?;
        let stated = || {
            let segment = standing::stated_by_segment(disk, &from.segment(next));
            segment.or_else(|| standing::stated_by_journal(disk, &from.journal(next)))
        };
        standing::tip_before(disk, from, Some(first), next, stated).ok()
    }

    /// Brings those lines of a segment into the copy's journal that are not there yet.
    fn complete(&mut self, segment: &Ready) -> Result<()> {
        let (disk, end) = (self.disk(), segment.after.next_seq());
        let path = self.task.to.segment_temporary(segment.first);
        if self.note.damaged.contains(&segment.first) || self.dest.journals.len() > 1 {
            return Ok(());
        }
        let other = || {
            let why = format!(
                "among the records {}..{end} of {} are others than were copied before",
                segment.first,
                self.task.from.root().display()
            );
            self.task.apart(why)
        };
        let known = self.dest.tip.clone();
        if known.next_seq() > end {
            return Err(other());
        }
        let damaged = |fault| Error::damaged(self.task.to.root(), fault);
        let file = SegmentFile::open(disk, &path).map_err(damaged)?;
        let rows = file.rows().map_err(damaged)?;
        for row in rows.iter() {
            let behind = row.first_seq + u64::from(row.count);
            if behind <= known.next_seq() {
                continue;
            }
            let text = file.frame_text(row).map_err(damaged)?;
            let skip = usize::try_from(known.next_seq().saturating_sub(row.first_seq)).unwrap_or(usize::MAX);
            let (mut chain, mut at) = (row.chain_before, 0);
            for line in text.split_inclusive(|byte| *byte == b'\n').take(skip) {
                chain = chain_next(&chain, &leaf_hash(line.strip_suffix(b"\n").unwrap_or(line)));
                at += line.len();
            }
            if row.first_seq <= known.next_seq() && chain != known.chain {
                return Err(other());
            }
            let count = (row.count as usize).saturating_sub(skip);
            self.dest.push(text.get(at..).unwrap_or_default(), count)?;
        }
        self.dest.flush()?;
        if self.dest.tip == segment.after {
            Ok(())
        } else {
            Err(other())
        }
    }
}

impl Copying<'_> {
    /// Brings segments again that are missing in the copy, or were damaged, and are sound now.
    pub(super) fn again(&self, source: &Source, note: &mut Note, done: &mut Copy) -> Result<()> {
        let disk = &**self.disk;
        let listing = Listing::read(disk, self.to).map_err(|error| Error::io("listing", self.to.root(), error))?;
        let Some(first_journal) = listing.journals.first().copied() else {
            return Ok(());
        };
        let there = |path: &std::path::Path| !matches!(disk.stat(path), Ok(None));
        let wanted = source
            .listing
            .segments
            .iter()
            .copied()
            .filter(|first| *first < first_journal);
        for first in wanted {
            let missing = !listing.segments.contains(&first) && !there(&self.to.tombstone(first));
            if !missing && !note.damaged.contains(&first) {
                continue;
            }
            let from = self.from.segment(first);
            if put_again(disk, self.to, &from, first)? {
                done.files += 1;
                done.bytes += disk.stat(&from).ok().flatten().map_or(0, |stat| stat.len);
                note.damaged.retain(|damaged| *damaged != first);
                let what = if missing { What::Missing } else { What::Compressed };
                done.repaired.push(Fault::new(self.to.segment(first), what));
            } else {
                done.faults.push(Fault::new(from, What::Compressed));
            }
        }
        for first in listing.segments {
            let segment = self.from.segment(first);
            if !there(&segment) && !there(&self.from.tombstone(first)) && !there(&self.from.journal(first)) {
                done.faults.push(Fault::new(segment, What::Missing));
            }
        }
        Ok(())
    }
}
