//! How fast a backup is, as a ratio to `cp -r` and an fsync of every file, of the same database, in the same run: a first
//! backup, which is read back and verified as a whole, and one for which there is nothing new.
//!
//! `AUDITDB_BENCH_MEGABYTES` says how much text the database has (1,000).

#![expect(clippy::disallowed_methods, reason = "the baseline writes files of its own")]

mod corpus;
mod timing;

use auditdb::disk::RealDisk;
use auditdb::{BackupOptions, Database, Options, VerifyOptions};
use corpus::corpus;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use timing::{median, timed};

const ROUNDS: usize = 5;

fn main() {
    let megabytes = std::env::var("AUDITDB_BENCH_MEGABYTES")
        .ok()
        .and_then(|text| text.parse().ok());
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let dir = dir.path();
    let db = dir.join("db");
    fill(&db, megabytes.unwrap_or(1_000));
    let bytes = size(&db.join("logs"));
    println!(
        "{:.1} MB in {} segments",
        bytes as f64 / 1e6,
        files(&db.join("logs/main/segments")).len()
    );
    println!("| what | auditdb | baseline | ratio | goal |\n|---|---|---|---|---|");
    let (mut ours, mut theirs, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let to = dir.join(format!("cp-{round}"));
        theirs.push(timed(|| copy(&db, &to)));
        std::fs::remove_dir_all(to).expect("it was there");
        let to = dir.join(format!("backup-{round}"));
        ours.push(timed(|| backup(&db, &to)));
        again.push(timed(|| backup(&db, &to)));
        std::fs::remove_dir_all(to).expect("it was there");
    }
    let (ours, theirs, again) = (median(ours), median(theirs), median(again));
    let verified = median((0..ROUNDS).map(|_| timed(|| verify(&db))).collect());
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "| a first backup, verified | {:.0} MB/s | cp -r and fsync {:.0} MB/s | {:.2} | >= 0.7 |",
        rate(ours),
        rate(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
    let both = theirs + verified;
    println!(
        "| a first backup, verified | {:.0} ms | cp -r, fsync and then verify {:.0} ms | {:.2} | |",
        ours.as_secs_f64() * 1e3,
        both.as_secs_f64() * 1e3,
        both.as_secs_f64() / ours.as_secs_f64()
    );
    println!(
        "| a backup with nothing new | {:.1} ms | cp -r and fsync {:.1} ms | {:.1} | |",
        again.as_secs_f64() * 1e3,
        theirs.as_secs_f64() * 1e3,
        theirs.as_secs_f64() / again.as_secs_f64()
    );
}

fn verify(db: &Path) {
    let report = Database::verify_at(db, &VerifyOptions::default()).expect("it is there");
    assert!(report.is_sound(), "{report}");
}

fn backup(db: &Path, to: &Path) {
    let db = Database::open_read_only(db).expect("it is there");
    let done = db.backup(to, &BackupOptions::default()).expect("there is room");
    assert!(done.is_whole(), "{done:?}");
}

fn copy(db: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-r")
        .arg(db)
        .arg(to)
        .status()
        .expect("cp is there");
    assert!(copied.success());
    for file in files(to) {
        File::open(file)
            .and_then(|file| file.sync_all())
            .expect("it becomes durable");
    }
}

/// So much text, as different records.
fn fill(path: &Path, megabytes: usize) {
    let texts = corpus(20_000);
    let options = Options::default().index(false);
    let db = Database::create_with(path, Arc::new(RealDisk), options).expect("a fresh directory");
    let (mut written, mut round) = (0, 0);
    while written < megabytes * 1_000_000 {
        for texts in texts.chunks(1_000) {
            // Without ids and counts, which would make them retries of those of the first round.
            let other = |text: &String| {
                text.replacen("\"id\":\"0", &format!("\"x{round}\":\"0"), 1)
                    .replacen("\"source\"", "\"origin\"", 1)
            };
            let texts: Vec<String> = texts.iter().map(other).collect();
            written += texts.iter().map(String::len).sum::<usize>();
            db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        }
        round += 1;
    }
    db.seal().expect("it seals");
}

fn size(dir: &Path) -> u64 {
    files(dir)
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("it can be listed").flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}
