//! Databases of each format that was ever released, as files in `golden/`: every later version has to open them, read the
//! same records, go on writing where that was possible, and find the same damage. `format-1/judged.json` says what the
//! release that wrote them found.
//!
//! For a new format: `cargo test --test golden -- --ignored`, once; what is there is never written again.

#![expect(clippy::disallowed_methods, reason = "files of the repository")]

#[path = "oracle/mod.rs"]
mod oracle;

use auditdb::disk::{Disk, SimDisk};
use auditdb::{Database, Report, VerifyOptions};
use oracle::{DIR, LOG, disk_of_dir, numbered, plain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A database, what was done to it, and how it was judged then.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    database: String,
    damage: Option<Damage>,
    judged: Judged,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Damage {
    file: String,
    #[serde(flatten)]
    what: Harm,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Harm {
    /// One bit of that byte.
    Flip(usize),
    /// Everything from there on.
    Cut(usize),
    /// The file.
    Remove(bool),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Judged {
    logs: Vec<Log>,
    /// What an opening for writing says: `ok`, or the kind of its error.
    opening: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Log {
    log: String,
    size: Option<u64>,
    root: Option<String>,
    chain: Option<String>,
    signed: u64,
    epochs: u64,
    torn: usize,
    faults: Vec<Named>,
}

/// A fault: its kind, file, offset, first and last seq.
type Named = (String, String, Option<u64>, Option<(u64, u64)>);

/// All that a release wrote.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1")
}

fn load(database: &str) -> SimDisk {
    disk_of_dir(&golden().join(database))
}

fn harm(disk: &SimDisk, damage: &Damage) {
    let bytes = disk.contents(&damage.file).unwrap();
    match damage.what {
        Harm::Flip(at) => assert!(disk.corrupt(&damage.file, at as u64, bytes[at] ^ 0x10)),
        Harm::Cut(len) => assert!(disk.overwrite(&damage.file, &bytes[..len])),
        Harm::Remove(_) => assert!(disk.remove_raw(&damage.file)),
    }
}

fn kind(value: &impl std::fmt::Debug) -> String {
    let debug = format!("{value:?}");
    debug.split([' ', '(', '{']).next().unwrap().to_owned()
}

fn judge(disk: &SimDisk) -> Judged {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    let reports = Database::verify_logs_with(DIR, &shared, None, &[], &options).unwrap();
    let log = |report: &Report| Log {
        log: report.log.clone(),
        size: report.size,
        root: report.root.clone(),
        chain: report.chain.clone(),
        signed: report.signed,
        epochs: report.epochs,
        torn: report.torn.len(),
        faults: report
            .faults
            .iter()
            .map(|fault| {
                (
                    kind(&fault.what),
                    fault.file.display().to_string(),
                    fault.offset,
                    fault.seqs,
                )
            })
            .collect(),
    };
    let logs = reports.iter().map(log).collect();
    let opening = match Database::open_with(DIR, shared, plain()) {
        Ok(_) => "ok".to_owned(),
        Err(error) => kind(&error),
    };
    Judged { logs, opening }
}

/// The records' texts, one a line.
fn export(disk: &SimDisk) -> String {
    let db = Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap();
    let entries = db.records(..).unwrap();
    entries.map(|entry| entry.unwrap().text().to_owned() + "\n").collect()
}

fn cases() -> Vec<Case> {
    serde_json::from_slice(&std::fs::read(golden().join("judged.json")).unwrap()).unwrap()
}

#[test]
fn every_release_judges_them_as_the_one_that_wrote_them() {
    let cases = cases();
    assert!(cases.len() > 60);
    for case in cases {
        let disk = load(&case.database);
        if let Some(damage) = &case.damage {
            harm(&disk, damage);
        }
        assert_eq!(judge(&disk), case.judged, "{} {:?}", case.database, case.damage);
    }
}

#[test]
fn they_read_the_same_and_go_on() {
    for database in ["whole", "successor"] {
        let disk = load(database);
        let before = export(&disk);
        assert_eq!(
            before,
            std::fs::read_to_string(golden().join(format!("{database}.jsonl"))).unwrap()
        );
        let db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
        // A retry of a record of then is found, under its id and its source.
        let again = db.append_json(SENT_AGAIN).unwrap();
        assert!(
            again.seq < db.len().unwrap() - 1 || database == "successor",
            "{again:?}"
        );
        db.append_json(&numbered(1000)).unwrap();
        db.seal().unwrap();
        db.checkpoint().unwrap();
        assert!(db.verify().unwrap().is_sound());
        drop(db);
        assert!(export(&disk).starts_with(&before));
        assert!(judge(&disk).logs.iter().all(|log| log.faults.is_empty()));
    }
}

const SENT_AGAIN: &str = r#"{"agent":{"id":"emitter"},"kind":"decision","id":"019A2B3C-4D5E-7F60-8A1B-2C3D4E5F6071","source":{"id":"s","boot":"b","number":7}}"#;

/// One of everything that a record can be.
fn varied(db: &Database) {
    db.append_json(SENT_AGAIN).unwrap();
    let other = SENT_AGAIN.replace("\"decision\"", "\"action\"");
    let texts = [
        other,
        r#"{"agent":{"id":"a"},"kind":"definition","definition":{"type":"policy","id":"p","digest":"sha256:ab01","text":"never more than 15 %"}}"#.to_owned(),
        r#"{"agent":{"id":"a"},"kind":"decision","time":"1999-12-31T23:59:59.5+02:00","policies":[{"id":"p","digest":"sha256:ab01"}]}"#.to_owned(),
        "{ \"kind\" : \"message\", \"agent\": {\"id\": \"\u{e9}\\u00e9\"}, \"reasoning\": \"line\\nbreak\", \"attributes\": {\"n\": [1.50, null]} }".to_owned(),
        format!(r#"{{"agent":{{"id":"a"}},"kind":"retrieval","reasoning":"{}"}}"#, "long ".repeat(30_000)),
    ];
    for text in texts {
        db.append_json(&text).unwrap();
    }
}

fn whole() -> SimDisk {
    let disk = SimDisk::new(3);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    for number in 0..5 {
        db.append_json(&numbered(number)).unwrap();
    }
    db.checkpoint().unwrap();
    db.append_json(&numbered(5)).unwrap();
    db.seal().unwrap();
    varied(&db);
    db.seal().unwrap();
    db.rotate_key().unwrap();
    disk.advance(3_000_000_000);
    db.append_json(r#"{"agent":{"id":"a"},"kind":"decision","policies":[{"id":"p","digest":"sha256:ab01"}]}"#)
        .unwrap();
    // More than 256 records, so that the tree has a level.
    let many: Vec<String> = (100..380).map(numbered).collect();
    db.append_all_json(many.iter().map(String::as_str)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(6)).unwrap();
    // The power goes in the middle of an append.
    disk.stop_after(disk.op_count() + 1);
    let long = format!(
        r#"{{"agent":{{"id":"a"}},"kind":"decision","reasoning":"{}"}}"#,
        "cut ".repeat(900)
    );
    assert!(db.append_json(&long).is_err());
    drop(db);
    let is_torn = |disk: &SimDisk| judge(&disk.fork()).logs.iter().any(|log| log.torn > 0);
    let disk = disk.crash_states(100).into_iter().find(is_torn).unwrap();
    let db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    db.append_json(&numbered(8)).unwrap();
    db.checkpoint().unwrap();
    db.append_json(&numbered(9)).unwrap();
    drop(db);
    disk.restart()
}

fn successor() -> SimDisk {
    let disk = SimDisk::new(4);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    db.append_json(&numbered(0)).unwrap();
    drop(db);
    for path in disk.paths().iter().filter(|path| path.starts_with("/db.keys")) {
        disk.remove_raw(path);
    }
    let db = Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "the keys are lost").unwrap();
    db.append_json(&numbered(1)).unwrap();
    drop(db);
    disk.restart()
}

/// What can happen to a file: at its begin, in its middle, at its end.
fn damages(disk: &SimDisk) -> Vec<Damage> {
    let evidence = |path: &PathBuf| path.starts_with(LOG) && !path.ends_with("LOCK") && !path.ends_with("committed");
    let mut damages = Vec::new();
    for path in disk.paths().into_iter().filter(evidence) {
        let len = disk.contents(&path).unwrap().len();
        let file = path.display().to_string();
        let mut add = |what| {
            let file = file.clone();
            damages.push(Damage { file, what });
        };
        if len == 0 {
            continue;
        }
        [0, len / 3, 2 * len / 3, len - 1]
            .into_iter()
            .for_each(|at| add(Harm::Flip(at)));
        [len / 2, len - 1].into_iter().for_each(|to| add(Harm::Cut(to)));
        add(Harm::Remove(true));
    }
    damages
}

#[test]
#[ignore = "writes the files of a new format, once"]
fn write_the_golden_databases() {
    assert!(!golden().exists(), "what was released once is never written again");
    let mut cases = Vec::new();
    for (name, disk) in [("whole", whole()), ("successor", successor())] {
        for (path, bytes) in oracle::files(&disk) {
            let path = golden().join(name).join(path.strip_prefix("/").unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(golden().join(format!("{name}.jsonl")), export(&load(name))).unwrap();
        let damages = if name == "whole" {
            damages(&load(name))
        } else {
            Vec::new()
        };
        for damage in std::iter::once(None).chain(damages.into_iter().map(Some)) {
            let disk = load(name);
            if let Some(damage) = &damage {
                harm(&disk, damage);
            }
            let (database, judged) = (name.to_owned(), judge(&disk));
            cases.push(Case {
                database,
                damage,
                judged,
            });
        }
    }
    let lines: Vec<String> = cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    std::fs::write(golden().join("judged.json"), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}

/// The samples hold what they were made for.
#[test]
fn the_whole_one_has_one_of_everything() {
    let text = export(&load("whole"));
    let mut events: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        let behind = line
            .split_once("\"event\":{\"name\":\"")
            .map_or("", |(_, behind)| behind);
        *events.entry(behind.split('"').next().unwrap()).or_default() += 1;
    }
    for name in ["genesis", "state", "epoch", "key", "opened", "recovered"] {
        assert!(events.contains_key(name), "{name} of {events:?}");
    }
    for part in ["\"conflict\":", "\"salt\":", "\"parts\":", "\"kind\":\"part\""] {
        assert!(text.contains(part), "{part}");
    }
    let wrong = cases()
        .iter()
        .filter(|case| case.judged.logs.iter().any(|log| !log.faults.is_empty()))
        .count();
    assert!(wrong > 40, "{wrong}");
}
