//! kill -9 of a writer that seals and indexes all the time: whatever it was at, everything that it acknowledged is found,
//! with whatever indexes there are, and the next writer makes those that are missing.
//!
//! Every step of seal and indexing in turn is cut in `tests/power_cuts.rs`, on a simulated disk; this is the real one.

use super::rounds::{Chance, Rounds};
use super::{ANSWER, after_steps, ask, listen, names, part, record, small_segments, start};
use auditdb::disk::RealDisk;
use auditdb::{Database, Entry, Query};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many kills a database, so that each has few enough segments to be asked all of them after each.
const KILLS: u64 = 6;

/// What a record's receipt said: its number, seq and id.
type Receipts = Vec<(u64, u64, String)>;

#[test]
fn kills_between_the_steps_of_seal_and_indexing_hide_no_record() {
    let (mut rounds, mut between) = (Rounds::new(36, 15), 0);
    while rounds.is_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap());
        let mut all = Receipts::new();
        for round in 0..KILLS {
            if !rounds.next() {
                break;
            }
            let receipts = killed_writer(&path, round * 1_000_000, &mut rounds.chance);
            let (segments, indexes) = (names(&path, "segments").len(), names(&path, "index").len());
            let journals = names(&path, "journal")
                .iter()
                .filter(|name| name.ends_with(".journal"))
                .count();
            between += u64::from(segments > indexes || journals > 1);
            // As it was left, and then as the next writer leaves it.
            let reader = Database::open_read_only(&path).unwrap();
            all.extend(receipts.clone());
            check(&reader, &receipts, &all);
            drop(reader);
            let writer = Database::open_with(&path, Arc::new(RealDisk), small_segments()).unwrap();
            // A seal that was cut short is finished in the background.
            writer.seal().unwrap();
            assert_eq!(writer.wait_for_indexes(), None);
            check(&writer, &receipts, &all);
            all_indexed(&writer);
        }
        let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
        assert!(report.is_sound(), "{report}");
    }
    rounds.sum_up(&format!("{between} left a seal or an index unfinished"));
    // It did happen in between, and not only when everything was done.
    assert!(
        between > rounds.done() / 10,
        "{between} of {} kills left a seal or an index unfinished",
        rounds.done()
    );
}

/// The other process: appends without end, and says what was acknowledged.
#[test]
fn the_writer() {
    let Some(path) = part() else { return };
    let db = Database::open_with(path, Arc::new(RealDisk), small_segments()).unwrap();
    let mut first = String::new();
    std::io::stdin().read_line(&mut first).unwrap();
    for number in first.trim().parse::<u64>().unwrap().. {
        let receipt = db.append_json(&record(number)).unwrap();
        println!("{ANSWER}{number} {} {}", receipt.seq, receipt.id());
    }
}

/// Has records appended from that number on, and kills the writer at some moment.
fn killed_writer(path: &Path, first: u64, chance: &mut Chance) -> Receipts {
    let mut writer = start("killed::the_writer", path);
    writeln!(writer.stdin.take().unwrap(), "{first}").unwrap();
    let listener = listen(&mut writer);
    if chance.below(2) == 0 {
        std::thread::sleep(Duration::from_millis(20 + chance.below(150)));
    } else {
        let dirs = ["journal", "segments", "index", "tree", "checkpoints"];
        after_steps(path, &dirs, 1 + chance.below(60), &mut writer);
    }
    // SIGKILL.
    writer.kill().unwrap();
    writer.wait().unwrap();
    receipts(&listener.join().unwrap())
}

fn receipts(said: &[String]) -> Receipts {
    let receipt = |line: &String| {
        let parts: Vec<&str> = line.split(' ').collect();
        let [number, seq, id] = parts.as_slice() else {
            return None;
        };
        Some((number.parse().ok()?, seq.parse().ok()?, (*id).to_owned()))
    };
    said.iter().filter_map(receipt).collect()
}

/// What was acknowledged is found in every way, the newest first of all; and an index says what all records say.
fn check(db: &Database, newest: &Receipts, all: &Receipts) {
    let some = all.iter().step_by(17);
    for (number, seq, id) in newest.iter().rev().take(150).chain(some) {
        assert_eq!(db.get(id.as_str()).unwrap().seq(), *seq, "record {number} by its id");
        let (by_chain, _) = ask(db, &Query::new().correlation(&format!("c{number}")));
        assert_eq!(by_chain, [*seq], "record {number} by its chain");
        let (by_word, _) = ask(db, &Query::new().text(&format!("word{number}")));
        assert_eq!(by_word, [*seq], "record {number} by a word");
    }
    let records: BTreeMap<u64, Entry> = db
        .records(..)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| !entry.is_of_the_log())
        .map(|entry| (entry.seq(), entry))
        .collect();
    for (number, seq, id) in all {
        let entry = &records[seq];
        assert_eq!(
            (entry.id(), entry.text().contains(&format!("word{number} "))),
            (id.clone(), true)
        );
    }
    // Nobody looks at every record for these, where there is an index; the text of all records is held against them.
    for (query, part) in [
        ("agent:a3", r#""agent":{"id":"a3"}"#),
        ("\"now word1000004 then\"", "now word1000004 then"),
        ("kind:decision then", "then"),
    ] {
        let expected: Vec<u64> = records
            .iter()
            .filter(|(_, entry)| entry.text().contains(part))
            .map(|(seq, _)| *seq)
            .collect();
        assert_eq!(ask(db, &Query::parse(query).unwrap()).0, expected, "{query}");
    }
}

/// No segment had to be scanned.
fn all_indexed(db: &Database) {
    let mut found = db.query(&Query::new().agent("a1")).unwrap();
    found.by_ref().for_each(drop);
    assert_eq!(found.reach().unindexed, Vec::new());
}
