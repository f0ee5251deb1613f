//! What is dropped and what is not, and life with a log whose beginning is gone.

use super::*;
use auditdb::proof::{leaf_hash, verify_consistency};
use auditdb::{Anchors, Error, Order, Query, VerifyOptions};

/// Three segments a hundred days apart, and what was in them.
struct Grown {
    disk: SimDisk,
    db: Database,
    lines: Vec<String>,
    ends: [u64; 3],
}

fn grown() -> Grown {
    let disk = SimDisk::new(5);
    let db = create(&disk, plain());
    let mut ends = [0; 3];
    for end in &mut ends {
        *end = segment(&db, 40);
        days(&disk, 100);
    }
    let lines = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    Grown { disk, db, lines, ends }
}

#[test]
fn a_segment_goes_when_its_time_has_passed_and_no_earlier() {
    let Grown { disk, db, ends, .. } = grown();
    assert_eq!(firsts(&retain(&db)), NONE, "after 300 days");
    days(&disk, 64);
    assert_eq!(firsts(&retain(&db)), NONE, "after 364 days");
    days(&disk, 2);
    let before = names(&disk, "segments").len();
    let dry = db.retain_with(&RetainOptions::default().dry_run(true)).unwrap();
    assert_eq!(
        (firsts(&dry), dry.dropped[0].tombstone, names(&disk, "segments").len()),
        (vec![0], None, before)
    );
    let done = retain(&db);
    assert_eq!(firsts(&done), [0]);
    assert_eq!(done.earliest, ends[0]);
    assert_eq!(done.kept.iter().map(|kept| kept.first).collect::<Vec<_>>(), ends[..2]);
    assert_eq!(names(&disk, "segments").len(), before - 1);
    assert_eq!(names(&disk, "tombstones").len(), 1);
    let report = sound(&db);
    assert_eq!((report.dropped, report.tombstones), (ends[0], 1));
    // Nothing is left to do.
    assert_eq!(firsts(&retain(&db)), NONE);
}

#[test]
fn what_is_left_is_read_and_what_is_gone_is_named() {
    let Grown { disk, db, lines, ends } = grown();
    days(&disk, 70);
    let done = retain(&db);
    let tombstone = done.dropped[0].tombstone.unwrap();
    let checked = |db: &Database| {
        let read: Vec<(u64, String)> = db
            .records(..)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.seq(), entry.text().to_owned()))
            .collect();
        assert_eq!(read[0].0, ends[0]);
        let left = lines.len() - usize::try_from(ends[0]).unwrap();
        assert!(
            read.iter()
                .map(|(_, text)| text)
                .take(left)
                .eq(lines[lines.len() - left..].iter())
        );
        let gone = db.get(3).unwrap_err();
        assert!(
            matches!(gone, Error::Dropped { seq: 3, tombstone: said, .. } if said == tombstone),
            "{gone}"
        );
        assert!(
            gone.to_string()
                .contains(&format!("tombstone {tombstone}, on 2031-01-0")),
            "{gone}"
        );
        assert!(db.get(tombstone).unwrap().text().contains("\"name\":\"tombstone\""));
        let found = db
            .query(&Query::parse("agent:a").unwrap().order(Order::Oldest))
            .unwrap();
        let mut found = found;
        assert_eq!(found.by_ref().count(), 80);
        assert!(!found.reach().is_partial(), "{:?}", found.reach());
        assert!(matches!(db.get(lines.len() as u64 + 100), Err(Error::NotFound { .. })));
        assert_eq!(db.earliest().unwrap(), ends[0]);
        let status = db.status().unwrap();
        assert_eq!((status.earliest, status.segments), (ends[0], 2));
        assert!(status.next_expiry.unwrap().starts_with("2031-04-11"));
        sound(db);
    };
    checked(&db);
    checked(&reading(&disk));
    drop(db);
    let disk = disk.restart();
    let db = open(&disk);
    checked(&db);
    db.append_json(&numbered(7)).unwrap();
    db.seal().unwrap();
    sound(&db);
}

#[test]
fn a_reader_that_was_there_before_goes_on() {
    let Grown { disk, db, ends, .. } = grown();
    let reader = reading(&disk);
    let mut under_way = reader.records(..).unwrap();
    under_way.next().unwrap().unwrap();
    days(&disk, 70);
    retain(&db);
    let rest: Vec<u64> = under_way.map(|entry| entry.unwrap().seq()).collect();
    assert!(rest.contains(&ends[0]));
    assert_eq!(reader.records(..).unwrap().next().unwrap().unwrap().seq(), ends[0]);
    sound(&reader);
}

#[test]
fn proofs_are_made_and_hold_as_before() {
    let Grown { disk, db, lines, ends } = grown();
    let genesis = db.genesis().unwrap();
    let old = db.checkpoint().unwrap();
    let proof = db.prove(5).unwrap();
    days(&disk, 70);
    retain(&db);
    let new = db.checkpoint().unwrap();
    let (old_size, new_size) = (old.checkpoint().size(), new.checkpoint().size());
    let keys = [genesis.key.clone()];
    // A proof from before, and a new one, of a record whose text somebody has kept.
    proof.verify(lines[5].as_bytes(), &keys).unwrap();
    for seq in [0, 5, ends[0] - 1, ends[0], ends[1]] {
        let proof = db.prove(seq).unwrap();
        proof
            .verify(lines[usize::try_from(seq).unwrap()].as_bytes(), &keys)
            .unwrap();
        assert!(proof.verify(b"another", &keys).is_err());
    }
    for size in [1, 7, ends[0], ends[0] + 3, old_size] {
        let path = db.prove_consistency(size, new_size).unwrap();
        let root = db.prove_consistency(0, size).map(|_| root_of(&lines, size)).unwrap();
        verify_consistency(size, &root, new_size, new.checkpoint().root(), &path).unwrap();
    }
    let mut anchors = Anchors::default();
    let checkpoints = [old.clone()];
    (anchors.key, anchors.genesis, anchors.checkpoints) = (Some(&genesis.key), Some(&genesis.leaf), &checkpoints);
    let options = VerifyOptions {
        anchors,
        ..VerifyOptions::default()
    };
    let report = db.verify_with(&options).unwrap();
    assert!(report.is_sound() && report.authenticated, "{report}");
    assert_eq!(db.genesis().unwrap(), genesis);
}

fn root_of(lines: &[String], size: u64) -> [u8; 32] {
    let mut tree = auditdb::proof::Frontier::new();
    for line in &lines[..usize::try_from(size).unwrap()] {
        tree.push(leaf_hash(line.as_bytes()));
    }
    tree.root()
}

/// Everything sealed may go; later what is sealed behind it goes too, with the records that announced the first ones.
#[test]
fn a_log_may_lose_all_of_its_segments_again_and_again() {
    let disk = SimDisk::new(6);
    let mut db = create(&disk, plain().class(class("standard", 1)));
    let genesis = db.genesis().unwrap();
    let mut gone = 0;
    for round in 0..4 {
        segment(&db, 5);
        let end = segment(&db, 3);
        days(&disk, 40);
        let done = retain(&db);
        assert_eq!(done.earliest, end, "round {round}");
        gone += done.dropped.len() as u64;
        let report = sound(&db);
        assert_eq!((report.dropped, report.tombstones), (end, gone));
        assert_eq!(db.genesis().unwrap(), genesis);
        drop(db);
        db = open(&disk);
        db.append_json(&numbered(1)).unwrap();
        sound(&db);
    }
    assert!(gone >= 8);
}

#[test]
fn a_class_is_lengthened_at_once_and_shortened_only_forward() {
    let disk = SimDisk::new(7);
    let db = create(&disk, plain().class(class("standard", 2)));
    let first = segment(&db, 3);
    db.set_class(&class("standard", 5)).unwrap();
    let second = segment(&db, 3);
    days(&disk, 70);
    assert_eq!(firsts(&retain(&db)), NONE, "lengthened at once");
    db.set_class(&class("standard", 1)).unwrap();
    assert_eq!(firsts(&retain(&db)), [0], "the first promised two months only");
    segment(&db, 3);
    days(&disk, 60);
    let done = retain(&db);
    assert_eq!(
        firsts(&done),
        NONE,
        "the second promised five, and nothing goes behind it"
    );
    assert_eq!((done.kept[0].first, done.kept[0].months), (first, 5));
    assert_eq!((done.kept[1].first, done.kept[1].months), (second, 1));
    days(&disk, 30);
    assert_eq!(firsts(&retain(&db)), [first, second]);
    sound(&db);
    drop(db);
    // It is the log's, whoever opens it; and opening it with another class changes it.
    let db = open(&disk);
    assert_eq!(db.status().unwrap().keep_months, 1);
    drop(db);
    let db = Database::open_with(DIR, Arc::new(disk.clone()), plain().class(class("health", 24))).unwrap();
    let status = db.status().unwrap();
    assert_eq!((status.class.as_str(), status.keep_months), ("health", 24));
    sound(&db);
}

#[test]
fn a_segment_that_was_changed_is_not_dropped() {
    let Grown { disk, db, .. } = grown();
    days(&disk, 70);
    // In the first frame, which is looked at in any case, and in one in the middle.
    let path = names(&disk, "segments")[0].clone();
    let whole = disk.contents(&path).unwrap();
    for place in [40, whole.len() / 3] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        assert!(disk.overwrite(&path, &bytes));
        let done = retain(&db);
        assert_eq!((firsts(&done), done.unreadable.is_some()), (vec![], true));
        assert!(disk.contents(&path).is_some());
    }
    assert_eq!(names(&disk, "tombstones").len(), 0);
}

#[test]
fn recovery_and_reindexing_live_with_it() {
    let Grown { disk, db, ends, .. } = grown();
    days(&disk, 70);
    retain(&db);
    drop(db);
    // The tree file of a higher level is lost, and the newest segment's directory.
    let path = names(&disk, "segments").pop().unwrap();
    let mut bytes = disk.contents(&path).unwrap();
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    assert!(disk.overwrite(&path, &bytes));
    let recovery = Database::recover_with(DIR, Arc::new(disk.clone()), &plain()).unwrap();
    assert!(
        recovery.done.iter().all(|done| done.unreadable.is_empty()),
        "{recovery:?}"
    );
    let db = open(&disk);
    assert_eq!(db.earliest().unwrap(), ends[0]);
    sound(&db);
    drop(db);
    #[cfg(feature = "search")]
    {
        let made = Database::reindex_with(DIR, Arc::new(disk.clone()), plain(), false, &|_, _| {}).unwrap();
        assert!(made.is_complete());
        assert!(names(&disk, "index").len() >= 2);
        days(&disk, 100);
        let db = open(&disk);
        // The clock went on by itself while it was closed, and the machine with it.
        assert_eq!(firsts(&retain(&db)), [ends[0]]);
        assert!(
            names(&disk, "index")
                .iter()
                .all(|path| !path.ends_with(format!("{:020}.idx", ends[0])))
        );
        sound(&db);
    }
}

#[test]
fn bundles_begin_where_a_whole_one_is_left() {
    let disk = SimDisk::new(8);
    let db = create(&disk, plain().class(class("standard", 1)));
    let end = segment(&db, 300);
    segment(&db, 300);
    assert_eq!(db.minimum_index().unwrap(), 0);
    days(&disk, 31);
    segment(&db, 10);
    days(&disk, 1);
    let done = retain(&db);
    assert!(done.dropped.len() >= 2 && end > 256);
    assert_eq!(
        done.minimum_index,
        done.earliest.next_multiple_of(256).min(db.len().unwrap())
    );
    assert_eq!(db.minimum_index().unwrap(), done.minimum_index);
    let tile: auditdb::proof::Tile = "tile/entries/000".parse().unwrap();
    assert!(matches!(db.tile(&tile), Err(Error::Dropped { seq: 0, .. })));
    let hashes: auditdb::proof::Tile = "tile/0/000".parse().unwrap();
    assert_eq!(db.tile(&hashes).unwrap().len(), 256 * 32);
}
