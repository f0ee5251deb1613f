//! How many index files a question costs: of many segments no more than those that have an answer. `benches/search` asks the
//! same of a thousand.

#![cfg(feature = "search")]

use auditdb::disk::{Disk, DiskFile, LockAttempt, Open, SimDisk, Stat};
use auditdb::{Database, Options, Query};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SEGMENTS: u64 = 200;

/// A disk that counts how often an index file is opened.
#[derive(Debug)]
struct Counting {
    disk: SimDisk,
    opened: Arc<AtomicU64>,
}

impl Disk for Counting {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        if path.extension().is_some_and(|extension| extension == "idx") {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        self.disk.open(path, how)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn set_group(&self, dir: &Path, group: u32) -> io::Result<()> {
        self.disk.set_group(dir, group)
    }
    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_private_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.disk.stat(path)
    }
    fn set_readonly(&self, path: &Path) -> io::Result<()> {
        self.disk.set_readonly(path)
    }
    fn lock(&self, path: &Path) -> io::Result<LockAttempt> {
        self.disk.lock(path)
    }
    fn now(&self) -> i64 {
        self.disk.now()
    }
    fn monotonic(&self) -> u64 {
        self.disk.monotonic()
    }
    fn random(&self, bytes: &mut [u8]) {
        self.disk.random(bytes);
    }
    fn boot_id(&self) -> Option<[u8; 16]> {
        self.disk.boot_id()
    }
    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.disk.real_path(path)
    }
}

#[test]
fn a_chain_costs_the_index_files_of_its_own_segments_alone() {
    let disk = SimDisk::in_memory();
    let options = Options::default().zero_ahead(false).door(false);
    let db = Database::create_with("/db", Arc::new(disk.clone()), options).unwrap();
    for segment in 0..SEGMENTS {
        // Each chain goes on in the two segments behind.
        for chain in segment..segment + 3 {
            let text = format!(r#"{{"agent":{{"id":"a"}},"kind":"decision","correlation":"c{chain}"}}"#);
            db.append_json(&text).unwrap();
        }
        db.seal().unwrap();
    }
    assert_eq!(db.wait_for_indexes(), None);
    drop(db);
    let opened = Arc::new(AtomicU64::new(0));
    let counting = Counting {
        disk: disk.clone(),
        opened: Arc::clone(&opened),
    };
    let reader = Database::open_read_only_with("/db", Arc::new(counting)).unwrap();
    let ask = |chain: &str| {
        let before = opened.load(Ordering::Relaxed);
        let mut found = reader.query(&Query::new().correlation(chain)).unwrap();
        let records = found.by_ref().map(Result::unwrap).count();
        let reach = found.reach();
        assert!(reach.unindexed.is_empty() && !reach.is_partial(), "{reach:?}");
        (records, reach.indexes, opened.load(Ordering::Relaxed) - before)
    };
    // The first question of all reads the heads, too, and by them alone nearly all segments are out of it.
    let (records, indexes, files) = ask("c100");
    assert_eq!((records, indexes), (3, 3));
    assert!(files <= SEGMENTS + 3, "{files}");
    for chain in [150, 40, 199, 2] {
        assert_eq!(ask(&format!("c{chain}")), (3, 3, 3));
    }
    // What was opened once stays open, and what nobody wrote needs none.
    assert_eq!(ask("c150"), (3, 3, 0));
    assert_eq!(ask("nobody"), (0, 0, 0));
}
