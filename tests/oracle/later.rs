//! The real disk with a clock that can be put forward, as if the machine had been running all the time, and perhaps with a
//! directory to which bytes come slowly and one piece after the other, as they do to a share of another host.

use auditdb::disk::{Disk, DiskFile, LockAttempt, Open, RealDisk, Stat};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Later {
    by: Arc<AtomicU64>,
    slow: Option<PathBuf>,
}

/// What is written at once to a slow file, in bytes, and how long that takes.
const PIECE: (usize, Duration) = (64, Duration::from_millis(1));

impl Later {
    /// With that directory a slow one.
    #[allow(dead_code, reason = "not everybody who has this file needs it")]
    pub(crate) fn slow_in(dir: &Path) -> Self {
        Later {
            slow: Some(dir.to_owned()),
            ..Later::default()
        }
    }

    pub(crate) fn skip(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).expect("not that long");
        self.by.fetch_add(nanos, Ordering::Relaxed);
    }

    fn by(&self) -> u64 {
        self.by.load(Ordering::Relaxed)
    }
}

impl Disk for Later {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, how)?;
        let slow = how == Open::Create && self.slow.as_ref().is_some_and(|slow| path.starts_with(slow));
        Ok(if slow { Arc::new(Slow(file)) } else { file })
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }
    fn set_group(&self, dir: &Path, group: u32) -> io::Result<()> {
        RealDisk.set_group(dir, group)
    }
    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_private_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealDisk.stat(path)
    }
    fn set_readonly(&self, path: &Path) -> io::Result<()> {
        RealDisk.set_readonly(path)
    }
    fn lock(&self, path: &Path) -> io::Result<LockAttempt> {
        RealDisk.lock(path)
    }
    fn now(&self) -> i64 {
        RealDisk.now() + i64::try_from(self.by()).expect("not that long")
    }
    fn monotonic(&self) -> u64 {
        RealDisk.monotonic() + self.by()
    }
    fn random(&self, bytes: &mut [u8]) {
        RealDisk.random(bytes);
    }
    fn boot_id(&self) -> Option<[u8; 16]> {
        RealDisk.boot_id()
    }
    fn uptime(&self) -> Option<u64> {
        Some(RealDisk.uptime()? + self.by())
    }
    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        RealDisk.real_path(path)
    }
}

#[derive(Debug)]
struct Slow(Arc<dyn DiskFile>);

impl DiskFile for Slow {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (len, pause) = PIECE;
        for (place, piece) in bytes.chunks(len).enumerate() {
            std::thread::sleep(pause);
            self.0.write_at(piece, offset + (place * len) as u64)?;
        }
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
    fn drop_cache(&self) -> io::Result<()> {
        self.0.drop_cache()
    }
    fn inode(&self) -> io::Result<u64> {
        self.0.inode()
    }
}
