//! A panic in the thread that writes is a failure like any other: everybody who waits is told, and nothing hangs.

mod oracle;

use auditdb::disk::{Disk, DiskFile, LockAttempt, Open, SimDisk, Stat};
use auditdb::{Database, Error, Options};
use oracle::numbered;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// A disk whose files panic when they are written to, once that is switched on.
#[derive(Debug)]
struct Panicking {
    inside: SimDisk,
    armed: Arc<AtomicBool>,
    /// The only thread that panics, if not all do.
    thread: Option<&'static str>,
}

#[derive(Debug)]
struct PanickingFile {
    inside: Arc<dyn DiskFile>,
    armed: Arc<AtomicBool>,
    thread: Option<&'static str>,
}

impl Disk for Panicking {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(PanickingFile {
            inside: self.inside.open(path, how)?,
            armed: Arc::clone(&self.armed),
            thread: self.thread,
        }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inside.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inside.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inside.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inside.create_dir(dir)
    }
    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        self.inside.create_private_dir(dir)
    }
    fn set_group(&self, dir: &Path, group: u32) -> io::Result<()> {
        self.inside.set_group(dir, group)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inside.sync_dir(dir)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.inside.stat(path)
    }
    fn set_readonly(&self, path: &Path) -> io::Result<()> {
        self.inside.set_readonly(path)
    }
    fn lock(&self, path: &Path) -> io::Result<LockAttempt> {
        self.inside.lock(path)
    }
    fn now(&self) -> i64 {
        self.inside.now()
    }
    fn monotonic(&self) -> u64 {
        self.inside.monotonic()
    }
    fn random(&self, bytes: &mut [u8]) {
        self.inside.random(bytes);
    }
    fn boot_id(&self) -> Option<[u8; 16]> {
        self.inside.boot_id()
    }
    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.inside.real_path(path)
    }
}

impl DiskFile for PanickingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inside.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let strikes_here = self.thread.is_none() || self.thread == std::thread::current().name();
        if self.armed.load(Ordering::SeqCst) && strikes_here {
            // Long enough for others to queue up behind this write.
            std::thread::sleep(Duration::from_millis(30));
            panic!("as a bug would");
        }
        self.inside.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.inside.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inside.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.inside.sync()
    }
    fn drop_cache(&self) -> io::Result<()> {
        self.inside.drop_cache()
    }
    fn inode(&self) -> io::Result<u64> {
        self.inside.inode()
    }
}

fn database() -> (Database, Arc<AtomicBool>) {
    database_with(None)
}

fn database_with(thread: Option<&'static str>) -> (Database, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let disk = Panicking {
        inside: SimDisk::in_memory(),
        armed: Arc::clone(&armed),
        thread,
    };
    let options = Options::default().zero_ahead(false);
    let db = Database::create_with("/db", Arc::new(disk), options).unwrap();
    (db, armed)
}

/// What a thread that panics itself came to is left out.
fn is_poisoned<T>(outcome: Result<T, Error>) -> bool {
    match outcome {
        Err(error @ Error::Poisoned { .. }) => error.to_string().contains("/db/logs/main"),
        _ => false,
    }
}

#[test]
fn everybody_who_waits_is_told() {
    let (db, armed) = database();
    db.append_json(&numbered(0)).unwrap();
    armed.store(true, Ordering::SeqCst);
    let (tell, told) = channel();
    for thread in 0..8 {
        let (db, tell) = (db.clone(), tell.clone());
        std::thread::spawn(move || {
            // Half of them hand over and wait, so that the committing thread leads as well.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match thread % 2 {
                0 => db.append_json(&numbered(thread)),
                _ => db.submit_json(&numbered(thread)).and_then(auditdb::Pending::wait),
            }));
            tell.send(outcome.map(is_poisoned)).unwrap();
        });
    }
    for _ in 0..8 {
        let outcome = told.recv_timeout(Duration::from_secs(20)).expect("nobody hangs");
        assert!(outcome.is_err() || outcome.is_ok_and(|poisoned| poisoned));
    }
    armed.store(false, Ordering::SeqCst);
    assert!(is_poisoned(db.append_json(&numbered(9))));
    assert!(is_poisoned(db.submit_json(&numbered(9))));
    assert!(is_poisoned(db.seal()));
    drop(db);
}

#[test]
fn a_panic_while_sealing_is_no_better() {
    let (db, armed) = database();
    db.append_json(&numbered(0)).unwrap();
    armed.store(true, Ordering::SeqCst);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| db.seal())).is_err());
    armed.store(false, Ordering::SeqCst);
    assert!(is_poisoned(db.append_json(&numbered(1))));
}

/// A recorder is at its most useful while its process comes down: appending from a destructor is fine.
#[test]
fn appending_while_the_thread_panics_poisons_nothing() {
    struct Last(Database);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.append_json(&numbered(1)).unwrap();
        }
    }
    let (db, _) = database();
    let last = Last(db.clone());
    assert!(
        std::thread::spawn(move || {
            let _last = last;
            panic!("of the application");
        })
        .join()
        .is_err()
    );
    db.append_json(&numbered(2)).unwrap();
}

#[test]
fn what_was_handed_over_is_stored_whoever_waits_or_goes() {
    let (db, _) = database();
    let before = db.len().unwrap();
    let mut last = None;
    for number in 0..200 {
        // All but the last are dropped without a wait.
        last = Some(db.submit_json(&numbered(number)).unwrap());
    }
    let waiting = std::thread::spawn(move || last.unwrap().wait().unwrap());
    let read = db.clone();
    drop(db);
    assert_eq!(waiting.join().unwrap().seq, read.len().unwrap() - 1);
    assert_eq!(read.len().unwrap(), before + 200);
    // The last handle goes while a thread waits for what it handed over.
    let pending = read.submit_json(&numbered(200)).unwrap();
    let waiting = std::thread::spawn(move || pending.wait());
    drop(read);
    waiting.join().unwrap().unwrap();
}

#[test]
fn whoever_waits_for_a_seal_is_told() {
    let (db, armed) = database_with(Some("auditdb-keep"));
    db.append_json(&numbered(0)).unwrap();
    armed.store(true, Ordering::SeqCst);
    assert!(is_poisoned(db.seal()));
    // Appending has nothing to do with it, and sealing can be tried again.
    db.append_json(&numbered(1)).unwrap();
    armed.store(false, Ordering::SeqCst);
    assert!(db.seal().unwrap());
    assert!(db.verify().unwrap().is_sound());
}
