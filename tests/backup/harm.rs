//! Damage at either end: it is named, and nothing is taken for good that is not.

use super::*;

fn segment(path: &str, disk: &SimDisk, place: usize) -> PathBuf {
    Path::new(path)
        .join("logs/main/segments")
        .join(&names(disk, path, "segments")[place])
}

fn flip(disk: &SimDisk, path: &Path, offset: usize) {
    let byte = disk.contents(path).unwrap()[offset];
    assert!(disk.corrupt(path, offset as u64, byte ^ 0x10));
}

#[test]
fn a_segment_that_is_damaged_at_the_source_is_copied_and_named_until_it_is_mended() {
    let disk = filled(21);
    let healthy = disk.fork();
    flip(&disk, &segment(DIR, &disk, 1), 40);
    let done = back_up(&disk).unwrap();
    let log = &done.logs[0];
    assert!(!done.is_whole() && log.failed.is_none(), "{done:?}");
    assert_eq!(log.faults[0].file, segment(DIR, &disk, 1), "{:?}", log.faults);
    // All that can be read is there, also what stands behind it.
    let report = verify(&disk, TO);
    assert!(
        report.faults.iter().all(|fault| fault.file == segment(TO, &disk, 1)),
        "{report}"
    );
    assert_eq!(reading(&disk, TO).len().unwrap(), reading(&disk, DIR).len().unwrap());
    // It goes on being named.
    assert!(!back_up(&disk).unwrap().is_whole());
    assert!(matches!(restore(&disk), Err(Error::Damaged { .. })));
    let path = segment(DIR, &disk, 1);
    disk.overwrite(&path, &healthy.contents(&path).unwrap());
    let log = backed_up(&disk);
    assert_eq!(log.repaired.len(), 1, "{log:?}");
    same(&disk, TO);
}

/// What is only compared and not unpacked is looked at no less closely: each byte of a segment is covered by a checksum, or
/// follows from what is.
#[test]
fn no_byte_of_a_segment_is_damaged_unseen() {
    let disk = filled(31);
    let path = segment(DIR, &disk, 1);
    let len = disk.contents(&path).unwrap().len();
    for offset in 0..len {
        let disk = disk.fork();
        flip(&disk, &path, offset);
        let done = back_up(&disk).unwrap();
        let named = done.logs[0].faults.iter().any(|fault| fault.file == path);
        assert!(named, "byte {offset} of {len}: {done:?}");
    }
}

/// The log's tree is not the one of its records: they are right, and the tree is named.
#[test]
fn a_tree_that_is_damaged_at_the_source() {
    let disk = filled(32);
    let path = Path::new(DIR).join("logs/main/tree/0");
    flip(&disk, &path, 4 * 32 + 7);
    let done = back_up(&disk).unwrap();
    let files: Vec<&PathBuf> = done.logs[0].faults.iter().map(|fault| &fault.file).collect();
    assert_eq!(files, [&path], "{done:?}");
    sound(&disk, TO);
}

#[test]
fn a_segment_without_a_directory_that_can_be_read() {
    let disk = filled(22);
    let path = segment(DIR, &disk, 1);
    let len = disk.contents(&path).unwrap().len();
    flip(&disk, &path, len - 60);
    let done = back_up(&disk).unwrap();
    assert!(!done.is_whole() && done.logs[0].failed.is_none(), "{done:?}");
    assert_eq!(reading(&disk, TO).len().unwrap(), reading(&disk, DIR).len().unwrap());
}

#[test]
fn a_journal_that_is_damaged_at_the_source() {
    let disk = filled(23);
    let path = Path::new(DIR)
        .join("logs/main/journal")
        .join(&names(&disk, DIR, "journal")[0]);
    let len = disk.contents(&path).unwrap().len();
    flip(&disk, &path, len - 20);
    let done = back_up(&disk).unwrap();
    assert_eq!(done.logs[0].faults[0].file, path, "{done:?}");
    // What stands before it is a beginning of the log.
    assert!(sound(&disk, TO).size.unwrap() > 10);
}

#[test]
fn what_is_damaged_in_the_backup_is_copied_again_when_all_of_it_is_verified() {
    let disk = filled(24);
    backed_up(&disk);
    flip(&disk, &segment(TO, &disk, 0), 40);
    let all = BackupOptions {
        verify_all: true,
        ..options()
    };
    let done = reading(&disk, DIR).backup(TO, &all).unwrap();
    assert!(done.is_whole() && done.logs[0].repaired.len() == 1, "{done:?}");
    same(&disk, TO);
    // Missing.
    assert!(disk.remove_raw(segment(TO, &disk, 2)));
    let log = backed_up(&disk);
    assert!(log.repaired.len() == 1, "{log:?}");
    same(&disk, TO);
    // Both at once.
    flip(&disk, &segment(TO, &disk, 0), 40);
    flip(&disk, &segment(DIR, &disk, 0), 40);
    let done = reading(&disk, DIR).backup(TO, &all).unwrap();
    assert!(!done.is_whole(), "{done:?}");
}

#[test]
fn a_journal_that_is_damaged_in_the_backup_is_copied_again() {
    let disk = filled(25);
    backed_up(&disk);
    let path = Path::new(TO)
        .join("logs/main/journal")
        .join(&names(&disk, TO, "journal")[0]);
    flip(&disk, &path, 130);
    assert!(!verify(&disk, TO).is_sound());
    let log = backed_up(&disk);
    assert_eq!(log.repaired.len(), 1, "{log:?}");
    same(&disk, TO);
}

#[test]
fn a_backup_that_is_damaged_is_not_restored_and_the_file_is_named() {
    let disk = filled(26);
    backed_up(&disk);
    let whole = disk.restart();
    let files: Vec<PathBuf> = whole.paths().into_iter().filter(|path| path.starts_with(TO)).collect();
    let mut tried = 0;
    for path in files {
        let len = whole.contents(&path).unwrap().len();
        let name = path.display().to_string();
        // What is no evidence: the note says what the copy is for.
        if len == 0 || name.contains("/index/") || name.ends_with("copied") || name.ends_with("backup.lock") {
            continue;
        }
        for offset in (0..len).step_by(1.max(len / 7)) {
            let disk = whole.fork();
            flip(&disk, &path, offset);
            let before = oracle::files(&disk).len();
            let refused = restore(&disk).map(|_| ()).unwrap_err();
            let said = refused.to_string();
            assert!(
                said.contains(path.file_name().unwrap().to_str().unwrap()) || said.contains("journal"),
                "{name} at {offset}: {said}"
            );
            assert!(matches!(refused, Error::Damaged { .. }), "{name} at {offset}: {said}");
            assert_eq!(oracle::files(&disk).len(), before, "{name} at {offset}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn another_state_of_the_log_is_not_copied_over_the_one_that_is_there() {
    let old = filled(27);
    let disk = old.fork();
    let db = open(&disk);
    append(&db, 40..43);
    drop(db);
    backed_up(&disk);
    // Rolled back, then gone another way: with other lines, sealed or not, and with a log that is another one as a whole.
    let mut other: Vec<(SimDisk, &str)> = vec![(old.fork(), "an older state of it was put back")];
    let forked = old.fork();
    let db = open(&forked);
    append(&db, 60..64);
    drop(db);
    other.push((forked.fork(), "the log goes on in another way"));
    let db = open(&forked);
    db.seal().unwrap();
    append(&db, 70..71);
    drop(db);
    other.push((forked, "are others than were copied before"));
    other.push((filled(28), "another log is in this place"));
    for (source, words) in other {
        for (path, bytes) in oracle::files(&disk).iter().filter(|(path, _)| path.starts_with(TO)) {
            oracle::put(&source, path, bytes);
        }
        let before: Vec<_> = oracle::files(&source);
        let done = back_up(&source).unwrap();
        let failed = done.logs[0]
            .failed
            .as_ref()
            .unwrap_or_else(|| panic!("{words}: {done:?}"));
        assert!(
            matches!(failed, Error::Apart { .. }) && failed.to_string().contains(words),
            "{words}: {failed}"
        );
        let kept = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<(PathBuf, Vec<u8>)> {
            let temporary = |path: &Path| path.extension().is_some_and(|end| end == "tmp");
            files.into_iter().filter(|(path, _)| !temporary(path)).collect()
        };
        assert_eq!(kept(oracle::files(&source)), kept(before), "{words}");
    }
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() {
    let disk = filled(29);
    // Another database.
    let other = Database::create_with(TO, Arc::new(disk.clone()), plain()).unwrap();
    other.append_json(&numbered(1)).unwrap();
    drop(other);
    assert!(matches!(back_up(&disk), Err(Error::Exists { .. })));
    // The database itself, and a directory in it.
    for to in [DIR, "/db/backup", "/"] {
        let refused = reading(&disk, DIR).backup(to, &options());
        assert!(matches!(refused, Err(Error::Exists { .. })), "{to}");
    }
    let disk = filled(30);
    backed_up(&disk);
    oracle::put(&disk, Path::new("/restored/notes.txt"), b"mine");
    assert!(matches!(restore(&disk), Err(Error::Exists { .. })));
}
