//! How far a log is before one of its files. The segment before says so in its directory; where that cannot be read, a
//! record states it: the `state` that begins the file, or the `epoch` that ends the segment before. A record states a
//! root only, so the tree has to be found as well, and counts only if it has that root.
//!
//! What must hold: nothing is guessed. What cannot be told from two places that agree is not told.

use super::events::{Epoch, Standing, State, event_of, unhex};
use super::fault::{Fault, What};
use super::format::{Fixed, FrameHeader};
use super::journal::{FrameReader, Tail, tail};
use super::layout::Layout;
use super::segment::{Remains, SegmentFile};
use super::tree_files;
use super::view::Tip;
use crate::disk::Disk;
use crate::proof::{Frontier, Hash, chain_next, leaf_hash};
use crate::record::read_head;
use std::path::Path;
use std::sync::Arc;

/// How far the log is behind a segment, as its directory says.
pub(crate) fn tip_of_directory(disk: &dyn Disk, path: &Path) -> Result<Tip, Fault> {
    Ok(SegmentFile::open(disk, path)?.tips()?.1)
}

/// How far the log is before the file that begins at `first_seq`. `before` is the segment before it, `stated` what the
/// file's first record states; it is asked only if the segment does not tell.
pub(crate) fn tip_before(
    disk: &dyn Disk,
    layout: &Layout,
    before: Option<u64>,
    first_seq: u64,
    stated: impl FnOnce() -> Option<Standing>,
) -> Result<Tip, Fault> {
    if first_seq == 0 {
        return Ok(Tip::empty());
    }
    let told = match before {
        Some(before) => tip_of_directory(disk, &layout.segment(before)),
        None => Ok(Tip::empty()),
    };
    let fault = match told {
        Ok(tip) if tip.next_seq() == first_seq => return Ok(tip),
        Ok(tip) => Fault::new(layout.segment_dir(), What::Gap).seqs(
            tip.next_seq().min(first_seq),
            tip.next_seq().max(first_seq).saturating_sub(1),
        ),
        Err(fault) => fault,
    };
    let tip = match stated() {
        Some(stated) => tip_as_stated(disk, layout, before, &stated),
        None => before.and_then(|before| tip_of_epoch(disk, layout, before)),
    };
    tip.filter(|tip| tip.next_seq() == first_seq).ok_or(fault)
}

/// How far the log is where a file's first record states it, if any file holds the tree of that root.
pub(crate) fn tip_as_stated(disk: &dyn Disk, layout: &Layout, before: Option<u64>, stated: &Standing) -> Option<Tip> {
    let told = before.and_then(|before| tip_of_directory(disk, &layout.segment(before)).ok());
    let trees = |size| {
        told.map(|tip| tip.tree)
            .into_iter()
            .chain(trees_at(disk, layout, size))
            .collect()
    };
    tip_of(stated, trees)
}

/// How far the log is where a record states it, with the first of these trees that has the root.
pub(crate) fn tip_of(stated: &Standing, trees: impl FnOnce(u64) -> Vec<Frontier>) -> Option<Tip> {
    let root = unhex(&stated.root)?;
    let mut trees = trees(stated.size).into_iter();
    Some(Tip {
        tree: trees.find(|tree| tree.size() == stated.size && tree.root() == root)?,
        chain: unhex(&stated.chain)?,
    })
}

/// What the first record of a journal states about the log before it; `None` if it cannot be read or is genesis.
pub(crate) fn stated_by_journal(disk: &dyn Disk, path: &Path) -> Option<Standing> {
    let line = first_line_of_journal(disk, path).ok().flatten()?;
    event::<State>(&line)?.previous
}

/// What the first record of a segment states about the log before it; `None` if it cannot be read or is genesis.
pub(crate) fn stated_by_segment(disk: &dyn Disk, path: &Path) -> Option<Standing> {
    let line = first_line_of_segment(disk, path).ok()?;
    event::<State>(&line)?.previous
}

pub(crate) fn first_line_of_journal(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    let mut reader = FrameReader::open(disk, path, [0; 16])?;
    let header = reader.bytes(0, FrameHeader::LEN as u64)?;
    let Some(header) = FrameHeader::checked(&header) else {
        return match tail(&reader)? {
            Tail::Clean | Tail::Torn { .. } => Ok(None),
            Tail::Damaged(fault) => Err(fault),
        };
    };
    reader = FrameReader::of(Arc::clone(reader.file()), path, header.log_id);
    let frame = reader.next(u64::MAX)?;
    Ok(frame.map(|frame| first_line(&frame.text)))
}

pub(crate) fn first_line_of_segment(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Fault> {
    let by_directory = || {
        let file = SegmentFile::open(disk, path)?;
        let rows = file.rows()?;
        let row = rows.first().ok_or_else(|| file.fault(What::Directory))?;
        Ok(first_line(&file.frame_text(row)?))
    };
    by_directory().or_else(|fault| {
        let remains = Remains::read(disk, path)?;
        let first = remains.pieces().next().filter(|piece| piece.damage.is_none());
        first.map(|piece| first_line(&piece.text)).ok_or(fault)
    })
}

/// The last line of a segment.
pub(crate) fn last_line_of_segment(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Fault> {
    let by_directory = || {
        let file = SegmentFile::open(disk, path)?;
        let rows = file.rows()?;
        let row = rows.last().ok_or_else(|| file.fault(What::Directory))?;
        Ok(last_line(&file.frame_text(row)?))
    };
    by_directory().or_else(|fault| {
        let last = Remains::read(disk, path)?
            .pieces()
            .last()
            .filter(|piece| piece.damage.is_none());
        last.map(|piece| last_line(&piece.text)).ok_or(fault)
    })
}

/// How far the log is behind a segment, as the `epoch` record says that ends it.
fn tip_of_epoch(disk: &dyn Disk, layout: &Layout, segment: u64) -> Option<Tip> {
    let remains = Remains::read(disk, &layout.segment(segment)).ok()?;
    let last = remains.pieces().last()?;
    let line = last.text.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let epoch: Epoch = event(line)?;
    let stands = epoch.name == "epoch" && epoch.standing.size.checked_add(1) == Some(last.end_seq);
    let mut tip = tip_of(&epoch.standing, |size| trees_at(disk, layout, size)).filter(|_| stands)?;
    let leaf: Hash = leaf_hash(line);
    tip.chain = chain_next(&tip.chain, &leaf);
    tip.tree.push(leaf);
    Some(tip)
}

/// The trees over the first `size` records that files hold besides the segment before: the tree files, read the short
/// way and the long way, and the segment that begins there.
fn trees_at(disk: &dyn Disk, layout: &Layout, size: u64) -> Vec<Frontier> {
    let own = || {
        let segment = SegmentFile::open(disk, &layout.segment(size)).ok()?;
        Some(segment.trees().ok()?.0)
    };
    [
        tree_files::frontier(disk, layout, size),
        tree_files::frontier_of_leaves(disk, layout, size),
        own(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn last_line(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().to_vec()
}

fn first_line(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec()
}

fn event<T: for<'a> serde::Deserialize<'a>>(line: &[u8]) -> Option<T> {
    event_of(line.get(read_head(line)?.members)?)
}
