//! Another state, or another copy, of the directory than the one that the keys signed for.

#![expect(clippy::disallowed_methods, reason = "an intruder goes past the disk")]

use super::*;

#[test]
fn a_directory_rolled_back() {
    let disk = log();
    let old = taken(&disk, DIR);
    let db = open(&disk).unwrap();
    let before = db.len().unwrap();
    db.append_json(&numbered(100)).unwrap();
    db.checkpoint().unwrap();
    db.append_json(&numbered(101)).unwrap();
    let signed = db.len().unwrap() - 1;
    drop(db);
    put_back(&disk, DIR, &old);
    let refused = open(&disk).unwrap_err().to_string();
    let words = format!("it was rolled back: its keys have signed for {signed} records and {before} are there");
    assert!(
        refused.contains(&words) && refused.contains("was opened for nothing but reading"),
        "{refused}"
    );
    assert_eq!(reading(&disk).len().unwrap(), before);
    let recovered = Database::recover_with(DIR, Arc::new(disk.clone()), &plain());
    assert!(recovered.unwrap_err().to_string().contains(&words));
}

#[test]
fn a_directory_with_as_many_other_records() {
    let disk = log();
    let twin = disk.fork();
    let appended = |disk: &SimDisk, number: u64| {
        let db = open(disk).unwrap();
        db.append_json(&numbered(number)).unwrap();
        db.checkpoint().unwrap();
        db.len().unwrap()
    };
    let signed = appended(&disk, 100);
    assert_eq!(appended(&twin, 101), signed);
    put_back(&disk, DIR, &taken(&twin, DIR));
    is_not_seen(&verify(&disk));
    let refused = open(&disk).unwrap_err().to_string();
    let words = format!("it was forked: among its first {signed} records are others than its keys have signed for");
    assert!(refused.contains(&words), "{refused}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let to = to.join(path.file_name().unwrap());
        if kind.is_dir() {
            copy(&path, &to);
        } else if kind.is_file() {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

fn at(dir: &Path, keys: &Path) -> Result<Database, Error> {
    Database::open_with(dir, Arc::new(auditdb::disk::RealDisk), plain().keys(keys))
}

/// A log on the real disk, with its keys elsewhere, and a copy of its directory.
fn copied() -> (tempfile::TempDir, [PathBuf; 3]) {
    let temp = tempfile::tempdir().unwrap();
    let places = ["original", "copy", "keys"].map(|name| temp.path().join(name));
    let [original, to, keys] = &places;
    let options = plain().keys(keys);
    let db = Database::create_with(original, Arc::new(auditdb::disk::RealDisk), options).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    copy(original, to);
    (temp, places)
}

#[test]
fn a_copied_directory() {
    let (_temp, [original, copy, keys]) = copied();
    let adopt = |dir: &Path| Database::adopt(dir, plain().keys(&keys), "the disk was old");
    let refused = at(&copy, &keys).unwrap_err().to_string();
    let from = original.join("logs/main").canonicalize().unwrap();
    let words = format!(
        "it is a copy: the log was written at {} last, in another directory",
        from.display()
    );
    assert!(refused.contains(&words), "{refused}");
    // The original has gone on since: the copy cannot be taken back any more.
    let db = at(&original, &keys).unwrap();
    db.append_json(&numbered(2)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let refused = adopt(&copy).unwrap_err().to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    // With the same content it can, once, and that is on record; then the original is the copy.
    std::fs::remove_dir_all(&copy).unwrap();
    self::copy(&original, &copy);
    let db = adopt(&copy).unwrap();
    let last: Vec<String> = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    assert!(
        last.iter()
            .any(|line| event_name(line) == "adopted" && line.contains("the disk was old"))
    );
    drop(db);
    let refused = at(&original, &keys).unwrap_err().to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    drop(at(&copy, &keys).unwrap());
}

#[test]
fn a_copy_without_its_keys() {
    let (temp, [_, copy, _]) = copied();
    let refused = at(&copy, &temp.path().join("none")).unwrap_err().to_string();
    assert!(refused.contains("no secret key at"), "{refused}");
}

#[test]
fn a_copy_with_other_content_is_not_adopted() {
    let (_temp, [original, copy, keys]) = copied();
    let kept = std::fs::read(epoch_file(&keys)).unwrap();
    let write = |dir: &Path, number| {
        let db = at(dir, &keys).unwrap();
        db.append_json(&numbered(number)).unwrap();
        db.checkpoint().unwrap();
    };
    write(&original, 2);
    let newest = std::fs::read(epoch_file(&keys)).unwrap();
    // The copy was written with an older state of the keys, as on another machine.
    std::fs::write(epoch_file(&keys), kept).unwrap();
    let db = Database::adopt(&copy, plain().keys(&keys), "elsewhere").unwrap();
    db.append_json(&numbered(3)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    std::fs::write(epoch_file(&keys), newest).unwrap();
    let refused = Database::adopt(&copy, plain().keys(&keys), "back")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("it was forked"), "{refused}");
    drop(at(&original, &keys).unwrap());
}

/// Both are written by somebody at the same time, with the same keys: the second cannot begin while the first runs.
#[test]
fn two_live_copies_with_the_same_keys() {
    let (_temp, [original, copy, keys]) = copied();
    let db = at(&original, &keys).unwrap();
    let refused = Database::adopt(&copy, plain().keys(&keys), "it was moved").unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, Error::Locked { .. }), "{text}");
    assert!(
        text.contains("another process writes to this log") && text.contains(&keys.display().to_string()),
        "{text}"
    );
    db.append_json(&numbered(2)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let refused = Database::adopt(&copy, plain().keys(&keys), "it was moved")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    drop(at(&original, &keys).unwrap());
}

fn epoch_file(keys: &Path) -> PathBuf {
    let mut names = std::fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path());
    names
        .find(|path| path.extension().is_some_and(|end| end == "epoch"))
        .unwrap()
}
