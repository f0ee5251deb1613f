//! The power is cut after each operation of dropping; whatever the medium then holds, the log opens, the drop is finished
//! or has not happened, and nothing that is kept is lost.

use super::*;
use auditdb::{Actor, Error, HeldRecords};
use std::collections::HashSet;

/// A log of which the first two segments have expired, on a medium where that is durable.
fn expired() -> (SimDisk, Vec<String>, u64) {
    let disk = SimDisk::new(12);
    let db = create(&disk, plain().class(class("standard", 1)));
    segment(&db, 3);
    let end = segment(&db, 2);
    days(&disk, 40);
    segment(&db, 2);
    db.append_json(&numbered(9)).unwrap();
    let lines = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    drop(db);
    let disk = disk.restart();
    #[cfg(feature = "search")]
    assert!(
        Database::reindex_with(DIR, Arc::new(disk.clone()), plain(), false, &|_, _| {})
            .unwrap()
            .is_complete()
    );
    (disk.restart(), lines, end)
}

fn drop_expired(disk: &SimDisk) -> Result<Retained, Error> {
    let db = Database::open_with(DIR, Arc::new(disk.clone()), plain())?;
    let done = db.retain()?;
    db.append_json(&numbered(10))?;
    Ok(done)
}

/// What has to hold whatever happened.
fn check(disk: &SimDisk, lines: &[String], end: u64, context: &str) {
    let report = reading(disk).verify().unwrap();
    assert!(report.is_sound(), "{context}: before it is opened: {report}");
    let db =
        Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap_or_else(|error| panic!("{context}: {error}"));
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{context}: {report}");
    // A drop that has a tombstone is finished: no segment stands beside its own.
    let tombstones = names(disk, "tombstones");
    for path in &tombstones {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name.len(), 20, "{context}: {name}");
        assert!(
            !names(disk, "segments")
                .iter()
                .any(|path| path.display().to_string().contains(name)),
            "{context}: {name}"
        );
        assert!(
            !names(disk, "index")
                .iter()
                .any(|path| path.display().to_string().contains(name)),
            "{context}: {name}"
        );
    }
    let earliest = db.earliest().unwrap();
    assert!(
        earliest <= end && (earliest > 0) != tombstones.is_empty(),
        "{context}: {earliest}"
    );
    let left: Vec<String> = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    let expected = &lines[usize::try_from(earliest).unwrap()..];
    assert_eq!(left[..expected.len()], *expected, "{context}");
    db.append_json(&numbered(11)).unwrap();
    let done = db.retain().unwrap();
    assert_eq!(done.earliest, end, "{context}");
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{context}: after all: {report}");
    assert_eq!(report.dropped, end, "{context}");
}

#[test]
fn every_cut_of_dropping() {
    let (start, lines, end) = expired();
    let whole = start.fork();
    assert_eq!(drop_expired(&whole).unwrap().dropped.len(), 2);
    let operations = whole.op_count();
    let (mut seen, mut second) = (HashSet::new(), HashSet::new());
    for stop in 0..=operations {
        let disk = start.fork();
        disk.stop_after(stop);
        let _ = drop_expired(&disk);
        let mut states = disk.crash_states(usize::MAX);
        states.push(disk.restart());
        for state in states {
            if !seen.insert(state.image_hash()) {
                continue;
            }
            let context = format!("cut after operation {stop} of {operations}");
            // The opening that finishes it is cut in its turn.
            let opening = state.fork();
            drop(Database::open_with(DIR, Arc::new(opening.clone()), plain()).unwrap());
            for again in 0..opening.op_count() {
                let disk = state.fork();
                disk.stop_after(again);
                drop(Database::open_with(DIR, Arc::new(disk.clone()), plain()));
                for state in disk.crash_states(8) {
                    if second.insert(state.image_hash()) {
                        check(
                            &state,
                            &lines,
                            end,
                            &format!("{context}, and after operation {again} of its opening"),
                        );
                    }
                }
            }
            check(&state, &lines, end, &context);
        }
    }
    println!("{} states, {} of openings", seen.len(), second.len());
    assert!(seen.len() > 50);
}

/// What is in force on a disk, and whether everything is as it should be.
fn in_force(disk: &SimDisk, context: &str) -> Vec<String> {
    // A reader finds the same, before anybody has put right what the cut left, and nothing is called damaged.
    let report = reading(disk).verify().unwrap();
    assert!(report.is_sound(), "{context}: before it is opened: {report}");
    let read = reading(disk).holds().unwrap();
    let db =
        Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(db.holds().unwrap(), read, "{context}");
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{context}: {report}");
    db.append_json(&numbered(12)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(13)).unwrap();
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{context}: after all: {report}");
    db.holds().unwrap().into_iter().map(|hold| hold.reason).collect()
}

#[test]
fn every_cut_of_holding() {
    let (start, _, _) = expired();
    let query = HeldRecords::Query("attributes.n:9".to_owned());
    let name = |name: &str| Actor::named(name).unwrap();
    // What was acknowledged, step by step.
    let steps = |disk: &SimDisk, done: &mut usize| -> Result<(), Error> {
        let db = Database::open_with(DIR, Arc::new(disk.clone()), plain())?;
        let id = db.place_hold(&query, "first", &name("anna"))?;
        *done = 1;
        db.place_hold(&HeldRecords::Seqs(2..=2), "second", &name("bert"))?;
        *done = 2;
        db.release_hold(&id, "settled", &name("bert"))?;
        *done = 3;
        Ok(())
    };
    let after = [&[][..], &["first"], &["first", "second"], &["second"]];
    let whole = start.fork();
    let mut done = 0;
    steps(&whole, &mut done).unwrap();
    assert_eq!(done, 3);
    let operations = whole.op_count();
    let mut seen = HashSet::new();
    for stop in 0..=operations {
        let disk = start.fork();
        disk.stop_after(stop);
        let mut done = 0;
        let _ = steps(&disk, &mut done);
        let mut states = disk.crash_states(12);
        states.push(disk.restart());
        for state in states {
            if !seen.insert((done, state.image_hash())) {
                continue;
            }
            let context = format!("cut after operation {stop} of {operations}, {done} steps done");
            let found = in_force(&state, &context);
            // As it was acknowledged, or the next step came through without that.
            let fits = |step: usize| after.get(step).is_some_and(|holds| *holds == found);
            assert!(fits(done) || fits(done + 1), "{context}: {found:?}");
        }
    }
    println!("{} states", seen.len());
    assert!(seen.len() > 50);
}
