//! What readers say when files are not as they should be: they give all that can be read, and what cannot be read is an
//! error and never silence.

#![expect(clippy::disallowed_methods, reason = "tests tamper with files")]

mod oracle;

use auditdb::{Database, Error, What};
use oracle::numbered;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A database with some records in frames of one, after `seals` seals of as many.
fn database(dir: &Path, seals: u64, count: u64) -> PathBuf {
    let path = dir.join("db");
    let db = Database::create(&path).unwrap();
    for round in 0..=seals {
        for number in 0..count {
            db.append_json(&numbered(round * count + number)).unwrap();
        }
        if round < seals {
            db.seal().unwrap();
        }
    }
    path
}

fn files(db: &Path, dir: &str) -> Vec<PathBuf> {
    let dir = db.join("logs/main").join(dir);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

fn the_journal(db: &Path) -> PathBuf {
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
    files(db, "journal").into_iter().find(is_journal).unwrap()
}

/// The seqs that a reader gets, and how many errors between and behind them.
fn read(db: &Path) -> (Vec<u64>, usize) {
    let reader = Database::open_read_only(db).unwrap();
    let (found, errors): (Vec<_>, Vec<_>) = reader.records(..).unwrap().partition(Result::is_ok);
    (
        found.into_iter().map(|entry| entry.unwrap().seq()).collect(),
        errors.len(),
    )
}

#[test]
fn damage_in_a_journal_ends_in_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 0, 8);
    let journal = the_journal(&path);
    let reader = Database::open_read_only(&path).unwrap();
    let is_fourth = |entry: &auditdb::Entry| oracle::number_of(entry) == Some(4);
    let fourth = reader
        .records(..)
        .unwrap()
        .map(Result::unwrap)
        .find(is_fourth)
        .unwrap()
        .seq();
    let text = std::fs::read(&journal).unwrap();
    let place = memchr::memmem::find(&text, b"\"n\":4").unwrap();
    let file = std::fs::File::options().write(true).open(&journal).unwrap();
    file.write_all_at(b"#", place as u64).unwrap();
    for without_hint in [false, true] {
        if without_hint {
            std::fs::remove_file(path.join("logs/main/committed")).unwrap();
        }
        let (seqs, errors) = read(&path);
        assert_eq!((seqs, errors), ((0..fourth).collect(), 1));
        let reader = Database::open_read_only(&path).unwrap();
        assert!(matches!(reader.len(), Err(Error::Damaged { .. })));
        assert!(matches!(reader.get(fourth + 2), Err(Error::Damaged { .. })));
        assert!(reader.status().unwrap().damage.is_some());
    }
}

#[test]
fn a_missing_segment_is_stepped_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 2, 3);
    let all = read(&path).0;
    let segments = files(&path, "segments");
    for removed in segments.iter().take(2) {
        let kept = std::fs::read(removed).unwrap();
        std::fs::remove_file(removed).unwrap();
        let (seqs, errors) = read(&path);
        assert_eq!(errors, 1, "{}", removed.display());
        assert!(seqs.len() < all.len() && seqs.last() == all.last(), "{seqs:?}");
        std::fs::write(removed, kept).unwrap();
    }
    assert_eq!(read(&path), (all, 0));
}

#[test]
fn a_reader_goes_on_with_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let writer = Database::create(&path).unwrap();
    let reader = Database::open_read_only(&path).unwrap();
    for number in 0..60 {
        let seq = writer.append_json(&numbered(number)).unwrap().seq;
        assert_eq!(oracle::number_of(&reader.get(seq).unwrap()), Some(number));
        assert_eq!(reader.len().unwrap(), seq + 1);
        if number % 20 == 19 {
            writer.seal().unwrap();
            assert_eq!(
                reader.records(..).unwrap().filter(Result::is_ok).count() as u64,
                reader.len().unwrap()
            );
        }
    }
}

/// An older hint hides records from readers; verify says so, and the next opening takes them in.
#[test]
fn an_old_hint_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 0, 3);
    let hint = path.join("logs/main/committed");
    let old = std::fs::read(&hint).unwrap();
    let db = Database::open(&path).unwrap();
    let last = db.append_json(&numbered(3)).unwrap().seq;
    drop(db);
    std::fs::write(&hint, old).unwrap();
    let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report}");
    // The log's own record of the opening came in the same frame.
    assert_eq!(
        report.unconfirmed.iter().map(|found| found.records).sum::<u64>(),
        2,
        "{report}"
    );
    let db = Database::open(&path).unwrap();
    assert_eq!(oracle::number_of(&db.get(last).unwrap()), Some(3));
}

#[test]
fn a_copy_may_have_lost_empty_directories() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 0, 3);
    for name in ["segments", "tree"] {
        std::fs::remove_dir(path.join("logs/main").join(name)).unwrap();
    }
    assert_eq!(read(&path).1, 0);
    assert!(
        Database::verify_at(&path, &auditdb::VerifyOptions::default())
            .unwrap()
            .is_sound()
    );
    let db = Database::open(&path).unwrap();
    db.append_json(&numbered(3)).unwrap();
    db.seal().unwrap();
}

#[test]
fn a_log_without_its_journals_is_damaged_and_not_absent() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 1, 3);
    std::fs::remove_dir_all(path.join("logs/main/journal")).unwrap();
    let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
    assert!(
        report.faults.iter().any(|fault| fault.what == What::Missing),
        "{report}"
    );
    assert!(matches!(Database::open(&path), Err(Error::Damaged { .. })));
}

/// A length says nothing about how much memory there is.
#[test]
fn hostile_lengths_are_no_allocations() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 1, 3);
    for file in [
        the_journal(&path),
        files(&path, "segments")[0].clone(),
        files(&path, "tree")[0].clone(),
    ] {
        let kept = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, &kept).unwrap();
        let sparse = std::fs::File::options().write(true).open(&file).unwrap();
        if sparse.set_len(kept.len() as u64 + (1 << 28)).is_err() {
            // This file system has no files of that size.
            continue;
        }
        sparse.write_all_at(b"#", kept.len() as u64 + (1 << 28) - 1).unwrap();
        let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
        assert!(report.faults.iter().any(|fault| fault.file == file), "{report}");
        std::fs::write(&file, &kept).unwrap();
    }
}

/// Something that is no file is named, and the rest is checked all the same.
#[test]
fn what_is_no_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), 1, 3);
    let journal = the_journal(&path);
    std::fs::remove_file(&journal).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &journal).unwrap();
    let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
    assert!(report.faults.iter().any(|fault| fault.file == journal), "{report}");
    assert_eq!(report.segments, 1);
}
