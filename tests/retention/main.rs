//! Retention: whole segments go from the beginning of the log when their time has passed, and everything goes on to work
//! with what is left: reading, proofs, verify, opening, sealing, recovering. All time is that of a simulated disk.

#[path = "../oracle/later.rs"]
mod later;
#[path = "../oracle/mod.rs"]
mod oracle;

mod beside;
mod calendar;
mod clock;
mod door;
mod golden;
mod holds;
mod life;
mod margin;
mod power_cuts;
mod schedule;
mod two_years;

use auditdb::disk::SimDisk;
use auditdb::{Class, Database, Options, Report, RetainOptions, Retained};
use oracle::{DIR, LOG, numbered, plain};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No segment.
const NONE: [u64; 0] = [];

const DAY: u64 = 24 * 3600 * 1_000_000_000;

fn open(disk: &SimDisk) -> Database {
    Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap()
}

fn reading(disk: &SimDisk) -> Database {
    Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap()
}

fn create(disk: &SimDisk, options: Options) -> Database {
    Database::create_with(DIR, Arc::new(disk.clone()), options).unwrap()
}

/// Appends records and seals them; gives where the segment ends.
fn segment(db: &Database, records: u64) -> u64 {
    for number in 0..records {
        db.append_json(&numbered(number)).unwrap();
    }
    assert!(db.seal().unwrap());
    db.len().unwrap()
}

/// Lets days pass, with the database open.
fn days(disk: &SimDisk, days: u64) {
    disk.advance(days * DAY);
}

fn retain(db: &Database) -> Retained {
    db.retain().unwrap()
}

fn firsts(done: &Retained) -> Vec<u64> {
    done.dropped.iter().map(|segment| segment.first).collect()
}

#[track_caller]
fn sound(db: &Database) -> Report {
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{report}");
    report
}

fn names(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(LOG).join(dir);
    disk.paths().into_iter().filter(|path| path.starts_with(&dir)).collect()
}

fn accepted(reason: &str) -> RetainOptions {
    RetainOptions::default().accept_clock(reason)
}

fn class(name: &str, months: u32) -> Class {
    Class::named(name).unwrap().keeping(months).unwrap()
}
