//! A database that belongs to a group: every file and directory of it, whatever made it and whatever the umask.

use auditdb::disk::RealDisk;
use auditdb::{Database, Options};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

#[test]
fn everything_belongs_to_the_group_and_later_openings_keep_to_it() {
    let Some(group) = another_group() else {
        println!("skipped: this process is in one group only and may not give files to another");
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("db");
    let record = "{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\"}";
    let db = Database::create_with(&dir, Arc::new(RealDisk), Options::default().group(group)).unwrap();
    db.append_json(record).unwrap();
    drop(db);
    // Somebody who was told nothing of the group: a segment, the tree, a journal, the door, and what a recovery makes.
    let db = Database::open(&dir).unwrap();
    db.append_json(record).unwrap();
    db.seal().unwrap();
    check(&dir, group);
    drop(db);
    let tree = dir.join("logs/main/tree/0");
    #[expect(clippy::disallowed_methods, reason = "what an intruder does")]
    let tree = std::fs::OpenOptions::new().write(true).open(tree).unwrap();
    tree.set_len(5).unwrap();
    Database::recover(&dir).unwrap();
    assert!(dir.join("logs/main/damaged").is_dir());
    check(&dir, group);
}

#[test]
fn the_command_takes_a_name_or_a_number() {
    let temp = tempfile::tempdir().unwrap();
    let init = |name: &str, group: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
        command.current_dir(temp.path()).args(["init", name, "--group", group]);
        command.output().unwrap()
    };
    let unknown = init("a", "no-such-group-here");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("give its number"));
    assert!(!temp.path().join("a").exists());
    let own = rustix::process::getegid().as_raw();
    assert!(init("b", &own.to_string()).status.success());
    check(&temp.path().join("b"), own);
    let named = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let named = named.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&own.to_string().as_str())).then(|| fields[0].to_owned())
    });
    let Some(name) = named else {
        println!("skipped: this process's group has no name in /etc/group");
        return;
    };
    assert!(init("c", &name).status.success());
    check(&temp.path().join("c"), own);
}

/// A group that files may be given to and that is not this process's own: any for root, else one more that it is in.
fn another_group() -> Option<u32> {
    let own = rustix::process::getegid().as_raw();
    if rustix::process::geteuid().is_root() {
        return Some(own + 4_321);
    }
    let groups = rustix::process::getgroups().unwrap_or_default();
    groups.iter().map(|group| group.as_raw()).find(|group| *group != own)
}

fn check(dir: &Path, group: u32) {
    let mut all = vec![dir.to_owned()];
    let mut seen = 0;
    while let Some(path) = all.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!(meta.gid(), group, "{}", path.display());
        let mode = meta.permissions().mode();
        if meta.is_dir() {
            assert_eq!(mode & 0o7777, 0o2750, "{}", path.display());
            let inner = std::fs::read_dir(&path).unwrap();
            all.extend(inner.map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>());
        } else if meta.is_file() {
            assert_eq!(mode & !0o640 & 0o7777, 0, "{}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 8, "{seen}");
}
