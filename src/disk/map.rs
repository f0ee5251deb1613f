//! A whole file in memory: mapped by the real disk, copied by others.
//!
//! The only module that may use `unsafe`. What must hold: only files that are written once, under another name, and lost
//! their write bits before they got their own are ever mapped: the indexes of sealed segments. Everything else is read
//! with `read_at`, where a failing medium is an error and not a signal.

#![allow(unsafe_code)]

use super::DiskFile;
use std::fmt;
use std::io;
use std::ops::Deref;

/// The bytes of a file that nobody writes to any more.
pub struct Mapped(Bytes);

/// How they came into memory.
pub(crate) enum Bytes {
    Map(memmap2::Mmap),
    Copy(Vec<u8>),
}

impl Mapped {
    /// These bytes.
    #[must_use]
    pub fn copy(bytes: Vec<u8>) -> Self {
        Mapped(Bytes::Copy(bytes))
    }

    /// A copy of all bytes of a file.
    pub(super) fn copy_of(file: &(impl DiskFile + ?Sized)) -> io::Result<Self> {
        let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(io::Error::other)?;
        bytes.resize(len, 0);
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Self::copy(bytes))
    }

    pub(super) fn map(file: &std::fs::File) -> io::Result<Self> {
        // SAFETY: the bytes of a map must not change under a `&[u8]`. An index file is written under a temporary name,
        // made durable, loses its write bits (0440) and only then gets its name; the program never opens it for writing
        // again, and replaces it by a rename, which leaves the mapped file as it is. Its content is held against its hashes
        // before it is used. What stays: whoever may write to the directory as the same user can cut the file short, and
        // the system then answers a read of what is gone with SIGBUS, as it does where the medium fails; such a person can
        // end the process anyway, and the log itself, which is never mapped, loses nothing by it.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Mapped(Bytes::Map(map)))
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Map(map) => map,
            Bytes::Copy(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("len", &self.len()).finish()
    }
}
