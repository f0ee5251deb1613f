//! What shows by checkpoints that were kept elsewhere. The directory that keeps them is on the same disk and out of the
//! intruder's reach; everything else is his, the keys included.

use super::*;

const KEPT: &str = "/kept";
const TO: &str = "dir:/kept";
const KEYS: &str = "/db.keys";

/// The log of the other attacks, anchored now and behind two more segments.
fn anchored() -> (SimDisk, Vec<u64>) {
    let disk = log();
    disk.create_dir(Path::new(KEPT)).unwrap();
    let db = open(&disk).unwrap();
    db.add_anchor(TO, None, None).unwrap();
    let mut known = Known::default();
    for _ in 0..2 {
        known.append_many(&db, 4).unwrap();
        db.seal().unwrap();
        db.anchor().unwrap();
    }
    let sizes = kept(&disk).iter().map(|signed| signed.checkpoint().size()).collect();
    drop(db);
    (disk.restart(), sizes)
}

fn kept(disk: &SimDisk) -> Vec<SignedCheckpoint> {
    let paths = disk.paths().into_iter().filter(|path| path.starts_with(KEPT));
    paths
        .map(|path| SignedCheckpoint::parse(&disk.contents(path).unwrap()).unwrap())
        .collect()
}

fn against_all(disk: &SimDisk, found: &[SignedCheckpoint]) -> Report {
    let mut anchors = Anchors::default();
    anchors.found = found;
    verify_with(disk, anchors)
}

/// Appends and anchors, as somebody does who has the machine.
fn go_on(disk: &SimDisk, numbers: std::ops::Range<u64>) {
    let db = open(disk).unwrap();
    for number in numbers {
        db.append_json(&numbered(number)).unwrap();
    }
    assert_eq!(db.anchor().unwrap()[0].error, None);
}

#[track_caller]
fn says_nothing_of(report: &Report, words: &[&str]) {
    for words in words {
        assert!(!report.to_string().contains(words), "{words:?}: {report}");
    }
}

const CUT: &str = "its tail was cut off";
const BACK: &str = "it was rolled back";
const REWRITTEN: &str = "its history was rewritten";
const FORKED: &str = "two histories were signed with its key";

#[test]
fn a_log_that_nobody_touched() {
    let (disk, sizes) = anchored();
    let report = against_all(&disk, &kept(&disk));
    is_not_seen(&report);
    assert_eq!(
        (report.complete_to, report.anchored),
        (sizes.last().copied(), 3),
        "{report}"
    );
}

#[test]
fn the_tail_cut_off() {
    let (disk, sizes) = anchored();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let cut = places(&lines, "epoch")[4] + 1;
    lines.truncate(cut);
    write(&disk, id, &lines);
    let size = sizes.last().unwrap();
    let report = against_all(&disk, &kept(&disk));
    let words = format!(
        "{CUT}: a checkpoint was kept for {size} records and the log has {cut}: records {cut}..{} are missing",
        size - 1
    );
    says(&report, LOG, &words);
    says_nothing_of(&report, &[BACK, REWRITTEN, FORKED]);
}

#[test]
fn the_whole_store_rolled_back_with_its_keys() {
    let (disk, sizes) = anchored();
    let (db, keys) = (taken(&disk, DIR), taken(&disk, KEYS));
    go_on(&disk, 100..103);
    put_back(&disk, DIR, &db);
    put_back(&disk, KEYS, &keys);
    let (end, size) = (lines_of(&disk).len(), kept(&disk).last().unwrap().checkpoint().clone());
    let report = against_all(&disk, &kept(&disk));
    let words = format!(
        "{BACK}: a checkpoint was kept for {} records and the log has {end}: records {end}..",
        size.size()
    );
    says(&report, LOG, &words);
    says_nothing_of(&report, &[CUT, REWRITTEN, FORKED]);
    assert_eq!(report.complete_to, sizes.last().copied());
    // Nothing else tells: it is a state that the log had.
    is_not_seen(&verify(&disk));
    open(&disk).unwrap();
}

#[test]
fn the_whole_store_rolled_back_and_gone_on_with() {
    let (disk, sizes) = anchored();
    let (db, keys) = (taken(&disk, DIR), taken(&disk, KEYS));
    go_on(&disk, 100..103);
    let before = kept(&disk);
    put_back(&disk, DIR, &db);
    put_back(&disk, KEYS, &keys);
    let size = before.last().unwrap().checkpoint().size();
    let db = open(&disk).unwrap();
    Known::default().append_many(&db, 40).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let report = against_all(&disk, &before);
    let unchanged = sizes.last().unwrap();
    let words = format!(
        "{REWRITTEN}: among its first {size} records are others than a checkpoint was kept for; the first {unchanged} are as they were"
    );
    says(&report, LOG, &words);
    says_nothing_of(&report, &[CUT, BACK, FORKED]);
    is_not_seen(&verify(&disk));
}

/// An older keys' file was stolen, and everything since is written and signed anew: the log agrees with itself.
#[test]
fn history_rewritten_with_keys_that_were_stolen_before() {
    let (disk, sizes) = anchored();
    // All that the thief had then, going on in another way, in the place of all that is there.
    let twin = log();
    put_back(&twin, DIR, &taken(&twin, DIR));
    let db = open(&twin).unwrap();
    for number in 0..60 {
        db.append_json(&numbered(number + 500)).unwrap();
    }
    db.checkpoint().unwrap();
    drop(db);
    put_back(&disk, DIR, &taken(&twin, DIR));
    is_not_seen(&verify(&disk));
    let report = against_all(&disk, &kept(&disk));
    says(
        &report,
        LOG,
        &format!("{REWRITTEN}: among its first {} records", sizes[0]),
    );
    says_nothing_of(&report, &[CUT, BACK, FORKED]);
    assert_eq!(report.complete_to, None);
}

/// With the keys that are there now nothing that was anchored can be signed anew: both the epochs and the anchors tell.
#[test]
fn history_rewritten_with_the_present_keys() {
    let (disk, sizes) = anchored();
    let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
    let record = record_behind(&lines, 1);
    edit(&mut lines, record);
    fit(key.log_id(), &mut lines, &|statement| {
        let number = key.number;
        statement.sign(&key.secret(number));
    });
    remove_checkpoints_only(&disk);
    write(&disk, key.log_id(), &lines);
    let report = against_all(&disk, &kept(&disk));
    says(&report, ".journal", RE_SIGNED);
    says(
        &report,
        LOG,
        &format!("{REWRITTEN}: among its first {} records", sizes[0]),
    );
    says_nothing_of(&report, &[CUT, BACK, FORKED]);
}

fn remove_checkpoints_only(disk: &SimDisk) {
    for path in files_in(disk, "checkpoints") {
        disk.remove_raw(path);
    }
}

/// A copy of machine and keys goes on beside the original, each with a reader of its own. The two compare what they got.
#[test]
fn two_forks_shown_to_two_people() {
    let (disk, _) = anchored();
    let twin = disk.fork();
    go_on(&disk, 100..102);
    go_on(&twin, 200..202);
    let (one, other) = (kept(&disk).pop().unwrap(), kept(&twin).pop().unwrap());
    let size = one.checkpoint().size();
    assert_eq!(size, other.checkpoint().size());
    let words =
        format!("{FORKED}: the checkpoints that were kept for {size} and for {size} records contradict each other");
    for log in [&disk, &twin] {
        is_not_seen(&verify(log));
        let report = against_all(log, &[one.clone(), other.clone()]);
        says(&report, LOG, &words);
        says_nothing_of(&report, &[CUT, BACK, REWRITTEN]);
    }
    // Of other sizes: the log of the one proves that the other's is none of its past.
    go_on(&twin, 202..205);
    let later = kept(&twin).pop().unwrap();
    let report = against_all(&twin, &[one.clone(), later.clone()]);
    let words = format!(
        "{FORKED}: the checkpoints that were kept for {size} and for {} records",
        later.checkpoint().size()
    );
    says(&report, LOG, &words);
    says_nothing_of(&report, &[CUT, BACK, REWRITTEN]);
}

#[test]
fn a_forged_checkpoint_among_those_that_were_kept() {
    let (disk, _) = anchored();
    let real = kept(&disk).pop().unwrap();
    let stranger = LogKey::from_seed(real.checkpoint().origin(), &[7; 32]).unwrap();
    let forged = Checkpoint::new(real.checkpoint().origin(), 4, [9; 32]).unwrap();
    let forged = SignedCheckpoint::sign(forged, &stranger).unwrap();
    let report = against_all(&disk, &[real, forged]);
    says(
        &report,
        LOG,
        "the given one of 4 records: none of the log's keys has signed it; it is forged",
    );
    says_nothing_of(&report, &[CUT, BACK, REWRITTEN, FORKED]);
}

#[test]
fn another_log_in_the_place_of_the_one_that_was_anchored() {
    let (disk, _) = anchored();
    let other = log_of(12);
    let report = against_all(&other, &kept(&disk));
    says(&report, LOG, "the checkpoints that were kept are of main/");
    // Beside its own, those of others are nobody's fault.
    other.create_dir(Path::new(KEPT)).unwrap();
    let db = open(&other).unwrap();
    db.add_anchor(TO, None, None).unwrap();
    drop(db);
    let both: Vec<SignedCheckpoint> = kept(&disk).into_iter().chain(kept(&other)).collect();
    is_not_seen(&against_all(&other, &both));
}

/// A proof that others made stays as it was, or is named.
#[test]
fn a_kept_proof_changed_removed_or_added() {
    let disk = log();
    let db = open(&disk).unwrap();
    let size = checkpoints(&disk).pop().unwrap().1.checkpoint().size();
    db.attach_proof("a.ots", Some(size), b"some proof").unwrap();
    drop(db);
    let path = Path::new(LOG).join(format!("checkpoints/{size:020}.a.ots"));
    is_not_seen(&verify(&disk));
    for place in 0..10 {
        let byte = disk.contents(&path).unwrap()[place];
        disk.corrupt(&path, place as u64, byte ^ 1);
        says(
            &verify(&disk),
            "a.ots",
            "is not the proof of which that record has the digest",
        );
        disk.corrupt(&path, place as u64, byte);
    }
    // One that no record names counts for nothing.
    put(&disk, &path.with_extension("other"), b"x");
    is_not_seen(&verify(&disk));
    disk.remove_raw(&path);
    says(&verify(&disk), "a.ots", "is missing");
}

/// Who can write the note can have an anchor made sooner or later.
#[test]
fn the_note_is_no_evidence() {
    let (disk, sizes) = anchored();
    let note = Path::new(LOG).join("anchors");
    for hostile in [
        &b""[..],
        b"{",
        b"[]",
        b"{\"dir:/kept\":{\"size\":9999999,\"failures\":4294967295}}",
        b"\xff\0",
    ] {
        put(&disk, &note, hostile);
        let report = against_all(&disk, &kept(&disk));
        is_not_seen(&report);
        let db = open(&disk).unwrap();
        assert!(db.anchored_to().unwrap() >= *sizes.last().unwrap());
        assert_eq!(db.anchor().unwrap()[0].error, None);
    }
}
