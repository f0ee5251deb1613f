//! kill -9 of a process that appends, seals and drops what has expired all the time. The clock of its disk runs ahead, the one
//! that steps and the one that does not alike, so that months pass: it says to where before it is put there, and whoever looks
//! or goes on has the same clock. Whatever the process was at, the log is sound as it was left; what was acknowledged and has not
//! been dropped is there; what was dropped is a beginning of the log, had expired, and has its tombstones.
//!
//! Every step of dropping in turn is cut in `tests/retention/power_cuts.rs`, on a simulated disk; this is the real one.

use super::later::Later;
use super::rounds::{Chance, Rounds};
use super::{ANSWER, after_steps, listen, names, part, record, small_segments, start};
use auditdb::disk::Disk;
use auditdb::{Class, Database, Error, Options, VerifyOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many kills a database.
const KILLS: u64 = 12;

const DAY: u64 = 24 * 3600 * 1_000_000_000;

/// No month is shorter.
const MONTH: u64 = 28 * DAY;

fn options() -> Options {
    small_segments().class(Class::named("standard").unwrap().keeping(1).unwrap())
}

fn clock(at: u64) -> Arc<dyn Disk> {
    let disk = Later::default();
    disk.skip(Duration::from_nanos(at));
    Arc::new(disk)
}

/// The other process: appends, seals, lets days pass and drops, without end, and says what it has done.
#[test]
fn the_dropper() {
    let Some(path) = part() else { return };
    let mut begin = String::new();
    std::io::stdin().read_line(&mut begin).unwrap();
    let (first, at) = begin.trim().split_once(' ').unwrap();
    let (first, mut at): (u64, u64) = (first.parse().unwrap(), at.parse().unwrap());
    let disk = Later::default();
    disk.skip(Duration::from_nanos(at));
    let db = Database::open_with(path, Arc::new(disk.clone()), options()).unwrap();
    for number in first.. {
        let receipt = db.append_json(&record(number)).unwrap();
        println!("{ANSWER}appended {number} {} {at}", receipt.seq);
        if number % 4 == 3 {
            // Now and then several segments expire at once.
            let days = if number % 64 == 63 { 20 } else { 3 };
            println!("{ANSWER}later {}", at + days * DAY);
            at += days * DAY;
            disk.skip(Duration::from_nanos(days * DAY));
        }
        if number % 8 == 7 {
            db.seal().unwrap();
            for gone in db.retain().unwrap().dropped {
                println!(
                    "{ANSWER}dropped {} {} {}",
                    gone.first,
                    gone.end,
                    gone.tombstone.unwrap()
                );
            }
        }
    }
}

/// What is known of a database by what was acknowledged, and by what was seen of it.
#[derive(Default)]
struct Known {
    /// By its seq, a record's number and the time by the clock that runs ahead.
    appended: BTreeMap<u64, (u64, u64)>,
    next: u64,
    /// By the first seq of a segment that was dropped, its end and the record that says so.
    dropped: BTreeMap<u64, (u64, u64)>,
    /// The first seqs of all files of records that there ever were.
    firsts: BTreeSet<u64>,
    /// To where the clock was put.
    at: u64,
}

#[test]
fn kills_between_the_steps_of_dropping_lose_nothing_that_is_kept() {
    let mut rounds = Rounds::new(40, 8);
    let (mut unannounced, mut announced, mut finished) = (0, 0, 0);
    while rounds.is_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(Database::create_with(&path, clock(0), options()).unwrap());
        let mut known = Known::default();
        for _ in 0..KILLS {
            if !rounds.next() {
                break;
            }
            killed_dropper(&path, &mut known, &mut rounds.chance);
            // As it was left.
            let (before, temporary) = (tombstones(&path), is_unannounced(&path));
            unannounced += u64::from(temporary);
            announced += u64::from(before.keys().any(|first| is_there(&path, *first)));
            let reader = Database::open_read_only_with(&path, clock(known.at)).unwrap();
            check(&reader, &path, &mut known);
            drop(reader);
            // The next writer finishes it, or undoes it; what it had begun to index meanwhile goes too.
            let writer = Database::open_with(&path, clock(known.at), options()).unwrap();
            assert_eq!(writer.wait_for_indexes(), None);
            let end = check(&writer, &path, &mut known);
            let after = tombstones(&path);
            assert!(!is_unannounced(&path), "{:?}", names(&path, "tombstones"));
            let left: Vec<_> = after.keys().filter(|first| is_there(&path, **first)).collect();
            assert!(
                left.is_empty(),
                "{left:?}: {:?} {:?}",
                names(&path, "segments"),
                names(&path, "index")
            );
            assert_eq!(writer.earliest().unwrap(), end);
            finished += u64::from(temporary && after.len() > before.len());
            known.next += 1;
            let seq = writer.append_json(&record(known.next)).unwrap().seq;
            known.appended.insert(seq, (known.next, known.at));
            check(&writer, &path, &mut known);
        }
        assert!(
            rounds.done() < KILLS || !known.dropped.is_empty(),
            "nothing was ever dropped"
        );
    }
    rounds.sum_up(&format!(
        "{unannounced} left tombstones that had not been named ({finished} of them were announced and were finished), \
         {announced} segments beside their tombstones"
    ));
    let between = unannounced + announced;
    assert!(
        between > rounds.done() / 20,
        "{between} of {} kills left a drop unfinished",
        rounds.done()
    );
    assert!(rounds.done() < 200 || (unannounced > finished && finished > 0 && announced > 0));
}

/// Has a process append and drop, and kills it at some moment.
fn killed_dropper(path: &Path, known: &mut Known, chance: &mut Chance) {
    let mut dropper = start("retained::the_dropper", path);
    known.next += 1;
    writeln!(dropper.stdin.take().unwrap(), "{} {}", known.next, known.at).unwrap();
    let listener = listen(&mut dropper);
    match chance.below(4) {
        0 => std::thread::sleep(Duration::from_millis(30 + chance.below(300))),
        1 => after_steps(path, &["segments", "index"], 1 + chance.below(40), &mut dropper),
        _ => {
            after_steps(path, &["tombstones"], 1 + chance.below(20), &mut dropper);
            std::thread::sleep(Duration::from_micros(chance.below(4_000)));
        }
    }
    // SIGKILL.
    dropper.kill().unwrap();
    dropper.wait().unwrap();
    for said in listener.join().unwrap() {
        let parts: Vec<&str> = said.split(' ').collect();
        let number = |place: usize| parts[place].parse::<u64>().unwrap();
        match parts[0] {
            "appended" => {
                known.appended.insert(number(2), (number(1), number(3)));
                known.next = number(1);
            }
            "later" => known.at = number(1),
            _ => _ = known.dropped.insert(number(1), (number(2), number(3))),
        }
    }
    // One more may have come through without having been acknowledged.
    known.next += 1;
}

/// Everything that has to hold at every moment; gives where the dropped segments end.
fn check(db: &Database, path: &Path, known: &mut Known) -> u64 {
    let report = Database::verify_at_with(path, &clock(known.at), &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report}");
    // What was dropped is a beginning of the log, as tombstones say that anybody can read.
    let (tombstones, mut end) = (tombstones(path), 0);
    for (first, count) in &tombstones {
        assert_eq!(*first, end, "{tombstones:?}");
        end = first + count;
    }
    // One that stands beside its segment is an intent only.
    let segments = firsts(path, "segments");
    let gone = tombstones.keys().filter(|first| !segments.contains(first)).count();
    assert_eq!(report.tombstones, gone as u64, "{tombstones:?} {segments:?}");
    // What was acknowledged as dropped stays so, and nothing is gone without a tombstone.
    for (first, (end, _)) in &known.dropped {
        assert_eq!(tombstones.get(first), Some(&(end - first)));
        let is_back = ["segments", "index"]
            .iter()
            .any(|dir| firsts(path, dir).contains(first));
        assert!(!is_back, "{first} came back");
    }
    let files: BTreeSet<u64> = ["segments", "journal"]
        .iter()
        .flat_map(|dir| firsts(path, dir))
        .collect();
    known.firsts.extend(&files);
    for first in &known.firsts {
        assert!(
            files.contains(first) || tombstones.contains_key(first),
            "{first} is gone: {files:?}"
        );
    }
    // What is left.
    let earliest = db.earliest().unwrap();
    assert!(
        earliest <= end && (earliest == end || tombstones.contains_key(&earliest)),
        "{earliest} {end}"
    );
    let mut next = earliest;
    let mut tells = BTreeSet::new();
    for entry in db.records(..).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.seq(), next);
        next += 1;
        if let Some((number, _)) = known.appended.get(&entry.seq()) {
            assert!(entry.text().contains(&format!("word{number} ")), "{}", entry.text());
        }
        if entry.text().contains("\"event\":{\"name\":\"tombstone\"") {
            tells.insert(entry.seq());
        }
    }
    // A log says things about itself meanwhile.
    assert!(db.len().unwrap() >= next, "{next}");
    assert!(known.appended.keys().all(|seq| *seq < next), "{next}");
    for (end, seq) in known.dropped.values() {
        assert!(
            *end <= earliest && (*seq < earliest || tells.contains(seq)),
            "{end} {seq} {earliest}"
        );
    }
    for (seq, (_, at)) in known.appended.range(..earliest) {
        assert!(
            known.at - at >= MONTH,
            "{seq} was dropped after {} days",
            (known.at - at) / DAY
        );
    }
    for seq in known.appended.range(..earliest).map(|(seq, _)| *seq).step_by(23) {
        assert!(matches!(db.get(seq), Err(Error::Dropped { .. })), "{seq}");
    }
    end
}

/// The first seqs and the counts of the segments that have tombstones.
fn tombstones(path: &Path) -> BTreeMap<u64, u64> {
    let read = |first: u64| {
        let file = path.join(format!("logs/main/tombstones/{first:020}"));
        let text = zstd::decode_all(&*std::fs::read(file).unwrap()).unwrap();
        let manifest = text.split(|byte| *byte == b'\n').nth(1).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        assert_eq!(manifest["segment"], first);
        (first, manifest["count"].as_u64().unwrap())
    };
    firsts(path, "tombstones").into_iter().map(read).collect()
}

/// The seqs that the names of files in a directory of the log say, but of those that are not what they are to be yet.
fn firsts(path: &Path, dir: &str) -> Vec<u64> {
    let whole = names(path, dir).into_iter().filter(|name| !name.ends_with(".tmp"));
    whole.filter_map(|name| name.get(..20)?.parse().ok()).collect()
}

/// Whether a tombstone is there that has not got its name yet.
fn is_unannounced(path: &Path) -> bool {
    names(path, "tombstones").iter().any(|name| name.ends_with(".tmp"))
}

/// Whether a segment is there, or its index, be it half written.
fn is_there(path: &Path, first: u64) -> bool {
    let begins = format!("{first:020}.");
    let mut files = ["segments", "index"].into_iter().flat_map(|dir| names(path, dir));
    files.any(|name| name.starts_with(&begins))
}
