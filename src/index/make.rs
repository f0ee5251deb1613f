//! Making the index of one of a log's segments, and writing its file.
//!
//! What must hold: an index is only made of text that leads to the segment's end of the chain; its file gets its name when
//! it is durable and lost its write bits, so that a file of that name never changes.

use super::build::Builder;
use super::opened::{Index, Subject, Summary};
use super::pack::Packed;
use super::unfit::{Unfit, guarded};
use crate::disk::write_new;
use crate::error::Error;
use crate::log::{Fault, Files, SegmentRef};
use crate::record::read_head;
use std::sync::Arc;

/// The sealed segment that begins there.
pub(super) fn segment(files: &Files, first_seq: u64) -> Result<Arc<SegmentRef>, Unfit> {
    let view = files.view.read();
    let place = view
        .segments
        .binary_search_by_key(&first_seq, |segment| segment.first_seq)
        .map_err(|_| Unfit::Segment("there is none".to_owned()))?;
    let segment = view.segments.get(place);
    segment
        .cloned()
        .ok_or_else(|| Unfit::Segment("there is none".to_owned()))
}

/// What an index has to be of to be that segment's.
pub(super) fn subject(files: &Files, segment: &SegmentRef) -> Result<Subject, Unfit> {
    let trailer = segment.trailer(&*files.disk).map_err(unreadable)?;
    Ok(Subject {
        log_id: trailer.log_id,
        first_seq: trailer.first_seq,
        count: trailer.count,
        chain_after: trailer.chain_after,
    })
}

fn unreadable(fault: Fault) -> Unfit {
    Unfit::Segment(fault.to_string())
}

/// The index that a segment should have, in memory. `stopped` is asked now and then whether to give up, which gives `None`.
pub(super) fn make(
    files: &Arc<Files>,
    segment: &SegmentRef,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Packed>, Unfit> {
    guarded(|| make_unguarded(files, segment, stopped))
}

fn make_unguarded(
    files: &Arc<Files>,
    segment: &SegmentRef,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Packed>, Unfit> {
    let file = segment.open(&*files.disk).map_err(unreadable)?;
    let trailer = file.trailer();
    let mut builder = Builder::new(trailer.log_id, trailer.first_seq, trailer.chain_before)?;
    for row in file.rows().map_err(unreadable)?.iter() {
        if stopped() {
            return Ok(None);
        }
        let text = file.frame_text(row).map_err(unreadable)?;
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let moved = read_head(line).filter(|head| head.parts.is_some());
            let whole = moved.map(|head| files.whole_members(line, &head)).transpose();
            let whole = whole.map_err(|error: Error| Unfit::Segment(error.to_string()))?;
            builder.add(line, whole.as_deref())?;
        }
    }
    if builder.chain_after() != trailer.chain_after {
        return Err(Unfit::Segment(
            "its text does not lead to its end of the chain".to_owned(),
        ));
    }
    if stopped() {
        return Ok(None);
    }
    builder.finish().map(Some)
}

/// Writes an index file, in the place of one that is there. A segment that was dropped meanwhile gets none: it would say for
/// ever what the dropped records said.
pub(super) fn write(files: &Files, first_seq: u64, packed: &Packed) -> Result<(), Unfit> {
    let (disk, layout) = (&*files.disk, &files.layout);
    let (temporary, path) = (layout.index_temporary(first_seq), layout.index(first_seq));
    disk.create_dir(&layout.index_dir())?;
    let named = || -> std::io::Result<bool> {
        write_new(disk, &temporary, &packed.bytes)?;
        // Who drops a segment takes it out of the view before its files go: so the index is there by then, or gets no name.
        let view = files.view.read();
        let segments = &view.segments;
        if segments
            .binary_search_by_key(&first_seq, |segment| segment.first_seq)
            .is_err()
        {
            return Ok(false);
        }
        disk.rename(&temporary, &path)?;
        Ok(true)
    };
    let named = named().and_then(|named| disk.sync_dir(&layout.index_dir()).map(|()| named));
    if !matches!(named, Ok(true)) {
        // A full disk gets its room back. If it stays it is removed before the next try.
        let _ = disk.remove(&temporary);
    }
    match named? {
        true => Ok(()),
        false => Err(Unfit::Segment("it was dropped meanwhile".to_owned())),
    }
}

/// A segment's index, of which that is the head.
pub(super) fn open(files: &Files, segment: &SegmentRef, head: &Summary) -> Result<Index, Unfit> {
    let path = files.layout.index(segment.first_seq);
    let index = Index::open(&*files.disk, &path, &subject(files, segment)?)?;
    // Between the two looks at the file it may have become another one.
    if index.summary().digest() == head.digest() {
        Ok(index)
    } else {
        Err(Unfit::Unvouched)
    }
}

/// The head of a segment's index, if that may be used: it is the segment's, of this program's rules, and vouched for.
pub(super) fn vouched(files: &Files, segment: &SegmentRef) -> Result<Summary, Unfit> {
    let subject = subject(files, segment)?;
    let summary = Summary::open(&*files.disk, &files.layout.index(segment.first_seq), &subject)?;
    if files.vouches(segment.first_seq, &summary.digest()) {
        Ok(summary)
    } else {
        Err(Unfit::Unvouched)
    }
}
