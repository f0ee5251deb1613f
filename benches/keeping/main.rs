//! What keeping costs, as ratios to baselines of the same run: leading records to their logs, opening a database of a
//! hundred logs, and dropping a hundred expired segments. `AUDITDB_BENCH_RECORDS` says how many records are led (20,000).

#![expect(clippy::disallowed_methods, reason = "a baseline reads and writes files of its own")]

#[path = "../corpus/mod.rs"]
mod corpus;
#[path = "../../tests/oracle/later.rs"]
mod later;

use auditdb::disk::{Disk, RealDisk, SimDisk};
use auditdb::{Class, Database, Options};
use corpus::corpus;
use later::Later;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let count = std::env::var("AUDITDB_BENCH_RECORDS")
        .ok()
        .and_then(|count| count.parse().ok());
    let texts = corpus(count.unwrap_or(20_000));
    println!("| what | auditdb | baseline | ratio | goal |\n|---|---|---|---|---|");
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    routing(dir.path(), &texts);
    a_hundred_logs(dir.path());
    a_hundred_segments(dir.path());
}

/// Twenty routes, of which the last one fits.
fn policy() -> String {
    let mut policy = "regions = [\"us\"]\n[log.main]\nregion = \"eu\"\n".to_owned();
    for route in 0..19 {
        policy +=
            &format!("[[route]]\nagent = [\"none-{route}-*\", \"*-{route}-none\"]\nsystem = \"crm\"\nlog = \"main\"\n");
    }
    policy + "[[route]]\nagent = \"*\"\nlog = \"main\"\n"
}

/// What leading a record costs, against what appending one takes: the same lists go by turns into a database with the policy and
/// into one without, and what counts is the median of what the one took more than the other.
fn routing(dir: &Path, texts: &[String]) {
    let in_memory = |policy: Option<&str>| {
        let disk = SimDisk::in_memory();
        disk.create_dir("/db".as_ref()).expect("a directory");
        if let Some(policy) = policy {
            disk.overwrite("/db/auditdb.toml", policy.as_bytes());
        }
        Database::create_with("/db", Arc::new(disk), Options::default().zero_ahead(false)).expect("it is new")
    };
    let taken = |db: &Database, some: &[String]| {
        let started = Instant::now();
        db.append_all_json(some.iter().map(String::as_str))
            .expect("it takes them");
        started.elapsed().as_secs_f64() / some.len() as f64
    };
    let (without, with) = (in_memory(None), in_memory(Some(&policy())));
    let mut more: Vec<f64> = Vec::new();
    for (turn, some) in texts.chunks(64).enumerate() {
        let (first, second) = if turn % 2 == 0 {
            (&without, &with)
        } else {
            (&with, &without)
        };
        let difference = -taken(first, some) + taken(second, some);
        more.push(if turn % 2 == 0 { difference } else { -difference });
    }
    more.sort_unstable_by(f64::total_cmp);
    let led = more[more.len() / 2];
    let db = Database::create(dir.join("single")).expect("a fresh directory");
    let mut times: Vec<Duration> = texts
        .iter()
        .take(1_000)
        .map(|text| {
            let started = Instant::now();
            db.append_json(text).expect("it takes it");
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let append = times[times.len() / 2].as_secs_f64();
    println!(
        "| leading a record by 20 routes | {:.2} us | append {:.0} us | {:.2} % | <= 2 % |",
        led * 1e6,
        append * 1e6,
        100.0 * led / append
    );
}

/// Opening a database of a hundred logs for writing, and its first append, against reading all of their files.
fn a_hundred_logs(dir: &Path) {
    let path = dir.join("hundred");
    std::fs::create_dir(&path).expect("a fresh directory");
    let regions: Vec<String> = (0..99).map(|number| format!("r{number}")).collect();
    std::fs::write(path.join("auditdb.toml"), format!("regions = {regions:?}")).expect("room for a policy");
    let text = |region: &str| format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",\"region\":\"{region}\"}}");
    let db = Database::create(&path).expect("it is new");
    for region in &regions {
        db.append_json(&text(region)).expect("it takes it");
    }
    drop(db);
    let before = memory();
    let started = Instant::now();
    let db = Database::open(&path).expect("it is there");
    let opened = started.elapsed();
    let started = Instant::now();
    assert_eq!(
        db.query(&auditdb::Query::parse("kind:decision").expect("a query"))
            .expect("it answers")
            .count(),
        99
    );
    let asked = started.elapsed();
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    for region in &regions {
        db.append_json(&text(region)).expect("it takes it");
    }
    let most = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let most_memory = memory();
    let started = Instant::now();
    let bytes = read_all(&path.join("logs"));
    let read = started.elapsed();
    println!(
        "| opening a database of 100 logs | {:.1} ms | reading its {bytes} bytes {:.1} ms | {:.1} ms more | <= 50 ms more |",
        opened.as_secs_f64() * 1e3,
        read.as_secs_f64() * 1e3,
        (opened.as_secs_f64() - read.as_secs_f64()) * 1e3
    );
    println!(
        "| the first question to all of them | {:.1} ms | reading {:.1} ms | {:.2} | |",
        asked.as_secs_f64() * 1e3,
        read.as_secs_f64() * 1e3,
        asked.as_secs_f64() / read.as_secs_f64()
    );
    println!("| threads with one log open, and after records went to all | {threads} | | {most} | bounded |");
    println!(
        "| memory after a question to all and a record in each | {:.1} MB | before it was opened {:.1} MB | | bounded |",
        most_memory / 1e6,
        before / 1e6
    );
}

/// What the process takes of memory, in bytes.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1024.0
}

fn read_all(path: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes += read_all(&path);
        } else if let Ok(content) = std::fs::read(&path) {
            bytes += content.len() as u64;
        }
    }
    bytes
}

/// Dropping a hundred segments whose time has passed, against removing as many files and making the directory durable.
fn a_hundred_segments(dir: &Path) {
    let disk = Later::default();
    let options = Options::default().class(Class::named("standard").expect("it is known"));
    let path = dir.join("expired");
    let db = Database::create_with(&path, Arc::new(disk.clone()), options).expect("it is new");
    let texts = corpus(4_000);
    for some in texts.chunks(40) {
        db.append_all_json(some.iter().map(String::as_str))
            .expect("it takes them");
        db.seal().expect("it seals");
    }
    let _ = db.wait_for_indexes();
    disk.skip(Duration::from_secs(400 * 24 * 3600));
    let started = Instant::now();
    let done = db.retain().expect("it drops");
    let dropped = started.elapsed();
    assert_eq!(done.dropped.len(), 100);
    let plain = dir.join("plain");
    std::fs::create_dir(&plain).expect("a fresh directory");
    for number in 0..100 {
        std::fs::write(plain.join(number.to_string()), vec![7; 20_000]).expect("room");
    }
    let started = Instant::now();
    for number in 0..100 {
        std::fs::remove_file(plain.join(number.to_string())).expect("it is there");
        RealDisk.sync_dir(&plain).expect("it becomes durable");
    }
    let removed = started.elapsed();
    println!(
        "| dropping 100 segments | {:.0} ms | removing 100 files durably {:.0} ms | {:.2} | <= 1,000 ms |",
        dropped.as_secs_f64() * 1e3,
        removed.as_secs_f64() * 1e3,
        dropped.as_secs_f64() / removed.as_secs_f64()
    );
}
