//! A sealed segment: a plain zstd file of JSON lines that is also a standard zstd seekable file.
//!
//! ```text
//! data frame … data frame | skippable frame: directory | skippable frame: seek table
//! ```
//! The directory is the frame rows, the key rows and the stream rows sorted by hash, the tree's roots before and after, and a trailer that
//! finds them. It holds nothing that the text does not prove.
//!
//! What must hold: a segment is written once, under a temporary name, and gets its own only when it is durable.

mod directory;
mod read;
mod remains;
mod write;

pub(crate) use directory::Directory;
pub(crate) use read::SegmentFile;
pub(crate) use remains::Remains;
pub(crate) use write::{Encoding, SealFailure, SegmentWriter};

/// The longest text of one data frame that a reader unpacks, in bytes.
pub(crate) const FRAME_TEXT_LIMIT: u32 = 16 << 20;
