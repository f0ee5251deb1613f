//! Backup and restore as a person uses them.

use super::{auditdb, err, expect, lines, out};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A database with two segments and a journal.
fn filled(dir: &Path) {
    expect(dir, &["init", "db"], "", 0);
    for round in 0..2 {
        expect(dir, &["append", "db"], &lines(round * 5..round * 5 + 5), 0);
        expect(dir, &["seal", "db"], "", 0);
    }
    expect(dir, &["append", "db"], &lines(10..12), 0);
}

/// The inode and the time of change of all files below a directory.
fn files(dir: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let (mut found, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                dirs.push(entry.path());
            } else {
                found.push((entry.path(), meta.ino(), meta.mtime(), meta.mtime_nsec()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn from_backup_to_a_successor() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let first = json(&out(&expect(dir, &["backup", "db", "--to", "backup", "--json"], "", 0)));
    assert!(
        first["whole"] == true && first["files"].as_u64() > Some(5) && first["bytes"].as_u64() > Some(1000),
        "{first}"
    );
    assert!(first["logs"][0]["recorded"].is_u64(), "{first}");
    assert!(out(&expect(dir, &["status", "db"], "", 0)).contains("backed up"));
    expect(dir, &["verify", "backup"], "", 0);
    for command in [
        ["query", "backup", "agent:a", "--json"],
        ["export", "backup", "--seq", "0..20"],
        ["tail", "backup", "-n", "3"],
    ] {
        expect(dir, &command, "", 0);
    }
    assert!(err(&expect(dir, &["append", "backup"], &lines(0..1), 2)).contains("is a backup and is never written"));
    assert!(err(&expect(dir, &["log", "succeed", "backup", "--reason", "no"], "", 2)).contains("auditdb restore"));
    // What was copied is not written again.
    let before = files(&dir.join("backup/logs/main/segments"));
    expect(dir, &["append", "db"], &lines(12..15), 0);
    expect(dir, &["seal", "db"], "", 0);
    let second = out(&expect(dir, &["backup", "db", "--to", "backup", "--verify-all"], "", 0));
    assert!(
        second.contains("main: ") && second.contains("copied to backup"),
        "{second}"
    );
    let after = files(&dir.join("backup/logs/main/segments"));
    assert!(before.iter().all(|file| after.contains(file)) && after.len() == before.len() + 1);
    // A checkpoint that is newer than the backup.
    expect(dir, &["append", "db"], &lines(15..18), 0);
    #[expect(clippy::disallowed_methods, reason = "files of the test")]
    std::fs::create_dir(dir.join("anchors")).unwrap();
    let checkpoint = out(&expect(dir, &["checkpoint", "db"], "", 0));
    put(&dir.join("anchors/newest"), &checkpoint);
    put(&dir.join("anchors/README"), "not a checkpoint\n");
    let restored = json(&out(&expect(
        dir,
        &["restore", "backup", "restored", "--against", "anchors", "--json"],
        "",
        0,
    )));
    let (size, gap) = (
        restored["logs"][0]["size"].as_u64().unwrap(),
        &restored["logs"][0]["gap"],
    );
    let newest: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(gap, &serde_json::json!([size, newest]), "{restored}");
    assert!(err(&expect(dir, &["append", "restored"], &lines(0..1), 2)).contains("log succeed"));
    assert!(err(&expect(dir, &["restore", "backup", "restored"], "", 2)).contains("already there"));
    expect(
        dir,
        &["log", "succeed", "restored", "--reason", "the disk is gone"],
        "",
        0,
    );
    let genesis = json(&out(&expect(dir, &["show", "restored", "main.2/0", "--json"], "", 0)));
    assert_eq!(genesis["event"]["predecessor"]["gap"]["to"], newest, "{genesis}");
    expect(dir, &["append", "restored"], &lines(0..1), 0);
    expect(dir, &["verify", "restored"], "", 0);
    assert!(err(&expect(dir, &["restore", "nowhere", "other"], "", 2)).contains("no database"));
}

#[expect(clippy::disallowed_methods, reason = "files of the test")]
fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn damage_is_a_no_at_either_end() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    expect(dir, &["backup", "db", "--to", "backup", "--no-record"], "", 0);
    let segment = |of: &str| files(&dir.join(of).join("logs/main/segments"))[0].0.clone();
    let damage = |path: &Path| {
        #[expect(clippy::disallowed_methods, reason = "files of the test")]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        bytes[50] ^= 1;
        #[expect(clippy::disallowed_methods, reason = "files of the test")]
        std::fs::write(path, bytes).unwrap();
    };
    damage(&segment("backup"));
    let refused = err(&expect(dir, &["restore", "backup", "restored"], "", 1));
    assert!(
        refused.contains(".jsonl.zst") && !dir.join("restored").exists(),
        "{refused}"
    );
    // The log mends its backup.
    assert!(out(&expect(dir, &["backup", "db", "--to", "backup", "--verify-all"], "", 0)).contains("copied again"));
    damage(&segment("db"));
    let said = out(&expect(dir, &["backup", "db", "--to", "other"], "", 1));
    assert!(said.contains("FAULT") && said.contains(".jsonl.zst"), "{said}");
    // Another database's backup.
    expect(dir, &["init", "db2"], "", 0);
    assert!(out(&auditdb(dir, &["backup", "db2", "--to", "backup"], "")).contains("NOT BACKED UP"));
    assert_eq!(
        auditdb(dir, &["backup", "db2", "--to", "backup"], "").status.code(),
        Some(1)
    );
}

#[test]
fn all_logs_are_in_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    put(
        &dir.join("db/auditdb.toml"),
        "[log.eu]\nregion = \"eu\"\n\n[[route]]\nregion = \"eu\"\nlog = \"eu\"\n",
    );
    let of = |region: &str| format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",\"region\":\"{region}\"}}\n");
    expect(dir, &["append", "db"], &(of("eu") + &of("us")), 0);
    expect(dir, &["seal", "db"], "", 0);
    let done = json(&out(&expect(dir, &["backup", "db", "--to", "backup", "--json"], "", 0)));
    let logs: Vec<&str> = done["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["log"].as_str().unwrap())
        .collect();
    assert_eq!(logs, ["main", "eu"], "{done}");
    assert!(
        done["logs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|log| log["recorded"].is_u64()),
        "{done}"
    );
    assert!(dir.join("backup/auditdb.toml").exists());
    expect(dir, &["verify", "backup"], "", 0);
    expect(dir, &["restore", "backup", "restored"], "", 0);
    expect(dir, &["verify", "restored"], "", 0);
    let found = out(&expect(dir, &["query", "restored", "agent:a", "--json"], "", 0));
    assert_eq!(found.lines().count(), 2);
}

#[test]
fn a_backup_that_follows() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let mut follower = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(["backup", "db", "--to", "backup", "--follow", "--json"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let count = |of: &str| {
        let status = auditdb(dir, &["export", of], "");
        out(&status).matches("\"n\":").count()
    };
    let until = |wanted: usize| {
        let started = Instant::now();
        while count("backup") < wanted {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{} of {wanted}",
                count("backup")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until(12);
    // What is not sealed comes after some seconds, what is sealed at once.
    expect(dir, &["append", "db"], &lines(12..14), 0);
    until(14);
    expect(dir, &["append", "db"], &lines(14..16), 0);
    expect(dir, &["seal", "db"], "", 0);
    until(16);
    let pid = rustix::process::Pid::from_raw(i32::try_from(follower.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = follower.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut follower.stdout.take().unwrap(), &mut said).unwrap();
    assert_eq!(ended.code(), Some(0), "{said}");
    let rounds: Vec<Value> = said.lines().map(json).collect();
    assert!(
        rounds.len() >= 3 && rounds.iter().all(|round| round["whole"] == true),
        "{said}"
    );
    expect(dir, &["verify", "backup"], "", 0);
}
