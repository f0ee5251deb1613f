//! Across processes that are real ones: finding beside a writer that seals and indexes, and whatever a process was at when it
//! was killed (kill -9, on the real disk).
//!
//! The other process is this test binary once more, told by its environment which part it plays; so that its segments can be
//! smaller than the `auditdb` binary would ever make them.

#![cfg(feature = "search")]

#[path = "../oracle/later.rs"]
mod later;

mod anchored;
mod backed_up;
mod found_at_once;
mod held;
mod killed;
mod restored;
mod retained;
mod rounds;

use auditdb::{Database, Options, Order, Query};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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

/// Everything that a process answers until it is gone, in a thread of its own. A line that was cut in the pipe is none.
fn listen(process: &mut Child) -> JoinHandle<Vec<String>> {
    let mut heard = BufReader::new(process.stdout.take().unwrap());
    std::thread::spawn(move || {
        let (mut answers, mut line) = (Vec::new(), String::new());
        while heard.read_line(&mut line).is_ok_and(|read| read > 0) {
            answers.extend(line.strip_suffix('\n').and_then(answer).map(str::to_owned));
            line.clear();
        }
        answers
    })
}

/// Waits until so many steps were seen in the names of the files in these directories of the log.
fn after_steps(database: &Path, dirs: &[&str], steps: u64, process: &mut Child) {
    let listing = || -> Vec<Vec<String>> { dirs.iter().map(|dir| names(database, dir)).collect() };
    let (mut last, mut seen, started) = (listing(), 0, Instant::now());
    while seen < steps && started.elapsed() < Duration::from_secs(10) {
        assert!(process.try_wait().unwrap().is_none(), "the process ended by itself");
        let now = listing();
        seen += u64::from(now != last);
        last = now;
    }
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
