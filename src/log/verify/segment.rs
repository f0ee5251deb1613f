//! One sealed segment: unpack every frame, hash every line, build the directory anew from what the lines prove, and
//! compare it with the file byte for byte.

use super::states::{Ends, check_ends, check_epoch};
use crate::disk::Disk;
use crate::log::derive::{Derived, derive};
use crate::log::fault::{Fault, What};
use crate::log::format::{Fixed, FrameRow, KeyRow, StreamRow, Trailer};
use crate::log::segment::{Directory, SegmentFile};
use crate::log::view::{Marked, Tip};
use crate::proof::Hash;
use std::ops::Range;
use std::path::Path;

/// What was found in a file of records.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) faults: Vec<Fault>,
    /// The leaves of its records, where all of them could be read.
    pub(crate) leaves: Vec<Hash>,
    /// How far the log was before and after it, as its directory says.
    pub(crate) before: Option<Tip>,
    pub(crate) after: Option<Tip>,
    pub(crate) log_id: Option<[u8; 16]>,
    /// The log's id as the first record states it.
    pub(crate) stated_log: Option<String>,
    /// The records by which the log says where it stands; none unless the whole file could be read.
    pub(crate) marks: Vec<Marked>,
    pub(crate) records: u64,
    pub(crate) text: u64,
    pub(crate) bytes: u64,
}

/// Checks a whole segment.
pub(crate) fn verify_segment(disk: &dyn Disk, path: &Path) -> Checked {
    verify_part(disk, path, 0..u64::MAX, 1)
}

/// Checks the frames of a segment that hold any of these records.
pub(crate) fn verify_part(disk: &dyn Disk, path: &Path, seqs: Range<u64>, threads: usize) -> Checked {
    let mut checked = Checked::default();
    match SegmentFile::open(disk, path) {
        Err(fault) => checked.faults.push(fault),
        Ok(file) => {
            if let Err(fault) = check(&file, &seqs, threads, &mut checked) {
                checked.faults.push(fault);
            }
        }
    }
    checked
}

fn check(file: &SegmentFile, seqs: &Range<u64>, threads: usize, checked: &mut Checked) -> Result<(), Fault> {
    let trailer = file.trailer();
    checked.bytes = file.len();
    checked.log_id = Some(trailer.log_id);
    let rows = file.rows()?;
    let (before, after) = file.tips()?;
    checked.before = Some(before.clone());
    checked.after = Some(after);
    let mut directory = Directory::new(trailer.log_id, before);
    let mut ends = Ends::default();
    let (mut offset, mut chain, mut complete) = (0, Some(trailer.chain_before), true);
    let wanted =
        |row: &FrameRow| row.first_seq < seqs.end && row.first_seq.saturating_add(u64::from(row.count)) > seqs.start;
    // Frames prove themselves one by one, given the chain that their row states; what links them is checked after.
    for batch in rows.chunks(16 * threads) {
        for (row, outcome) in batch.iter().zip(unpack_all(file, batch, threads, &wanted)) {
            match outcome {
                None => (chain, complete) = (None, false),
                Some(Ok(unpacked)) => {
                    if chain.is_some_and(|chain| chain != row.chain_before) {
                        checked.faults.push(file.frame_fault(row, What::Chain));
                        (chain, complete) = (None, false);
                        continue;
                    }
                    ends.take(&unpacked.text, row.first_seq);
                    chain = Some(unpacked.derived.chain_after);
                    checked.records += unpacked.derived.leaves.len() as u64;
                    checked.text += u64::from(row.text);
                    if complete {
                        directory.push(offset, &unpacked.compressed, row.text as usize, &unpacked.derived);
                        offset += unpacked.compressed.len() as u64;
                        checked.leaves.extend_from_slice(&unpacked.derived.leaves);
                    }
                }
                Some(Err(fault)) => {
                    checked.faults.push(fault);
                    (chain, complete) = (None, false);
                }
            }
        }
    }
    if complete {
        if offset != file.end_offset() {
            checked.faults.push(file.fault(What::SeekTable).at(offset));
        }
        compare_end(file, &directory.encode(), checked)?;
        checked
            .faults
            .extend(check_ends(file.path(), &ends, checked.before.as_ref(), true));
        ends.before_last = Some(directory.before_last().clone());
        checked.marks = directory.marks().to_vec();
        checked.faults.extend(check_epoch(file.path(), &ends));
        checked.stated_log = ends.log_id();
    } else {
        checked.leaves.clear();
    }
    Ok(())
}

/// A data frame that is sound by itself.
struct Unpacked {
    compressed: Vec<u8>,
    text: Vec<u8>,
    derived: Derived,
}

/// Unpacks and hashes frames in parallel; those that are not wanted are left out.
fn unpack_all(
    file: &SegmentFile,
    rows: &[FrameRow],
    threads: usize,
    wanted: &(impl Fn(&FrameRow) -> bool + Sync),
) -> Vec<Option<Result<Unpacked, Fault>>> {
    let each =
        |rows: &[FrameRow]| -> Vec<_> { rows.iter().map(|row| wanted(row).then(|| unpack(file, row))).collect() };
    if threads < 2 {
        return each(rows);
    }
    std::thread::scope(|scope| {
        let share = rows.len().div_ceil(threads).max(1);
        let work: Vec<_> = rows.chunks(share).map(|rows| scope.spawn(move || each(rows))).collect();
        let joined = work.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn unpack(file: &SegmentFile, row: &FrameRow) -> Result<Unpacked, Fault> {
    let compressed = file.frame_bytes(row)?;
    let text = file.unpack(row, &compressed)?;
    let derived = derive(&text, row.first_seq, row.chain_before).map_err(|bad| {
        let last = row.first_seq.saturating_add(u64::from(row.count).saturating_sub(1));
        file.fault(bad.what).at(row.offset).seqs(bad.seq, last.max(bad.seq))
    })?;
    if derived.leaves.len() as u64 != u64::from(row.count) {
        return Err(file.frame_fault(row, What::DirectoryDiffers("number of records")));
    }
    Ok(Unpacked {
        compressed,
        text,
        derived,
    })
}

/// Compares everything behind the data frames with what it should be.
fn compare_end(file: &SegmentFile, expected: &[u8], checked: &mut Checked) -> Result<(), Fault> {
    let found = file.end_bytes()?;
    let Some(difference) = found.iter().zip(expected).position(|(a, b)| a != b) else {
        if found.len() != expected.len() {
            checked.faults.push(file.fault(What::SeekTable).at(file.end_offset()));
        }
        return Ok(());
    };
    let trailer = file.trailer();
    let sections = [
        (8, ""),
        (u64::from(trailer.frames) * FrameRow::LEN as u64, "list of frames"),
        (u64::from(trailer.keys) * KeyRow::LEN as u64, "table of keys"),
        (u64::from(trailer.streams) * StreamRow::LEN as u64, "table of emitters"),
        (
            u64::from(trailer.roots_before) * 32 + u64::from(trailer.roots_after) * 32,
            "tree",
        ),
        (Trailer::LEN as u64, "summary"),
    ];
    let mut end = 0;
    let name = sections.into_iter().find_map(|(len, name)| {
        end += len;
        ((difference as u64) < end).then_some(name)
    });
    let what = match name {
        Some("") | None => What::SeekTable,

        Some(name) => What::DirectoryDiffers(name),
    };
    let last = file.end_seq().saturating_sub(1);
    checked.faults.push(
        file.fault(what)
            .at(file.end_offset() + difference as u64)
            .seqs(trailer.first_seq, last),
    );
    Ok(())
}
