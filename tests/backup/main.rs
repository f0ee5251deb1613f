//! Backup and restore on a simulated disk: what is copied, what is not copied again, what goes, and what is refused.

#[path = "../oracle/mod.rs"]
mod oracle;

mod drops;
mod harm;
mod life;
mod power_cuts;

use auditdb::disk::{Disk, SimDisk};
use auditdb::{
    Actor, BackedUp, BackedUpLog, BackupOptions, Class, Database, Error, HeldRecords, Options, Report, Restored,
    VerifyOptions,
};
use oracle::{DIR, numbered, plain, read_all};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TO: &str = "/backup";
const RESTORED: &str = "/restored";

fn create(disk: &SimDisk, options: Options) -> Database {
    Database::create_with(DIR, Arc::new(disk.clone()), options).unwrap()
}

fn open(disk: &SimDisk) -> Database {
    Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap()
}

fn reading(disk: &SimDisk, path: &str) -> Database {
    Database::open_read_only_with(path, Arc::new(disk.clone())).unwrap()
}

fn append(db: &Database, numbers: std::ops::Range<u64>) {
    for number in numbers {
        db.append_json(&numbered(number)).unwrap();
    }
}

/// One thread, so that operations come in the same order every time.
fn options<'a>() -> BackupOptions<'a> {
    BackupOptions {
        threads: Some(1),
        unrecorded: true,
        ..BackupOptions::default()
    }
}

fn back_up(disk: &SimDisk) -> Result<BackedUp, Error> {
    reading(disk, DIR).backup(TO, &options())
}

/// Backs up, and nothing is wrong.
#[track_caller]
fn backed_up(disk: &SimDisk) -> BackedUpLog {
    let mut done = back_up(disk).unwrap();
    assert!(done.is_whole(), "{done:?}");
    done.logs.pop().unwrap()
}

fn restore(disk: &SimDisk) -> Result<Restored, Error> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = auditdb::RestoreOptions {
        threads: Some(1),
        ..auditdb::RestoreOptions::default()
    };
    Database::restore_with(TO, RESTORED, &disk, &options)
}

fn verify(disk: &SimDisk, path: &str) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_at_with(path, &disk, &options).unwrap()
}

#[track_caller]
fn sound(disk: &SimDisk, path: &str) -> Report {
    let report = verify(disk, path);
    assert!(report.is_sound(), "{report}");
    report
}

/// Both hold the same records.
#[track_caller]
fn same(disk: &SimDisk, path: &str) {
    let texts = |path: &str| -> Vec<(u64, String)> {
        let all = read_all(&reading(disk, path)).into_iter();
        all.map(|(seq, (entry, _))| (seq, entry.text().to_owned())).collect()
    };
    assert_eq!(texts(path), texts(DIR));
    let (ours, theirs) = (sound(disk, path), sound(disk, DIR));
    assert_eq!(
        (ours.size, ours.root, ours.chain),
        (theirs.size, theirs.root, theirs.chain)
    );
}

fn names(disk: &SimDisk, path: &str, dir: &str) -> Vec<String> {
    let dir = Path::new(path).join("logs/main").join(dir);
    let below: Vec<PathBuf> = disk.paths().into_iter().filter(|path| path.starts_with(&dir)).collect();
    below
        .iter()
        .map(|path| path.strip_prefix(&dir).unwrap().display().to_string())
        .collect()
}

/// Three segments and a journal with two records.
fn filled(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let db = create(&disk, plain());
    for round in 0..3 {
        append(&db, round * 3..round * 3 + 3);
        db.seal().unwrap();
    }
    append(&db, 9..11);
    drop(db);
    disk.restart()
}
