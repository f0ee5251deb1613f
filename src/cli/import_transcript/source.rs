//! A file of which lines are read as they come.

use super::Until;
use crate::ingest::transcript::{Transcript, TranscriptOptions};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// So many bytes at the beginning of a file tell it from one that took its place.
const HEAD: usize = 512;

/// A file while it is read.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) transcript: Transcript,
    /// What stood in the file before something else took its place.
    pub(super) before: Option<Transcript>,
    /// Where the next line begins, and its number less one.
    pub(super) offset: u64,
    pub(super) number: u64,
    /// Whether the rest of a line that is too long is passed over.
    pub(super) is_passing: bool,
    /// How far the file went, and when it was written to, when it was looked at last.
    pub(super) seen: Option<(u64, SystemTime)>,
    pub(super) identity: Option<(u64, u64)>,
    pub(super) head: Vec<u8>,
    pub(super) is_counted: bool,
    /// Whether it was said that it cannot be read.
    pub(super) is_unread: bool,
}

impl Source {
    pub(super) fn new(path: PathBuf, options: &TranscriptOptions) -> Self {
        let name = path.display().to_string();
        Source {
            transcript: Transcript::new(options, &name),
            before: None,
            path,
            name,
            offset: 0,
            number: 0,
            is_passing: false,
            seen: None,
            identity: None,
            head: Vec::new(),
            is_counted: false,
            is_unread: false,
        }
    }

    /// The file from where it is new; none if it is as it was when it was followed last.
    pub(super) fn opened(&mut self, options: &TranscriptOptions, until: Until) -> io::Result<Option<File>> {
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let now = (metadata.len(), metadata.modified()?);
        if self.seen == Some(now) && until == Until::Interrupted {
            return Ok(None);
        }
        if self.is_another(&mut file, &metadata)? {
            // What it says again is recorded already.
            let new = Source::new(self.path.clone(), options);
            let old = std::mem::replace(self, new);
            self.is_counted = old.is_counted;
            self.identity = identity(&metadata);
            self.before = Some(old.transcript);
        }
        self.seen = Some(now);
        // Looking at its head has moved on in it.
        if self.offset > 0 || self.before.is_some() {
            file.seek(SeekFrom::Start(self.offset))?;
        }
        Ok(Some(file))
    }

    /// What is read next stands so at the beginning of the file.
    pub(super) fn remember(&mut self, text: &[u8]) {
        if self.offset == self.head.len() as u64 {
            let room = HEAD.saturating_sub(self.head.len());
            self.head.extend(text.iter().take(room));
        }
    }

    /// What was read last will be read again.
    pub(super) fn forget(&mut self) {
        self.head.truncate(usize::try_from(self.offset).unwrap_or(HEAD));
    }

    /// How long nobody has written to it.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.seen.and_then(|(_, written)| written.elapsed().ok())
    }

    /// Whether another file stands under its name, or another text in it.
    fn is_another(&mut self, file: &mut File, metadata: &Metadata) -> io::Result<bool> {
        let identity = identity(metadata);
        if self.offset == 0 {
            self.identity = identity;
            return Ok(false);
        }
        let mut head = Vec::new();
        file.rewind()?;
        file.by_ref().take(self.head.len() as u64).read_to_end(&mut head)?;
        Ok(self.identity != identity || metadata.len() < self.offset || head != self.head)
    }
}

/// What tells a file from another one of the same name.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
