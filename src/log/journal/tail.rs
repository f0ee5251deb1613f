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
    let Some(written) = written_end(reader, at)? else {
        return Ok(Tail::Clean);
    };
    let damaged = |what| Ok(Tail::Damaged(Fault::new(reader.path(), what).at(at)));
    match reader.header(u64::MAX)? {
        Some(header) => {
            let len = header.frame_len();
            if written > at + len {
                return damaged(What::Garbage);
            }
            if lacks_a_sector(&reader.bytes(at, len)?, at, len) {
                Ok(Tail::Torn { end: written })
            } else {
                damaged(What::FramePayload)
            }
        }
        None => {
            let len = FrameHeader::LEN as u64;
            if let Some(version) = FrameHeader::other_version(&reader.bytes(at, len)?) {
                return damaged(What::Format { version });
            }
            let header_lacks = lacks_a_sector(&reader.bytes(at, len)?, at, len);
            // The next frame is written only after this one was durable, so an intact one behind it proves damage.
            if header_lacks && next_header(reader, at, u64::MAX)?.is_none() {
                Ok(Tail::Torn { end: written })
            } else {
                damaged(What::FrameHeader)
            }
        }
    }
}

/// Whether a torn tail that ends at `end` can be what a process left that was killed while it wrote, and not the
/// machine: the system's cache is filled page by page from the front on, so the header is there or is cut where a page
/// ends.
pub(crate) fn is_cut_by_a_kill(reader: &FrameReader, end: u64) -> Result<bool, Fault> {
    let at = reader.offset();
    let page_end = (at / PAGE + 1) * PAGE;
    let cut_in_header = end <= page_end && page_end < at + FrameHeader::LEN as u64;
    Ok(cut_in_header || reader.header(u64::MAX)?.is_some())
}

/// The least unit in bytes by which systems keep files in memory.
const PAGE: u64 = 4096;

/// The end of the last byte from `at` on that is not zero.
fn written_end(reader: &FrameReader, at: u64) -> Result<Option<u64>, Fault> {
    let mut end = None;
    reader.search(at, u64::MAX, 0, |from, piece| {
        // Nearly always all of it is zero; a loop without an exit is compiled to vector instructions.
        if piece.iter().fold(0, |any, byte| any | byte) != 0 {
            end = piece
                .iter()
                .rposition(|byte| *byte != 0)
                .map(|last| from + last as u64 + 1);
        }
        None::<()>
    })?;
    Ok(end)
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

/// Where the next intact frame header stands from `at` on, before `end`.
pub(crate) fn next_header(reader: &FrameReader, at: u64, end: u64) -> Result<Option<u64>, Fault> {
    reader.search(at, end, FrameHeader::LEN - 1, |from, piece| {
        let offset = |found: usize| from + found as u64;
        let is_header = |found: &usize| {
            let header = piece.get(*found..found + FrameHeader::LEN);
            let header = header.and_then(FrameHeader::checked);
            header.is_some_and(|header| header.offset == offset(*found))
        };
        memchr::memmem::find_iter(piece, &FRAME_MAGIC)
            .find(is_header)
            .map(offset)
    })
}
