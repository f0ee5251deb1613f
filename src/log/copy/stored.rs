//! Whether a segment that was brought is the one that it was brought from: byte for byte, as it is read back, with each of its
//! checksums right, and with the leaves that the log's tree has for it. Bytes that went wrong on either side show in this, and a
//! tree that is not the one that checkpoints sign. That the texts are those of the leaves is for verify to say, which has to
//! unpack and hash all of them: several times the work of copying.

use super::{Copying, as_stated};
use crate::disk::{Disk, Open};
use crate::log::segment::SegmentFile;
use crate::log::verify::Checked;
use crate::log::view::Marked;
use crate::log::{standing, tree_files};
use std::path::Path;

impl Copying<'_> {
    /// What is known of a segment under its temporary name that is the one in the log; `None` if it is not, or if that does
    /// not show.
    pub(super) fn as_stored(&self, first: u64) -> Option<Checked> {
        let disk = &**self.disk;
        let source = disk.open(&self.from.segment(first), Open::Read).ok()?;
        let file = SegmentFile::open(disk, &self.to.segment_temporary(first)).ok()?;
        let trailer = file.trailer();
        if source.len().ok()? != file.len() || trailer.first_seq != first {
            return None;
        }
        let mut piece = Vec::new();
        let mut is_same = |bytes: &[u8], at: u64| {
            piece.resize(bytes.len(), 0);
            source.read_at(&mut piece, at).ok() == Some(bytes.len()) && piece == bytes
        };
        let (mut at, mut seq) = (0, first);
        for row in file.rows().ok()?.iter() {
            let bytes = file.stored_frame(row).ok()?;
            if (row.offset, row.first_seq) != (at, seq) || !is_same(&bytes, at) {
                return None;
            }
            at = at.checked_add(bytes.len() as u64)?;
            seq = seq.checked_add(u64::from(row.count))?;
        }
        let end = file.stored_end().ok()?;
        if at != file.end_offset() || seq != file.end_seq() || !is_same(&end, at) {
            return None;
        }
        let (before, after) = file.tips().ok()?;
        let leaves = tree_files::read(disk, &self.from.tree(0), first, trailer.count)?;
        let mut reached = before.clone();
        reached.extend(&leaves);
        (reached == after).then(|| Checked {
            leaves,
            before: Some(before),
            after: Some(after),
            log_id: Some(trailer.log_id),
            records: trailer.count,
            text: trailer.text,
            bytes: file.len(),
            ..Checked::default()
        })
    }
}

/// The first and the last record of a segment, where they say which keys are in force.
pub(super) fn ends(disk: &dyn Disk, path: &Path) -> Vec<Marked> {
    let lines = [
        standing::first_line_of_segment(disk, path),
        standing::last_line_of_segment(disk, path),
    ];
    lines.into_iter().flatten().filter_map(as_stated).collect()
}
