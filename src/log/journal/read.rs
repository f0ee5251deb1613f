//! Reading a journal frame by frame.

use crate::disk::{Disk, DiskFile, Open};
use crate::log::fault::{Fault, What};
use crate::log::format::{Fixed, FrameHeader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes are looked at at once where their number is not known to be small.
const PIECE: usize = 1 << 20;

/// One frame: what its header says, and its lines.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) header: FrameHeader,
    pub(crate) text: Vec<u8>,
}

impl Frame {
    /// The seq behind its last record.
    pub(crate) fn end_seq(&self) -> u64 {
        self.header.first_seq.saturating_add(u64::from(self.header.count))
    }

    /// Where the next frame begins.
    pub(crate) fn end_offset(&self) -> u64 {
        self.header.offset.saturating_add(self.header.frame_len())
    }
}

/// Goes through a journal's frames. Nothing here changes the file.
#[derive(Debug)]
pub(crate) struct FrameReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    log_id: [u8; 16],
    at: u64,
}

impl FrameReader {
    pub(crate) fn open(disk: &dyn Disk, path: &Path, log_id: [u8; 16]) -> Result<Self, Fault> {
        let file = disk.open(path, Open::Read).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(path, What::Missing),
            _ => Fault::new(path, What::Unreadable(error.to_string())),
        })?;
        Ok(FrameReader::of(file, path, log_id))
    }

    pub(crate) fn of(file: Arc<dyn DiskFile>, path: &Path, log_id: [u8; 16]) -> Self {
        FrameReader {
            file,
            path: path.to_owned(),
            log_id,
            at: 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Where the next frame would begin.
    pub(crate) fn offset(&self) -> u64 {
        self.at
    }

    pub(crate) fn seek(&mut self, offset: u64) {
        self.at = offset;
    }

    /// The next frame before `end`; `None` if there is no intact frame here, be it that the file is at its end, that
    /// the frame is torn, or that it is damaged: [`super::tail`] tells which.
    pub(crate) fn next(&mut self, end: u64) -> Result<Option<Frame>, Fault> {
        let Some(header) = self.header(end)? else {
            return Ok(None);
        };
        let Some(text) = self.lines(&header)? else {
            return Ok(None);
        };
        self.at = header.offset + header.frame_len();
        Ok(Some(Frame { header, text }))
    }

    /// The header of the frame that begins here, if it is intact and the whole frame lies before `end`.
    pub(crate) fn header(&self, end: u64) -> Result<Option<FrameHeader>, Fault> {
        let bytes = self.bytes(self.at, FrameHeader::LEN as u64)?;
        let header = FrameHeader::checked(&bytes).filter(|header| {
            header.offset == self.at
                && header.log_id == self.log_id
                && header.count > 0
                && header.length > 0
                && self
                    .at
                    .checked_add(header.frame_len())
                    .is_some_and(|frame_end| frame_end <= end)
        });
        Ok(header)
    }

    /// The lines of a frame, if they have their checksum and the padding is zero.
    fn lines(&self, header: &FrameHeader) -> Result<Option<Vec<u8>>, Fault> {
        let wanted = header.frame_len() - FrameHeader::LEN as u64;
        let mut text = self.bytes(header.offset + FrameHeader::LEN as u64, wanted)?;
        if text.len() as u64 != wanted {
            return Ok(None);
        }
        let padding = text.split_off(header.length as usize);
        let intact = padding.iter().all(|byte| *byte == 0) && crc32fast::hash(&text) == header.payload_crc;
        Ok(intact.then_some(text))
    }

    /// Looks at the bytes from `at` to `end` (or the end of the file) piece by piece until something is found; each
    /// piece begins with the last `overlap` bytes of the one before. A hostile file may be of any size, so it is never
    /// held as a whole.
    pub(crate) fn search<T>(
        &self,
        at: u64,
        end: u64,
        overlap: usize,
        mut look: impl FnMut(u64, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let unreadable = |error: std::io::Error| Fault::new(&self.path, What::Unreadable(error.to_string())).at(at);
        let end = end.min(self.file.len().map_err(unreadable)?);
        let mut piece = vec![0; PIECE];
        let mut from = at;
        while from < end {
            let wanted = usize::try_from(end - from).unwrap_or(PIECE).min(PIECE);
            let room = piece.get_mut(..wanted).unwrap_or_default();
            let read = self.file.read_at(room, from).map_err(unreadable)?;
            let found = look(from, room.get(..read).unwrap_or_default());
            if found.is_some() {
                return Ok(found);
            }
            if read < wanted || from + read as u64 >= end {
                break;
            }
            from += read.saturating_sub(overlap).max(1) as u64;
        }
        Ok(None)
    }

    /// These bytes of the file, or as many as there are.
    pub(crate) fn bytes(&self, at: u64, len: u64) -> Result<Vec<u8>, Fault> {
        let unreadable = |error: std::io::Error| Fault::new(&self.path, What::Unreadable(error.to_string())).at(at);
        let left = self.file.len().map_err(unreadable)?.saturating_sub(at);
        let mut bytes = vec![0; usize::try_from(len.min(left)).unwrap_or(0)];
        let read = self.file.read_at(&mut bytes, at).map_err(unreadable)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}
