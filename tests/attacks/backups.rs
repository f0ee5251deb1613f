//! A backup that somebody prepared, to be restored: names that lead elsewhere, links, files too many, and what was changed
//! with all keys at hand. And what of a log's directory must never get into a backup.

use super::*;
use auditdb::{BackupOptions, RestoreOptions};
use std::fs;

/// A database on the real disk with a segment and a journal, and its backup.
struct Backed {
    dir: tempfile::TempDir,
}

impl Backed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::create(dir.path().join("db")).unwrap();
        for number in 0..5 {
            db.append_json(&numbered(number)).unwrap();
        }
        db.seal().unwrap();
        db.append_json(&numbered(5)).unwrap();
        db.checkpoint().unwrap();
        put_file(&dir.path().join("db/auditdb.toml"), b"# a policy\n");
        // While it is open for writing.
        let done = db.backup(dir.path().join("backup"), &BackupOptions::default()).unwrap();
        assert!(done.is_whole(), "{done:?}");
        drop(db);
        Backed { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn in_log(&self, name: &str) -> PathBuf {
        self.at("backup/logs/main").join(name)
    }

    /// Restores it, and nothing is there afterwards that anybody could take for a database.
    #[track_caller]
    fn refused(&self) -> String {
        let error = Database::restore(self.at("backup"), self.at("restored"), &RestoreOptions::default()).unwrap_err();
        let opened = Database::succeed(self.at("restored"), auditdb::Options::default(), "I insist");
        assert!(opened.is_err(), "{error}");
        error.to_string()
    }
}

#[expect(clippy::disallowed_methods, reason = "files of the test")]
fn put_file(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "files of the test")]
fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "files of the test")]
fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// The name of a file with its digits taken out.
fn form(path: &Path) -> String {
    let text = path.display().to_string();
    text.replace(|c: char| c.is_ascii_digit(), "")
}

#[test]
fn no_secret_lock_or_socket_is_in_a_backup() {
    let backed = Backed::new();
    let files = below(&backed.at("backup"));
    let mut forms: Vec<String> = files
        .iter()
        .map(|path| form(path.strip_prefix(backed.at("backup")).unwrap()))
        .collect();
    forms.dedup();
    let known = [
        "auditdb.toml",
        "backup.lock",
        "logs/main/checkpoints/",
        "logs/main/copied",
        "logs/main/index/.idx",
        "logs/main/journal/.journal",
        "logs/main/segments/.jsonl.zst",
        "logs/main/tree/",
    ];
    assert!(forms.iter().all(|form| known.contains(&form.as_str())), "{forms:?}");
    for needed in [
        "logs/main/segments/.jsonl.zst",
        "logs/main/journal/.journal",
        "logs/main/tree/",
        "auditdb.toml",
    ] {
        assert!(forms.iter().any(|form| form == needed), "{forms:?}");
    }
    let keys = below(&backed.at("db.keys"));
    assert!(keys.len() >= 3, "{keys:?}");
    let mut looked = 0;
    for key in keys {
        let secret = fs::read(&key).unwrap();
        // The seeds: of the key of checkpoints, and of the epoch.
        let seed = match key.extension().and_then(|end| end.to_str()) {
            Some("log") => &secret[28..60],
            Some("epoch") => &secret[36..68],
            _ => continue,
        };
        looked += 1;
        for file in &files {
            let bytes = fs::read(file).unwrap();
            assert!(!bytes.windows(32).any(|window| window == seed), "{}", file.display());
        }
        // And it is looked for in the right way.
        assert!(secret.windows(32).any(|window| window == seed));
    }
    assert_eq!(looked, 2);
}

#[cfg(unix)]
#[test]
fn links_in_a_backup_lead_nowhere() {
    use std::os::unix::fs::symlink;
    type Harm = fn(&Backed);
    let harms: [(&str, Harm); 8] = [
        ("logs", |backed| {
            rename(&backed.at("backup/logs"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.at("backup/logs")).unwrap();
        }),
        // Written to, if a backup were finished that says that it was cut short.
        ("tree", |backed| {
            rename(&backed.in_log("tree"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.in_log("tree")).unwrap();
        }),
        ("segments", |backed| {
            rename(&backed.in_log("segments"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.in_log("segments")).unwrap();
        }),
        ("checkpoints", |backed| {
            rename(&backed.in_log("checkpoints"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.in_log("checkpoints")).unwrap();
        }),
        ("main", |backed| {
            rename(&backed.at("backup/logs/main"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.at("backup/logs/main")).unwrap();
        }),
        (".jsonl.zst", |backed| {
            let segment = below(&backed.in_log("segments")).remove(0);
            rename(&segment, &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), segment).unwrap();
        }),
        ("tree/0", |backed| {
            rename(&backed.in_log("tree/0"), &backed.at("elsewhere"));
            symlink(backed.at("elsewhere"), backed.in_log("tree/0")).unwrap();
        }),
        ("auditdb.toml", |backed| {
            remove(&backed.at("backup/auditdb.toml"));
            symlink("/etc/passwd", backed.at("backup/auditdb.toml")).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let backed = Backed::new();
        harm(&backed);
        let said = backed.refused();
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn files_that_belong_nowhere_are_named_and_not_restored() {
    for name in [
        "logs/main/segments/x",
        "logs/main/journal/..hidden",
        "logs/main/x",
        "logs/main/tree/9",
        "logs/main/checkpoints/x",
        "logs/main/tombstones/x",
        "logs/Other/x",
        "logs/main/segments/00000000000000000001.jsonl.zst",
    ] {
        let backed = Backed::new();
        let path = backed.at("backup").join(name);
        #[expect(clippy::disallowed_methods, reason = "files of the test")]
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        put_file(&path, b"not mine");
        let said = backed.refused();
        let last = path.file_name().unwrap().to_str().unwrap();
        assert!(said.contains(last) || said.contains("logs/Other"), "{name}: {said}");
    }
    // Beside the logs nobody looks: it is not restored.
    let backed = Backed::new();
    put_file(&backed.at("backup/evil.sh"), b"#!/bin/sh\n");
    Database::restore(backed.at("backup"), backed.at("restored"), &RestoreOptions::default()).unwrap();
    assert!(!backed.at("restored/evil.sh").exists());
}

/// Who takes the note away has made an ordinary copy, which its keys do not know.
#[test]
fn a_backup_without_its_note_is_still_not_written() {
    let backed = Backed::new();
    remove(&backed.in_log("copied"));
    let refused = Database::open(backed.at("backup")).unwrap_err();
    assert!(matches!(refused, Error::NoKey { .. }), "{refused}");
    let options = auditdb::Options::default().keys(backed.at("db.keys"));
    let shared: Arc<dyn Disk> = Arc::new(auditdb::disk::RealDisk);
    let refused = Database::open_with(backed.at("backup"), shared, options).unwrap_err();
    assert!(matches!(refused, Error::Estranged { .. }), "{refused}");
}

/// A note that says nothing, or another thing, makes no backup writable and no restore complete.
#[test]
fn a_note_that_was_changed() {
    for text in ["", "{}", "{\"kind\":\"other\"}", "\u{0}"] {
        let backed = Backed::new();
        put_file(&backed.in_log("copied"), text.as_bytes());
        assert!(backed.refused().contains("copied"));
        assert!(
            Database::open(backed.at("backup"))
                .unwrap_err()
                .to_string()
                .contains("copied")
        );
    }
}

/// Records that were changed and signed anew with the keys of now, in a backup: what the epochs signed before tells.
#[test]
fn a_backup_that_was_written_anew_with_stolen_keys() {
    let disk = log();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = BackupOptions {
        threads: Some(1),
        ..BackupOptions::default()
    };
    assert!(reading(&disk).backup("/backup", &options).unwrap().is_whole());
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    edit(&mut lines, 3);
    fit(id, &mut lines, &|_| {});
    let forged = disk.fork();
    write(&forged, id, &lines);
    forger::reseal(&forged, &lines);
    let stolen = taken(&forged, LOG);
    remove_under(&disk, "/backup/logs/main/segments");
    for (path, bytes) in stolen
        .iter()
        .filter(|(path, _)| path.display().to_string().contains("/segments/"))
    {
        put(
            &disk,
            &Path::new("/backup/logs/main").join(path.strip_prefix(LOG).unwrap()),
            bytes,
        );
    }
    let restored = Database::restore_with("/backup", "/restored", &shared, &RestoreOptions::default());
    let said = restored.unwrap_err().to_string();
    assert!(said.contains(RE_SIGNED), "{said}");
}

/// A log whose records were changed and signed anew is copied as it is: its bytes and hashes fit. All of a backup verified tells.
#[test]
fn a_log_that_was_written_anew_before_it_was_backed_up() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    edit(&mut lines, 3);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    forger::reseal(&disk, &lines);
    let options = BackupOptions {
        threads: Some(1),
        verify_all: true,
        ..BackupOptions::default()
    };
    let done = reading(&disk).backup("/backup", &options).unwrap();
    let said: Vec<String> = done.logs[0].faults.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|fault| fault.contains(RE_SIGNED)), "{said:?}");
}
