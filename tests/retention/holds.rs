//! Holds over the life of a log: what one covers stays whatever its class says, and everything behind it; what it does not
//! cover goes.

use super::*;
use auditdb::{Actor, Error, HeldRecords};

fn anna() -> Actor {
    Actor::named("anna").unwrap()
}

fn bert() -> Actor {
    Actor::named("bert").unwrap()
}

fn query(text: &str) -> HeldRecords {
    HeldRecords::Query(text.to_owned())
}

/// A log that keeps its records for a month, with three segments a day apart; `numbered` records of 0 to 2, 10 to 12, 20 to 22.
fn grown() -> (SimDisk, Database, [u64; 3]) {
    let disk = SimDisk::new(61);
    let db = create(&disk, plain().class(class("standard", 1)));
    let mut ends = [0; 3];
    for (part, end) in ends.iter_mut().enumerate() {
        for number in 0..3 {
            db.append_json(&numbered(10 * part as u64 + number)).unwrap();
        }
        assert!(db.seal().unwrap());
        *end = db.len().unwrap();
        days(&disk, 1);
    }
    (disk, db, ends)
}

fn held(done: &Retained) -> Vec<(u64, Vec<String>)> {
    let held = done.kept.iter().filter(|kept| !kept.held.is_empty());
    held.map(|kept| (kept.first, kept.held.clone())).collect()
}

#[test]
fn a_hold_by_seqs_keeps_its_segment_and_what_is_behind_it() {
    let (disk, db, ends) = grown();
    let id = db
        .place_hold(&HeldRecords::Seqs(ends[0] + 1..=ends[0] + 1), "a suit", &anna())
        .unwrap();
    days(&disk, 60);
    assert_eq!(db.status().unwrap().oldest_held, [""; 0], "the oldest is not held");
    let done = db.retain_with(&RetainOptions::default().dry_run(true)).unwrap();
    assert_eq!(
        (firsts(&done), held(&done)),
        (vec![0], vec![(ends[0], vec![id.clone()])])
    );
    let done = retain(&db);
    assert_eq!(
        (firsts(&done), held(&done)),
        (vec![0], vec![(ends[0], vec![id.clone()])])
    );
    assert_eq!(db.status().unwrap().oldest_held, std::slice::from_ref(&id));
    sound(&db);
    // Over years, openings, other classes.
    drop(db);
    let disk = disk.restart();
    let db = open(&disk);
    for _ in 0..10 {
        segment(&db, 2);
        days(&disk, 100);
        assert_eq!(firsts(&retain(&db)), NONE);
    }
    let listed = db.holds().unwrap();
    assert_eq!(
        (listed[0].id.as_str(), listed[0].seqs),
        (id.as_str(), Some((ends[0] + 1, ends[0] + 1)))
    );
    assert_eq!((listed[0].by.as_str(), listed[0].proved), ("anna", false));
    sound(&db);
    db.release_hold(&id, "settled", &bert()).unwrap();
    assert_eq!(firsts(&retain(&db))[..2], ends[..2]);
    sound(&db);
    drop(db);
    sound(&open(&disk.restart()));
}

#[test]
fn a_hold_by_query_covers_what_is_there_and_what_comes() {
    let (disk, db, ends) = grown();
    let id = db
        .place_hold(&query("attributes.n:11 OR attributes.n:77"), "a suit", &anna())
        .unwrap();
    days(&disk, 60);
    let done = retain(&db);
    assert_eq!(
        (firsts(&done), held(&done)),
        (vec![0], vec![(ends[0], vec![id.clone()])])
    );
    // Another, by a person who comes later; the first ends.
    let other = db
        .place_hold(&query("attributes.n:22"), "another suit", &bert())
        .unwrap();
    db.release_hold(&id, "settled", &Actor::named("carl").unwrap()).unwrap();
    let done = retain(&db);
    assert_eq!(
        (firsts(&done), held(&done)),
        (vec![ends[0]], vec![(ends[1], vec![other.clone()])])
    );
    db.release_hold(&other[..9], "settled", &anna()).unwrap();
    // What comes.
    let id = db.place_hold(&query("attributes.n:77"), "a suit", &anna()).unwrap();
    let before = segment(&db, 2);
    db.append_json(&numbered(77)).unwrap();
    segment(&db, 2);
    days(&disk, 60);
    let done = retain(&db);
    assert_eq!(held(&done), [(before, vec![id.clone()])], "{done:?}");
    assert_eq!(done.earliest, before);
    let report = sound(&db);
    assert!(report.tombstones >= 3);
}

#[test]
fn a_hold_outlives_the_segment_in_which_it_was_placed() {
    let (disk, db, _) = grown();
    let id = db.place_hold(&query("attributes.n:99"), "a suit", &anna()).unwrap();
    let placed = db.len().unwrap();
    days(&disk, 1);
    segment(&db, 2);
    days(&disk, 60);
    // All that was sealed is gone, the record of the hold with it.
    let done = retain(&db);
    assert!(done.earliest >= placed, "{done:?}");
    assert!(matches!(db.get(placed - 2), Err(Error::Dropped { .. })));
    let first = done.earliest;
    db.append_json(&numbered(99)).unwrap();
    db.seal().unwrap();
    segment(&db, 2);
    days(&disk, 60);
    drop(db);
    let db = open(&disk.restart());
    let done = retain(&db);
    assert_eq!((done.earliest, held(&done)), (first, vec![(first, vec![id.clone()])]));
    sound(&db);
    // Who placed it is known, too.
    assert!(db.release_hold(&id, "settled", &Actor::named("ANNA").unwrap()).is_err());
    db.release_hold(&id, "settled", &bert()).unwrap();
    assert!(retain(&db).earliest > first);
    sound(&db);
}

#[test]
fn when_in_doubt_a_segment_is_held() {
    let (disk, db, ends) = grown();
    db.place_hold(&query("attributes.n:4711"), "a suit", &anna()).unwrap();
    days(&disk, 60);
    let path = names(&disk, "segments")[1].clone();
    let mut bytes = disk.contents(&path).unwrap();
    // In the text of the second segment, of which the ends are read all the same.
    let middle = bytes.len() / 6;
    bytes[middle] ^= 1;
    assert!(disk.overwrite(&path, &bytes));
    let done = retain(&db);
    assert_eq!(firsts(&done), [0]);
    assert!(done.unreadable.is_some() || done.kept[0].doubt.is_some(), "{done:?}");
    assert_eq!(done.earliest, ends[0]);
}

#[test]
fn what_cannot_be_a_hold_is_refused() {
    let (_disk, db, _) = grown();
    let len = db.len().unwrap();
    let refused = |what: &HeldRecords, reason: &str, words: &str| {
        let error = db.place_hold(what, reason, &anna()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&query("agnt:a"), "a suit", "agnt");
    refused(&query("  "), "a suit", "1 to 4096 bytes");
    refused(&query("agent:a"), " ", "a reason has");
    refused(&query("agent:a"), &"x".repeat(2049), "a reason has");
    refused(&HeldRecords::Seqs(len..=len + 5), "a suit", "no record to hold");
    #[expect(clippy::reversed_empty_ranges, reason = "what a caller may give")]
    refused(&HeldRecords::Seqs(5..=3), "a suit", "no record to hold");
    assert!(Actor::named(" ").is_err());
    assert!(matches!(
        db.release_hold("hold-1", "x", &bert()),
        Err(Error::NotFound { .. })
    ));
    // As many as every state can say in one line.
    let reason = "x".repeat(2000);
    let placed = (0..100).take_while(|_| db.place_hold(&query("agent:a"), &reason, &anna()).is_ok());
    let placed = placed.count();
    assert!((10..40).contains(&placed), "{placed}");
    let error = db.place_hold(&query("agent:a"), &reason, &anna()).unwrap_err();
    assert!(
        error.to_string().contains("release what is no longer needed"),
        "{error}"
    );
    assert!(matches!(
        db.release_hold("hold-", "x", &bert()),
        Err(Error::Ambiguous { .. })
    ));
    db.append_json(&numbered(1)).unwrap();
    sound(&db);
}
