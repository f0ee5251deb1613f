//! Recovery after real damage: what can be mended is, what is lost stays named, and the log takes records again in
//! either case, or says why it cannot. Also with the power cut in the middle.

mod oracle;

use auditdb::disk::{Disk, SimDisk};
use auditdb::proof::{CHAIN_START, chain_next, leaf_hash};
use auditdb::{Database, Did, Entry, Error, Recovery, Report, VerifyOptions};
use oracle::{DIR, Known, LOG, numbered, plain, put, read_all};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Three segments and a journal, and what they hold.
struct Sample {
    disk: SimDisk,
    /// Where the segments and the journal begin.
    firsts: [u64; 4],
    lines: BTreeMap<u64, String>,
}

fn sample() -> Sample {
    let disk = SimDisk::new(17);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    let mut firsts = [0; 4];
    for first in firsts.iter_mut().skip(1) {
        known.append_many(&db, 4).unwrap();
        known.append_many(&db, 3).unwrap();
        db.seal().unwrap();
        *first = db.len().unwrap();
    }
    known.append_many(&db, 2).unwrap();
    known.append(&db).unwrap();
    let lines = lines(&db);
    drop(db);
    let disk = disk.restart();
    assert!(verify(&disk).is_sound());
    Sample { disk, firsts, lines }
}

impl Sample {
    fn segment(&self, place: usize) -> PathBuf {
        PathBuf::from(format!("{LOG}/segments/{:020}.jsonl.zst", self.firsts[place]))
    }

    fn journal(&self) -> PathBuf {
        PathBuf::from(format!("{LOG}/journal/{:020}.journal", self.firsts[3]))
    }

    fn bytes(&self, place: usize) -> Vec<u8> {
        self.disk.contents(self.segment(place)).unwrap()
    }

    /// Where a segment's data frames begin, and where the last ends.
    fn frames(&self, place: usize) -> Vec<usize> {
        let bytes = self.bytes(place);
        let mut starts = vec![0];
        while bytes[starts[starts.len() - 1]..].starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            let at = starts[starts.len() - 1];
            starts.push(at + zstd::zstd_safe::find_frame_compressed_size(&bytes[at..]).unwrap());
        }
        assert!(starts.len() > 3, "{starts:?}");
        starts
    }

    fn directory(&self, place: usize) -> usize {
        *self.frames(place).last().unwrap()
    }

    /// Damages what the directory is found by.
    fn break_directory(&self, place: usize) {
        self.flip(place, self.bytes(place).len() - 3);
    }

    fn flip(&self, place: usize, offset: usize) {
        self.disk
            .corrupt(self.segment(place), offset as u64, self.bytes(place)[offset] ^ 0x41);
    }
}

fn lines(db: &Database) -> BTreeMap<u64, String> {
    let text = |(seq, (entry, _)): (u64, (Entry, _))| (seq, entry.text().to_owned());
    read_all(db).into_iter().map(text).collect()
}

fn verify(disk: &SimDisk) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_at_with(DIR, &disk, &options).unwrap()
}

fn recover(disk: &SimDisk) -> Result<Recovery, Error> {
    Database::recover_with(DIR, Arc::new(disk.clone()), &plain())
}

fn open(disk: &SimDisk) -> Database {
    Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap()
}

/// The seqs that verify says cannot be read, from segments.
fn unreadable(report: &Report) -> Vec<u64> {
    let lost = report
        .faults
        .iter()
        .filter(|fault| fault.what.to_string().contains("compressed frame is damaged"));
    lost.filter_map(|fault| fault.seqs)
        .flat_map(|(first, last)| first..=last)
        .collect()
}

/// All records are there byte for byte, and the log takes more.
fn check_mended(sample: &Sample, context: &str) {
    let report = verify(&sample.disk);
    assert!(report.is_sound(), "{context}: {report}");
    let db = open(&sample.disk);
    let receipt = db.append_json(&numbered(1_000)).unwrap();
    let found = lines(&db);
    assert!(
        sample.lines.iter().all(|(seq, line)| found.get(seq) == Some(line)),
        "{context}"
    );
    let mut chain = CHAIN_START;
    for line in found.values() {
        chain = chain_next(&chain, &leaf_hash(line.as_bytes()));
    }
    assert_eq!(chain, receipt.chain, "{context}");
    db.seal().unwrap();
    drop(db);
    assert!(verify(&sample.disk).is_sound(), "{context}");
}

/// The log takes records and answers, seals and opens again; the records in `lost` are named, all others can be read.
fn check_goes_on(sample: &Sample, lost: &[u64], context: &str) {
    let faults = |report: Report| report.faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let before = faults(verify(&sample.disk));
    assert!(!before.is_empty(), "{context}: a loss looks sound");
    for round in 0..2 {
        let db = open(&sample.disk);
        let counted = format!(
            "{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",\"id\":\"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f607{round}\",\
             \"source\":{{\"id\":\"s\",\"boot\":\"b\",\"number\":{}}}}}",
            round + 1
        );
        let receipt = db.append_json(&counted).unwrap();
        assert_eq!(db.append_json(&counted).unwrap(), receipt, "{context}");
        assert_eq!(db.get(receipt.id().as_str()).unwrap().seq(), receipt.seq);
        for (seq, line) in &sample.lines {
            let found = db.get(*seq);
            if lost.contains(seq) {
                assert!(
                    matches!(found, Err(Error::Damaged { .. })),
                    "{context}: {seq} {found:?}"
                );
            } else {
                assert_eq!(found.unwrap().text(), line, "{context}");
            }
        }
        // A reading that comes to the loss says so, and does not just end there.
        let read: Vec<_> = db.records(..).unwrap().collect();
        assert!(read.last().unwrap().is_err(), "{context}");
        db.status().unwrap();
        db.seal().unwrap();
        drop(db);
        assert_eq!(faults(verify(&sample.disk)), before, "{context}");
    }
}

fn events(sample: &Sample, from: u64) -> Vec<serde_json::Value> {
    let db = open(&sample.disk);
    let entries = db
        .records(from..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned());
    let parsed = entries.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap()["event"].take());
    parsed.filter(|event| event["why"] == "damage").collect()
}

#[test]
fn any_damage_behind_the_text_is_mended() {
    let sample = sample();
    let whole = sample.disk.fork();
    let mut mended = 0;
    for place in 0..3 {
        let original = sample.bytes(place);
        for offset in (sample.directory(place)..original.len()).step_by(3) {
            let sample = Sample {
                disk: whole.fork(),
                lines: sample.lines.clone(),
                ..sample
            };
            sample.flip(place, offset);
            let context = format!("byte {offset} of segment {place}");
            let report = verify(&sample.disk);
            assert!(
                unreadable(&report).is_empty() && !report.is_sound(),
                "{context}: {report}"
            );
            let recovery = recover(&sample.disk).unwrap_or_else(|error| panic!("{context}: {error}"));
            let done = &recovery.done[..];
            assert!(done.len() == 1 && done[0].did == Did::Rebuilt, "{context}: {done:?}");
            assert_eq!(sample.bytes(place), original, "{context}");
            let mut flipped = original.clone();
            flipped[offset] ^= 0x41;
            assert_eq!(sample.disk.contents(done[0].kept.as_ref().unwrap()), Some(flipped));
            check_mended(&sample, &context);
            mended += 1;
        }
    }
    assert!(mended > 500, "{mended}");
}

#[test]
fn a_directory_that_is_cut_off_is_mended_too() {
    let whole = sample();
    for place in 0..3 {
        for cut in [0, 1, 9, 300] {
            let sample = sample();
            let bytes = whole.bytes(place);
            let len = if cut == 0 {
                whole.directory(place)
            } else {
                bytes.len() - cut
            };
            put(&sample.disk, &sample.segment(place), &bytes[..len]);
            recover(&sample.disk).unwrap();
            assert_eq!(sample.bytes(place), bytes);
            check_mended(&sample, &format!("segment {place} cut to {len}"));
        }
    }
}

/// All three at once: each goes on from the one that was mended before it. What was done stands in the log.
#[test]
fn several_segments_are_mended_and_recorded() {
    let sample = sample();
    for place in 0..3 {
        sample.break_directory(place);
    }
    assert!(matches!(
        Database::open_with(DIR, Arc::new(sample.disk.clone()), plain()),
        Err(Error::Damaged { .. })
    ));
    let report = verify(&sample.disk);
    assert_eq!(report.size, Some(sample.lines.len() as u64), "{report}");
    recover(&sample.disk).unwrap();
    let events = events(&sample, 0);
    assert_eq!(events.len(), 3);
    for (place, event) in events.iter().enumerate() {
        let file = format!("segments/{:020}.jsonl.zst", sample.firsts[place]);
        assert_eq!(
            (&event["did"], &event["file"], &event["why"]),
            (&"rebuilt".into(), &file.into(), &"damage".into())
        );
        let kept = sample
            .disk
            .contents(PathBuf::from(LOG).join(event["kept"].as_str().unwrap()))
            .unwrap();
        assert_eq!(event["bytes"], kept.len());
        assert!(event["digest"].as_str().unwrap().starts_with("sha256:") && event["fault"].is_string());
    }
    check_mended(&sample, "all three");
    assert!(recover(&sample.disk).unwrap().faults.is_empty());
}

#[test]
fn lost_text_is_named_and_the_log_goes_on() {
    for place in 0..3 {
        let frames = sample().frames(place).len() - 1;
        for frame in 0..frames {
            // With the directory left, and without it.
            for directory in [true, false] {
                let sample = sample();
                let context = format!("frame {frame} of segment {place}, directory {directory}");
                let starts = sample.frames(place);
                let (start, end) = (starts[frame], starts[frame + 1]);
                let text = zstd::decode_all(&sample.bytes(place)[start..end]).unwrap();
                let seq = |line: &str| {
                    serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"]
                        .as_u64()
                        .unwrap()
                };
                let lost: Vec<u64> = std::str::from_utf8(&text).unwrap().lines().map(seq).collect();
                sample.flip(place, (start + end) / 2);
                if !directory {
                    sample.break_directory(place);
                }
                let damaged = sample.bytes(place);
                assert_eq!(unreadable(&verify(&sample.disk)), lost, "{context}");
                let recovery = recover(&sample.disk).unwrap_or_else(|error| panic!("{context}: {error}"));
                let done = &recovery.done[..];
                assert!(done.len() == 1 && done[0].did == Did::Left, "{context}: {done:?}");
                assert_eq!(done[0].unreadable, [(lost[0], lost[lost.len() - 1])], "{context}");
                assert_eq!(sample.bytes(place), damaged, "{context}");
                assert_eq!(unreadable(&verify(&sample.disk)), lost, "{context}");
                check_goes_on(&sample, &lost, &context);
                let event = events(&sample, sample.firsts[3]).remove(0);
                assert_eq!(event["did"], "left");
                assert_eq!(event["unreadable"][0][0], done[0].unreadable[0].0);
            }
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_named_and_the_log_goes_on() {
    for place in 0..3 {
        let sample = sample();
        sample.disk.remove_raw(sample.segment(place));
        let context = format!("segment {place} removed");
        let lost: Vec<u64> = (sample.firsts[place]..sample.firsts[place + 1]).collect();
        let recovery = recover(&sample.disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(
            recovery.done[0].unreadable,
            [(lost[0], lost[lost.len() - 1])],
            "{context}"
        );
        check_goes_on(&sample, &lost, &context);
    }
}

/// The first lost text, the next one its directory: it goes on from where its own first record says, if a tree agrees.
#[test]
fn a_segment_behind_a_lost_one_is_mended() {
    let sample = sample();
    let middle = sample.bytes(1);
    put(&sample.disk, &sample.segment(0), &[7; 5_000]);
    sample.break_directory(1);
    recover(&sample.disk).unwrap();
    assert_eq!(sample.bytes(1), middle);
    let lost: Vec<u64> = (0..sample.firsts[1]).collect();
    assert_eq!(unreadable(&verify(&sample.disk)), lost);
    check_goes_on(&sample, &lost, "behind a lost one");
}

#[test]
fn a_damaged_tree_keeps_the_leaves_of_lost_records() {
    let sample = sample();
    let tree = PathBuf::from(LOG).join("tree/0");
    let hashes = sample.disk.contents(&tree).unwrap();
    let start = sample.frames(1)[1];
    sample.flip(1, start + 40);
    // Damage where the text is sound, and bytes that belong to nothing.
    sample.disk.corrupt(&tree, 3, hashes[3] ^ 1);
    let damaged = sample.disk.contents(&tree).unwrap();
    put(&sample.disk, &tree, &[damaged.as_slice(), &[1; 77]].concat());
    recover(&sample.disk).unwrap();
    assert!(sample.disk.contents(&tree).unwrap().starts_with(&hashes));
    // Where the only hash of a lost record is damaged, it stays so.
    let lost = unreadable(&verify(&sample.disk));
    let at = lost[0] * 32;
    sample.disk.corrupt(&tree, at, hashes[at as usize] ^ 1);
    sample.disk.corrupt(&tree, 3, hashes[3] ^ 1);
    recover(&sample.disk).unwrap();
    assert_eq!(unreadable(&verify(&sample.disk)), lost);
    let db = open(&sample.disk);
    db.append_json(&numbered(1)).unwrap();
    db.seal().unwrap();
}

/// Text that somebody changed does not come back to honour by way of a broken directory.
#[test]
fn changed_text_is_not_made_sound() {
    for place in 0..3 {
        let sample = sample();
        let starts = sample.frames(place);
        let bytes = sample.bytes(place);
        let mut forged = Vec::new();
        for pair in starts.windows(2) {
            let text = zstd::decode_all(&bytes[pair[0]..pair[1]]).unwrap();
            let text = String::from_utf8(text).unwrap().replacen("\"n\":", "\"m\":", 1);
            let mut compressor = zstd::bulk::Compressor::new(6).unwrap();
            compressor
                .set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))
                .unwrap();
            forged.extend(compressor.compress(text.as_bytes()).unwrap());
        }
        put(&sample.disk, &sample.segment(place), &forged);
        assert!(!verify(&sample.disk).is_sound());
        let recovery = recover(&sample.disk).unwrap();
        assert!(
            recovery.done.iter().all(|done| done.did == Did::Left),
            "{:?}",
            recovery.done
        );
        assert_eq!(sample.bytes(place), forged);
        assert!(!verify(&sample.disk).is_sound());
    }
}

#[test]
fn where_nothing_says_where_the_log_stands_it_says_so() {
    let sample = sample();
    let journal = sample.disk.contents(sample.journal()).unwrap();
    sample.disk.remove_raw(sample.journal());
    // The directory alone is lost: the last record says where the log stands.
    let last = sample.bytes(2);
    let without = sample.disk.fork();
    put(&without, &sample.segment(2), &last[..last.len() - 15]);
    let recovery = recover(&without).unwrap();
    assert!(recovery.done.iter().any(|done| done.did == Did::Rebuilt));
    open(&without).append_json(&numbered(1)).unwrap();
    assert!(verify(&without).is_sound());
    // The last frame too: nothing does.
    let starts = sample.frames(2);
    put(&sample.disk, &sample.segment(2), &last[..starts[starts.len() - 2] + 5]);
    let same = |disk: &SimDisk| {
        oracle::files(disk)
            .into_iter()
            .filter(|(path, _)| !path.ends_with("LOCK"))
            .collect::<Vec<_>>()
    };
    let before = same(&sample.disk);
    let error = recover(&sample.disk).unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");
    assert!(error.to_string().contains("from a backup"), "{error}");
    assert_eq!(same(&sample.disk), before);
    // With a copy put back it goes on.
    put(&sample.disk, &sample.journal(), &journal);
    recover(&sample.disk).unwrap();
    let lost = unreadable(&verify(&sample.disk));
    assert!(!lost.is_empty());
    check_goes_on(&sample, &lost, "after a copy was put back");
}

#[test]
fn a_medium_that_cannot_be_read_costs_no_more_than_its_segment() {
    let sample = sample();
    sample.disk.fail_reads_of(sample.segment(2));
    let lost: Vec<u64> = (sample.firsts[2]..sample.firsts[3]).collect();
    let recovery = recover(&sample.disk).unwrap();
    assert_eq!(recovery.done[0].unreadable, [(lost[0], lost[lost.len() - 1])]);
    check_goes_on(&sample, &lost, "unreadable");
}

/// Cuts the power after every operation of a recovery. Then either the log is fine, or the recovery can be run again; the
/// end is the same.
fn cut_everywhere(sample: &Sample, check: impl Fn(&Sample, &str)) -> usize {
    let whole = sample.disk.fork();
    recover(&whole).unwrap();
    let (mut states, mut seen) = (0, HashSet::new());
    for stop in 0..whole.op_count() {
        let disk = sample.disk.fork();
        disk.stop_after(stop);
        let _ = recover(&disk);
        let mut after = disk.crash_states(usize::MAX);
        after.push(disk.restart());
        for state in after {
            if !seen.insert(state.image_hash()) {
                continue;
            }
            states += 1;
            let context = format!("cut after operation {stop}");
            let state = Sample {
                disk: state,
                lines: sample.lines.clone(),
                firsts: sample.firsts,
            };
            let again = recover(&state.disk).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert!(
                !state.disk.paths().iter().any(|path| path.ends_with("unfinished")),
                "{context}"
            );
            check(&state, &context);
            drop(again);
        }
    }
    states
}

#[test]
fn every_cut_of_a_recovery_that_mends() {
    let sample = sample();
    for place in 0..3 {
        sample.break_directory(place);
    }
    let tree = PathBuf::from(LOG).join("tree/0");
    let byte = sample.disk.contents(&tree).unwrap()[3];
    sample.disk.corrupt(&tree, 3, byte ^ 1);
    let originals: Vec<_> = (0..3).map(|place| sample.bytes(place)).collect();
    let states = cut_everywhere(&sample, |state, context| {
        check_mended(state, context);
        let kept = state
            .disk
            .paths()
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("/damaged/"));
        let kept: Vec<_> = kept.filter_map(|path| state.disk.contents(path)).collect();
        for original in &originals {
            assert!(kept.contains(original), "{context}: what was replaced is not kept");
        }
        let told = events(state, 0);
        let told: HashSet<_> = told.iter().map(|event| event["file"].to_string()).collect();
        assert_eq!(told.len(), 4, "{context}: {told:?}");
    });
    assert!(states > 100, "{states}");
}

#[test]
fn every_cut_of_a_recovery_after_a_loss() {
    let sample = sample();
    sample.flip(2, sample.frames(2)[1] + 30);
    sample.break_directory(2);
    let tree = PathBuf::from(LOG).join("tree/0");
    let byte = sample.disk.contents(&tree).unwrap()[3];
    sample.disk.corrupt(&tree, 3, byte ^ 1);
    let lost = unreadable(&verify(&sample.disk));
    let damaged = sample.bytes(2);
    let states = cut_everywhere(&sample, |state, context| {
        assert_eq!(state.bytes(2), damaged, "{context}");
        assert_eq!(unreadable(&verify(&state.disk)), lost, "{context}");
        check_goes_on(state, &lost, context);
    });
    assert!(states > 60, "{states}");
}

#[test]
fn every_cut_of_a_recovery_that_cuts_a_journal() {
    let mut sample = sample();
    let journal = sample.disk.contents(sample.journal()).unwrap();
    let last = journal
        .windows(8)
        .rposition(|window| window == b"\xFFAUDITF\0")
        .unwrap();
    sample
        .disk
        .corrupt(sample.journal(), last as u64 + 120, journal[last + 120] ^ 1);
    let damaged = sample.disk.contents(sample.journal()).unwrap();
    sample.lines.pop_last();
    let states = cut_everywhere(&sample, |state, context| {
        check_mended(state, context);
        let event = events(state, state.firsts[3]).remove(0);
        assert_eq!(
            (&event["did"], &event["offset"]),
            (&"cut".into(), &last.into()),
            "{context}"
        );
        let kept = PathBuf::from(LOG).join(event["kept"].as_str().unwrap());
        assert_eq!(state.disk.contents(kept).as_ref(), Some(&damaged), "{context}");
    });
    assert!(states > 20, "{states}");
}

/// Several pieces of damage of any kind at once: the recovery either says that it cannot, and changes no record, or the
/// log goes on, and no record is another than it was without verify or the log itself telling.
#[test]
fn whatever_is_damaged_no_loss_looks_sound() {
    let seeds = match std::env::var("AUDITDB_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..400_u64,
    };
    let (mut mended, mut went_on, mut lost) = (0, 0, 0);
    for seed in seeds {
        let sample = sample();
        let context = damage(&sample, seed);
        let sound = verify(&sample.disk).is_sound();
        match recover(&sample.disk) {
            Err(Error::Lost { .. }) => {
                lost += 1;
                assert!(!verify(&sample.disk).is_sound(), "{context}");
                continue;
            }
            Err(error) => panic!("{context}: {error}"),
            Ok(_) => {}
        }
        let db = open(&sample.disk);
        db.append_json(&numbered(5_000)).unwrap();
        db.seal().unwrap();
        let same = |(seq, line): (&u64, &String)| db.get(*seq).is_ok_and(|entry| entry.text() == line);
        let all = sample.lines.iter().all(same);
        drop(db);
        let report = verify(&sample.disk);
        if all && report.is_sound() {
            mended += 1;
        } else {
            went_on += 1;
            let told = !report.is_sound() || !events(&sample, 0).is_empty();
            assert!(told && !sound, "{context}: a loss looks sound");
        }
    }
    println!("{mended} mended, {went_on} went on with a loss, {lost} could not");
}

/// Damages a few files and says what was done.
fn damage(sample: &Sample, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below.max(1)
    };
    let mut context = format!("AUDITDB_SEED={seed}:");
    for _ in 0..=random(3) {
        let files = oracle::files(&sample.disk);
        let files: Vec<_> = files
            .into_iter()
            .filter(|(path, _)| {
                ["segments", "journal", "tree"]
                    .iter()
                    .any(|dir| path.starts_with(format!("{LOG}/{dir}")))
            })
            .collect();
        let (path, bytes) = &files[random(files.len() as u64) as usize];
        let at = random(bytes.len() as u64);
        let what = random(6);
        match what {
            0..=2 => {
                _ = sample
                    .disk
                    .corrupt(path, at, bytes.get(at as usize).unwrap_or(&0) ^ 0x20)
            }
            3 => put(&sample.disk, path, &bytes[..at as usize]),
            4 => put(&sample.disk, path, &[bytes, &[9; 40][..]].concat()),
            _ => _ = sample.disk.remove_raw(path),
        }
        context += &format!(" {what} {} at {at} of {};", path.display(), bytes.len());
    }
    context
}
