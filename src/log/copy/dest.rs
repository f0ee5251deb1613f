//! The copy as it is so far, and how it grows. Sealed segments are brought under a name that nobody reads, and become part
//! of the copy in the order in which a seal would make them so, or several at once: then the last step is one rename, of an
//! empty journal. Lines that are not sealed yet go into a journal as a writer puts them there, one durable frame after the
//! other; a frame may hold several commits of the log.
//!
//! What must hold: whoever reads sees a beginning of the log at every moment; what a crash interrupts can be finished from
//! what is there, without the log that is copied.

use super::small;
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use crate::log::derive::derive;
use crate::log::dropping::sync_dir;
use crate::log::fault::{Fault, What};
use crate::log::journal::{Frame, FrameReader, JournalWriter, Tail, WriteFailure, tail};
use crate::log::layout::Layout;
use crate::log::replay::{Listing, sealed_tip};
use crate::log::standing::{stated_by_journal, tip_before};
use crate::log::tree_files;
use crate::log::verify::verify_segment;
use crate::log::view::{Marked, Tip};
use crate::proof::Hash;
use std::path::Path;
use std::sync::Arc;

/// So much text goes into a frame, in bytes, about.
const FRAME: usize = 1 << 20;

/// The copy of a log.
pub(super) struct Dest<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    log_id: [u8; 16],
    /// The first seqs of its sealed segments.
    pub(super) segments: Vec<u64>,
    /// How far it is behind the last of them, and as a whole.
    pub(super) sealed: Tip,
    pub(super) tip: Tip,
    /// Its journals, the oldest first; never none.
    pub(super) journals: Vec<CopyJournal>,
    /// What was damaged in it and was cut off, to be copied again.
    pub(super) repaired: Vec<Fault>,
    /// The records by which the log says where it stands that were met in its journals.
    pub(super) marks: Vec<Marked>,
    /// Lines that wait to be written.
    waiting: Vec<u8>,
    waiting_count: usize,
    waiting_from: Tip,
}

/// A journal of the copy.
pub(super) struct CopyJournal {
    pub(super) first: u64,
    writer: JournalWriter,
    leaves: Vec<Hash>,
}

/// A segment that was copied and verified and does not have its name yet.
pub(super) struct Ready {
    pub(super) first: u64,
    pub(super) after: Tip,
    pub(super) leaves: Vec<Hash>,
}

impl<'a> Dest<'a> {
    /// Begins a copy of a log of which the first record that is kept has the seq of that tip.
    pub(super) fn begin(disk: &'a dyn Disk, layout: &'a Layout, start: &Tip) -> Result<()> {
        let path = layout.journal(start.next_seq());
        let io = |error| Error::io("creating", &path, error);
        if disk.stat(&path).map_err(io)?.is_none() {
            disk.open(&path, Open::Create).map_err(io)?;
        }
        sync_dir(disk, &layout.journal_dir())
    }

    /// The copy as it is on disk; what a crash interrupted is finished, and what it left incomplete in a journal is cut off.
    pub(super) fn open(disk: &'a dyn Disk, layout: &'a Layout, log_id: [u8; 16]) -> Result<Self> {
        finish(disk, layout, log_id)?;
        let listing = Listing::read(disk, layout).map_err(|error| Error::io("listing", layout.root(), error))?;
        let damaged = |fault| Error::damaged(layout.root(), fault);
        let missing = || damaged(Fault::new(layout.journal_dir(), What::Missing));
        let first = listing.journals.first().copied().ok_or_else(missing)?;
        let mut segments = listing.segments;
        segments.retain(|seq| *seq < first);
        let sealed = tip_behind(disk, layout, &segments, first).map_err(damaged)?;
        let mut dest = Dest {
            disk,
            layout,
            log_id,
            segments,
            tip: sealed.clone(),
            waiting_from: sealed.clone(),
            sealed,
            journals: Vec::new(),
            repaired: Vec::new(),
            marks: Vec::new(),
            waiting: Vec::new(),
            waiting_count: 0,
        };
        for first in listing.journals {
            if first == dest.tip.next_seq() {
                dest.open_journal(first)?;
                continue;
            }
            // Behind one that was cut: all of it comes again.
            let path = layout.journal(first);
            dest.repaired.push(Fault::new(&path, What::Gap));
            disk.remove(&path)
                .map_err(|error| Error::io("removing", &path, error))?;
            sync_dir(disk, &layout.journal_dir())?;
        }
        dest.waiting_from = dest.tip.clone();
        if dest.journals.is_empty() {
            Err(missing())
        } else {
            Ok(dest)
        }
    }

    fn open_journal(&mut self, first: u64) -> Result<()> {
        let path = self.layout.journal(first);
        let io = |error| Error::io("opening", &path, error);
        let file = self.disk.open(&path, Open::Write).map_err(io)?;
        let mut reader = FrameReader::of(Arc::clone(&file), &path, self.log_id);
        let mut leaves = Vec::new();
        let gone_through = self.go_through(&mut reader, &mut leaves);
        let end = reader.offset();
        if file.len().map_err(io)? > end {
            // A write that was cut short is no damage; whatever it is, it comes again.
            let judged = match gone_through {
                Ok(()) => tail(&reader),
                Err(fault) => Err(fault),
            };
            match judged {
                Ok(Tail::Clean | Tail::Torn { .. }) => {}
                Ok(Tail::Damaged(fault)) | Err(fault) => self.repaired.push(fault),
            }
            file.set_len(end).and_then(|()| file.sync()).map_err(io)?;
        }
        let writer = JournalWriter::resume(file, &path, first, self.log_id, end, (0, 0)).map_err(io)?;
        self.journals.push(CopyJournal { first, writer, leaves });
        Ok(())
    }

    /// Goes on over intact frames that link to what was before.
    fn go_through(&mut self, reader: &mut FrameReader, leaves: &mut Vec<Hash>) -> std::result::Result<(), Fault> {
        loop {
            let at = reader.offset();
            let Some(frame) = reader.next(u64::MAX)? else {
                return Ok(());
            };
            match take(&frame, &mut self.tip, reader.path()) {
                Ok((new, marks)) => {
                    leaves.extend(new);
                    self.marks.extend(marks);
                }
                Err(fault) => {
                    reader.seek(at);
                    return Err(fault);
                }
            }
        }
    }

    /// Whether nothing stands behind the sealed segments.
    pub(super) fn is_sealed(&self) -> bool {
        self.journals.len() == 1 && self.tip.next_seq() == self.sealed.next_seq()
    }

    /// The leaves of what is not sealed.
    pub(super) fn tail(&self) -> Vec<Hash> {
        self.journals
            .iter()
            .flat_map(|journal| &journal.leaves)
            .copied()
            .collect()
    }

    /// Adds lines that are the next ones; they are written when there are enough of them, or at [`Dest::flush`].
    pub(super) fn push(&mut self, lines: &[u8], count: usize) -> Result<()> {
        self.waiting.extend_from_slice(lines);
        self.waiting_count += count;
        if self.waiting.len() >= FRAME {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what waits, and reads it back from the medium.
    pub(super) fn flush(&mut self) -> Result<()> {
        let lines = std::mem::take(&mut self.waiting);
        let count = std::mem::take(&mut self.waiting_count);
        let Some(journal) = self.journals.last_mut().filter(|_| count > 0) else {
            return Ok(());
        };
        let path = journal.writer.path.clone();
        let io = |error| Error::io("writing", &path, error);
        let (at, from) = (journal.writer.end, self.waiting_from.clone());
        let written = journal.writer.append(&lines, count, from.next_seq(), from.chain);
        written.map_err(|failure| match failure {
            WriteFailure::CutBack(error) | WriteFailure::Unknown(error) => io(error),
        })?;
        let file = Arc::clone(&journal.writer.file);
        file.drop_cache().map_err(io)?;
        let mut reader = FrameReader::of(file, &path, self.log_id);
        reader.seek(at);
        let mut leaves = Vec::new();
        let back = self.go_through(&mut reader, &mut leaves);
        let journal = self.journals.last_mut();
        if let (Ok(()), Some(journal), true) = (back, journal, leaves.len() == count) {
            journal.leaves.extend(leaves);
            self.waiting_from = self.tip.clone();
            return Ok(());
        }
        Err(io(std::io::Error::other("what was written is not what is read")))
    }

    /// Begins the next journal; what stands before it is complete.
    pub(super) fn begin_journal(&mut self) -> Result<()> {
        Self::begin(self.disk, self.layout, &self.tip)?;
        self.open_journal(self.tip.next_seq())
    }

    /// Makes segments part of the copy that stand behind everything in it: the last step is a rename of the journal, which
    /// is empty, and until then nobody sees any of them.
    pub(super) fn name(&mut self, ready: &mut Vec<Ready>) -> Result<()> {
        let Some(last) = ready.last().map(|last| last.after.clone()) else {
            return Ok(());
        };
        // All of them have to be there before any of them has its name: what is named can be finished then.
        sync_dir(self.disk, &self.layout.segment_dir())?;
        for segment in ready.iter() {
            name_segment(self.disk, self.layout, segment.first)?;
        }
        sync_dir(self.disk, &self.layout.segment_dir())?;
        for segment in ready.iter() {
            extend_tree(self.disk, self.layout, segment.first, &segment.leaves)?;
        }
        let from = self.sealed.next_seq();
        self.journals.clear();
        rename_journal(self.disk, self.layout, from, last.next_seq())?;
        self.segments.extend(ready.drain(..).map(|segment| segment.first));
        (self.sealed, self.tip, self.waiting_from) = (last.clone(), last.clone(), last.clone());
        self.open_journal(last.next_seq())
    }

    /// Puts a segment in the place of the first journal, which holds all of its lines, or some of them if the segment is
    /// damaged; in the order of a seal.
    pub(super) fn seal(&mut self, ready: Ready) -> Result<()> {
        let end = ready.after.next_seq();
        if self.journals.len() < 2 {
            self.tip = ready.after.clone();
            self.waiting_from = ready.after.clone();
            self.begin_journal()?;
        }
        name_segment(self.disk, self.layout, ready.first)?;
        sync_dir(self.disk, &self.layout.segment_dir())?;
        extend_tree(self.disk, self.layout, ready.first, &ready.leaves)?;
        let path = self.layout.journal(ready.first);
        self.journals.retain(|journal| journal.first >= end);
        self.disk
            .remove(&path)
            .map_err(|error| Error::io("removing", &path, error))?;
        sync_dir(self.disk, &self.layout.journal_dir())?;
        self.segments.push(ready.first);
        self.sealed = ready.after;
        Ok(())
    }
}

/// Goes on over a frame: gives its leaves, and the records in it by which the log says where it stands.
pub(super) fn take(frame: &Frame, tip: &mut Tip, path: &Path) -> std::result::Result<(Vec<Hash>, Vec<Marked>), Fault> {
    let header = &frame.header;
    let last = frame.end_seq().saturating_sub(1);
    let fault = |what| Fault::new(path, what).at(header.offset).seqs(header.first_seq, last);
    if header.first_seq != tip.next_seq() || header.chain_before != tip.chain {
        return Err(fault(What::Chain));
    }
    let derived = derive(&frame.text, header.first_seq, header.chain_before).map_err(|bad| fault(bad.what))?;
    if derived.leaves.len() as u64 != u64::from(header.count) {
        return Err(fault(What::Line));
    }
    let advanced = tip.advance(&derived);
    Ok((derived.leaves, advanced.marks))
}

/// Finishes what a crash interrupted of [`Dest::name`]: segments that stand behind an empty journal, under either name, are
/// taken as far as they verify and link to what is before them.
pub(crate) fn finish(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16]) -> Result<bool> {
    let listing = Listing::read(disk, layout).map_err(|error| Error::io("listing", layout.root(), error))?;
    let [journal] = listing.journals.as_slice() else {
        return Ok(false);
    };
    let path = layout.journal(*journal);
    let stat = disk.stat(&path).map_err(|error| Error::io("reading", &path, error))?;
    if stat.is_none_or(|stat| stat.len > 0) || listing.segments.last().is_none_or(|last| last < journal) {
        return Ok(false);
    }
    let sealed: Vec<u64> = listing.segments.iter().copied().filter(|seq| seq < journal).collect();
    let mut tip = tip_behind(disk, layout, &sealed, *journal).map_err(|fault| Error::damaged(layout.root(), fault))?;
    loop {
        let first = tip.next_seq();
        let named = listing.segments.contains(&first);
        let path = if named {
            layout.segment(first)
        } else {
            layout.segment_temporary(first)
        };
        if !named
            && disk
                .stat(&path)
                .map_err(|error| Error::io("looking for", &path, error))?
                .is_none()
        {
            break;
        }
        let checked = verify_segment(disk, &path);
        let sound =
            checked.faults.is_empty() && checked.log_id == Some(log_id) && checked.before.as_ref() == Some(&tip);
        let Some(after) = checked.after.filter(|_| sound) else {
            break;
        };
        if !named {
            name_segment(disk, layout, first)?;
        }
        sync_dir(disk, &layout.segment_dir())?;
        extend_tree(disk, layout, first, &checked.leaves)?;
        tip = after;
    }
    if tip.next_seq() > *journal {
        rename_journal(disk, layout, *journal, tip.next_seq())?;
    }
    Ok(true)
}

/// How far the copy is behind these segments, where its first journal begins.
fn tip_behind(disk: &dyn Disk, layout: &Layout, segments: &[u64], first: u64) -> std::result::Result<Tip, Fault> {
    match sealed_tip(disk, layout, segments, first) {
        Ok(tip) if tip.next_seq() == first => Ok(tip),
        // The last of them is damaged, as it was where it came from.
        _ => {
            let stated = || stated_by_journal(disk, &layout.journal(first));
            tip_before(disk, layout, segments.last().copied(), first, stated)
        }
    }
}

fn name_segment(disk: &dyn Disk, layout: &Layout, first: u64) -> Result<()> {
    let (temporary, path) = (layout.segment_temporary(first), layout.segment(first));
    let io = |error| Error::io("naming", &path, error);
    if disk.stat(&temporary).map_err(io)?.is_none() && disk.stat(&path).map_err(io)?.is_some() {
        return Ok(());
    }
    disk.set_readonly(&temporary).map_err(io)?;
    disk.rename(&temporary, &path).map_err(io)
}

fn rename_journal(disk: &dyn Disk, layout: &Layout, from: u64, to: u64) -> Result<()> {
    let (from, to) = (layout.journal(from), layout.journal(to));
    disk.rename(&from, &to)
        .map_err(|error| Error::io("naming", &to, error))?;
    sync_dir(disk, &layout.journal_dir())
}

pub(super) fn extend_tree(disk: &dyn Disk, layout: &Layout, first: u64, leaves: &[Hash]) -> Result<()> {
    tree_files::extend(disk, layout, first, leaves).map_err(|failure| Error::io("writing", failure.path, failure.error))
}

/// Puts a sound copy of a segment in the place of one that is missing or damaged in the copy.
pub(super) fn put_again(disk: &dyn Disk, layout: &Layout, from: &Path, first: u64) -> Result<bool> {
    let temporary = layout.segment_temporary(first);
    small::copy_anew(disk, from, &temporary).map_err(|error| Error::io("copying", from, error))?;
    let checked = verify_segment(disk, &temporary);
    let leaves = tree_files::read(disk, &layout.tree(0), first, checked.leaves.len() as u64);
    if !checked.faults.is_empty() || leaves.as_ref() != Some(&checked.leaves) {
        let io = |error| Error::io("removing", &temporary, error);
        return disk.remove(&temporary).map(|()| false).map_err(io);
    }
    name_segment(disk, layout, first)?;
    sync_dir(disk, &layout.segment_dir())?;
    Ok(true)
}
