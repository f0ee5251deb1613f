//! Every question in a log of a million records.

use super::questions::{ALL, Asked, about, median};
use super::seal_and_index;
use auditdb::Database;
use auditdb::workforce::Workforce;
use std::path::Path;

/// So many records are asked about, one after the other.
const ASKED: usize = 21;

/// How long a person waits without noticing.
const GOAL: &str = "<= 100 ms";

pub(crate) fn run(dir: &Path) {
    let given = std::env::var("AUDITDB_BENCH_LONG").ok();
    let records: usize = match given.and_then(|given| given.parse().ok()) {
        None | Some(0) => return,
        Some(1) => 1_000_000,
        Some(records) => records,
    };
    let db = Database::create(dir.join("long")).expect("a fresh directory");
    let asked = fill(&db, records);
    println!("\n| in {records} records | warm | goal |\n|---|---|---|");
    for question in &ALL {
        let time = median(&asked, |asked| (question.ask)(&db, asked));
        println!("| {} | {:.2} ms | {GOAL} |", question.what, time / 1e3);
    }
}

/// Appends so many records of the workforce, none of which is kept in memory; gives what to ask.
fn fill(db: &Database, records: usize) -> Vec<Asked> {
    let mut workforce = Workforce::new(1, 1_767_571_200_000_000_000).take(records);
    let (mut asked, mut done) = (Vec::new(), 0);
    loop {
        let texts: Vec<String> = workforce.by_ref().take(64).map(|entry| entry.json).collect();
        if texts.is_empty() {
            break;
        }
        done += texts.len();
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        if asked.len() < ASKED && done >= (asked.len() + 1) * (records / ASKED) {
            asked.extend(texts.iter().find_map(|text| about(text)));
        }
    }
    seal_and_index(db);
    asked
}
