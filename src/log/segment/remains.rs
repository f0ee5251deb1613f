//! What can be read of a segment without its directory: its data frames one after the other, as the zstd library finds
//! them. Where one is damaged, the next sound one behind it is looked for; the seqs in the lines say what is missing.

use super::FRAME_TEXT_LIMIT;
use crate::disk::{Disk, DiskFile, Open};
use crate::log::fault::{Fault, What};
use crate::log::format::{ZSTD_MAGIC, u32_at};
use crate::record::read_head;
use std::path::{Path, PathBuf};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

/// The bytes of a segment, as far as they can be read.
#[derive(Debug)]
pub(crate) struct Remains {
    path: PathBuf,
    bytes: Vec<u8>,
    /// What the system said where it could not read; zeros stand there.
    unreadable: Option<Fault>,
}

/// Consecutive lines that stand in one data frame.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where its frame begins.
    pub(crate) offset: u64,
    pub(crate) first_seq: u64,
    /// The seq behind its last line.
    pub(crate) end_seq: u64,
    /// Each with its newline.
    pub(crate) text: Vec<u8>,
    /// Where damage begins that stands between this frame and the one before.
    pub(crate) damage: Option<u64>,
}

/// Where the system cannot read a large piece, it is asked for pieces of this many bytes.
const SMALL: usize = 4 << 10;

impl Remains {
    /// Reads the file; only one that is not there at all is an error.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Self, Fault> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(path, What::Missing),
            _ => Fault::new(path, What::Unreadable(error.to_string())),
        };
        let file = disk.open(path, Open::Read).map_err(unreadable)?;
        let len = usize::try_from(file.len().map_err(unreadable)?).unwrap_or(0);
        let mut bytes = vec![0; len];
        let unreadable = match file.read_at(&mut bytes, 0) {
            Ok(read) => {
                bytes.truncate(read);
                None
            }
            Err(_) => read_in_pieces(&*file, path, &mut bytes),
        };
        Ok(Remains {
            path: path.to_owned(),
            bytes,
            unreadable,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn unreadable(&self) -> Option<&Fault> {
        self.unreadable.as_ref()
    }

    /// Its sound data frames.
    pub(crate) fn pieces(&self) -> Pieces<'_> {
        Pieces {
            bytes: &self.bytes,
            at: 0,
        }
    }
}

/// See [`Remains::pieces`].
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Pieces<'_> {
    /// Where the last sound frame ended.
    pub(crate) fn offset(&self) -> u64 {
        self.at as u64
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let rest = self.bytes.get(self.at..)?;
        // The directory's magic is another, and no sound frame stands behind it.
        for found in memchr::memmem::find_iter(rest, &ZSTD_MAGIC.to_le_bytes()) {
            let Some((len, first_seq, end_seq, text)) = rest.get(found..).and_then(frame) else {
                continue;
            };
            let damage = (found > 0).then_some(self.at as u64);
            let offset = self.at + found;
            self.at = offset + len;
            return Some(Piece {
                offset: offset as u64,
                first_seq,
                end_seq,
                text,
                damage,
            });
        }
        None
    }
}

/// The data frame that these bytes begin with: its length, the seqs of its lines, and their text.
fn frame(bytes: &[u8]) -> Option<(usize, u64, u64, Vec<u8>)> {
    if u32_at(bytes, 0)? != ZSTD_MAGIC {
        return None;
    }
    let compressed = bytes.get(..find_frame_compressed_size(bytes).ok()?)?;
    let len = get_frame_content_size(compressed).ok()??;
    if len > u64::from(FRAME_TEXT_LIMIT) {
        return None;
    }
    let text = zstd::bulk::decompress(compressed, usize::try_from(len).ok()?).ok()?;
    let (first_seq, end_seq) = seqs(&text)?;
    Some((compressed.len(), first_seq, end_seq, text))
}

/// The seqs of consecutive lines; `None` if they are not.
fn seqs(text: &[u8]) -> Option<(u64, u64)> {
    let lines = text.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    let mut seqs: Option<(u64, u64)> = None;
    for line in lines {
        let seq = read_head(line)?.seq;
        let (first, end) = seqs.unwrap_or((seq, seq));
        if seq != end {
            return None;
        }
        seqs = Some((first, end.checked_add(1)?));
    }
    seqs
}

/// Reads what can be read; what cannot stays zero.
fn read_in_pieces(file: &dyn DiskFile, path: &Path, bytes: &mut [u8]) -> Option<Fault> {
    let mut first = None;
    for (place, piece) in bytes.chunks_mut(SMALL).enumerate() {
        let at = (place * SMALL) as u64;
        if let Err(error) = file.read_at(piece, at) {
            piece.fill(0);
            first.get_or_insert_with(|| Fault::new(path, What::Unreadable(error.to_string())).at(at));
        }
    }
    first
}
