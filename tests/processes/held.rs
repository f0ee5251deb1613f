//! kill -9 of a process that places and releases holds all the time: what was acknowledged is in force, and the log is sound
//! after each.

use super::rounds::Rounds;
use super::{ANSWER, listen, part, record, small_segments, start};
use auditdb::disk::RealDisk;
use auditdb::{Actor, Database, HeldRecords};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many kills a database.
const KILLS: u64 = 8;

#[test]
fn kills_of_a_holder_lose_no_hold_and_bring_none_back() {
    let (mut rounds, mut acts) = (Rounds::new(24, 10), 0);
    while rounds.is_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap());
        let mut expected = BTreeSet::new();
        for _ in 0..KILLS {
            if !rounds.next() {
                break;
            }
            acts += killed_holder(&path, 15 + rounds.chance.below(120), &mut expected);
            let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
            assert!(report.is_sound(), "{report}");
        }
    }
    rounds.sum_up(&format!("{acts} acts"));
    assert!(acts > rounds.done(), "{acts} acts in {} rounds", rounds.done());
}

/// Has a process hold and release for so many milliseconds, and kills it; gives how many acts it acknowledged.
fn killed_holder(path: &Path, milliseconds: u64, expected: &mut BTreeSet<String>) -> u64 {
    let mut holder = start("held::the_holder", path);
    let listener = listen(&mut holder);
    std::thread::sleep(Duration::from_millis(milliseconds + 80));
    // SIGKILL.
    holder.kill().unwrap();
    holder.wait().unwrap();
    let said = listener.join().unwrap();
    let said: Vec<(&str, &str)> = said.iter().filter_map(|said| said.split_once(' ')).collect();
    let mut begun = None;
    for (act, id) in &said {
        match *act {
            "placed" => _ = expected.insert((*id).to_owned()),
            "released" => _ = expected.remove(*id),
            _ => begun = Some((*id).to_owned()),
        }
    }
    let found: BTreeSet<String> = holds(path);
    // One act may have come through without having been acknowledged.
    let differ: Vec<&String> = found.symmetric_difference(expected).collect();
    assert!(differ.len() <= 1, "{differ:?} of {found:?}, and {expected:?}");
    if let (Some(one), true) = (differ.first(), expected.len() > found.len()) {
        assert_eq!(Some(*one), begun.as_ref(), "{said:?}");
    }
    *expected = found;
    said.iter().filter(|(act, _)| *act != "releasing").count() as u64
}

/// What is in force, as a reader finds it and as the next writer does.
fn holds(path: &Path) -> BTreeSet<String> {
    let ids = |db: &Database| -> BTreeSet<String> { db.holds().unwrap().into_iter().map(|hold| hold.id).collect() };
    let read = ids(&Database::open_read_only(path).unwrap());
    let writer = Database::open_with(path, Arc::new(RealDisk), small_segments()).unwrap();
    assert_eq!(ids(&writer), read);
    writer.append_json(&record(1)).unwrap();
    assert_eq!(ids(&writer), read);
    read
}

/// The other process: places two, releases one, without end.
#[test]
fn the_holder() {
    let Some(path) = part() else { return };
    let db = Database::open_with(path, Arc::new(RealDisk), small_segments()).unwrap();
    let (anna, bert) = (Actor::named("anna").unwrap(), Actor::named("bert").unwrap());
    let query = HeldRecords::Query("attributes.n:7".to_owned());
    for number in 0.. {
        db.append_json(&record(number)).unwrap();
        println!("{ANSWER}placed {}", db.place_hold(&query, "a suit", &anna).unwrap());
        let placed = db.place_hold(&query, "another", &bert).unwrap();
        println!("{ANSWER}placed {placed}");
        for hold in db.holds().unwrap().into_iter().skip(2) {
            println!("{ANSWER}releasing {}", hold.id);
            let other = if hold.by == "anna" { &bert } else { &anna };
            db.release_hold(&hold.id, "settled", other).unwrap();
            println!("{ANSWER}released {}", hold.id);
        }
    }
}
