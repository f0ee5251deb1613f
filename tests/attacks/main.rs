//! Attacks by somebody who holds everything that is there now: all files, and all keys. Each test is one attack, and says
//! with which words it is found, or that it is not.

#[path = "../oracle/mod.rs"]
mod oracle;

#[path = "../oracle/forger.rs"]
mod forger;

mod anchors;
mod backups;
mod checkpoints_and_secrets;
mod files;
mod forger_works;
mod holds;
mod identity;
mod place;
mod policies;
mod rotation;
mod signed;
mod succession;
mod tombstones;

use auditdb::disk::{Disk, SimDisk};
use auditdb::proof::{Checkpoint, LogKey, SignedCheckpoint};
use auditdb::{Anchors, Database, Error, Report, VerifyOptions};
use forger::{EpochFile, Secret, event_name, fit, get, hex, lines_of, set, write};
use oracle::{DIR, Known, LOG, numbered, plain, put};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RE_SIGNED: &str = "is not signed by the key of its epoch: records were changed and signed anew";
const OTHER_LOG: &str = "it is another log, or was written anew";

/// Three segments of two epochs each, a journal with an epoch, and two records behind it that none has signed.
fn log() -> SimDisk {
    log_of(11)
}

fn log_of(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    for _ in 0..3 {
        known.append_many(&db, 3).unwrap();
        db.checkpoint().unwrap();
        known.append_many(&db, 2).unwrap();
        db.seal().unwrap();
    }
    known.append_many(&db, 2).unwrap();
    db.checkpoint().unwrap();
    known.append_many(&db, 2).unwrap();
    drop(db);
    disk.restart()
}

fn open(disk: &SimDisk) -> Result<Database, Error> {
    Database::open_with(DIR, Arc::new(disk.clone()), plain())
}

fn reading(disk: &SimDisk) -> Database {
    Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap()
}

fn verify_with(disk: &SimDisk, anchors: Anchors<'_>) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut options = VerifyOptions::default();
    (options.anchors, options.threads) = (anchors, Some(1));
    Database::verify_at_with(DIR, &disk, &options).unwrap()
}

fn verify(disk: &SimDisk) -> Report {
    verify_with(disk, Anchors::default())
}

fn against(disk: &SimDisk, checkpoint: &SignedCheckpoint) -> Report {
    let mut anchors = Anchors::default();
    anchors.checkpoints = std::slice::from_ref(checkpoint);
    verify_with(disk, anchors)
}

/// The report names a fault in a file of that name, in those words.
#[track_caller]
fn says(report: &Report, file: &str, words: &str) {
    let found = |fault: &auditdb::Fault| {
        fault.file.display().to_string().contains(file) && fault.what.to_string().contains(words)
    };
    assert!(report.faults.iter().any(found), "no {words:?} of {file}: {report}");
}

#[track_caller]
fn is_not_seen(report: &Report) {
    assert!(report.is_sound(), "{report}");
}

/// Where the lines of an event stand.
fn places(lines: &[String], event: &str) -> Vec<usize> {
    let is_it = |place: &usize| event_name(&lines[*place]) == event;
    (0..lines.len()).filter(is_it).collect()
}

/// The place of the first caller's record behind a place.
fn record_behind(lines: &[String], place: usize) -> usize {
    let is_it = |place: &usize| event_name(&lines[*place]).is_empty();
    (place + 1..lines.len()).find(is_it).unwrap()
}

/// Changes what a caller's record says.
fn edit(lines: &mut [String], place: usize) {
    set(&mut lines[place], "\"n\":", "666");
}

/// The checkpoint that was stored for that place or the next one behind it.
fn stored(disk: &SimDisk, from: u64) -> (PathBuf, SignedCheckpoint) {
    let mut all = checkpoints(disk);
    all.retain(|(_, checkpoint)| checkpoint.checkpoint().size() >= from);
    all.remove(0)
}

fn checkpoints(disk: &SimDisk) -> Vec<(PathBuf, SignedCheckpoint)> {
    let dir = Path::new(LOG).join("checkpoints");
    let paths = disk.paths().into_iter().filter(|path| path.starts_with(&dir));
    let parsed = |path: PathBuf| {
        let checkpoint = SignedCheckpoint::parse(&disk.contents(&path).unwrap()).unwrap();
        (path, checkpoint)
    };
    paths.map(parsed).collect()
}

fn remove_checkpoints(disk: &SimDisk) {
    for (path, _) in checkpoints(disk) {
        assert!(disk.remove_raw(path));
    }
}

/// The files below a directory as they are now, to be put back later.
fn taken(disk: &SimDisk, dir: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = oracle::files(disk).into_iter();
    files.filter(|(path, _)| path.starts_with(dir)).collect()
}

fn remove_under(disk: &SimDisk, dir: &str) {
    for path in disk.paths().iter().filter(|path| path.starts_with(dir)) {
        disk.remove_raw(path);
    }
}

/// Puts these files in the place of all that is below a directory.
fn put_back(disk: &SimDisk, dir: &str, files: &[(PathBuf, Vec<u8>)]) {
    remove_under(disk, dir);
    for (path, bytes) in files {
        put(disk, path, bytes);
    }
}

fn files_in(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(LOG).join(dir);
    disk.paths().into_iter().filter(|path| path.starts_with(&dir)).collect()
}

/// The key that signs checkpoints, from its file.
fn log_key(disk: &SimDisk) -> LogKey {
    let origin = get(&lines_of(disk)[0], "\"origin\":");
    LogKey::from_seed(&origin, &log_seed(disk)).unwrap()
}

/// The number and the public key of the epoch in force behind some lines.
fn in_force(lines: &[String], place: usize) -> u64 {
    let before = lines[..place].iter().filter(|line| event_name(line) == "epoch");
    before.count() as u64
}

fn log_seed(disk: &SimDisk) -> [u8; 32] {
    let is_it = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let path = disk.paths().into_iter().find(is_it).unwrap();
    disk.contents(path).unwrap()[28..60].try_into().unwrap()
}

fn in_force_key(lines: &[String]) -> String {
    get(&lines[*places(lines, "epoch").last().unwrap()], "\"next_key\":")
}
