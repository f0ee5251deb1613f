//! Errors of the disk at every operation: no panic, no acknowledgement lost, and what was promised of a full disk and
//! of a failed write is kept.

mod oracle;

use auditdb::disk::{Fault, SimDisk};
use auditdb::{Database, Error};
use oracle::{DIR, Known, check, plain, survive};
use std::sync::Arc;

/// Goes on after errors, as a program would that has more to record.
fn persistent(disk: &SimDisk, known: &mut Known) {
    let options = plain();
    let mut exists = false;
    for round in 0..3 {
        let db = match exists {
            false => Database::create_with(DIR, Arc::new(disk.clone()), options.clone()),
            true => Database::open_with(DIR, Arc::new(disk.clone()), options.clone()),
        };
        let Ok(db) = db else {
            // A creation that failed late may have created it all the same.
            exists |= Database::open_read_only_with(DIR, Arc::new(disk.clone())).is_ok();
            continue;
        };
        (exists, known.created) = (true, true);
        for _ in 0..2 {
            let poisoned = matches!(known.append_many(&db, 2), Err(Error::Poisoned { .. }));
            let after = known.append(&db);
            assert!(
                !poisoned || matches!(after, Err(Error::Poisoned { .. })),
                "a poisoned log took a record: {after:?}"
            );
        }
        if round != 1 {
            let _ = db.seal();
        }
    }
}

fn every_operation(fault: Fault, sticky: bool) {
    let whole = SimDisk::new(3);
    persistent(&whole, &mut Known::default());
    for at in 0..whole.op_count() {
        let disk = SimDisk::new(3);
        if sticky {
            disk.inject_from(at, fault);
        } else {
            disk.inject(at, fault);
        }
        let mut known = Known::default();
        persistent(&disk, &mut known);
        disk.clear_faults();
        if !known.created {
            continue;
        }
        let options = plain();
        let context = format!("{fault:?} at operation {at}, sticky {sticky}");
        // Without a cut, after a restart of the process, and after a power cut.
        survive(&disk.restart(), &known, &options).unwrap_or_else(|error| panic!("{context}, restart: {error}"));
        for state in disk.crash_states(50) {
            survive(&state, &known, &options).unwrap_or_else(|error| panic!("{context}, power cut: {error}"));
        }
    }
}

#[test]
fn an_error_once() {
    every_operation(Fault::Io, false);
}

#[test]
fn an_error_from_then_on() {
    every_operation(Fault::Io, true);
}

#[test]
fn a_full_disk_once() {
    every_operation(Fault::NoSpace, false);
}

#[test]
fn a_full_disk_from_then_on() {
    every_operation(Fault::NoSpace, true);
}

#[test]
fn a_short_write_once() {
    every_operation(Fault::ShortWrite, false);
}

#[test]
fn a_lost_sync_once() {
    every_operation(Fault::SyncLost, false);
}

/// prometheus#13027: a record whose append met a full disk was written later, and the repair deleted good ones.
#[test]
fn a_full_disk_is_no_poison() {
    let disk = SimDisk::new(5);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known {
        created: true,
        ..Known::default()
    };
    known.append(&db).unwrap();
    // The first time less room is asked for before the record is refused: behind the failed write, cutting and syncing
    // come first. From then on the journal asks for no more than it needs.
    disk.inject(disk.op_count(), Fault::NoSpace);
    known.append(&db).unwrap();
    for fault in [Fault::NoSpace, Fault::ShortWrite] {
        disk.inject(disk.op_count(), fault);
        assert!(matches!(known.append_many(&db, 3), Err(Error::DiskFull { .. })));
        // What was refused may be handed over again and is stored once.
        known.append(&db).unwrap();
        check(&db, &known);
    }
    known.append_many(&db, 2).unwrap();
    drop(db);
    survive(&disk.restart(), &known, &plain()).unwrap();
}

/// Without room for the next journal's file nothing is closed, nothing is refused, and nothing is poisoned.
#[test]
fn no_room_for_the_next_journal() {
    let disk = SimDisk::new(5);
    let options = plain().seal_bytes(1_000);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), options.clone()).unwrap();
    let mut known = Known {
        created: true,
        ..Known::default()
    };
    known.append_many(&db, 5).unwrap();
    disk.inject(disk.op_count(), Fault::NoSpace);
    assert!(matches!(db.seal(), Err(Error::DiskFull { .. })));
    // The journal is due; creating the next is the first thing that the append does.
    disk.inject(disk.op_count(), Fault::NoSpace);
    known.append(&db).unwrap();
    assert_eq!(db.status().unwrap().segments, 0);
    known.append(&db).unwrap();
    assert_eq!(db.status().unwrap().segments, 1);
    check(&db, &known);
    drop(db);
    survive(&disk.restart(), &known, &options).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let disk = SimDisk::new(5);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    Known::default().append_many(&db, 3).unwrap();
    db.seal().unwrap();
    let segment = disk
        .paths()
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with(".zst"))
        .unwrap();
    disk.fail_reads_of(&segment);
    let report = db.verify().unwrap();
    assert!(report.faults.iter().any(|fault| fault.file == segment), "{report}");
}
