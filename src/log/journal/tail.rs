//! What stands behind the last intact frame of a journal: nothing, a write that a crash cut short, or damage. The
//! difference is decided by rule and never by guess (see `storage-format.md`, "The end of a journal").

use super::{FrameReader, SECTOR};
use crate::log::fault::{Fault, What};
use crate::log::format::{FRAME_MAGIC, Fixed, FrameHeader};

/// What stands behind the last intact frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing but zeros.
    Clean,
    /// A frame of which at least one sector never reached the medium, so it was never acknowledged. It ends here.
    Torn { end: u64 },
    /// Anything else.
    Damaged(Fault),
}

/// Judges what begins at the reader's offset, where no intact frame begins.
pub(crate) fn tail(reader: &FrameReader) -> Result<Tail, Fault> {
    let at = reader.offset();
    let rest = reader.bytes(at, u64::MAX)?;
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else {
        return Ok(Tail::Clean);
    };
    let written = at + last as u64 + 1;
    let damaged = |what| Ok(Tail::Damaged(Fault::new(reader.path(), what).at(at)));
    match reader.header(u64::MAX)? {
        Some(header) => {
            let end = at + header.frame_len();
            if written > end {
                return damaged(What::Garbage);
            }
            if lacks_a_sector(&rest, at, header.frame_len()) {
                Ok(Tail::Torn { end: written })
            } else {
                damaged(What::FramePayload)
            }
        }
        None => {
            let header_lacks = lacks_a_sector(&rest, at, FrameHeader::LEN as u64);
            // The next frame is written only after this one was durable, so an intact one behind it proves damage.
            if header_lacks && !holds_a_frame(&rest, at) {
                Ok(Tail::Torn { end: written })
            } else {
                damaged(What::FrameHeader)
            }
        }
    }
}

/// Whether some sector's share of the `len` bytes from `at` on is missing or all zero. `rest` begins at `at`.
fn lacks_a_sector(rest: &[u8], at: u64, len: u64) -> bool {
    let end = at + len;
    let mut start = at;
    while start < end {
        let sector_end = ((start / SECTOR + 1) * SECTOR).min(end);
        let slice = |offset: u64| usize::try_from(offset - at).unwrap_or(usize::MAX);
        match rest.get(slice(start)..slice(sector_end)) {
            Some(share) if share.iter().any(|byte| *byte != 0) => start = sector_end,
            _ => return true,
        }
    }
    false
}

/// Whether an intact frame header stands anywhere in these bytes, which begin at `at`.
fn holds_a_frame(rest: &[u8], at: u64) -> bool {
    memchr::memmem::find_iter(rest, &FRAME_MAGIC).any(|found| {
        let header = rest.get(found..found + FrameHeader::LEN).and_then(FrameHeader::checked);
        header.is_some_and(|header| header.offset == at + found as u64)
    })
}
