//! Backups beside a writer in another process, which seals and indexes all the time; and backups that are killed at any
//! moment. Whatever was acknowledged before a backup began is in it; what a backup that was killed leaves can be restored, and
//! the next one goes on.

use super::rounds::Rounds;
use super::{ANSWER, answer, names, part, record, small_segments, start};
use auditdb::disk::RealDisk;
use auditdb::{BackupOptions, Database, Error, RestoreOptions, VerifyOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The other process: appends without end, and says what was acknowledged.
#[test]
fn the_appender() {
    let Some(path) = part() else { return };
    let db = Database::open_with(path, Arc::new(RealDisk), small_segments()).unwrap();
    for number in 0.. {
        let receipt = db.append_json(&record(number)).unwrap();
        println!("{ANSWER}{}", receipt.seq);
        // A log that grows without bounds would only make every look at it slow.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Another process: backs up, again and again.
#[test]
fn the_backup() {
    let Some(path) = part() else { return };
    let db = Database::open_read_only(&path).unwrap();
    loop {
        let done = db
            .backup(path.with_file_name("backup"), &BackupOptions::default())
            .unwrap();
        assert!(done.is_whole(), "{done:?}");
    }
}

/// Runs something beside a writer; it is told how to ask for the last seq that was acknowledged.
fn beside_a_writer(work: impl FnOnce(&Path, &dyn Fn() -> u64)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap());
    let mut writer = start("backed_up::the_appender", &path);
    let heard = BufReader::new(writer.stdout.take().unwrap());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&acknowledged);
    let listener = std::thread::spawn(move || {
        for line in heard.lines().map_while(Result::ok) {
            if let Some(seq) = answer(&line).and_then(|seq| seq.parse().ok()) {
                told.store(seq, Ordering::SeqCst);
            }
        }
    });
    while acknowledged.load(Ordering::SeqCst) < 20 {
        assert!(writer.try_wait().unwrap().is_none(), "the writer ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    work(&path, &|| acknowledged.load(Ordering::SeqCst));
    writer.kill().unwrap();
    writer.wait().unwrap();
    listener.join().unwrap();
}

fn sound(path: &Path) -> u64 {
    let report = Database::verify_at(path, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report}");
    report.size.unwrap()
}

/// What both have is the same.
fn same(backup: &Path, db: &Path) {
    let (backup, db) = (
        Database::open_read_only(backup).unwrap(),
        Database::open_read_only(db).unwrap(),
    );
    let mut theirs = db.records(..).unwrap();
    for entry in backup.records(..).unwrap() {
        assert_eq!(entry.unwrap().text(), theirs.next().unwrap().unwrap().text());
    }
}

#[test]
fn what_was_acknowledged_before_a_backup_is_in_it() {
    beside_a_writer(|path, acknowledged| {
        let backup = path.with_file_name("backup");
        let db = Database::open_read_only(path).unwrap();
        for _ in 0..40 {
            let before = acknowledged();
            let done = db.backup(&backup, &BackupOptions::default()).unwrap();
            assert!(done.is_whole(), "{done:?}");
            assert!(
                done.logs[0].size > before,
                "{} records, and {before} was acknowledged",
                done.logs[0].size
            );
            assert_eq!(sound(&backup), done.logs[0].size);
        }
        assert!(names(&backup, "segments").len() > 2);
        same(&backup, path);
        // Through the door: the log says how far it is backed up.
        let joined = Database::join(path).unwrap();
        assert!(joined.is_joined());
        let done = joined.backup(&backup, &BackupOptions::default()).unwrap();
        assert!(done.logs[0].recorded.is_some(), "{done:?}");
        assert_eq!(joined.backed_up().unwrap().unwrap().size, done.logs[0].size);
    });
}

#[test]
fn a_backup_that_is_killed_goes_on() {
    let (mut rounds, mut between) = (Rounds::new(30, 60), 0);
    while rounds.is_more() {
        beside_a_writer(|path, _| between += kill_some(path, &mut rounds));
    }
    rounds.sum_up(&format!("{between} left something unfinished"));
    assert!(rounds.done() < 30 || between > 0, "it never happened in between");
}

/// Kills backups of a database; gives how many left something that is not finished.
fn kill_some(path: &Path, rounds: &mut Rounds) -> u64 {
    let (backup, restored) = (path.with_file_name("backup"), path.with_file_name("restored"));
    let (mut size, mut between) = (0, 0);
    for round in 0..100 {
        if !rounds.next() {
            break;
        }
        let mut child = start("backed_up::the_backup", path);
        let _ = child.stdin.take().unwrap().flush();
        // The first must not be so early that there is nothing to see, nor so late that all is always done.
        std::thread::sleep(Duration::from_micros(3_000 + rounds.chance.below(60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let temporary = |name: &String| name.ends_with(".tmp");
        between += u64::from(names(&backup, "segments").iter().any(temporary) || names(&backup, "journal").len() > 1);
        let opened = Database::open_read_only(&backup).and_then(|db| db.len());
        match opened {
            Ok(now) => {
                assert!(now >= size, "round {round}: {now} records, and there were {size}");
                size = now;
            }
            Err(Error::NotADatabase { .. }) if size == 0 => continue,
            Err(error) => panic!("round {round}: {error}"),
        }
        if round % 10 == 9 {
            Database::restore(&backup, &restored, &RestoreOptions::default())
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert!(sound(&restored) >= size);
            same(&restored, path);
            #[expect(clippy::disallowed_methods, reason = "files of the test")]
            std::fs::remove_dir_all(&restored).unwrap();
        }
    }
    let db = Database::open_read_only(path).unwrap();
    let done = db.backup(&backup, &BackupOptions::default()).unwrap();
    assert!(done.is_whole(), "{done:?}");
    assert_eq!(sound(&backup), done.logs[0].size);
    same(&backup, path);
    between
}
