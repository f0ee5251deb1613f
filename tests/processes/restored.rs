//! kill -9 of a process that restores a backup, again and again. The backup has two logs and a policy. What is at the place that
//! it was restored to is whole and verified, or it is called unfinished and nobody writes to it, and the same once more brings it
//! to its end; the backup stays as it was, byte for byte.
//!
//! Every step of a restore in turn is cut in `tests/backup/power_cuts.rs`, on a simulated disk; this is the real one.

use super::rounds::{Chance, Rounds};
use super::{ANSWER, listen, part, record, small_segments, start};
use auditdb::disk::{Disk, Kind, RealDisk};
use auditdb::{BackupOptions, CopyKind, Database, Error, Fault, Options, RestoreOptions, VerifyOptions, What};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many kills a backup.
const KILLS: u64 = 50;

/// The log of some of the agents has another class.
const POLICY: &str = "[log.main]\nregion = \"eu\"\n\n[log.health]\nclass = \"health\"\nregion = \"eu\"\n\n[[route]]\nagent = \"a3\"\nlog = \"health\"\n";

const LOGS: [&str; 2] = ["main", "health"];

fn place(backup: &Path, number: u64) -> PathBuf {
    backup.with_file_name(format!("restored{number}"))
}

/// The other process: restores to one place after the other, and says what is done.
#[test]
fn the_restorer() {
    let Some(backup) = part() else { return };
    let mut first = String::new();
    std::io::stdin().lock().read_line(&mut first).unwrap();
    for number in first.trim().parse::<u64>().unwrap().. {
        println!("{ANSWER}restoring {number}");
        Database::restore(&backup, place(&backup, number), &RestoreOptions::default()).unwrap();
        println!("{ANSWER}restored {number}");
    }
}

#[test]
fn a_restore_that_is_killed_is_called_unfinished_and_goes_on() {
    let mut rounds = Rounds::new(40, 8);
    let (mut done, mut begun, mut between) = (0, 0, 0);
    while rounds.is_more() {
        let dir = tempfile::tempdir().unwrap();
        let backup = dir.path().join("backup");
        let records = a_backup(dir.path(), &backup);
        let before = files(&backup);
        let mut next = 0;
        for _ in 0..KILLS {
            if !rounds.next() {
                break;
            }
            let said = killed_restorer(&backup, next, &mut rounds.chance);
            for (what, number) in said {
                next = number + 1;
                let to = place(&backup, number);
                if what == "restored" {
                    whole(&to, &records);
                    remove(&to);
                    done += 1;
                }
            }
            assert!(files(&backup) == before, "the backup was changed");
            // The last one was cut short, or had just ended.
            let Some(last) = next
                .checked_sub(1)
                .map(|last| place(&backup, last))
                .filter(|last| last.exists())
            else {
                continue;
            };
            begun += 1;
            between += u64::from(finished(&last, &backup, &records));
            remove(&last);
            assert!(files(&backup) == before, "the backup was changed");
        }
    }
    rounds.sum_up(&format!(
        "{done} were acknowledged, {begun} had begun, of which {between} were unfinished"
    ));
    assert!(
        between > rounds.done() / 4,
        "{between} of {} kills left a restore unfinished",
        rounds.done()
    );
}

/// A backup of both logs, and the texts that are in it.
fn a_backup(dir: &Path, backup: &Path) -> BTreeMap<String, Vec<String>> {
    let path = dir.join("db");
    RealDisk.create_dir(&path).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a file of the test")]
    std::fs::write(path.join("auditdb.toml"), POLICY).unwrap();
    let db = Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap();
    for number in 0..150 {
        db.append_json(&record(number)).unwrap();
    }
    assert_eq!(db.wait_for_indexes(), None);
    db.checkpoint().unwrap();
    let done = db.backup(backup, &BackupOptions::default()).unwrap();
    assert!(done.is_whole() && done.logs.len() == 2, "{done:?}");
    drop(db);
    LOGS.iter().map(|log| ((*log).to_owned(), texts(backup, log))).collect()
}

/// The texts of a log's records; none if nothing of it has come yet.
fn texts(path: &Path, log: &str) -> Vec<String> {
    let db = match Database::open_log(path, log) {
        Err(Error::NotADatabase { .. }) => return Vec::new(),
        opened => opened.unwrap(),
    };
    let records = db.records(..).unwrap();
    records.map(|entry| entry.unwrap().text().to_owned()).collect()
}

/// Has a process restore to places from that number on, and kills it at some moment; gives what it said.
fn killed_restorer(backup: &Path, first: u64, chance: &mut Chance) -> Vec<(String, u64)> {
    let mut restorer = start("restored::the_restorer", backup);
    writeln!(restorer.stdin.take().unwrap(), "{first}").unwrap();
    let listener = listen(&mut restorer);
    if chance.below(2) == 0 {
        std::thread::sleep(Duration::from_millis(10) + Duration::from_micros(chance.below(250_000)));
    } else {
        // All is copied by then; it is verified, and the logs are called restored.
        let (policy, started) = (place(backup, first).join("auditdb.toml"), Instant::now());
        while !policy.exists() && started.elapsed() < Duration::from_secs(10) {
            assert!(restorer.try_wait().unwrap().is_none(), "the process ended by itself");
        }
        std::thread::sleep(Duration::from_micros(chance.below(60_000)));
    }
    // SIGKILL.
    restorer.kill().unwrap();
    restorer.wait().unwrap();
    let said = listener.join().unwrap();
    let parts = said.iter().map(|said| said.split_once(' ').unwrap());
    parts
        .map(|(what, number)| (what.to_owned(), number.parse().unwrap()))
        .collect()
}

/// Brings what was cut short to its end; gives whether it was.
fn finished(to: &Path, backup: &Path, records: &BTreeMap<String, Vec<String>>) -> bool {
    let kinds = LOGS.map(|log| kind(to, log));
    if kinds == [Some(CopyKind::Restored); 2] {
        whole(to, records);
        return false;
    }
    // Nobody writes to it, nor takes it for the log that it is to be, and who looks is told.
    for log in LOGS {
        let options = || Options::default().log(log);
        match (Database::open_with(to, Arc::new(RealDisk), options()), kind(to, log)) {
            (Err(Error::Copy { kind, .. }), Some(noted)) => assert_eq!(kind, noted),
            (Err(error @ (Error::NotADatabase { .. } | Error::NotFound { .. })), None) => drop(error),
            (opened, noted) => panic!("{opened:?}, {noted:?}"),
        }
        if kind(to, log) != Some(CopyKind::Restored) {
            Database::succeed_with(to, Arc::new(RealDisk), options(), "too early").unwrap_err();
        }
    }
    for report in Database::verify_logs(to, &[], &VerifyOptions::default()).unwrap_or_default() {
        // Of what has come nothing is damaged.
        let to_come = |fault: &Fault| fault.what == What::Missing && LOGS.iter().any(|log| fault.file.ends_with(log));
        assert!(report.faults.iter().all(to_come) || report.size == Some(0), "{report}");
        let told = report.to_string().contains("run `auditdb restore` again");
        assert_eq!(told, kind(to, &report.log) == Some(CopyKind::Restoring), "{report}");
        let all = &records[&report.log];
        assert!(all.starts_with(&texts(to, &report.log)), "{report}");
    }
    let restored = Database::restore(backup, to, &RestoreOptions::default()).unwrap_or_else(|error| {
        let there: Vec<PathBuf> = files(to).into_keys().collect();
        panic!("{error}: {kinds:?} {there:?}")
    });
    assert_eq!((restored.stopped, restored.gaps.len()), (false, 0));
    whole(to, records);
    true
}

/// All of it is there and verified, is only read, and is not restored once more.
fn whole(to: &Path, records: &BTreeMap<String, Vec<String>>) {
    let reports = Database::verify_logs(to, &[], &VerifyOptions::default()).unwrap();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert!(report.is_sound(), "{report}");
        assert_eq!(report.copy, Some(CopyKind::Restored), "{report}");
        assert!(texts(to, &report.log) == records[&report.log], "{report}");
    }
    assert_eq!(std::fs::read_to_string(to.join("auditdb.toml")).unwrap(), POLICY);
    let opened = Database::open(to);
    assert!(
        matches!(
            opened,
            Err(Error::Copy {
                kind: CopyKind::Restored,
                ..
            })
        ),
        "{opened:?}"
    );
}

/// What a log says that it is a copy for; nothing if it has no note yet.
fn kind(to: &Path, log: &str) -> Option<CopyKind> {
    let note = std::fs::read(to.join("logs").join(log).join("copied")).ok()?;
    let note: serde_json::Value = serde_json::from_slice(&note).unwrap();
    Some(match note["kind"].as_str().unwrap() {
        "restoring" => CopyKind::Restoring,
        "restored" => CopyKind::Restored,
        other => panic!("{other}"),
    })
}

/// All files below a directory, with their bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in RealDisk.list(dir).unwrap() {
        let path = dir.join(name);
        if RealDisk.stat(&path).unwrap().unwrap().kind == Kind::Dir {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "files of the test")]
fn remove(dir: &Path) {
    std::fs::remove_dir_all(dir).unwrap();
}
