//! Finding across processes that are real ones: beside a writer that seals and indexes, and after one that was killed.
//!
//! The other process is this test binary once more, told by its environment which part it plays; so that its segments can be
//! smaller than the `auditdb` binary would ever make them.

#![cfg(feature = "search")]

mod backed_up;
mod found_at_once;
mod held;
mod killed;

use auditdb::{Database, Options, Order, Query};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// In the environment of the other process: where its database is.
const DATABASE: &str = "AUDITDB_TEST_DATABASE";

/// What stands before each line that is meant for the process that asked; the test harness prints lines of its own.
const ANSWER: &str = "answer: ";

/// Where the other process finds its database; in the process that runs the tests nobody plays a part.
fn part() -> Option<PathBuf> {
    std::env::var_os(DATABASE).map(PathBuf::from)
}

/// Starts the other process, which runs nothing but the test of that name.
fn start(test: &str, database: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"].map(OsStr::new))
        .env(DATABASE, database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What an answer says, if the line is one.
fn answer(line: &str) -> Option<&str> {
    line.split_once(ANSWER).map(|(_, answer)| answer)
}

/// Segments of a few dozen records.
fn small_segments() -> Options {
    Options::default()
        .seal_bytes(8 << 10)
        .block_bytes(2 << 10)
        .zero_ahead(false)
}

/// A record that can be found by its chain and by a word that no other has.
fn record(number: u64) -> String {
    format!(
        r#"{{"agent":{{"id":"a{}"}},"kind":"decision","correlation":"c{number}","reasoning":"now word{number} then","attributes":{{"n":{number}}}}}"#,
        number % 5
    )
}

/// The seqs of the records that fit, in order, and how many records an index ruled out.
fn ask(db: &Database, query: &Query) -> (Vec<u64>, u64) {
    let mut found = db.query(&query.clone().order(Order::Oldest)).unwrap();
    let seqs = found.by_ref().map(|entry| entry.unwrap().seq()).collect();
    assert!(!found.reach().is_partial(), "{:?}", found.reach());
    (seqs, found.reach().pruned)
}

/// The files in one of the log's directories.
fn names(database: &Path, dir: &str) -> Vec<String> {
    let listed = std::fs::read_dir(database.join("logs/main").join(dir));
    let names = listed.into_iter().flatten().flatten();
    let mut names: Vec<String> = names.filter_map(|file| file.file_name().into_string().ok()).collect();
    names.sort();
    names
}
