//! kill -9 of a process that appends and anchors in a directory all the time. The directory is a slow one, as a share of another
//! host is: a checkpoint comes to it piece by piece, and some are cut short. Whatever the process was at, the log is sound; every
//! anchor that was acknowledged is there, whole, and the log fits it; what was cut short is taken for nothing that somebody
//! forged, stays as it is, and hinders nothing.
//!
//! Every step of anchoring in turn is cut in `tests/anchors.rs`, on a simulated disk; this is the real one.

use super::later::Later;
use super::rounds::{Chance, Rounds};
use super::{ANSWER, listen, part, record, small_segments, start};
use auditdb::disk::{Disk, RealDisk};
use auditdb::proof::SignedCheckpoint;
use auditdb::{Database, VerifyOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many kills a database.
const KILLS: u64 = 20;

/// Where checkpoints go.
fn target(path: &Path) -> PathBuf {
    path.with_file_name("kept")
}

/// The other process: appends and anchors without end, and says what was anchored.
#[test]
fn the_anchorer() {
    let Some(path) = part() else { return };
    let disk = Later::slow_in(&target(&path));
    let db = Database::open_with(path, Arc::new(disk), small_segments()).unwrap();
    for number in 0.. {
        let seq = db.append_json(&record(number)).unwrap().seq;
        for attempt in db.anchor().unwrap() {
            assert_eq!(attempt.error, None);
            println!("{ANSWER}{seq} {} {}", attempt.size, attempt.file.unwrap());
        }
    }
}

#[test]
fn kills_of_anchoring_lose_no_anchor_and_leave_nothing_that_looks_forged() {
    let mut rounds = Rounds::new(40, 8);
    let (mut cut, mut unheard, mut acknowledged) = (0, 0, 0);
    while rounds.is_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let kept = target(&path);
        RealDisk.create_dir(&kept).unwrap();
        let db = Database::create_with(&path, Arc::new(RealDisk), small_segments()).unwrap();
        db.append_json(&record(0)).unwrap();
        let to = format!("dir:{}", kept.display());
        assert_eq!(db.add_anchor(&to, None, None).unwrap()[0].error, None);
        drop(db);
        let mut known = Known::default();
        for _ in 0..KILLS {
            if !rounds.next() {
                break;
            }
            let before = known.files.len();
            let heard = killed_anchorer(&path, &mut known, &mut rounds.chance);
            acknowledged += heard;
            // As it was left.
            let left = check(&path, &mut known);
            cut += u64::from(left.cut > 0);
            unheard += u64::from((known.files.len() - before) as u64 > heard + left.cut);
            // The next writer goes on, and what was cut short is in nobody's way.
            let writer = Database::open_with(&path, Arc::new(RealDisk), small_segments()).unwrap();
            check(&path, &mut known);
            let size = writer.append_json(&record(1)).unwrap().seq + 1;
            for attempt in writer.anchor().unwrap() {
                assert_eq!(attempt.error, None);
                assert!(attempt.size >= size, "{attempt:?}");
                known.anchored.insert(attempt.file.unwrap(), attempt.size);
            }
            assert!(writer.anchored_to().unwrap() >= size);
            drop(writer);
            assert_eq!(check(&path, &mut known).cut, 0, "{:?}", names(&kept));
        }
    }
    rounds.sum_up(&format!(
        "{acknowledged} anchors were acknowledged; {cut} left a checkpoint cut short, {unheard} one that was not acknowledged"
    ));
    assert!(
        acknowledged > rounds.done(),
        "{acknowledged} in {} rounds",
        rounds.done()
    );
    assert!(
        cut > rounds.done() / 10,
        "{cut} of {} kills cut a checkpoint short",
        rounds.done()
    );
    assert!(rounds.done() < 200 || unheard > 0);
}

/// What is known of a target by what was acknowledged, and by what was seen there.
#[derive(Default)]
struct Known {
    /// The size of each checkpoint by its file's name.
    anchored: BTreeMap<String, u64>,
    /// All files, with their bytes.
    files: BTreeMap<String, Vec<u8>>,
    appended: u64,
}

/// What came new to a target.
struct New {
    /// So many files that are cut short.
    cut: u64,
}

/// Has a process anchor, and kills it at some moment; gives how many anchors it acknowledged.
fn killed_anchorer(path: &Path, known: &mut Known, chance: &mut Chance) -> u64 {
    let mut anchorer = start("anchored::the_anchorer", path);
    drop(anchorer.stdin.take());
    let listener = listen(&mut anchorer);
    // A few checkpoints, and then some steps of the next one.
    let (some, started) = (names(&target(path)).len() as u64 + 1 + chance.below(6), Instant::now());
    while (names(&target(path)).len() as u64) < some && started.elapsed() < Duration::from_secs(10) {
        assert!(anchorer.try_wait().unwrap().is_none(), "the process ended by itself");
    }
    std::thread::sleep(Duration::from_micros(chance.below(30_000)));
    // SIGKILL.
    anchorer.kill().unwrap();
    anchorer.wait().unwrap();
    let said = listener.join().unwrap();
    for line in &said {
        let parts: Vec<&str> = line.split(' ').collect();
        let [seq, size, file] = parts.as_slice() else {
            panic!("{line}")
        };
        let (seq, size): (u64, u64) = (seq.parse().unwrap(), size.parse().unwrap());
        assert!(size > seq, "{line}");
        known.appended = seq + 1;
        known.anchored.insert((*file).to_owned(), size);
    }
    said.len() as u64
}

/// Everything that has to hold at every moment.
fn check(path: &Path, known: &mut Known) -> New {
    let kept = target(path);
    let mut whole: Vec<SignedCheckpoint> = Vec::new();
    let mut new = New { cut: 0 };
    let files = names(&kept);
    for name in &files {
        let bytes = std::fs::read(kept.join(name)).unwrap();
        let parsed = SignedCheckpoint::parse(&bytes);
        // Nothing that is there ever changes.
        match known.files.get(name) {
            Some(before) => assert!(*before == bytes, "{name}"),
            None => {
                new.cut += u64::from(parsed.is_err());
                known.files.insert(name.clone(), bytes);
            }
        }
        whole.extend(parsed);
    }
    assert_eq!(files.len(), known.files.len(), "{files:?}");
    // What was acknowledged is there, whole.
    for (name, size) in &known.anchored {
        let signed = SignedCheckpoint::parse(&known.files[name]).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(signed.checkpoint().size(), *size, "{name}");
    }
    // And all of it fits the log, which has everything that was anchored.
    let mut options = VerifyOptions::default();
    options.anchors.found = &whole;
    let report = Database::verify_at(path, &options).unwrap();
    assert!(report.is_sound(), "{report}");
    let sizes: BTreeSet<u64> = whole.iter().map(|signed| signed.checkpoint().size()).collect();
    assert_eq!(report.anchored, sizes.len() as u64, "{report}");
    assert_eq!(report.complete_to, sizes.last().copied(), "{report}");
    assert!(report.size.unwrap() >= known.appended, "{report}");
    if new.cut > 0 {
        by_command(path, &kept);
    }
    new
}

/// The command says so too: it passes over what was cut short, by its name.
#[cfg(feature = "cli")]
fn by_command(path: &Path, kept: &Path) {
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_auditdb"));
    let done = verify
        .arg("verify")
        .arg(path)
        .arg("--against")
        .arg(kept)
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && said.contains("passed over: "), "{said}");
}

#[cfg(not(feature = "cli"))]
fn by_command(_: &Path, _: &Path) {}

fn names(dir: &Path) -> Vec<String> {
    RealDisk.list(dir).unwrap()
}
