//! Every byte of every authoritative file: whoever changes one, or cuts, lengthens, swaps, removes or copies a file, is
//! found, and the file is named.

mod oracle;

use auditdb::disk::{Disk, SimDisk};
use auditdb::{Database, Report, VerifyOptions};
use oracle::{DIR, Known, LOG, disk_with, files, plain, put};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that prove nothing, as `storage-format.md` lists them.
fn is_no_evidence(path: &Path) -> bool {
    let format = include_str!("../storage-format.md");
    // The secrets are not the log's, and prove nothing.
    let Ok(name) = path.strip_prefix(LOG) else { return true };
    let name = name.to_string_lossy().into_owned();
    let listed = format.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
    listed.is_some_and(|line| line.contains("| no evidence |"))
}

/// Two segments and a journal, and the machine not restarted since.
fn database() -> SimDisk {
    let disk = SimDisk::new(11);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    known.append_many(&db, 3).unwrap();
    known.append_many(&db, 4).unwrap();
    db.seal().unwrap();
    known.append_many(&db, 2).unwrap();
    db.seal().unwrap();
    known.append(&db).unwrap();
    known.append_many(&db, 2).unwrap();
    drop(db);
    disk
}

fn verify(disk: &SimDisk) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_at_with(DIR, &disk, &options).unwrap()
}

fn assert_named(report: &Report, path: &Path, what: &str) {
    assert!(
        report.faults.iter().any(|fault| fault.file == path),
        "{what} {}: {report}",
        path.display()
    );
}

fn evidence() -> Vec<(PathBuf, Vec<u8>)> {
    let found: Vec<_> = files(&database())
        .into_iter()
        .filter(|(path, _)| !is_no_evidence(path))
        .collect();
    assert!(found.len() >= 4, "{found:?}");
    found
}

#[test]
fn the_database_is_sound_before() {
    let report = verify(&database());
    assert!(report.is_sound(), "{report}");
}

#[test]
fn a_flipped_byte() {
    let disk = database();
    let mut flipped = 0;
    for (path, bytes) in evidence() {
        for (offset, byte) in bytes.iter().enumerate() {
            for mask in [0x01, 0x80, 0xFF] {
                disk.corrupt(&path, offset as u64, byte ^ mask);
                assert_named(
                    &verify(&disk),
                    &path,
                    &format!("byte {offset} xor {mask:#x} of {}", bytes.len()),
                );
                flipped += 1;
            }
            disk.corrupt(&path, offset as u64, *byte);
        }
    }
    assert!(verify(&disk).is_sound());
    assert!(flipped > 10_000, "{flipped}");
}

#[test]
fn a_cut_or_lengthened_file() {
    for (path, bytes) in evidence() {
        for len in 0..bytes.len() {
            let disk = database();
            put(&disk, &path, &bytes[..len]);
            let report = verify(&disk);
            assert!(!report.is_sound(), "{} cut to {len} of {}", path.display(), bytes.len());
            assert_named(&report, &path, &format!("cut to {len}"));
        }
        for extra in [&b"x"[..], b"\xFF\xFF", &[7; 600]] {
            let disk = database();
            put(&disk, &path, &[bytes.as_slice(), extra].concat());
            assert_named(&verify(&disk), &path, &format!("lengthened by {}", extra.len()));
        }
    }
}

#[test]
fn a_removed_swapped_or_copied_file() {
    let all = evidence();
    for (path, bytes) in &all {
        let disk = database();
        disk.remove_raw(path);
        let report = verify(&disk);
        // A checkpoint is a copy of what was given away: without it, nothing of the log is missing.
        let is_copy = path.to_string_lossy().contains("/checkpoints/");
        assert_eq!(report.is_sound(), is_copy, "{} removed: {report}", path.display());
        for (other, others) in all.iter().filter(|(other, others)| other != path && others != bytes) {
            let disk = database();
            put(&disk, path, others);
            put(&disk, other, bytes);
            assert!(
                !verify(&disk).is_sound(),
                "{} and {} swapped",
                path.display(),
                other.display()
            );
        }
        for name in [
            "00000000000000000099.jsonl.zst",
            "00000000000000000004.journal",
            "00000000000000000003.jsonl.zst",
            "copy",
        ] {
            let disk = database();
            let copy = path.with_file_name(name);
            put(&disk, &copy, bytes);
            // What others made of a checkpoint may lie beside it, and counts for nothing if no record names it.
            let is_beside = path.to_string_lossy().contains("/checkpoints/") && name.contains('.');
            assert_eq!(
                verify(&disk).is_sound(),
                is_beside,
                "{} copied to {name}",
                path.display()
            );
        }
    }
}

/// A segment of another log, of the same length and place.
#[test]
fn a_foreign_segment() {
    let disk = database();
    let other = SimDisk::new(12);
    let db = Database::create_with(DIR, Arc::new(other.clone()), plain()).unwrap();
    Known::default().append_many(&db, 7).unwrap();
    db.seal().unwrap();
    let path = PathBuf::from(LOG).join("segments/00000000000000000000.jsonl.zst");
    put(&disk, &path, &other.contents(&path).unwrap());
    assert_named(&verify(&disk), &path, "foreign");
}

/// Every fault is named, and not only the first.
#[test]
fn several_faults_at_once() {
    let all = evidence();
    let disk = disk_with(11, &files(&database()));
    let records: Vec<_> = all
        .iter()
        .filter(|(path, _)| {
            path.to_string_lossy().contains("/segments/") || path.to_string_lossy().contains("/journal/")
        })
        .collect();
    assert_eq!(records.len(), 3);
    for (path, bytes) in &records {
        disk.corrupt(path, 120, bytes[120] ^ 1);
    }
    let report = verify(&disk);
    for (path, _) in records {
        assert_named(&report, path, "one of several");
    }
}

#[test]
fn a_part_is_checked_alone() {
    let disk: Arc<dyn Disk> = Arc::new(database());
    let last = Database::verify_at_with(DIR, &disk, &VerifyOptions::default())
        .unwrap()
        .size
        .unwrap()
        - 1;
    let options = |seqs| VerifyOptions {
        seqs: Some(seqs),
        threads: Some(1),
        ..VerifyOptions::default()
    };
    let report = Database::verify_at_with(DIR, &disk, &options(0..2)).unwrap();
    assert!(report.is_sound() && report.segments == 1, "{report}");
    assert!(report.to_string().contains("only a part"));
    let report = Database::verify_at_with(DIR, &disk, &options(last..u64::MAX)).unwrap();
    assert!(
        report.is_sound() && report.segments == 0 && report.journals == 1,
        "{report}"
    );
}
