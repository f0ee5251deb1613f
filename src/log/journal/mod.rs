//! The journal: where records are durable first. A file of frames, one for each commit, each a header, plain lines,
//! and padding to a multiple of eight.
//!
//! What must hold: a frame is written only after the fsync of the one before succeeded, so at most the last frame of
//! the last journal can be incomplete after a crash. Behind the last frame the file holds nothing but zeros. JSON text
//! holds no zero byte and a header's magic is no zero, so within a frame a sector of zeros was never written.

mod read;
mod tail;
mod write;

pub(crate) use read::{Frame, FrameReader};
pub(crate) use tail::{Tail, is_cut_by_a_kill, next_header, tail};
pub(crate) use write::{JournalWriter, WriteFailure};

/// The medium's atom in bytes: a write is cut by a power failure at these boundaries only.
pub(crate) const SECTOR: u64 = 512;
