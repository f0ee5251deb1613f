//! A segment whose directory cannot be used: what can be read of its text is read and hashed all the same, and the
//! records that cannot are named.

use super::segment::Checked;
use super::states::{Ends, check_ends, check_epoch_chain};
use crate::disk::Disk;
use crate::log::derive::derive;
use crate::log::events::Standing;
use crate::log::fault::{Fault, What};
use crate::log::segment::Remains;
use crate::log::view::Tip;
use crate::proof::CHAIN_START;
use std::ops::Range;
use std::path::Path;

/// Checks a segment by its text alone. `next` is the first seq of the file behind it.
pub(crate) fn verify_remains(
    disk: &dyn Disk,
    path: &Path,
    first: u64,
    next: Option<u64>,
    wanted: &Range<u64>,
    checked: &mut Checked,
) {
    let Ok(remains) = Remains::read(disk, path) else { return };
    checked.bytes = remains.bytes().len() as u64;
    checked.faults.extend(remains.unreadable().cloned());
    let mut ends = Ends::default();
    let (mut expected, mut complete) = (first, true);
    let mut pieces = remains.pieces();
    for piece in pieces.by_ref() {
        let fault = |what, at: u64| Fault::new(path, what).at(at);
        if piece.first_seq < expected {
            let found = piece.first_seq;
            let last = piece.end_seq.saturating_sub(1);
            checked
                .faults
                .push(fault(What::Sequence { found }, piece.offset).seqs(found, last));
            complete = false;
            continue;
        }
        if piece.damage.is_some() || piece.first_seq > expected {
            let mut damage = fault(What::Compressed, piece.damage.unwrap_or(piece.offset));
            if piece.first_seq > expected {
                damage = damage.seqs(expected, piece.first_seq - 1);
                complete = false;
            }
            checked.faults.push(damage);
        }
        // Lines prove their leaves by themselves; the chain is compared when all of them are there.
        match derive(&piece.text, piece.first_seq, CHAIN_START) {
            Ok(derived) => checked.leaves.extend_from_slice(&derived.leaves),
            Err(bad) => {
                checked
                    .faults
                    .push(fault(bad.what, piece.offset).seqs(bad.seq, bad.seq));
                complete = false;
            }
        }
        ends.take(&piece.text, piece.first_seq);
        if piece.first_seq < wanted.end && piece.end_seq > wanted.start {
            checked.records += piece.end_seq - piece.first_seq;
            checked.text += piece.text.len() as u64;
        }
        expected = piece.end_seq;
    }
    match next {
        // What closes itself is whole; what is missing behind it is another file's.
        Some(next) if expected < next && !(complete && closes(&ends, expected)) => {
            let lost = Fault::new(path, What::Compressed).at(pieces.offset());
            checked.faults.push(lost.seqs(expected, next - 1));
            complete = false;
        }
        Some(next) if expected > next => {
            let overlap = Fault::new(path, What::Misplaced).seqs(next, expected - 1);
            checked.faults.push(overlap);
            complete = false;
        }
        _ => {}
    }
    if !complete {
        checked.leaves.clear();
        return;
    }
    let before = (first == 0).then(Tip::empty);
    checked.faults.extend(check_ends(path, &ends, before.as_ref(), true));
    checked.faults.extend(check_epoch_chain(path, &ends, &checked.leaves));
    checked.stated_log = ends.log_id();
}

/// Whether the last record before that seq closes the file.
fn closes(ends: &Ends, end: u64) -> bool {
    let closing = |(seq, standing): (u64, Standing)| seq + 1 == end && standing.size == seq;
    ends.epoch().is_some_and(closing)
}
