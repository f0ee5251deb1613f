//! Retention as a way to get rid of records: tombstones that are forged, missing, replayed or of another log, with false
//! times, or of segments that had to stay. He who attacks has all files and the keys that are in force.

use super::*;
use auditdb::proof::{CHAIN_START, Frontier, Note, chain_next, leaf_hash};
use auditdb::{Actor, Class, HeldRecords, RetainOptions};

const DAY: u64 = 24 * 3600 * 1_000_000_000;
pub(super) const FIRST: &str = "tombstones/00000000000000000000";

/// Three sealed segments and a journal that nobody has signed, kept for a month; ten days old.
fn young(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain().class(class)).unwrap();
    let mut known = Known::default();
    for _ in 0..3 {
        known.append_many(&db, 3).unwrap();
        db.seal().unwrap();
        disk.advance(5 * DAY);
    }
    known.append_many(&db, 2).unwrap();
    drop(db);
    disk.restart()
}

/// The same forty days old, with the first two segments dropped as they may be.
fn dropped(seed: u64) -> SimDisk {
    let disk = young(seed);
    disk.advance(22 * DAY);
    let db = open(&disk).unwrap();
    let done = db.retain().unwrap();
    assert_eq!((done.dropped.len(), done.kept.len()), (2, 1), "{done:?}");
    drop(db);
    let disk = disk.restart();
    is_not_seen(&verify(&disk));
    disk
}

fn firsts(disk: &SimDisk) -> Vec<u64> {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap()[..20].parse().unwrap();
    files_in(disk, "tombstones").into_iter().map(name).collect()
}

fn path_of(first: u64) -> PathBuf {
    Path::new(LOG).join(format!("tombstones/{first:020}"))
}

fn segment_of(first: u64) -> PathBuf {
    Path::new(LOG).join(format!("segments/{first:020}.jsonl.zst"))
}

fn text_of(disk: &SimDisk, first: u64) -> String {
    String::from_utf8(zstd::decode_all(disk.contents(path_of(first)).unwrap().as_slice()).unwrap()).unwrap()
}

/// A tombstone with that text and those lines, signed by that key.
fn tombstone(manifest: &str, lines: &[String], key: &LogKey) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let count = lines.lines().count();
    let digest = blake3::hash(lines.as_bytes()).to_hex();
    let text = format!("auditdb tombstone v1\n{manifest}\nlines {count} blake3:{digest}\n");
    let mut note = Note::new(text).unwrap();
    note.sign(key).unwrap();
    let mut packer = zstd::bulk::Compressor::new(3).unwrap();
    packer.include_checksum(true).unwrap();
    packer.compress(format!("{note}\n{lines}").as_bytes()).unwrap()
}

/// The manifest and the lines of a tombstone that is there.
fn taken_apart(disk: &SimDisk, first: u64) -> (String, Vec<String>) {
    let text = text_of(disk, first);
    let manifest = text.lines().nth(1).unwrap().to_owned();
    let lines = text
        .splitn(3, "\n\n")
        .nth(2)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    (manifest, lines)
}

#[test]
fn a_tombstone_that_is_gone() {
    let disk = dropped(31);
    assert!(disk.remove_raw(path_of(0)));
    let report = verify(&disk);
    says(&report, FIRST, "announces is gone");
    says(&report, "tombstones/", "these records are missing");
    // Both, with the directory.
    let disk = dropped(31);
    for first in firsts(&disk) {
        disk.remove_raw(path_of(first));
    }
    let report = verify(&disk);
    says(&report, FIRST, "announces is gone");
    says(&report, ".jsonl.zst", "these records are missing");
}

#[test]
fn a_segment_that_is_gone_without_a_tombstone() {
    let disk = young(32);
    assert!(disk.remove_raw(segment_of(0)));
    says(&verify(&disk), ".jsonl.zst", "these records are missing");
}

/// Somebody signs another text with the log's own key.
#[test]
fn a_tombstone_that_says_something_else() {
    let disk = dropped(33);
    let (manifest, lines) = taken_apart(&disk, 0);
    let other = manifest.replacen("\"class\":\"standard\"", "\"class\":\"nothing\"", 1);
    assert_ne!(other, manifest);
    put(&disk, &path_of(0), &tombstone(&other, &lines, &log_key(&disk)));
    says(&verify(&disk), FIRST, "is another than record");
    // And with a key of his own.
    let own = LogKey::from_seed(&get(&lines[0], "\"origin\":"), &[7; 32]).unwrap();
    put(&disk, &path_of(0), &tombstone(&manifest, &lines, &own));
    says(
        &verify(&disk),
        FIRST,
        "is not signed by a key of this log: it was forged",
    );
    put(&disk, &path_of(0), b"nothing of the kind");
    says(&verify(&disk), FIRST, "is not in the form of one");
}

/// What it keeps of the segment are the segment's own records: another epoch would be another history.
#[test]
fn a_tombstone_that_keeps_other_records() {
    let disk = dropped(34);
    let (manifest, mut lines) = taken_apart(&disk, 0);
    let last = lines.len() - 1;
    set(&mut lines[last], "\"next_key\":", &format!("\"{}\"", "00".repeat(32)));
    put(&disk, &path_of(0), &tombstone(&manifest, &lines, &log_key(&disk)));
    let report = verify(&disk);
    says(&report, FIRST, "than the one that was there");
    says(&report, FIRST, "is another than record");
    let (_, mut lines) = taken_apart(&dropped(34), 0);
    lines.remove(0);
    put(&disk, &path_of(0), &tombstone(&manifest, &lines, &log_key(&disk)));
    says(&verify(&disk), FIRST, "than the one that was there");
}

#[test]
fn a_tombstone_in_anothers_place() {
    let disk = dropped(35);
    let second = firsts(&disk)[1];
    let bytes = disk.contents(path_of(0)).unwrap();
    put(&disk, &path_of(second), &bytes);
    let report = verify(&disk);
    says(&report, &format!("{second:020}"), "is that of the segment at 0");
    // In the place of a segment that is there.
    let disk = dropped(35);
    let kept = files_in(&disk, "segments")[0].file_name().unwrap().to_str().unwrap()[..20]
        .parse()
        .unwrap();
    put(&disk, &path_of(kept), &bytes);
    says(&verify(&disk), &format!("{kept:020}"), "is that of the segment at 0");
    put(&disk, &Path::new(LOG).join("tombstones/note"), b"");
    says(&verify(&disk), "tombstones/note", "does not belong here");
}

#[test]
fn a_tombstone_of_another_log() {
    let (disk, other) = (dropped(36), dropped(37));
    put(&disk, &path_of(0), &other.contents(path_of(0)).unwrap());
    says(&verify(&disk), FIRST, "is one of another log");
}

/// One that was announced in a state of the log that is gone: the log was put back to before, and the tombstone was not.
#[test]
fn a_tombstone_from_another_state_of_the_log() {
    let before = young(38);
    before.advance(22 * DAY);
    let disk = before.restart();
    let db = open(&disk).unwrap();
    db.retain().unwrap();
    drop(db);
    let bytes = disk.contents(path_of(0)).unwrap();
    put(&before, &path_of(0), &bytes);
    before.remove_raw(segment_of(0));
    says(&verify(&before), FIRST, "is announced by no record of the log");
}

/// Beside its segment it makes nobody remove that: an opening finishes only what the log announces.
#[test]
fn a_forged_tombstone_does_not_make_an_opening_remove_the_segment() {
    let disk = young(39);
    let (manifest, lines) = forged(&disk, |_| {});
    put(&disk, &path_of(0), &tombstone(&manifest, &lines, &log_key(&disk)));
    let db = open(&disk).unwrap();
    assert_eq!(db.earliest().unwrap(), 0);
    assert_eq!(db.get(2).unwrap().seq(), 2);
    drop(db);
    says(&verify(&disk), FIRST, "is announced by no record of the log");
}

/// What the tombstone of the first segment has to say, put together from the log's lines; `change` changes it.
fn forged(disk: &SimDisk, change: impl Fn(&mut serde_json::Value)) -> (String, Vec<String>) {
    let lines = lines_of(disk);
    let end = places(&lines, "state")[0];
    let (mut tree, mut chain) = (Frontier::new(), CHAIN_START);
    for line in &lines[..end] {
        let leaf = leaf_hash(line.as_bytes());
        tree.push(leaf);
        chain = chain_next(&chain, &leaf);
    }
    let empty = hex(&auditdb::proof::empty_root());
    let frontier: Vec<String> = tree.roots().iter().map(|root| hex(root)).collect();
    let mut said = serde_json::json!({
        "log_id": get(&lines[0], "\"log_id\":"), "segment": 0, "count": end, "text": 1, "file": 1, "digest": "blake3:00",
        "time": [get(&lines[0], "\"logged\":"), get(&lines[end - 1], "\"logged\":")],
        "logged": [get(&lines[0], "\"logged\":"), get(&lines[end - 1], "\"logged\":")],
        "before": {"size": 0, "root": empty, "chain": hex(&CHAIN_START)},
        "after": {"size": end, "root": hex(&tree.root()), "chain": hex(&chain)},
        "frontier": frontier, "class": "standard", "months": 1, "kept_until": get(&lines[0], "\"logged\":"),
        "dropped": get(&lines[0], "\"logged\":"), "record": lines.len(), "policy": null, "checkpoint": null,
    });
    change(&mut said);
    let kept = lines[..end]
        .iter()
        .filter(|line| ["genesis", "epoch"].contains(&event_name(line)));
    (said.to_string(), kept.cloned().collect())
}

/// Drops the first segment with the keys that are in force: announces it in a record that says it was logged at that
/// time, signed by the present epoch, and removes it.
pub(super) fn drop_by_force(
    disk: &SimDisk,
    at: &str,
    edit: impl Fn(&mut Vec<String>),
    change: impl Fn(&mut serde_json::Value),
) -> Report {
    let (key, mut lines) = (EpochFile::read(disk), lines_of(disk));
    edit(&mut lines);
    let record = lines.len();
    let (manifest, kept) = forged(disk, |said| {
        said["record"] = record.into();
        change(said);
    });
    let bytes = tombstone(&manifest, &kept, &log_key(disk));
    let mut epoch = lines[*places(&lines, "epoch").last().unwrap()].clone();
    let (head, _) = epoch.split_once("\"event\":").unwrap();
    let digest = blake3::hash(&bytes).to_hex();
    let mut line = format!(
        "{head}\"event\":{{\"name\":\"tombstone\",\"segment\":0,\"count\":{},\"class\":\"standard\",\"months\":1,\"kept_until\":\"{at}\",\
         \"digest\":\"blake3:{digest}\"}}}}",
        places(&lines, "state")[0]
    );
    for line in [&mut line, &mut epoch] {
        set(line, "\"logged\":", &format!("\"{at}\""));
        set(line, "\"time\":", &format!("\"{at}\""));
    }
    set(&mut epoch, "\"epoch\":", &key.number.to_string());
    if lines.iter().any(|line| event_name(line) == "clock") {
        // A year, as it has to say then.
        epoch = epoch.replacen("\"log_key\":", "\"ahead_ns\":31536000000000000,\"log_key\":", 1);
    }
    lines.extend([line, epoch]);
    let sign = |statement: &mut forger::Statement| {
        if statement.epoch == key.number {
            statement.next_key = key.secret(key.number + 1).public();
            statement.sign(&key.secret(key.number));
        }
    };
    fit(key.log_id(), &mut lines, &sign);
    write(disk, key.log_id(), &lines);
    forger::reseal(disk, &lines);
    is_not_seen(&verify(disk));
    put(disk, &path_of(0), &bytes);
    assert!(disk.remove_raw(segment_of(0)));
    verify(disk)
}

/// The forger knows how: of a segment whose time has passed it is not seen, and is no more than what the log does itself.
#[test]
fn one_who_may_drop_it_can() {
    let disk = young(40);
    disk.advance(30 * DAY);
    is_not_seen(&drop_by_force(&disk, "2030-02-12T00:00:00.000000000Z", |_| {}, |_| {}));
}

#[test]
fn a_segment_whose_time_has_not_passed() {
    let report = drop_by_force(&young(41), "2030-01-16T00:00:00.000000000Z", |_| {}, |_| {});
    says(&report, FIRST, "was to be kept until 2030-02-01");
}

/// Nor does a false promise help: what was promised stands in the segment's first record.
#[test]
fn a_tombstone_with_false_times() {
    let early = |said: &mut serde_json::Value| said["logged"][1] = "2029-01-01T00:00:00.000000000Z".into();
    let report = drop_by_force(&young(42), "2030-01-16T00:00:00.000000000Z", |_| {}, early);
    says(&report, FIRST, "its times are false");
    // The time of the drop itself: it has not come yet.
    let report = drop_by_force(&young(42), "2031-01-16T00:00:00.000000000Z", |_| {}, |_| {});
    says(&report, FIRST, "which has not come yet");
}

#[test]
fn a_segment_that_was_held() {
    let disk = young(43);
    let db = open(&disk).unwrap();
    let what = HeldRecords::Seqs(1..=2);
    let id = db.place_hold(&what, "a suit", &Actor::named("anna").unwrap()).unwrap();
    drop(db);
    let disk = disk.restart();
    disk.advance(30 * DAY);
    let report = drop_by_force(&disk, "2030-02-12T00:00:00.000000000Z", |_| {}, |_| {});
    says(&report, FIRST, &format!("was held by {id} when it was dropped"));
}

/// A hold that the log knows of keeps the log itself from dropping.
#[test]
fn a_held_segment_is_kept_with_all_behind_it() {
    let disk = young(44);
    let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
    let newest = *places(&lines, "state").last().unwrap();
    let second = places(&lines, "state")[0];
    let hold = format!("\"holds\":[{{\"id\":\"case-7\",\"seqs\":[{second},{second}]}}]");
    lines[newest] = lines[newest].replacen("\"holds\":[]", &hold, 1);
    fit(key.log_id(), &mut lines, &|_| {});
    write(&disk, key.log_id(), &lines);
    forger::reseal(&disk, &lines);
    disk.advance(60 * DAY);
    let db = open(&disk.restart()).unwrap();
    let done = db.retain_with(&RetainOptions::default()).unwrap();
    assert_eq!(done.dropped.len(), 1, "{done:?}");
    assert_eq!(done.kept[0].held, ["case-7"]);
    // It stands in the next state too.
    db.append_json(&numbered(90)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(91)).unwrap();
    assert_eq!(db.retain().unwrap().kept[0].held, ["case-7"]);
}

/// The clock had gone forward, as the log says, and nobody had said that it is right.
#[test]
fn a_drop_by_a_clock_that_went_forward() {
    let disk = young(45);
    disk.advance(30 * DAY);
    let clock = |lines: &mut Vec<String>| {
        let (head, _) = lines[0].split_once("\"event\":").unwrap();
        let step = "\"before\":\"2029-02-12T00:00:00.000000000Z\",\"after\":\"2030-02-12T00:00:00.000000000Z\",\"elapsed_ns\":0";
        lines.push(format!("{head}\"event\":{{\"name\":\"clock\",{step}}}}}"));
    };
    let report = drop_by_force(&disk, "2030-02-12T00:00:00.000000000Z", clock, |_| {});
    says(
        &report,
        FIRST,
        "by a clock that had gone forward, which nobody had accepted",
    );
}

/// Each byte of a tombstone, and of the leaves of what was dropped.
#[test]
fn every_byte_that_is_left_counts() {
    let disk = dropped(46);
    let dropped_bytes = 32 * usize::try_from(reading(&disk).earliest().unwrap()).unwrap();
    let tree = Path::new(LOG).join("tree/0");
    for (path, len) in [
        (path_of(0), usize::MAX),
        (path_of(firsts(&disk)[1]), usize::MAX),
        (tree, dropped_bytes),
    ] {
        let whole = disk.contents(&path).unwrap();
        for place in (0..whole.len().min(len)).step_by(3) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            assert!(disk.overwrite(&path, &bytes));
            let report = verify(&disk);
            let named = report.faults.iter().any(|fault| fault.file == path);
            assert!(named, "byte {place} of {}: {report}", path.display());
        }
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            assert!(disk.overwrite(&path, &whole[..cut]));
            assert!(!verify(&disk).is_sound(), "{} cut to {cut}", path.display());
        }
        let longer = [whole.as_slice(), b"\x50\x2a\x4d\x18\0\0\0\0"].concat();
        assert!(disk.overwrite(&path, &longer));
        assert!(
            !verify(&disk).is_sound(),
            "{} and a frame that is skipped",
            path.display()
        );
        assert!(disk.overwrite(&path, &whole));
    }
    is_not_seen(&verify(&disk));
}
