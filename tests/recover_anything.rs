//! Recovery with the power cut in the middle, and after damage of any kind in any combination.

mod oracle;

use auditdb::Error;
use oracle::sealed::{Sample, check_goes_on, check_mended, events, open, recover, sample, unreadable, verify};
use oracle::{LOG, numbered, put};
use std::collections::HashSet;
use std::path::PathBuf;

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
            // What was signed and is lost cannot be written anew: the log would contradict its own signatures.
            Err(Error::Lost { .. } | Error::Estranged { .. }) => {
                lost += 1;
                assert!(!verify(&sample.disk).is_sound(), "{context}");
                continue;
            }
            Err(error) => panic!("{context}: {error}"),
            Ok(_) => {}
        }
        let db = open(&sample.disk);
        let more = db.append_json(&numbered(5_000)).and_then(|_| db.seal());
        more.unwrap_or_else(|error| panic!("{context}: {error}"));
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
