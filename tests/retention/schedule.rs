//! A database that is open drops by itself what has expired, on real files and with threads; and when it is closed, nothing
//! of that is left.

use super::later::Later;
use super::*;
use auditdb::disk::Disk;
use auditdb::{Actor, HeldRecords};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Threads are counted, so one test at a time has any.
static ALONE: Mutex<()> = Mutex::new(());

const OFTEN: Duration = Duration::from_millis(5);

fn options() -> Options {
    let options = Options::default().class(class("standard", 1)).zero_ahead(false);
    #[cfg(feature = "search")]
    let options = options.index(false);
    options
}

fn open(path: &Path, disk: &Arc<Later>) -> Database {
    let shared = Arc::clone(disk) as Arc<dyn Disk>;
    let options = options().retain_every(OFTEN);
    Database::open_with(path, shared, options).unwrap()
}

/// Appends records and seals them; gives the last one's seq.
fn sealed(db: &Database) -> u64 {
    let texts: Vec<String> = (0..3).map(numbered).collect();
    let appended = db.append_all_json(texts.iter().map(String::as_str)).unwrap();
    assert!(db.seal().unwrap());
    appended.receipts.last().unwrap().seq
}

/// Waits until it is so, since nobody is to ask for it.
#[track_caller]
fn comes_true(what: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !what() {
        assert!(Instant::now() < patience, "nothing happened");
        std::thread::sleep(OFTEN);
    }
}

/// How many threads of this process drop what has expired.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks
        .filter_map(name)
        .filter(|name| name.trim_end() == "auditdb-retain")
        .count()
}

#[test]
fn what_has_expired_goes_without_anybody_asking() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let disk = Arc::new(Later::default());
    let shared = Arc::clone(&disk) as Arc<dyn Disk>;
    drop(Database::create_with(&path, shared, options()).unwrap());
    let db = open(&path, &disk);
    let (first, second) = (sealed(&db), sealed(&db));
    // A week later there is another segment, and the second one is held.
    disk.skip(Duration::from_nanos(7 * DAY));
    let (anna, bert) = (Actor::named("anna").unwrap(), Actor::named("bert").unwrap());
    let id = db
        .place_hold(&HeldRecords::Seqs(second..=second), "a suit", &anna)
        .unwrap();
    let third = sealed(&db);
    let rounds = || std::thread::sleep(20 * OFTEN);
    rounds();
    assert_eq!(db.earliest().unwrap(), 0, "a week is no month");
    disk.skip(Duration::from_nanos(25 * DAY));
    comes_true(|| db.earliest().unwrap() > first);
    rounds();
    assert!(db.earliest().unwrap() <= second, "it is held");
    db.release_hold(&id, "settled", &bert).unwrap();
    comes_true(|| db.earliest().unwrap() > second);
    rounds();
    assert!(db.earliest().unwrap() <= third, "three weeks are no month");
    disk.skip(Duration::from_nanos(7 * DAY));
    comes_true(|| db.earliest().unwrap() > third);
    let shared = Arc::clone(&disk) as Arc<dyn Disk>;
    let report = Database::verify_at_with(&path, &shared, &auditdb::VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report}");
}

#[test]
fn it_ends_with_the_database_and_holds_nothing() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let disk = Arc::new(Later::default());
    let shared = Arc::clone(&disk) as Arc<dyn Disk>;
    let db = Database::create_with(&path, shared, options()).unwrap();
    for _ in 0..20 {
        segment(&db, 2);
    }
    drop(db);
    let mut dropped = 0;
    for round in 0..40 {
        // Each time it is busy at another place, and closed by the last of several handles. That nobody has the lock any
        // more shows with the next opening, which waits for nobody.
        let db = open(&path, &disk);
        let clone = db.clone();
        if round % 4 == 0 {
            segment(&db, 2);
            disk.skip(Duration::from_nanos(11 * DAY));
        }
        #[cfg(target_os = "linux")]
        comes_true(|| threads() == 1);
        drop(db);
        std::thread::sleep(Duration::from_micros(500 * (round % 25)));
        dropped = clone.earliest().unwrap();
        drop(clone);
        assert_eq!(Arc::strong_count(&disk), 1, "somebody still has it");
        #[cfg(target_os = "linux")]
        comes_true(|| threads() == 0);
    }
    assert!(dropped > 40, "{dropped}");
}
