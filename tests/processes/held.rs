//! kill -9 of a process that places and releases holds all the time: what was acknowledged is in force, and the log is sound
//! after each. `AUDITDB_KILLS` says how many times (without it 24 times, or fewer in 10 seconds).

use super::{ANSWER, answer, part, record, small_segments, start};
use auditdb::disk::RealDisk;
use auditdb::{Actor, Database, HeldRecords};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many kills a database.
const KILLS: u64 = 8;

#[test]
fn kills_of_a_holder_lose_no_hold_and_bring_none_back() {
    let given = std::env::var("AUDITDB_KILLS")
        .ok()
        .and_then(|value| value.parse::<u64>().ok());
    let (kills, started) = (given.unwrap_or(24), Instant::now());
    let (mut done, mut acts) = (0, 0);
    while done < kills && (given.is_some() || started.elapsed() < Duration::from_secs(10)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap());
        let mut expected = BTreeSet::new();
        for round in 0..KILLS {
            acts += killed_holder(&path, 15 + (done * 37 + round * 53) % 120, &mut expected);
            let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
            assert!(report.is_sound(), "{report}");
            done += 1;
        }
    }
    assert!(acts > done, "{acts} acts in {done} rounds");
}

/// Has a process hold and release for so many milliseconds, and kills it; gives how many acts it acknowledged.
fn killed_holder(path: &Path, milliseconds: u64, expected: &mut BTreeSet<String>) -> u64 {
    let mut holder = start("held::the_holder", path);
    let heard = BufReader::new(holder.stdout.take().unwrap());
    let listener = std::thread::spawn(move || {
        let said = |line: String| {
            let (act, id) = answer(&line)?.split_once(' ')?;
            // The last line may have been cut in the pipe.
            (id.len() == 17).then(|| (act.to_owned(), id.to_owned()))
        };
        heard.lines().map_while(Result::ok).filter_map(said).collect::<Vec<_>>()
    });
    std::thread::sleep(Duration::from_millis(milliseconds + 80));
    // SIGKILL.
    holder.kill().unwrap();
    holder.wait().unwrap();
    let said = listener.join().unwrap();
    let mut begun = None;
    for (act, id) in &said {
        match act.as_str() {
            "placed" => _ = expected.insert(id.clone()),
            "released" => _ = expected.remove(id),
            _ => begun = Some(id.clone()),
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
    said.iter().filter(|(act, _)| act != "releasing").count() as u64
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
