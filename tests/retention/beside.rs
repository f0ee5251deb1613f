//! On real files, with threads and beside others: the writer drops because another process asks for it, and readers and
//! verifiers beside it notice nothing but that the log begins later.

use super::later::Later;
use super::*;
use auditdb::disk::{Disk, RealDisk};
use auditdb::{Error, VerifyOptions};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn another_process_asks_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let disk = Later::default();
    let options = Options::default().class(class("standard", 1)).zero_ahead(false);
    let db = Database::create_with(&path, Arc::new(disk.clone()), options).unwrap();
    let end = segment(&db, 500);
    segment(&db, 500);
    let _ = db.wait_for_indexes_if_any();
    let joined = Database::join(&path).unwrap();
    assert!(joined.is_joined());
    assert_eq!(firsts(&retain(&joined)), NONE);
    let reader = Database::open_read_only(&path).unwrap();
    // Lengthened at once, through the door too.
    joined.set_class(&class("financial", 24)).unwrap();
    disk.skip(Duration::from_nanos(60 * DAY));
    assert_eq!(firsts(&retain(&joined)), NONE);
    joined.set_class(&class("standard", 1)).unwrap();
    segment(&joined, 1);
    let done = retain(&joined);
    // And what the changes of class closed.
    assert_eq!(firsts(&done)[..2], [0, end]);
    assert!(done.bytes_after < done.bytes_before);
    let gone: u64 = done.dropped.iter().map(|segment| segment.bytes).sum();
    assert!(done.bytes_before - done.bytes_after > gone / 2, "{done:?}");
    for db in [&db, &joined, &reader] {
        assert!(matches!(db.get(7), Err(Error::Dropped { seq: 7, .. })));
        assert_eq!(db.records(..).unwrap().next().unwrap().unwrap().seq(), done.earliest);
    }
    // Who verifies has the real clock: for him the drop has not come yet.
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let verify = |disk: &Arc<dyn Disk>| Database::verify_at_with(&path, disk, &VerifyOptions::default()).unwrap();
    assert!(verify(&disk).is_sound(), "{}", verify(&disk));
    let early = verify(&(Arc::new(RealDisk) as Arc<dyn Disk>));
    assert!(early.to_string().contains("which has not come yet"), "{early}");
}

/// What only the feature `search` has, for both builds.
trait Indexes {
    fn wait_for_indexes_if_any(&self) -> Option<String>;
}

impl Indexes for Database {
    fn wait_for_indexes_if_any(&self) -> Option<String> {
        #[cfg(feature = "search")]
        return self.wait_for_indexes();
        #[cfg(not(feature = "search"))]
        None
    }
}

#[test]
fn verify_beside_a_writer_that_drops_raises_no_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let disk = Later::default();
    let options = Options::default().class(class("standard", 1)).zero_ahead(false);
    let db = Database::create_with(&path, Arc::new(disk.clone()), options).unwrap();
    let done = AtomicBool::new(false);
    let checked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let reader = Database::open_read_only_with(&path, Arc::clone(&shared)).unwrap();
            while !done.load(Ordering::Relaxed) {
                let report = Database::verify_at_with(&path, &shared, &VerifyOptions::default()).unwrap();
                assert!(report.is_sound(), "{report}");
                for entry in reader.records(..).unwrap() {
                    entry.unwrap();
                }
                checked.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut dropped = 0;
        for _ in 0..25 {
            segment(&db, 20);
            disk.skip(Duration::from_nanos(11 * DAY));
            dropped += retain(&db).dropped.len();
            std::thread::sleep(Duration::from_millis(5));
        }
        while checked.load(Ordering::Relaxed) < 5 {
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        assert!(dropped > 15, "{dropped}");
    });
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let report = Database::verify_at_with(&path, &shared, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report}");
}

/// An index says what the records said: one that was being made while its segment went must not outlive it.
#[cfg(feature = "search")]
#[test]
fn an_index_that_is_being_made_goes_with_its_segment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let indexes = path.join("logs/main/index");
    let names = || -> Vec<String> {
        let listed = std::fs::read_dir(&indexes).into_iter().flatten().flatten();
        listed.map(|file| file.file_name().into_string().unwrap()).collect()
    };
    let disk = Later::slow_in(&indexes);
    let options = Options::default().class(class("standard", 1)).zero_ahead(false);
    let db = Database::create_with(&path, Arc::new(disk.clone()), options.clone()).unwrap();
    segment(&db, 20);
    while names().is_empty() {
        std::thread::yield_now();
    }
    assert!(names()[0].ends_with(".idx.tmp"), "{:?}", names());
    disk.skip(Duration::from_nanos(40 * DAY));
    assert_eq!(firsts(&retain(&db)), [0]);
    assert_eq!(db.wait_for_indexes(), None);
    assert_eq!(names(), [""; 0]);
    // And one that was left there goes when the log is opened.
    segment(&db, 20);
    assert_eq!(db.wait_for_indexes(), None);
    let left = indexes.join(&names()[0]);
    let bytes = std::fs::read(&left).unwrap();
    disk.skip(Duration::from_nanos(40 * DAY));
    assert_eq!(retain(&db).dropped.len(), 1);
    drop(db);
    #[expect(clippy::disallowed_methods, reason = "what was left there")]
    for name in [left.clone(), left.with_extension("idx.tmp")] {
        std::fs::write(name, &bytes).unwrap();
    }
    drop(Database::open_with(&path, Arc::new(disk), options).unwrap());
    assert_eq!(names(), [""; 0]);
}
