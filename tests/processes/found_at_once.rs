//! A reader in another process finds a record right after its receipt, whatever the writer is at.

use super::{ANSWER, answer, ask, names, part, record, small_segments, start};
use auditdb::disk::RealDisk;
use auditdb::{Database, Query};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;

const RECORDS: u64 = 1_000;

#[test]
fn another_process_finds_a_record_right_after_its_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap();
    let mut reader = start("found_at_once::the_reader", &path);
    let (mut questions, answers) = (reader.stdin.take().unwrap(), reader.stdout.take().unwrap());
    let mut lines = BufReader::new(answers).lines().map(Result::unwrap);
    let (mut by_index, mut indexes) = (0, BTreeSet::new());
    for number in 0..RECORDS {
        let receipt = db.append_json(&record(number)).unwrap();
        writeln!(questions, "{number} {}", receipt.id()).unwrap();
        let said = lines.find_map(|line| answer(&line).map(str::to_owned));
        let said = said.expect("the reader is still there");
        let (found, pruned) = said.split_once(" pruned ").unwrap();
        let seq = receipt.seq;
        assert_eq!(found, format!("{seq} [{seq}] [{seq}]"), "record {number}");
        by_index += u64::from(pruned != "0");
        indexes.insert(names(&path, "index").len());
    }
    drop(questions);
    assert!(reader.wait().unwrap().success());
    // All the time segments were sealed and indexed, and the reader made use of that.
    assert!(indexes.len() > 24, "{indexes:?}");
    assert!(by_index > RECORDS / 2, "{by_index}");
    assert_eq!(db.wait_for_indexes(), None);
}

/// The other process: opens the database once, and answers what it is asked until nobody asks any more.
#[test]
fn the_reader() {
    let Some(path) = part() else { return };
    let db = Database::open_read_only(path).unwrap();
    for line in std::io::stdin().lines().map(Result::unwrap) {
        let (number, id) = line.split_once(' ').unwrap();
        let by_id = db.get(id).map(|entry| entry.seq());
        let (by_chain, _) = ask(&db, &Query::new().correlation(&format!("c{number}")));
        let (by_word, pruned) = ask(&db, &Query::new().text(&format!("now word{number}")));
        let by_id = by_id.map_or_else(|error| error.to_string(), |seq| seq.to_string());
        println!("{ANSWER}{by_id} {by_chain:?} {by_word:?} pruned {pruned}");
    }
}
