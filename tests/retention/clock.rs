//! A clock that went wrong makes nothing expire, until a person says that it is right.

use super::*;
use auditdb::record::parse_time;

fn at(time: &str) -> i64 {
    parse_time(time).unwrap()
}

fn log() -> (SimDisk, Database) {
    let disk = SimDisk::new(9);
    let db = create(&disk, plain());
    segment(&db, 3);
    segment(&db, 3);
    (disk, db)
}

#[track_caller]
fn waits_for_a_person(db: &Database) {
    let done = retain(db);
    assert_eq!(firsts(&done), NONE, "{done:?}");
    assert_eq!(done.kept_by_clock, 2, "{done:?}");
    assert!(done.clock_ahead > 300 * 24 * 3600, "{done:?}");
    let dry = db
        .retain_with(&RetainOptions::default().dry_run(true).accept_clock("?"))
        .unwrap();
    assert_eq!((dry.dropped.len(), dry.kept_by_clock), (2, 0));
    let done = db.retain_with(&accepted("compared with two others")).unwrap();
    assert_eq!((done.dropped.len(), done.clock_ahead), (2, 0), "{done:?}");
    let said =
        |entry: &auditdb::Entry| entry.text().contains("\"clock_accepted\"") && entry.text().contains("two others");
    assert!(db.records(..).unwrap().any(|entry| said(&entry.unwrap())));
    sound(db);
}

#[test]
fn a_jump_forward_while_it_is_open() {
    let (disk, db) = log();
    disk.set_now(at("2032-01-01T00:00:00Z"));
    waits_for_a_person(&db);
}

#[test]
fn a_jump_forward_that_was_recorded_long_before() {
    let (disk, db) = log();
    disk.set_now(at("2032-01-01T00:00:00Z"));
    db.append_json(&numbered(1)).unwrap();
    db.append_json(&numbered(2)).unwrap();
    drop(db);
    let db = open(&disk.restart());
    waits_for_a_person(&db);
}

#[test]
fn a_jump_forward_while_it_was_closed() {
    let (disk, db) = log();
    drop(db);
    let disk = disk.restart();
    disk.set_now(at("2032-01-01T00:00:00Z"));
    waits_for_a_person(&open(&disk));
}

#[test]
fn a_jump_forward_over_a_restart_of_the_machine() {
    let (disk, db) = log();
    drop(db);
    let disk = disk.crash_states(1).remove(0);
    disk.set_now(at("2032-01-01T00:00:00Z"));
    waits_for_a_person(&open(&disk));
}

/// Nor does it help to write on until the record of the jump stands in another segment.
#[test]
fn a_jump_forward_that_stands_in_an_earlier_segment() {
    let (disk, db) = log();
    disk.set_now(at("2032-01-01T00:00:00Z"));
    segment(&db, 2);
    drop(db);
    let db = open(&disk.restart());
    segment(&db, 2);
    waits_for_a_person(&db);
}

/// One that is put right again by itself needs nobody.
#[test]
fn a_jump_there_and_back() {
    let (disk, db) = log();
    disk.set_now(at("2032-01-01T00:00:00Z"));
    db.append_json(&numbered(1)).unwrap();
    disk.set_now(at("2030-01-01T00:00:01Z"));
    db.append_json(&numbered(2)).unwrap();
    let done = retain(&db);
    assert_eq!((done.dropped.len(), done.kept_by_clock), (0, 0));
    assert!(done.clock_ahead < 2, "{done:?}");
    sound(&db);
}

/// What passes while nobody has the log open is time that has passed, as long as the machine was running.
#[test]
fn time_passes_while_it_is_closed() {
    let (disk, db) = log();
    drop(db);
    let disk = disk.restart();
    days(&disk, 366);
    let done = retain(&open(&disk));
    assert_eq!((done.dropped.len(), done.clock_ahead), (2, 0), "{done:?}");
}

#[test]
fn a_clock_that_goes_back_makes_nothing_expire() {
    let (disk, db) = log();
    // What is logged while it is wrong is not as old as it says.
    disk.set_now(at("1999-01-01T00:00:00Z"));
    let wrong = segment(&db, 3);
    disk.set_now(at("2030-02-01T00:00:00Z"));
    let right = segment(&db, 3);
    let done = retain(&db);
    assert_eq!(done.dropped.len(), 0, "{done:?}");
    // Twelve months after it was right again, less what it went forward meanwhile; then a person says that it is right.
    days(&disk, 364);
    let done = db.retain_with(&accepted("it was set right in February")).unwrap();
    assert!(done.earliest < wrong, "{done:?}");
    days(&disk, 3);
    let done = retain(&db);
    assert!(done.earliest >= right, "{done:?}");
    sound(&db);
}
