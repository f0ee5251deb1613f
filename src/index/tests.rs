//! Indexes of real logs: what is written, what vouches for it, and what becomes of damaged ones.

use super::ask::{Bucket, Grouping};
use super::build::Builder;
use super::unfit::Unfit;
use super::{Index, Indexer, Question, Shelf, compare, make, test_index};
use crate::disk::{Mapped, RealDisk};
use crate::log::{Files, Layout, Log, Options, Reading};
use crate::record::terms::{FieldId, Named, named_field};
use crate::{Database, VerifyOptions};
use std::path::Path;
use std::sync::Arc;

fn field(name: &str) -> FieldId {
    match named_field(name) {
        Named::Field(field) => field,
        other => panic!("{name}: {other:?}"),
    }
}

fn text(name: &str, value: &str) -> Question {
    Question::Text(field(name), value.to_owned())
}

fn record(number: usize) -> String {
    let (agent, case) = (["support", "refunds"][number % 2], number / 4);
    format!(
        r#"{{"agent":{{"id":"{agent}"}},"kind":"decision","time":"2026-11-24T15:{:02}:00Z","correlation":"case-{case}","reasoning":"The apology email number {number} went out.","usage":{{"input_tokens":{number}}}}}"#,
        number % 60
    )
}

fn layout(path: &Path) -> Layout {
    Layout::new(path.join("logs/main"), path.with_extension("keys"))
}

fn options(path: &Path) -> Options {
    Options::default().keys(path.with_extension("keys"))
}

/// A log with so many sealed segments of 40 records, each with its index.
fn indexed(path: &Path, segments: usize) -> Database {
    let db = Database::create_with(path, Arc::new(RealDisk), options(path)).unwrap();
    for segment in 0..segments {
        let records: Vec<String> = (0..40).map(|number| record(segment * 40 + number)).collect();
        db.append_all_json(records.iter().map(String::as_str)).unwrap();
        db.seal().unwrap();
        assert_eq!(db.wait_for_indexes(), None);
    }
    db
}

fn files(path: &Path) -> Arc<Files> {
    Arc::clone(Reading::open(Arc::new(RealDisk), layout(path)).unwrap().files())
}

fn firsts(files: &Files) -> Vec<u64> {
    let view = files.view.read();
    view.segments.iter().map(|segment| segment.first_seq).collect()
}

/// Puts another file in the place of an index.
#[expect(clippy::disallowed_methods, reason = "what somebody else does to the files")]
fn put(files: &Files, first_seq: u64, bytes: &[u8]) {
    let path = files.layout.index(first_seq);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
}

fn bytes(files: &Files, first_seq: u64) -> Vec<u8> {
    std::fs::read(files.layout.index(first_seq)).unwrap()
}

fn positions(index: &Arc<Index>, question: &Question) -> Result<Vec<u32>, Unfit> {
    index.positions(question, false)?.collect()
}

#[test]
fn a_seal_is_followed_by_an_index_that_a_record_vouches_for() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = indexed(&path, 2);
    let files = files(&path);
    let firsts = firsts(&files);
    let mode = std::fs::metadata(files.layout.index(firsts[1]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o440);
    let last = db.get(db.len().unwrap() - 1).unwrap();
    assert!(last.text().contains(&format!(
        r#""event":{{"name":"indexed","segment":{},"count":"#,
        firsts[1]
    )));
    // The log's own records make no seal due.
    assert!(!db.seal().unwrap());
    let options = VerifyOptions {
        index: true,
        ..VerifyOptions::default()
    };
    assert!(db.verify_with(&options).unwrap().is_sound());
    let shelf = Shelf::new(64, None);
    for (segment, first_seq) in firsts.iter().enumerate() {
        let index = shelf.get(&files, *first_seq).unwrap();
        let found = positions(&index, &text("correlation", &format!("case-{}", 10 * segment + 1))).unwrap();
        assert_eq!(found.len(), 4);
        for place in found {
            let line = files.line(first_seq + u64::from(place)).unwrap().unwrap();
            assert!(
                String::from_utf8(line)
                    .unwrap()
                    .contains(&format!("case-{}\"", 10 * segment + 1))
            );
        }
        let phrase = Question::Phrase {
            words: ["apology", "email"].map(str::to_owned).to_vec(),
            prefix: false,
        };
        assert_eq!(index.count(&phrase), Ok(40));
        let mut newest = index.positions(&phrase, true).unwrap();
        let first = newest.next().unwrap().unwrap();
        assert!(newest.all(|place| place.unwrap() < first));
    }
    assert!(shelf.may_match(&files, firsts[0], &text("correlation", "case-1")));
    assert!(!shelf.may_match(&files, firsts[1], &text("correlation", "case-1")));
    assert!(!shelf.may_match(&files, firsts[0], &text("agent", "nobody")));
}

#[test]
fn what_is_missing_damaged_or_not_vouched_for_is_not_used_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = indexed(&path, 4);
    let size = db.len().unwrap();
    drop(db);
    let reader = files(&path);
    let firsts = firsts(&reader);
    let sound: Vec<Vec<u8>> = firsts.iter().map(|first| bytes(&reader, *first)).collect();
    // One is gone, one rots, one has another segment's name, and one was made of fewer words.
    reader.disk.remove(&reader.layout.index(firsts[0])).unwrap();
    let mut rotten = sound[1].clone();
    let last = rotten.len() - 1;
    rotten[last] ^= 1;
    put(&reader, firsts[1], &rotten);
    put(&reader, firsts[2], &sound[1]);
    put(&reader, firsts[3], &stripped(&reader, firsts[3]));
    let shelf = Shelf::new(64, None);
    assert_eq!(shelf.get(&reader, firsts[0]).unwrap_err(), Unfit::Missing);
    assert_eq!(shelf.get(&reader, firsts[2]).unwrap_err(), Unfit::OtherSegment);
    assert_eq!(shelf.get(&reader, firsts[3]).unwrap_err(), Unfit::Unvouched);
    assert_eq!(compare(&reader, &|_, _| {}).len(), 3);
    let found = Database::reindex_with(&path, Arc::new(RealDisk), options(&path), true, &|_, _| {}).unwrap();
    assert!(
        !found.is_complete() && found.segments.iter().all(|segment| segment.is.is_some()),
        "{found}"
    );
    let made = Database::reindex_with(&path, Arc::new(RealDisk), options(&path), false, &|_, _| {}).unwrap();
    assert!(made.is_complete() && made.made() == 4, "{made}");
    for (first, sound) in firsts.iter().zip(&sound) {
        assert!(bytes(&reader, *first) == *sound, "the same text gives the same index");
    }
    // The records that vouched for them still do.
    let db = Database::open_with(&path, Arc::new(RealDisk), options(&path)).unwrap();
    assert_eq!((db.len().unwrap(), db.wait_for_indexes()), (size, None));
    // Behind an opening it is done by itself.
    reader.disk.remove(&reader.layout.index(firsts[0])).unwrap();
    drop(db);
    let db = Database::open_with(&path, Arc::new(RealDisk), options(&path)).unwrap();
    assert_eq!(db.wait_for_indexes(), None);
    assert!(bytes(&reader, firsts[0]) == sound[0]);
    assert!(db.verify().unwrap().is_sound());
}

/// An index of a segment without the words of its records.
fn stripped(files: &Arc<Files>, first_seq: u64) -> Vec<u8> {
    let segment = make::segment(files, first_seq).unwrap();
    let opened = segment.open(&*files.disk).unwrap();
    let trailer = opened.trailer();
    let mut builder = Builder::new(trailer.log_id, first_seq, trailer.chain_before).unwrap();
    for row in opened.rows().unwrap().iter() {
        let text = opened.frame_text(row).unwrap();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            builder
                .add(line, Some(br#""agent":{"id":"support"},"kind":"decision""#))
                .unwrap();
        }
    }
    builder.finish().unwrap().bytes
}

#[test]
fn an_index_from_which_postings_were_taken_is_named_even_if_it_is_vouched_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(indexed(&path, 1));
    let reader = files(&path);
    let first = firsts(&reader)[0];
    put(&reader, first, &stripped(&reader, first));
    let subject = make::subject(&reader, &make::segment(&reader, first).unwrap()).unwrap();
    let forged = Index::open(&*reader.disk, &reader.layout.index(first), &subject).unwrap();
    let log = Log::open(Arc::new(RealDisk), layout(&path), options(&path)).unwrap();
    log.pen()
        .vouch(first, subject.count, &forged.summary().digest())
        .unwrap();
    drop(log);
    let reader = files(&path);
    assert!(Shelf::new(1, None).get(&reader, first).is_ok());
    let faults = compare(&reader, &|_, _| {});
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].file, reader.layout.index(first));
    let whole = |index| {
        let options = VerifyOptions {
            index,
            ..VerifyOptions::default()
        };
        Database::verify_at(&path, &options).unwrap().is_sound()
    };
    assert!(whole(false) && !whole(true));
}

#[test]
fn files_that_do_not_belong_among_the_indexes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = indexed(&path, 1);
    let files = files(&path);
    let temporary = files.layout.index_temporary(0);
    let create = |path: &Path| files.disk.open(path, crate::disk::Open::Create).map(|_| ()).unwrap();
    create(&temporary);
    assert!(db.verify().unwrap().is_sound());
    create(&files.layout.index_dir().join("notes.txt"));
    assert_eq!(db.verify().unwrap().faults.len(), 1);
}

#[test]
fn so_many_indexes_are_open_as_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(indexed(&path, 4));
    let files = files(&path);
    let shelf = Shelf::new(2, None);
    let handed_out: Vec<_> = (0..3)
        .flat_map(|_| firsts(&files))
        .map(|first| Arc::downgrade(&shelf.get(&files, first).unwrap()))
        .collect();
    assert_eq!(handed_out.iter().filter(|index| index.strong_count() > 0).count(), 2);
}

#[test]
fn an_index_that_failed_is_made_anew_while_the_log_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(indexed(&path, 1));
    let indexer = Arc::new(Indexer::default());
    let mut options = options(&path);
    options.followers = vec![Arc::clone(&indexer) as Arc<dyn crate::log::Follower>];
    let log = Log::open(Arc::new(RealDisk), layout(&path), options).unwrap();
    let files = Arc::clone(log.files());
    let first = firsts(&files)[0];
    let sound = bytes(&files, first);
    indexer.wait();
    let mut rotten = sound.clone();
    let middle = rotten.len() - 8;
    rotten[middle] ^= 0x40;
    put(&files, first, &rotten);
    let shelf = Shelf::new(8, Some(Arc::clone(&indexer)));
    // The head is sound, so only a look at the piece tells.
    let failed = shelf
        .get(&files, first)
        .and_then(|index| index.check_all())
        .unwrap_err();
    assert!(matches!(failed, Unfit::Failed(_) | Unfit::Damaged(_)), "{failed}");
    shelf.distrust(first);
    assert_eq!(indexer.wait(), None);
    assert!(bytes(&files, first) == sound);
    shelf.get(&files, first).unwrap().check_all().unwrap();
}

#[test]
fn no_flipped_byte_gives_another_answer() {
    let lines: Vec<_> = (0..60)
        .map(|number| {
            let front = format!(
                r#"{{"v":1,"seq":{number},"id":"019a0000-0000-7000-8000-{number:012x}","logged":"2026-11-24T15:00:00.000000000Z","time":"2026-11-24T15:00:00.000000000Z","writer":{{"id":"uid:0","method":"unix"}},"#
            );
            (format!("{front}{}", &record(number).replace(r#""time":"2026-11-24T15:00:00Z","#, "")[1..]).into_bytes(), None)
        })
        .collect();
    let mut builder = Builder::new([1; 16], 0, [2; 32]).unwrap();
    lines
        .iter()
        .for_each(|(line, whole): &(Vec<u8>, Option<Vec<u8>>)| builder.add(line, whole.as_deref()).unwrap());
    let subject = super::opened::Subject {
        log_id: [1; 16],
        first_seq: 0,
        count: 60,
        chain_after: builder.chain_after(),
    };
    let packed = builder.finish().unwrap();
    let questions = [
        text("agent", "refunds"),
        Question::Phrase {
            words: vec!["apology".to_owned(), "em".to_owned()],
            prefix: true,
        },
        Question::Numbers(
            field("usage.input_tokens"),
            std::ops::Bound::Included(crate::record::terms::Number::Integer(7)),
            std::ops::Bound::Unbounded,
        ),
    ];
    let answers = |bytes: Vec<u8>| -> Vec<Result<Vec<u32>, Unfit>> {
        match Index::of(Mapped::copy(bytes), &subject) {
            Ok(index) => {
                let index = Arc::new(index);
                questions.iter().map(|question| positions(&index, question)).collect()
            }
            Err(unfit) => vec![Err(unfit)],
        }
    };
    let right = answers(packed.bytes.clone());
    assert!(
        right
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(|found| !found.is_empty()))
    );
    for at in 0..packed.bytes.len() {
        let mut flipped = packed.bytes.clone();
        flipped[at] ^= 0xff;
        for (answer, right) in answers(flipped).iter().zip(&right) {
            assert!(answer.is_err() || answer == right, "byte {at}");
        }
        if at % 97 == 0 {
            assert!(answers(packed.bytes[..at].to_vec())[0].is_err());
        }
    }
}

#[test]
fn records_are_counted_in_groups() {
    let lines: Vec<_> = (0..40_usize)
        .map(|number| {
            let line = format!(
                r#"{{"v":1,"seq":{number},"id":"019a0000-0000-7000-8000-{number:012x}","logged":"2026-11-24T15:00:00.000000000Z","time":"2026-11-24T15:{number:02}:00.000000000Z","writer":{{"id":"uid:0","method":"unix"}},"agent":{{"id":"{}"}},"kind":"decision","tools":[{{"name":"a"}},{{"name":"{}"}}],"usage":{{"input_tokens":{number}}}}}"#,
                ["support", "refunds"][number % 2],
                ["a", "b", "c"][number % 3]
            );
            (line.into_bytes(), None)
        })
        .collect();
    let index = test_index(0, &lines);
    let ten_minutes = |time: i64| {
        let length = 600_000_000_000;
        let start = time.div_euclid(length) * length;
        start..start + length
    };
    let bucket = Bucket {
        field: field("time"),
        period: &ten_minutes,
    };
    let grouping = Grouping {
        by: &[field("agent"), field("tool")],
        bucket: Some(bucket),
        measure: Some(field("usage.input_tokens")),
        groups_of_a_record: 2,
    };
    let groups = index.tally(&Question::All, &grouping).unwrap().unwrap();
    // Some have two tools.
    let fewer = Grouping {
        groups_of_a_record: 1,
        ..grouping
    };
    assert_eq!(index.tally(&Question::All, &fewer).unwrap(), None);
    let mut expected = std::collections::BTreeMap::new();
    for number in 0..40_usize {
        let mut tools = vec!["a", ["a", "b", "c"][number % 3]];
        tools.dedup();
        for tool in tools {
            let group: &mut Vec<f64> = expected
                .entry((["support", "refunds"][number % 2], tool, number / 10))
                .or_default();
            group.push(number as f64);
        }
    }
    assert_eq!(groups.len(), expected.len());
    let first = groups.iter().filter_map(|group| group.period).min().unwrap();
    for group in groups {
        let values: Vec<&str> = group.values.iter().map(|value| value.as_deref().unwrap()).collect();
        let period = usize::try_from((group.period.unwrap() - first) / 600_000_000_000).unwrap();
        let numbers = &expected[&(values[0], values[1], period)];
        assert_eq!((group.count, &group.numbers), (numbers.len() as u64, numbers));
    }
    let by_session = Grouping {
        by: &[field("session")],
        bucket: None,
        measure: None,
        groups_of_a_record: 1,
    };
    let none = index.tally(&Question::All, &by_session).unwrap().unwrap();
    assert_eq!((none[0].values.clone(), none[0].count), (vec![None], 40));
}
