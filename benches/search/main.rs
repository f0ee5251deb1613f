//! Finding, as ratios to sqlite in the same run with the same texts; how its times grow with the log; a log of a thousand
//! segments; a process of its own for each question.
//!
//! `AUDITDB_CORPUS` names a JSON Lines file to use instead of the made-up workforce, `AUDITDB_BENCH_RECORDS` says how many
//! records (20,000). `AUDITDB_BENCH_LONG=1` adds every question in a log of a million records of the workforce; any greater
//! number is how many records that log has.

#[path = "../corpus/mod.rs"]
mod corpus;
mod growth;
mod long;
mod process;
mod questions;
mod segments;
mod sqlite;

use auditdb::Database;
use corpus::corpus;
use questions::{Asked, median};
use sqlite::Sqlite;
use std::path::Path;
use std::time::Instant;

fn main() {
    let count = std::env::var("AUDITDB_BENCH_RECORDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(20_000);
    let texts = corpus(count);
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} records, {:.1} MB", texts.len(), bytes as f64 / 1e6);
    println!("| what | auditdb | sqlite | ratio | goal |\n|---|---|---|---|---|");
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let (db, sqlite) = load(dir.path(), &texts);
    size(&db, &sqlite);
    let asked = questions::spread(&texts);
    ask(&db, &sqlite, &asked);
    println!("\n| what | auditdb | to compare | ratio | goal |\n|---|---|---|---|---|");
    growth::run(dir.path(), &db, &texts);
    process::run(&db, &asked);
    segments::run(dir.path());
    long::run(dir.path());
}

fn row(what: &str, ours: f64, unit: &str, theirs: f64, ratio: f64, goal: &str) {
    println!("| {what} | {ours:.1} {unit} | {theirs:.1} {unit} | {ratio:.2} | {goal} |");
}

/// Puts all records into both.
fn load(dir: &Path, texts: &[String]) -> (Database, Sqlite) {
    let started = Instant::now();
    let sqlite = Sqlite::load(&dir.join("sqlite"), texts);
    let theirs = texts.len() as f64 / started.elapsed().as_secs_f64();
    let db = Database::create(dir.join("auditdb")).expect("a fresh directory");
    let started = Instant::now();
    let acknowledged = texts.len() as f64 / append(&db, texts);
    seal_and_index(&db);
    let indexed = texts.len() as f64 / started.elapsed().as_secs_f64();
    let ratio = acknowledged / theirs;
    row("acknowledged, 64 a list", acknowledged, "/s", theirs, ratio, ">= 8");
    row("sealed and indexed", indexed, "/s", theirs, indexed / theirs, ">= 2");
    (db, sqlite)
}

/// Appends all, 64 a list; in how many seconds.
fn append(db: &Database, texts: &[String]) -> f64 {
    let started = Instant::now();
    for texts in texts.chunks(64) {
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
    }
    started.elapsed().as_secs_f64()
}

fn seal_and_index(db: &Database) {
    db.seal().expect("it seals");
    assert_eq!(db.wait_for_indexes(), None);
}

fn size(db: &Database, sqlite: &Sqlite) {
    let log = db.path().join("logs/main");
    let all: u64 = ["segments", "index", "tree", "checkpoints"]
        .iter()
        .flat_map(|name| std::fs::read_dir(log.join(name)).into_iter().flatten().flatten())
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    let (ours, theirs) = (all as f64 / 1e6, sqlite.bytes() as f64 / 1e6);
    row("segments, indexes, tree", ours, "MB", theirs, ours / theirs, "<= 0.28");
}

/// Every question, of both; a ratio over 1 says that auditdb is the quicker one.
fn ask(db: &Database, sqlite: &Sqlite, asked: &[Asked]) {
    for question in &questions::ALL {
        let ours = median(asked, |asked| (question.ask)(db, asked));
        match sqlite::answer(question.what) {
            Some(answer) => {
                let theirs = median(asked, |asked| answer(sqlite, asked));
                row(question.what, ours, "us", theirs, theirs / ours, question.goal);
            }
            None => println!("| {} | {ours:.1} us | | | {} |", question.what, question.goal),
        }
    }
}
