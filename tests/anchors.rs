//! Anchors in a directory and proofs beside checkpoints: what is written survives every power cut, an idle log is left alone,
//! and what stands in the policy's file stays as its user wrote it.

mod oracle;

use auditdb::disk::{Disk, Fault, SimDisk};
use auditdb::proof::SignedCheckpoint;
use auditdb::{Database, Error};
use oracle::{DIR, numbered, plain};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEPT: &str = "/kept";
const TO: &str = "dir:/kept";
const POLICY: &str = "/db/auditdb.toml";

fn open(disk: &SimDisk) -> Result<Database, Error> {
    Database::open_with(DIR, Arc::new(disk.clone()), plain())
}

fn create(disk: &SimDisk) -> Result<Database, Error> {
    Database::create_with(DIR, Arc::new(disk.clone()), plain())
}

fn kept(disk: &SimDisk) -> Vec<PathBuf> {
    disk.paths().into_iter().filter(|path| path.starts_with(KEPT)).collect()
}

fn read(disk: &SimDisk, path: &Path) -> Option<SignedCheckpoint> {
    SignedCheckpoint::parse(&disk.contents(path)?).ok()
}

/// Creates, anchors twice, attaches a proof; gives up at the first error. Notes what was acknowledged.
fn workload(disk: &SimDisk, done: &mut Vec<(u64, String)>) -> Result<(), Error> {
    let made = disk
        .create_dir(Path::new(KEPT))
        .and_then(|()| disk.sync_dir(Path::new("/")));
    if made.is_err() {
        return Ok(());
    }
    let db = create(disk)?;
    let anchored = |attempts: Vec<auditdb::AnchorAttempt>, done: &mut Vec<(u64, String)>| {
        for attempt in attempts {
            if let (None, Some(file)) = (attempt.error, attempt.file) {
                done.push((attempt.size, file));
            }
        }
    };
    db.append_json(&numbered(0))?;
    anchored(db.add_anchor(TO, None, None)?, done);
    db.append_json(&numbered(1))?;
    db.seal()?;
    anchored(db.anchor()?, done);
    let size = db.newest_checkpoint()?.unwrap().checkpoint().size();
    let attached = db.attach_proof("a.ots", Some(size), &[7; 1500])?;
    done.push((size, attached.file.unwrap()));
    Ok(())
}

/// What was acknowledged is there, nothing is where nothing was sealed, and it goes on.
fn survive(disk: &SimDisk, done: &[(u64, String)], context: &str) {
    for (size, file) in done {
        if file.ends_with(".ots") {
            let path = Path::new(oracle::LOG).join("checkpoints").join(file);
            assert_eq!(
                disk.contents(&path).as_deref(),
                Some(&[7; 1500][..]),
                "{context}: {file}"
            );
        } else {
            let signed = read(disk, &Path::new(KEPT).join(file));
            let found = signed.map(|signed| signed.checkpoint().size());
            assert_eq!(found, Some(*size), "{context}: {file}");
        }
    }
    let db = match open(disk) {
        Err(Error::NotADatabase { .. }) if done.is_empty() => return,
        opened => opened.unwrap_or_else(|error| panic!("{context}: {error}")),
    };
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{context}: {report}");
    // Every whole checkpoint there is one of this log.
    let all: Vec<SignedCheckpoint> = kept(disk).iter().filter_map(|path| read(disk, path)).collect();
    let mut options = auditdb::VerifyOptions::default();
    options.anchors.found = &all;
    let report = db.verify_with(&options).unwrap();
    assert!(report.is_sound(), "{context}: {report}");
    let _ = disk.create_dir(Path::new(KEPT));
    let again = db
        .add_anchor(TO, None, None)
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(again[0].error, None, "{context}");
    assert_eq!(db.anchored_to().unwrap(), again[0].size, "{context}");
    assert!(
        disk.contents(POLICY)
            .unwrap()
            .ends_with(b"[[anchor]]\nto = \"dir:/kept\"\n"),
        "{context}"
    );
}

#[test]
fn every_power_cut() {
    let whole = SimDisk::new(4);
    workload(&whole, &mut Vec::new()).unwrap();
    for at in 0..whole.op_count() {
        let disk = SimDisk::new(4);
        disk.stop_after(at);
        let mut done = Vec::new();
        let _ = workload(&disk, &mut done);
        for state in disk.crash_states(20) {
            survive(&state, &done, &format!("power cut after operation {at}"));
        }
    }
}

#[test]
fn every_error() {
    for fault in [Fault::Io, Fault::NoSpace, Fault::ShortWrite, Fault::SyncLost] {
        let whole = SimDisk::new(4);
        workload(&whole, &mut Vec::new()).unwrap();
        for at in 0..whole.op_count() {
            let disk = SimDisk::new(4);
            disk.inject(at, fault);
            let mut done = Vec::new();
            let _ = workload(&disk, &mut done);
            disk.clear_faults();
            survive(&disk.restart(), &done, &format!("{fault:?} at operation {at}, restart"));
            for state in disk.crash_states(10) {
                survive(&state, &done, &format!("{fault:?} at operation {at}, power cut"));
            }
        }
    }
}

fn a_log() -> (SimDisk, Database) {
    let disk = SimDisk::new(4);
    disk.create_dir(Path::new(KEPT)).unwrap();
    let db = create(&disk).unwrap();
    db.append_json(&numbered(0)).unwrap();
    (disk, db)
}

fn events(db: &Database) -> Vec<String> {
    let lines = db.records(..).unwrap().map(|entry| entry.unwrap().text().to_owned());
    lines
        .filter(|line| line.contains("\"event\":{\"name\":\"anchor\""))
        .collect()
}

#[test]
fn each_attempt_is_a_record_and_an_idle_log_signs_nothing_new() {
    let (disk, db) = a_log();
    db.add_anchor(TO, None, None).unwrap();
    let signed = kept(&disk);
    assert_eq!((signed.len(), events(&db).len()), (1, 1));
    // What the log has said since is about itself.
    for round in 2..5 {
        assert_eq!(db.anchor().unwrap()[0].error, None);
        assert_eq!((kept(&disk), events(&db).len()), (signed.clone(), round));
    }
    db.append_json(&numbered(1)).unwrap();
    db.anchor().unwrap();
    assert_eq!(kept(&disk).len(), 2);
    // Also over an opening.
    drop(db);
    let db = open(&disk).unwrap();
    db.anchor().unwrap();
    assert_eq!(kept(&disk).len(), 2);
    let last = events(&db).pop().unwrap();
    for words in [
        "\"did\":\"anchored\"",
        "\"to\":\"dir:/kept\"",
        "\"size\":",
        "\"root\":",
        ".checkpoint\"",
    ] {
        assert!(last.contains(words), "{last}");
    }
}

#[test]
fn what_is_gone_from_the_directory_proves_nothing() {
    let (disk, db) = a_log();
    db.add_anchor(TO, None, None).unwrap();
    let away: Vec<_> = kept(&disk);
    for path in &away {
        disk.remove_raw(path);
    }
    let standing = db.anchors().unwrap();
    assert_eq!((standing[0].proven, standing[0].size > 0), (Some(0), true));
    assert_eq!(db.anchored_to().unwrap(), 0);
    db.anchor().unwrap();
    assert_eq!(db.anchored_to().unwrap(), db.anchors().unwrap()[0].size);
}

#[test]
fn what_cannot_be_a_target_changes_nothing() {
    let (disk, db) = a_log();
    let size = db.len().unwrap();
    for (to, words) in [
        ("dir:/missing", "it is no directory"),
        ("dir:/db/logs", "within the database"),
        ("dir:kept", "absolute"),
        ("elsewhere", "dir:PATH, witness:URL or tsa:URL"),
        ("witness:http://127.0.0.1:1", "needs its vkey"),
    ] {
        let error = db.add_anchor(to, None, None).unwrap_err().to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
    assert_eq!((db.len().unwrap(), disk.contents(POLICY)), (size, None));
}

#[test]
fn the_policy_stays_as_its_user_wrote_it() {
    let (disk, db) = a_log();
    let written = "# mine\nregions = [ \"eu\" ]  # and here\n\n[[anchor]]\nto = \"dir:/elsewhere\" # the other one\nlog = [\"x\"]";
    oracle::put(&disk, Path::new(POLICY), written.as_bytes());
    db.add_anchor(TO, None, None).unwrap();
    let now = String::from_utf8(disk.contents(POLICY).unwrap()).unwrap();
    assert_eq!(now, format!("{written}\n\n[[anchor]]\nto = \"dir:/kept\"\n"));
    db.add_anchor(TO, None, None).unwrap();
    assert_eq!(disk.contents(POLICY).unwrap(), now.as_bytes(), "once is enough");
    oracle::put(&disk, Path::new(POLICY), b"[[anchor]]\nto = 7\n");
    let error = db.add_anchor(TO, None, None).unwrap_err().to_string();
    assert!(
        error.contains("auditdb.toml") && error.contains("line 2, column 6"),
        "{error}"
    );
}

#[test]
fn nothing_in_the_directory_is_overwritten() {
    let (disk, db) = a_log();
    db.add_anchor(TO, None, None).unwrap();
    let path = kept(&disk).pop().unwrap();
    let whole = disk.contents(&path).unwrap();
    // What a crash leaves of a file.
    let cut = &whole[..10];
    oracle::put(&disk, &path, cut);
    assert_eq!(db.anchor().unwrap()[0].error, None);
    assert_eq!(disk.contents(&path).unwrap(), cut);
    let second = kept(&disk).into_iter().find(|other| *other != path).unwrap();
    assert_eq!(disk.contents(&second).unwrap(), whole);
    assert!(
        second.to_str().unwrap().ends_with(".1.checkpoint"),
        "{}",
        second.display()
    );
}

#[test]
fn a_proof_finds_its_checkpoint() {
    let (disk, db) = a_log();
    db.checkpoint().unwrap();
    db.append_json(&numbered(1)).unwrap();
    let second = db.checkpoint().unwrap();
    let digest: [u8; 32] = sha256(second.to_string().as_bytes());
    let proof = [&b"\x00OpenTimestamps\x00\x00Proof"[..], &digest, b"rest"].concat();
    let attached = db.attach_proof("c.ots", None, &proof).unwrap();
    let size = second.checkpoint().size();
    assert_eq!(
        (attached.size, attached.file),
        (size, Some(format!("{size:020}.c.ots")))
    );
    // The same once more is the same.
    db.attach_proof("c.ots", None, &proof).unwrap();
    let other = [&proof[..], b"x"].concat();
    assert!(matches!(
        db.attach_proof("c.ots", None, &other),
        Err(Error::Exists { .. })
    ));
    for (name, size, words) in [
        ("d.ots", None, "no checkpoint that is stored"),
        ("../d", Some(size), "the name has to be"),
        ("d.tmp", Some(size), "the name has to be"),
        ("", Some(size), "the name has to be"),
        ("d.ots", Some(size + 1), "reading"),
    ] {
        let error = db.attach_proof(name, size, b"something").unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    assert!(db.verify().unwrap().is_sound());
    drop(db);
    assert!(open(&disk).unwrap().verify().unwrap().is_sound());
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// A log with its own threads anchors each segment by itself, and starts no thread where there is nothing to do.
#[test]
fn a_segment_is_anchored_by_itself() {
    let temporary = tempfile::tempdir().unwrap();
    let (dir, kept) = (temporary.path().join("db"), temporary.path().join("kept"));
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").ok()?;
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        Some(names.filter(|name| name.starts_with("auditdb-anchor")).count())
    };
    let db = Database::create(&dir).unwrap();
    db.append_json(&numbered(0)).unwrap();
    db.seal().unwrap();
    assert!(threads().is_none_or(|count| count == 0));
    auditdb::disk::RealDisk.create_dir(&kept).unwrap();
    db.add_anchor(&format!("dir:{}", kept.display()), None, None).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.seal().unwrap();
    let end = db.newest_checkpoint().unwrap().unwrap().checkpoint().size();
    let patience = std::time::Instant::now();
    while db.anchored_to().unwrap() < end {
        assert!(patience.elapsed().as_secs() < 30, "{:?}", db.anchors());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let status = db.status().unwrap();
    assert!(status.anchors[0].age_seconds.is_some_and(|age| age < 60) && status.anchors[0].error.is_none());
    drop(db);
    // Everything lets go, so that the next one can open it.
    assert!(Database::open(&dir).unwrap().verify().unwrap().is_sound());
}
