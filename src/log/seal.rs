//! Sealing: a closed journal becomes a segment. Every step can be cut by a crash and is done again at the next open;
//! the journal goes last, when its segment was read back from the medium, verified, and taken up into the tree files.

use super::fault::{Fault, What};
use super::journal::FrameReader;
use super::layout::Layout;
use super::read::Files;
use super::segment::{Encoding, SealFailure, SegmentWriter};
use super::standing::{stated_by_journal, tip_before};
use super::tree_files;
use super::verify::{Checked, verify_segment};
use super::view::{SegmentRef, Tip};
use crate::disk::{Disk, DiskFile, Open};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Seals the oldest journal of the view, which must not be the one that is written to. Returns its first seq.
pub(crate) fn seal_oldest(files: &Files, encoding: Encoding) -> Result<Option<u64>> {
    let (journal, before) = {
        let view = files.view.read();
        let [journal, _, ..] = view.journals.as_slice() else {
            return Ok(None);
        };
        (journal.clone(), view.segments.last().map(|segment| segment.first_seq))
    };
    let (disk, layout) = (&*files.disk, &files.layout);
    let stated = || stated_by_journal(disk, &journal.path);
    let tip = tip_before(disk, layout, before, journal.first_seq, stated).map_err(|fault| files.damaged(fault))?;
    let io = |doing, path: &std::path::Path| {
        let path = path.to_owned();
        move |error| Error::io(doing, path, error)
    };
    let failed = |failure| match failure {
        SealFailure::Io(error) => Error::io("writing", layout.segment_temporary(journal.first_seq), error),
        SealFailure::Line(bad) => files.damaged(Fault::new(&journal.path, bad.what).seqs(bad.seq, bad.seq)),
    };
    let (file, mut writer) = begin(disk, layout, files.identity.log_id, &tip, encoding)?;
    let mut reader = FrameReader::of(Arc::clone(&journal.file), &journal.path, files.identity.log_id);
    while let Some(frame) = reader.next(journal.end).map_err(|fault| files.damaged(fault))? {
        for line in frame.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            writer.push(line).map_err(failed)?;
        }
    }
    let directory = writer.finish().map_err(failed)?;
    if directory.after().next_seq() != journal.end_seq {
        let fault = Fault::new(&journal.path, What::FramePayload).at(reader.offset());
        return Err(files.damaged(fault.seqs(directory.after().next_seq(), journal.end_seq.saturating_sub(1))));
    }
    let path = layout.segment(journal.first_seq);
    let checked = give_its_name(disk, layout, journal.first_seq, file)?;
    if let Some(fault) = checked.faults.into_iter().next() {
        return Err(files.damaged(fault));
    }
    tree_files::extend(disk, layout, journal.first_seq, &checked.leaves)
        .map_err(|failure| Error::io("writing", failure.path, failure.error))?;
    {
        let mut view = files.view.write();
        Arc::make_mut(&mut view.segments).push(Arc::new(SegmentRef::new(journal.first_seq, path)));
        view.journals.remove(0);
    }
    disk.remove(&journal.path).map_err(io("removing", &journal.path))?;
    disk.sync_dir(&layout.journal_dir())
        .map_err(io("syncing", &layout.journal_dir()))?;
    Ok(Some(journal.first_seq))
}

/// Begins the segment behind that tip, under its temporary name.
pub(crate) fn begin(
    disk: &dyn Disk,
    layout: &Layout,
    log_id: [u8; 16],
    tip: &Tip,
    encoding: Encoding,
) -> Result<(Arc<dyn DiskFile>, SegmentWriter)> {
    let temporary = layout.segment_temporary(tip.next_seq());
    let io = |doing| {
        let path = temporary.clone();
        move |error| Error::io(doing, path, error)
    };
    if disk.stat(&temporary).map_err(io("looking for"))?.is_some() {
        disk.remove(&temporary).map_err(io("removing"))?;
    }
    let file = disk.open(&temporary, Open::Create).map_err(io("creating"))?;
    let writer = SegmentWriter::new(Arc::clone(&file), encoding, log_id, tip.clone());
    Ok((file, writer.map_err(io("writing"))?))
}

/// Gives a segment that is durable its name, and reads it back from the medium.
pub(crate) fn give_its_name(
    disk: &dyn Disk,
    layout: &Layout,
    first_seq: u64,
    file: Arc<dyn DiskFile>,
) -> Result<Checked> {
    let (temporary, path) = (layout.segment_temporary(first_seq), layout.segment(first_seq));
    let io = |doing, path: &std::path::Path| {
        let path = path.to_owned();
        move |error| Error::io(doing, path, error)
    };
    disk.set_readonly(&temporary).map_err(io("closing", &temporary))?;
    disk.rename(&temporary, &path).map_err(io("naming", &path))?;
    disk.sync_dir(&layout.segment_dir())
        .map_err(io("syncing", &layout.segment_dir()))?;
    file.drop_cache().map_err(io("reading back", &path))?;
    drop(file);
    Ok(verify_segment(disk, &path))
}
