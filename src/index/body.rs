//! tantivy's files within one index file, as the directory that it wants to read them from: read-only, without locks, and
//! with each piece held against its hash when it is read for the first time.

use super::pack::{Head, PIECE};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr,
};

/// All that follows the head.
pub(super) struct Body {
    head: Arc<Head>,
    bytes: OwnedBytes,
    /// Which pieces had their hashes.
    right: Vec<AtomicBool>,
}

impl Body {
    /// The bytes behind the head, which have to be as long as it says.
    pub(super) fn new(head: Arc<Head>, bytes: OwnedBytes) -> Option<Self> {
        (bytes.len() as u64 == head.front.body).then(|| Body {
            right: (0..bytes.len().div_ceil(PIECE))
                .map(|_| AtomicBool::new(false))
                .collect(),
            head,
            bytes,
        })
    }

    /// Bytes that are as they were written.
    fn read(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.check(range.clone())?;
        Ok(self.bytes.slice(range))
    }

    /// Holds all pieces that these bytes touch against their hashes.
    pub(super) fn check(&self, range: Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        for place in range.start / PIECE..range.end.div_ceil(PIECE) {
            let Some(right) = self.right.get(place) else { break };
            if right.load(Ordering::Relaxed) {
                continue;
            }
            let start = place * PIECE;
            let piece = self
                .bytes
                .get(start..self.bytes.len().min(start + PIECE))
                .unwrap_or_default();
            if self.head.piece(place) != Some(blake3::hash(piece).as_bytes()) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a piece does not have its hash",
                ));
            }
            right.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The directory with these files.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) body: Arc<Body>,
    /// The description that tantivy opens an index by.
    pub(super) meta: Arc<Vec<u8>>,
}

impl Packed {
    fn find(&self, path: &Path) -> Option<File> {
        let kind = path.extension()?.to_str()?;
        let range = self.body.head.file(kind)?;
        let body = Arc::clone(&self.body);
        Some(File { body, range })
    }
}

/// One of the files.
#[derive(Debug)]
struct File {
    body: Arc<Body>,
    range: Range<usize>,
}

impl HasLen for File {
    fn len(&self) -> usize {
        self.range.len()
    }
}

impl FileHandle for File {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.end > self.range.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.body
            .read(self.range.start.saturating_add(range.start)..self.range.start.saturating_add(range.end))
    }
}

const META: &str = "meta.json";

impl Directory for Packed {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.find(path) {
            Some(file) => Ok(Arc::new(file)),
            None => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(path == Path::new(META) || self.find(path).is_some())
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(META) {
            Ok(self.meta.to_vec())
        } else {
            Err(OpenReadError::FileDoesNotExist(path.to_owned()))
        }
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        // Nobody ever writes here.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError {
            io_error: Arc::new(io::ErrorKind::ReadOnlyFilesystem.into()),
            filepath: path.to_owned(),
        })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError {
            io_error: Arc::new(io::ErrorKind::ReadOnlyFilesystem.into()),
            filepath: PathBuf::from(path),
        })
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}
