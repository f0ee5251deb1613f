//! The real disk with a clock that can be put forward, as if the machine had been running all the time.

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
}

impl Later {
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
        RealDisk.open(path, how)
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
