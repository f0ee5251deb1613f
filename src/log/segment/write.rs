//! Writing a segment: lines are gathered into data frames, compressed, and listed.

use super::Directory;
use crate::disk::DiskFile;
use crate::log::derive::{BadLine, derive};
use crate::log::view::Tip;
use std::io;
use std::sync::Arc;

/// How lines are packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    /// The zstd level.
    pub(crate) level: i32,
    /// About how much text goes into one data frame, in bytes.
    pub(crate) frame_text: usize,
}

/// A segment that is being written.
pub(crate) struct SegmentWriter {
    file: Arc<dyn DiskFile>,
    offset: u64,
    encoding: Encoding,
    compressor: zstd::bulk::Compressor<'static>,
    text: Vec<u8>,
    next_seq: u64,
    directory: Directory,
}

/// Why a segment could not be written.
pub(crate) enum SealFailure {
    Io(io::Error),
    Line(BadLine),
}

impl From<io::Error> for SealFailure {
    fn from(error: io::Error) -> Self {
        SealFailure::Io(error)
    }
}

impl SegmentWriter {
    pub(crate) fn new(file: Arc<dyn DiskFile>, encoding: Encoding, log_id: [u8; 16], before: Tip) -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(encoding.level)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        let next_seq = before.next_seq();
        let directory = Directory::new(log_id, before);
        Ok(SegmentWriter {
            file,
            offset: 0,
            encoding,
            compressor,
            text: Vec::new(),
            next_seq,
            directory,
        })
    }

    /// Adds a line without its newline.
    pub(crate) fn push(&mut self, line: &[u8]) -> Result<(), SealFailure> {
        if !self.text.is_empty() && self.text.len() + line.len() >= self.encoding.frame_text {
            self.flush()?;
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        Ok(())
    }

    /// Writes what is left and the directory, and makes the file's bytes durable.
    pub(crate) fn finish(mut self) -> Result<Directory, SealFailure> {
        self.flush()?;
        let end = self.directory.encode();
        self.file.write_at(&end, self.offset)?;
        self.file.sync()?;
        Ok(self.directory)
    }

    fn flush(&mut self) -> Result<(), SealFailure> {
        if self.text.is_empty() {
            return Ok(());
        }
        let derived = derive(&self.text, self.next_seq, self.directory.after().chain).map_err(SealFailure::Line)?;
        let compressed = self.compressor.compress(&self.text)?;
        self.file.write_at(&compressed, self.offset)?;
        self.directory.push(self.offset, &compressed, self.text.len(), &derived);
        self.offset += compressed.len() as u64;
        self.next_seq += derived.leaves.len() as u64;
        self.text.clear();
        Ok(())
    }
}
