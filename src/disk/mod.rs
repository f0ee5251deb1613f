//! Files, clock and chance behind one trait.
//!
//! Everything that a log does to the world goes through [`Disk`]: the real one ([`RealDisk`]) and a simulated one
//! ([`SimDisk`]) that remembers what was and what was not yet made durable, so that tests can try every state that
//! a power cut can leave. No other module may write through `std::fs` or ask the system for the time
//! (`clippy.toml` denies it).
//!
//! What must hold: a file's bytes are durable after `sync` returned `Ok`, its name only after
//! [`Disk::sync_dir`] of its directory did. A sync that failed says nothing about the bytes, now or later.

#[cfg(feature = "search")]
mod map;
#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "counts of bytes done, which the system keeps within the buffer"
    )
)]
mod real;
#[cfg_attr(
    not(test),
    expect(clippy::indexing_slicing, reason = "offsets into its own memory, never from a file")
)]
mod sim;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "search")]
pub(crate) use map::Bytes as MappedBytes;
#[cfg(feature = "search")]
pub use map::Mapped;
pub use real::RealDisk;
pub use sim::{Fault, SimDisk};

/// Writes a file durably and makes it read-only, in the place of one that a crash left. It is to get its name later.
pub(crate) fn write_new(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if disk.stat(path)?.is_some() {
        disk.remove(path)?;
    }
    let file = disk.open(path, Open::Create)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.set_readonly(path)
}

/// The first bytes of a file, up to one more than so many: so whoever asks sees that it is longer.
pub(crate) fn read_short(disk: &dyn Disk, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Open::Read)?;
    let len = file.len()?.min((limit as u64).saturating_add(1));
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The outside world of a log: a tree of files, a clock, and random bytes.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file. Links are not followed in the last part of the path.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name in the same file system, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Copies a file's bytes to one that is not there yet, and says how many; the system may share them between both.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<u64> {
        let (from, to) = (self.open(from, Open::Read)?, self.open(to, Open::Create)?);
        let (mut piece, mut at) = (vec![0; 1 << 20], 0);
        loop {
            let read = from.read_at(&mut piece, at)?;
            if read == 0 {
                return Ok(at);
            }
            to.write_at(piece.get(..read).unwrap_or_default(), at)?;
            at += read as u64;
        }
    }
    /// Removes a file's name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted. A directory that is not there is `NotFound`.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates a directory and its missing parents (mode 0750). One in a directory that [`Disk::set_group`] gave to a
    /// group belongs to that group too, and so does what is made in it.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Gives a directory to a group, and with it all files and directories that are made in it from then on.
    fn set_group(&self, dir: &Path, group: u32) -> io::Result<()>;
    /// Creates a directory for secrets and its missing parents, for its owner alone (mode 0700). One that is there
    /// already and open to others is refused.
    fn create_private_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// What stands at a path, without following a link; `None` if nothing does.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    /// Takes the write bits off a file.
    fn set_readonly(&self, path: &Path) -> io::Result<()>;
    /// Takes the advisory lock on a file, creating it if need be and writing the process's id into it.
    fn lock(&self, path: &Path) -> io::Result<LockAttempt>;
    /// Nanoseconds since 1970-01-01T00:00:00Z, as the system says.
    fn now(&self) -> i64;
    /// Nanoseconds on a clock that never steps, and goes on while the machine sleeps if the system has one that does.
    fn monotonic(&self) -> u64;
    /// Fills a buffer with random bytes that nobody can foresee.
    fn random(&self, bytes: &mut [u8]);
    /// Names the run of the operating system: page cache contents do not outlive it. `None` where there is no such name.
    fn boot_id(&self) -> Option<[u8; 16]>;
    /// For how long that run has been going on in nanoseconds, sleep included, whoever asks; `None` where nobody can tell.
    fn uptime(&self) -> Option<u64> {
        None
    }
    /// The real path at which other processes could reach this disk's files; `None` when there is none (memory).
    fn real_path(&self, path: &Path) -> Option<PathBuf>;
}

/// One open file.
#[expect(
    clippy::len_without_is_empty,
    reason = "a file's length is asked, never whether it is empty"
)]
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Reads into the buffer from that offset; fewer bytes only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes the whole buffer at that offset. After an error any part of it may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends the file (with zeros).
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Asks the system to forget its cached copy, so that the next read comes from the medium; best effort.
    fn drop_cache(&self) -> io::Result<()>;
    /// The file's number in its file system.
    fn inode(&self) -> io::Result<u64>;
    /// All bytes of a file that nobody writes to any more; a disk without maps gives a copy of them.
    #[cfg(feature = "search")]
    fn map(&self) -> io::Result<Mapped> {
        Mapped::copy_of(self)
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// For reading; it has to be there.
    Read,
    /// For reading and writing; it has to be there.
    Write,
    /// For reading and writing; it must not be there yet (mode 0640).
    Create,
    /// As [`Open::Create`], for a secret: for its owner alone (mode 0600).
    CreateSecret,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// A regular file, a directory, or something else (a link, a socket).
    pub kind: Kind,
    /// Length in bytes.
    pub len: u64,
    /// Number in its file system.
    pub inode: u64,
}

/// What kind of thing stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A link, a socket, a device.
    Other,
}

/// What came of trying to take a lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours until this is dropped.
    Held(Box<dyn LockGuard>),
    /// Somebody else has it; their process id if the file says so.
    Busy(Option<u32>),
}

/// A lock that is held; dropping it lets go. The file stays.
pub trait LockGuard: fmt::Debug + Send + Sync {
    /// Whether the path still names the file that is locked: if somebody replaced it, another writer may run.
    fn still_named(&self) -> io::Result<bool>;
    /// Leaves a line for whoever finds the lock taken, behind the process's id; best effort.
    fn note(&self, line: &str) -> io::Result<()> {
        let _ = line;
        Ok(())
    }
}
