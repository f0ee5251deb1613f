//! Writing frames to the end of a journal.

use crate::disk::DiskFile;
use crate::log::format::{FORMAT, FRAME_MAGIC, FrameHeader};
use crate::proof::Hash;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The journal that is being written.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) first_seq: u64,
    log_id: [u8; 16],
    /// The end of the last durable frame.
    pub(crate) end: u64,
    /// Up to here the file is written already, with frames or with zeros: writing there changes no metadata, which
    /// halves what an fsync costs.
    zeroed: u64,
    /// The least and the most by which the file grows at once.
    growth: (u64, u64),
    /// Whether there was so little room that the file grows by what a frame needs.
    tight: bool,
}

/// Why a frame is not in the journal.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// The disk was full; the file is as it was.
    CutBack(io::Error),
    /// Nobody can tell what is on the disk.
    Unknown(io::Error),
}

impl JournalWriter {
    /// Goes on in a journal whose last frame ends at `end`.
    pub(crate) fn resume(
        file: Arc<dyn DiskFile>,
        path: &Path,
        first_seq: u64,
        log_id: [u8; 16],
        end: u64,
        growth: (u64, u64),
    ) -> io::Result<Self> {
        let zeroed = file.len()?;
        Ok(JournalWriter {
            file,
            path: path.to_owned(),
            first_seq,
            log_id,
            end,
            zeroed,
            growth,
            tight: false,
        })
    }

    /// Writes a frame and waits until it is durable. `lines` is `count` lines, each with its newline.
    pub(crate) fn append(
        &mut self,
        lines: &[u8],
        count: usize,
        first_seq: u64,
        chain_before: Hash,
    ) -> Result<(), WriteFailure> {
        let narrow =
            |length| u32::try_from(length).map_err(|_| WriteFailure::CutBack(io::Error::other("frame too long")));
        let (length, count) = (narrow(lines.len())?, narrow(count)?);
        let header = FrameHeader {
            magic: FRAME_MAGIC,
            version: FORMAT,
            flags: 0,
            count,
            log_id: self.log_id,
            offset: self.end,
            first_seq,
            length,
            payload_crc: crc32fast::hash(lines),
            chain_before,
            reserved: 0,
            header_crc: 0,
        };
        let frame_end = self.end + header.frame_len();
        let write_end = if frame_end <= self.zeroed {
            frame_end
        } else {
            frame_end.max(self.zeroed + self.growth())
        };
        let mut bytes = Vec::with_capacity(usize::try_from(write_end - self.end).unwrap_or(0));
        bytes.extend_from_slice(&header.sealed());
        bytes.extend_from_slice(lines);
        bytes.resize(usize::try_from(write_end - self.end).unwrap_or(bytes.len()), 0);
        if let Err(error) = self.file.write_at(&bytes, self.end) {
            return Err(self.cut_back(error));
        }
        self.file.sync().map_err(WriteFailure::Unknown)?;
        self.end = frame_end;
        self.zeroed = self.zeroed.max(write_end);
        Ok(())
    }

    /// From now on the file grows by no more than a frame needs; says whether it grew by more before.
    pub(crate) fn grow_tightly(&mut self) -> bool {
        !std::mem::replace(&mut self.tight, true)
    }

    /// By how much the file grows: as much again as there is, within limits.
    fn growth(&self) -> u64 {
        if self.tight {
            return 0;
        }
        let (least, most) = self.growth;
        self.zeroed.clamp(least, most.max(least))
    }

    /// After a full disk, whatever was written of the frame has to go before anything else is written over it: a
    /// shorter frame in its place would have foreign bytes behind it.
    fn cut_back(&mut self, error: io::Error) -> WriteFailure {
        if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return WriteFailure::Unknown(error);
        }
        match self.file.set_len(self.end).and_then(|()| self.file.sync()) {
            Ok(()) => {
                self.zeroed = self.end;
                WriteFailure::CutBack(error)
            }
            Err(error) => WriteFailure::Unknown(error),
        }
    }
}
