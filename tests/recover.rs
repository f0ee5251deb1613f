//! Recovery after real damage: what can be mended is, what is lost stays named, and the log takes records again in
//! either case, or says why it cannot.

mod oracle;

use auditdb::disk::SimDisk;
use auditdb::{Database, Did, Error};
use oracle::sealed::{Sample, check_goes_on, check_mended, events, open, recover, sample, unreadable, verify};
use oracle::{DIR, LOG, numbered, plain, put};
use std::path::PathBuf;
use std::sync::Arc;

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
