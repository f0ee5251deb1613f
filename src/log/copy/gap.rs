//! What is known to have been there and is not: a checkpoint from elsewhere is for more records than the log has.

use super::Note;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::events::{Gap, hex};
use crate::log::fault::{Fault, What};
use crate::log::layout::Layout;
use crate::log::open::newest_state;
use crate::log::replay::{ReadFailure, read_view};
use crate::log::tiles::with_tiles;
use crate::log::verify::disagreement;
use crate::proof::{SignedCheckpoint, VerifierKey, root_at};

/// The records behind those that a log has, as the newest of these checkpoints or the log's note says. All that are of
/// this log have to be signed by it, and it has to agree with those that are not for more records than it has.
pub(crate) fn gap(disk: &dyn Disk, layout: &Layout, given: &[SignedCheckpoint]) -> Result<Option<Gap>> {
    let noted = Note::read(disk, layout)?.and_then(|note| note.gap);
    let path = layout.root().to_owned();
    let (identity, state) = newest_state(disk, layout)?.ok_or(Error::NotADatabase { path })?;
    let origin = identity.origin();
    let mine: Vec<&SignedCheckpoint> = given
        .iter()
        .filter(|signed| signed.checkpoint().origin() == origin)
        .collect();
    if mine.is_empty() {
        return Ok(noted);
    }
    let (view, last) = read_view(disk, layout, identity.log_id).map_err(|failure| match failure {
        ReadFailure::Io(error) => Error::io("listing", layout.root(), error),
        ReadFailure::Fault(fault) => Error::damaged(layout.root(), fault),
    })?;
    let in_force = last.keys.map(|now| now.keys.log);
    let keys: Vec<VerifierKey> = in_force
        .iter()
        .chain([&state.keys.log])
        .filter_map(|key| key.parse().ok())
        .collect();
    let end = last.tip.next_seq();
    let mut newest = noted;
    for signed in mine {
        let size = signed.checkpoint().size();
        let wrong = |why: String| {
            let why = format!("the given one for {size} records: {why}");
            Error::damaged(layout.root(), Fault::new(layout.root(), What::Checkpoint(why)))
        };
        if size <= end {
            let root = |size| with_tiles(disk, layout, &view, |tiles| root_at(tiles, size));
            if let Some(why) = disagreement(signed, &keys, Some(end), &root) {
                return Err(wrong(why));
            }
            continue;
        }
        signed.verify(&keys).map_err(|fault| wrong(fault.to_string()))?;
        if newest.as_ref().is_none_or(|newest| newest.to < size) {
            newest = Some(Gap {
                from: end,
                to: size,
                root: hex(signed.checkpoint().root()),
                checkpoint: signed.to_string(),
            });
        }
    }
    Ok(newest)
}
