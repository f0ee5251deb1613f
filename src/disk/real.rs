//! The disk of the operating system.
//!
//! The only module that may write through `std::fs` and read the system's clock. What must hold: no call follows a
//! link in the last part of a path (somebody who may write to the directory could otherwise aim a write elsewhere),
//! modes do not depend on the umask, and a directory that `create_dir` made is durable when it returns, as on
//! [`SimDisk`](super::SimDisk).

#![expect(
    clippy::disallowed_methods,
    reason = "this module is the one way to the system's files and clock"
)]

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use super::{Disk, DiskFile, Kind, LockAttempt, LockGuard, Open, Stat};

/// Secrets are their owner's alone.
const SECRET_MODE: u32 = 0o600;
const SECRET_DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;
const WRITE_BITS: u32 = 0o222;
/// On a directory: what is made in it gets its group, and directories this bit.
const SET_GROUP: u32 = 0o2000;

/// How often a lock is tried anew after its file was replaced under it.
const LOCK_ATTEMPTS: usize = 8;

thread_local! {
    static DRAWN_AHEAD: RefCell<DrawnAhead> = const { RefCell::new(DrawnAhead { bytes: [0; 512], left: 0 }) };
}

/// Random bytes that were not given out yet: the first `left` of them.
struct DrawnAhead {
    bytes: [u8; 512],
    left: usize,
}

impl DrawnAhead {
    fn take(&mut self, out: &mut [u8]) {
        if self.left < out.len() {
            draw(&mut self.bytes);
            self.left = self.bytes.len();
        }
        self.left -= out.len();
        if let Some(given) = self.bytes.get_mut(self.left..self.left + out.len()) {
            out.copy_from_slice(given);
            given.fill(0);
        }
    }
}

fn draw(bytes: &mut [u8]) {
    // There is nothing to fall back on: whatever else stood in the buffer could be foreseen.
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// The files, clock and randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(open_file(path, how)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<u64> {
        io::copy(&mut open_file(from, Open::Read)?, &mut open_file(to, Open::Create)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            // No name of ours is anything but ASCII: a lossy one can only be reported as a stranger.
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let parent = parent_of(dir);
        match DirBuilder::new().mode(DIR_MODE).create(dir) {
            Ok(()) => {
                let made = open_dir(dir)?;
                let inherited = made.metadata()?.permissions().mode() & SET_GROUP;
                made.set_permissions(Permissions::from_mode(DIR_MODE | inherited))?;
                self.sync_dir(parent)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && fs::metadata(dir)?.is_dir() => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && parent != dir && !parent.exists() => {
                self.create_dir(parent)?;
                self.create_dir(dir)
            }
            Err(error) => Err(error),
        }
    }

    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        if let Some(parent) = dir.parent()
            && !parent.as_os_str().is_empty()
            && !parent.exists()
        {
            self.create_dir(parent)?;
        }
        match DirBuilder::new().mode(SECRET_DIR_MODE).create(dir) {
            Ok(()) => {
                open_dir(dir)?.set_permissions(Permissions::from_mode(SECRET_DIR_MODE))?;
                self.sync_dir(parent_of(dir))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && fs::metadata(dir)?.is_dir() => {
                if fs::metadata(dir)?.permissions().mode() & 0o077 == 0 {
                    return Ok(());
                }
                let why = "other users can look into it; make it its owner's alone (chmod 700)";
                Err(io::Error::new(ErrorKind::PermissionDenied, why))
            }
            Err(error) => Err(error),
        }
    }

    fn set_group(&self, dir: &Path, group: u32) -> io::Result<()> {
        let dir = open_dir(dir)?;
        rustix::fs::fchown(&dir, None, Some(rustix::fs::Gid::from_raw(group)))?;
        // From here on the system gives what is made in it to the group, whoever makes it, and no later opening has to
        // know of it.
        let mode = dir.metadata()?.permissions().mode() & 0o7777;
        dir.set_permissions(Permissions::from_mode(mode | SET_GROUP))?;
        dir.sync_all()?;
        // The system drops the bit without a word where the process is not of that group.
        match dir.metadata()?.permissions().mode() & SET_GROUP {
            0 => Err(ErrorKind::PermissionDenied.into()),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        open_dir(dir)?.sync_all()
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let meta = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = if meta.is_file() {
            Kind::File
        } else if meta.is_dir() {
            Kind::Dir
        } else {
            Kind::Other
        };
        Ok(Some(Stat {
            kind,
            len: meta.len(),
            inode: meta.ino(),
        }))
    }

    fn set_readonly(&self, path: &Path) -> io::Result<()> {
        // Through an open file, because `chmod` of a path would follow a link.
        let file = open_file(path, Open::Read)?;
        let mode = file.metadata()?.permissions().mode();
        file.set_permissions(Permissions::from_mode(mode & !WRITE_BITS))
    }

    fn lock(&self, path: &Path) -> io::Result<LockAttempt> {
        for _ in 0..LOCK_ATTEMPTS {
            let file = match open_file(path, Open::Write) {
                Err(error) if error.kind() == ErrorKind::NotFound => match open_file(path, Open::Create) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                    created => created?,
                },
                opened => opened?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(LockAttempt::Busy(read_pid(&file))),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Between the open and the lock somebody may have put another file under the name: a lock on the old
            // one would keep nobody out.
            let lock = RealLock {
                file,
                path: path.to_path_buf(),
            };
            if lock.still_named()? {
                lock.file.set_len(0)?;
                write_all_at(&lock.file, format!("{}\n", std::process::id()).as_bytes(), 0)?;
                return Ok(LockAttempt::Held(Box::new(lock)));
            }
        }
        Err(io::Error::other("the lock file keeps being replaced"))
    }

    fn now(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        }
    }

    /// Where the system has such a clock it counts a sleep of the machine too: what passed in it has passed, and is no
    /// jump of the wall clock.
    fn monotonic(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        since_boot()
            .unwrap_or_else(|| u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) {
        // Ids and salts come out of bytes drawn ahead: a system call for each took a tenth of an append in a long list.
        // Whatever is longer (a key) is drawn for itself.
        match bytes.len() {
            0..=16 => DRAWN_AHEAD.with_borrow_mut(|ahead| ahead.take(bytes)),
            _ => draw(bytes),
        }
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        // Asked at every commit, and the same as long as this process lives.
        static BOOT: OnceLock<Option<[u8; 16]>> = OnceLock::new();
        *BOOT.get_or_init(|| parse_uuid(&fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?))
    }

    fn uptime(&self) -> Option<u64> {
        since_boot()
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        // As far as it is there, without links: the same place has one path.
        path.canonicalize().or_else(|_| std::path::absolute(path)).ok()
    }
}

/// How long ago the machine was started in nanoseconds, the time included in which it slept. The clock of [`Instant`]
/// stands still then.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot() -> Option<u64> {
    let time = rustix::time::clock_gettime_dynamic(rustix::time::DynamicClockId::Boottime).ok()?;
    let (seconds, rest) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn since_boot() -> Option<u64> {
    None
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full_at(&self.0, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(&self.0, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn drop_cache(&self) -> io::Result<()> {
        // Best effort: a system without the call, or one that refuses, just keeps its cache.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&self.0, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }

    fn inode(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.ino())
    }

    #[cfg(feature = "search")]
    fn map(&self) -> io::Result<super::Mapped> {
        super::Mapped::map(&self.0)
    }
}

/// Holds the file and with it the lock; closing the file lets go of both.
#[derive(Debug)]
struct RealLock {
    file: File,
    path: PathBuf,
}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a process that is being started just now holds a copy of the file until it runs.
        let _ = self.file.unlock();
    }
}

impl LockGuard for RealLock {
    fn still_named(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::symlink_metadata(&self.path) {
            Ok(named) => Ok(named.dev() == ours.dev() && named.ino() == ours.ino()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn note(&self, line: &str) -> io::Result<()> {
        let line = line.replace('\n', " ");
        write_all_at(&self.file, format!("{}\n{line}\n", std::process::id()).as_bytes(), 0)
    }
}

fn open_file(path: &Path, how: Open) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Without NONBLOCK a FIFO in the place of a file would hold us up for ever; regular files do not care.
    options
        .read(true)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK));
    match how {
        Open::Read => {}
        Open::Write => _ = options.write(true),
        Open::Create => _ = options.write(true).create_new(true).mode(FILE_MODE),
        Open::CreateSecret => _ = options.write(true).create_new(true).mode(SECRET_MODE),
    }
    let file = options.open(path)?;
    if how == Open::Create {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    } else if how == Open::CreateSecret {
        file.set_permissions(Permissions::from_mode(SECRET_MODE))?;
    } else {
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !meta.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
        }
    }
    Ok(file)
}

/// A database may well be reached over a link, so links to directories are followed.
fn open_dir(dir: &Path) -> io::Result<File> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::DIRECTORY | OFlags::CLOEXEC))
        .open(dir)
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset.saturating_add(done as u64)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The process id in a lock file. It is for people to read; the lock itself is the file's.
fn read_pid(file: &File) -> Option<u32> {
    let mut text = [0; 16];
    let len = read_full_at(file, &mut text, 0).ok()?;
    let first = text[..len].split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(first).ok()?.trim().parse().ok()
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|&c| c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn round_trip() {
        let temp = tempfile::tempdir().unwrap();
        let (disk, dir) = (RealDisk, temp.path().join("a/b"));
        disk.create_dir(&dir).unwrap();
        disk.create_dir(&dir).unwrap();
        assert_eq!((mode(&dir), mode(&temp.path().join("a"))), (0o750, 0o750));

        let path = dir.join("x");
        let file = disk.open(&path, Open::Create).unwrap();
        assert_eq!(mode(&path), 0o640);
        assert_eq!(
            disk.open(&path, Open::Create).unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        file.write_at(b"hello world", 0).unwrap();
        file.set_len(5).unwrap();
        file.sync().unwrap();
        file.drop_cache().unwrap();
        disk.sync_dir(&dir).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 4);
        assert_eq!(&buffer[..4], b"ello");

        let stat = disk.stat(&path).unwrap().unwrap();
        assert_eq!(
            (stat.kind, stat.len, stat.inode),
            (Kind::File, 5, file.inode().unwrap())
        );
        disk.set_readonly(&path).unwrap();
        assert_eq!(mode(&path), 0o440);
        disk.rename(&path, &dir.join("y")).unwrap();
        assert_eq!(disk.list(&dir).unwrap(), ["y"]);
        disk.remove(&dir.join("y")).unwrap();
        assert_eq!(disk.stat(&path).unwrap(), None);
        assert_eq!(disk.stat(&dir).unwrap().unwrap().kind, Kind::Dir);
        assert_eq!(disk.open(&dir, Open::Read).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(disk.list(&dir.join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (target, link) = (temp.path().join("target"), temp.path().join("link"));
        fs::write(&target, b"x").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(RealDisk.open(&link, Open::Write).is_err());
        assert!(RealDisk.open(&link, Open::Create).is_err());
        assert!(RealDisk.lock(&link).is_err());
        assert!(RealDisk.set_readonly(&link).is_err());
        assert_eq!(RealDisk.stat(&link).unwrap().unwrap().kind, Kind::Other);
    }

    #[test]
    fn lock_keeps_others_out_and_notices_a_replaced_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("LOCK");
        let LockAttempt::Held(first) = RealDisk.lock(&path).unwrap() else {
            panic!("nobody else has it")
        };
        assert!(matches!(RealDisk.lock(&path).unwrap(), LockAttempt::Busy(Some(pid)) if pid == std::process::id()));
        assert!(first.still_named().unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!first.still_named().unwrap());
        fs::write(&path, b"").unwrap();
        assert!(!first.still_named().unwrap());
        drop(first);
        assert!(matches!(RealDisk.lock(&path).unwrap(), LockAttempt::Held(_)));
        assert!(path.exists());
    }

    #[test]
    fn clock_and_names_of_the_boot() {
        assert!(RealDisk.now() > 1_600_000_000_000_000_000);
        assert!(RealDisk.monotonic() <= RealDisk.monotonic());
        assert_eq!(
            parse_uuid("00000000-0000-0000-0000-0000000001ff\n").unwrap()[14..],
            [1, 255]
        );
        assert_eq!(parse_uuid("+0000000-0000-0000-0000-0000000001ff"), None);
    }

    /// What the kernel says of itself in another way counts sleep too.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_passes_while_the_machine_sleeps_has_passed() {
        let text = fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = text.split(' ').next().unwrap().parse().unwrap();
        for said in [RealDisk.monotonic(), RealDisk.uptime().unwrap()] {
            let said = std::time::Duration::from_nanos(said).as_secs_f64();
            assert!((said - uptime).abs() < 5.0, "{said} and {uptime}");
        }
    }
}
