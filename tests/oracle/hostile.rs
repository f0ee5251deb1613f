//! Bytes from anywhere: whatever they are, nothing panics, nothing is lost, and nothing is said to be sound that is not.

use super::{DIR, Known, LOG, check, disk_with, files, numbered, plain, put};
use auditdb::disk::{Disk, SimDisk};
use auditdb::{Database, Error, Order, Query, VerifyOptions};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// A small sound database: a segment and a journal.
static SAMPLE: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let disk = SimDisk::new(21);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).expect("a fresh disk");
    let mut known = Known::default();
    known.append_many(&db, 4).expect("it takes records");
    db.seal().expect("it seals");
    known.append_many(&db, 2).expect("it takes records");
    known.append(&db).expect("it takes records");
    drop(db);
    files(&disk)
});

/// Any text as a record: if it is taken, it comes back as the same JSON value, minified, and again as itself.
pub(crate) fn record_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let db = memory();
    let Ok(receipt) = db.append_json(text) else { return };
    let entry = db.get(receipt.seq).expect("what was acknowledged is there");
    assert!(entry.text().len() <= auditdb::record::LINE_LIMIT);
    let whole = db.whole(&entry).expect("parts belong together");
    // Numbers beyond what the JSON library holds are ours to keep and not its to read.
    if let (Ok(mut sent), Ok(mut stored)) = (
        serde_json::from_str::<serde_json::Value>(text),
        serde_json::from_str::<serde_json::Value>(&whole),
    ) {
        for value in [&mut sent, &mut stored] {
            let members = value.as_object_mut().expect("a record is an object");
            for own in ["v", "seq", "id", "logged", "time", "writer", "salt", "conflict"] {
                members.remove(own);
            }
        }
        assert_eq!(sent, stored);
    }
    assert!(db.verify().expect("it can be listed").is_sound());
}

/// Any bytes as a policy file, and what stands behind a zero byte as a record: a file with mistakes is refused with a line of
/// it, every record that is taken by one without is where its receipt says, and every log is sound.
pub(crate) fn policy(data: &[u8]) {
    let mut halves = data.splitn(2, |byte| *byte == 0);
    let (file, record) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let disk = SimDisk::in_memory();
    put(&disk, "/db/auditdb.toml".as_ref(), file);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let db = match Database::create_with(DIR, Arc::clone(&shared), plain()) {
        Ok(db) => db,
        Err(Error::Policy { mistakes, .. }) => {
            let lines = file.split(|byte| *byte == b'\n').count();
            assert!(
                mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)),
                "{mistakes:?}"
            );
            assert!(!mistakes.is_empty());
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(
        db.policy_in_force()
            .expect("it can be asked")
            .as_deref()
            .map(str::as_bytes),
        Some(file)
    );
    let texts = [
        record,
        br#"{"agent":{"id":"a"},"kind":"tool_call","class":"health","tools":[{"name":"t"}]}"#,
    ];
    for text in texts.iter().filter_map(|text| std::str::from_utf8(text).ok()) {
        let Ok(receipt) = db.append_json(text) else { continue };
        let entry = db.get(format!("{}/{}", receipt.log, receipt.seq).as_str());
        assert_eq!(entry.expect("what was acknowledged is there").id(), receipt.id());
    }
    drop(db);
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    let reports = Database::verify_logs_with(DIR, &shared, None, &[], &options).expect("they can be listed");
    for report in reports {
        assert!(report.is_sound() && report.policy_edited.is_none(), "{report}");
    }
}

/// Any text as a query: it is read or refused in its place, what was read is printed so that it is read again, and it is
/// held against records without a panic.
pub(crate) fn query_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let query = match Query::parse(text) {
        Ok(query) => query,
        Err(fault) => {
            assert!(text.get(fault.at.clone()).is_some() && !fault.to_string().is_empty());
            return;
        }
    };
    // With its quotes and brackets it may be longer or deeper than what was typed, and so than what is taken.
    if let Err(fault) = Query::parse(&query.to_string()) {
        let capped = ["longer than", "at most", "more than"];
        assert!(capped.iter().any(|cap| fault.message.contains(cap)), "{fault}");
    }
    let db = &*ASKED;
    let count = |order| {
        let mut found = db.query(&query.clone().order(order)).expect("it is there");
        let count = found.by_ref().filter(|entry| entry.is_ok()).count();
        assert!(!found.reach().is_partial());
        count
    };
    assert_eq!(count(Order::Newest), count(Order::Oldest));
}

/// Some records to ask for.
static ASKED: LazyLock<Database> = LazyLock::new(|| {
    let db = memory();
    let text = r#"{"agent":{"id":"refunds"},"kind":"decision","time":"2026-11-24T15:40:10Z","reasoning":"An apology, 退款 42","policies":[{"id":"p","conditions":[{"field":"f","value":-7.5}]}],"outcome":{"status":"failure"},"attributes":{"a":{"b":"c"}}}"#;
    db.append_json(text).expect("it takes records");
    db.seal().expect("it seals");
    db.append_json(text).expect("it takes records");
    db
});

/// The same with an index of its segment.
#[cfg(feature = "search")]
static INDEXED: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let disk = disk_with(21, &SAMPLE);
    let made = Database::reindex_with(DIR, Arc::new(disk.clone()), plain(), false, &|_, _| {});
    assert!(made.expect("it opens").is_complete());
    files(&disk)
});

/// Any bytes as the sample's index: the first three say where they go, and whether the digest of the head is put right; the
/// rest what. Only the very bytes that were written are good, and whatever stands there, the log is as sound as it was and
/// answers the same.
#[cfg(feature = "search")]
pub(crate) fn index(data: &[u8]) {
    let sample = INDEXED
        .iter()
        .find(|(path, _)| path.extension().is_some_and(|end| end == "idx"));
    let ([a, b, c, patch @ ..], Some((path, bytes))) = (data, sample) else {
        return;
    };
    let mut changed = bytes.clone();
    let place = (usize::from(*a) | usize::from(*b) << 8) % (changed.len() + 1);
    match c % 3 {
        0 => changed = patch.to_vec(),
        1 => _ = changed.splice(place..place, patch.iter().copied()),
        _ => _ = changed.splice(place..(place + patch.len()).min(changed.len()), patch.iter().copied()),
    }
    let same = changed == *bytes;
    let disk = disk_with(21, &INDEXED);
    put(&disk, path, &changed);
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let check = Database::reindex_with(DIR, Arc::clone(&shared), plain(), true, &|_, _| {});
    assert_eq!(check.expect("no index keeps a log from being read").is_complete(), same);
    let sound = |index| {
        let options = VerifyOptions {
            threads: Some(1),
            index,
            ..VerifyOptions::default()
        };
        Database::verify_at_with(DIR, &shared, &options).is_ok_and(|report| report.is_sound())
    };
    assert!(sound(false), "an index is no evidence");
    // One of another version is none that anybody uses.
    assert!(sound(true) == same || !same);
    let db = Database::open_read_only_with(DIR, Arc::clone(&shared)).expect("no index keeps a log from being opened");
    let found = db.query(&Query::new()).expect("nor from being asked").count();
    let all = db.records(..).expect("nor from being read").flatten();
    assert_eq!(found, all.filter(|entry| !entry.is_of_the_log()).count());
    let made = Database::reindex_with(DIR, Arc::clone(&shared), plain(), false, &|_, _| {}).expect("it opens");
    assert!(made.is_complete(), "{made}");
}

/// The sample's journal with other bytes: the first two say where they go, the rest what.
pub(crate) fn journal(data: &[u8]) {
    with_file(".journal", data);
}

/// The sample's segment with other bytes.
pub(crate) fn segment(data: &[u8]) {
    with_file(".zst", data);
}

/// A whole directory out of pieces: each a file's number, a length, and bytes.
pub(crate) fn directory(data: &[u8]) {
    let names = [
        "journal/00000000000000000000.journal",
        "journal/00000000000000000008.journal",
        "segments/00000000000000000000.jsonl.zst",
        "segments/00000000000000000008.jsonl.zst",
        "tree/0",
        "tree/1",
        "committed",
        "journal/next",
        "journal/00000000000000000000.torn-9",
        "segments/x.tmp",
        "checkpoints/00000000000000000008",
        "checkpoints/new",
    ];
    // With the secrets of the sample, so that what is sound can be written.
    let secrets = SAMPLE.iter().filter(|(path, _)| !path.starts_with(LOG)).cloned();
    let disk = disk_with(21, &secrets.collect::<Vec<_>>());
    let mut rest = data;
    while let [file, len, behind @ ..] = rest {
        let (bytes, behind) = behind.split_at(behind.len().min(usize::from(*len) * 4));
        if let Some(name) = names.get(usize::from(*file) % names.len()) {
            let sample = SAMPLE
                .iter()
                .find(|(path, _)| path.ends_with(name))
                .map(|(_, bytes)| bytes.as_slice());
            let bytes = [
                if file & 0x80 == 0 {
                    sample.unwrap_or_default()
                } else {
                    &[]
                },
                bytes,
            ]
            .concat();
            put(&disk, &PathBuf::from(LOG).join(name), &bytes);
        }
        rest = behind;
    }
    for dir in ["journal", "segments", "tree"] {
        disk.create_dir(&PathBuf::from(LOG).join(dir))
            .expect("a directory can be made");
    }
    use_all(&disk);
}

/// Random operations with crashes between them, against what their callers know.
pub(crate) fn model(data: &[u8]) {
    let mut disk = SimDisk::new(33);
    let mut known = Known::default();
    let mut db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).expect("a fresh disk");
    known.created = true;
    for byte in data.iter().take(40) {
        match byte % 8 {
            0..=2 => known
                .append_many(&db, 1 + u64::from(byte / 64))
                .expect("it takes records"),
            3 => {
                db.seal().expect("it seals");
            }
            4 => {
                drop(db);
                db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).expect("it opens again");
            }
            // Stopped in the middle of an append, then a power cut or a restart of the process.
            operation => {
                disk.stop_after(disk.op_count() + u64::from(byte / 8) % 4);
                let _ = if operation == 7 {
                    db.seal().map(|_| ())
                } else {
                    known.append_many(&db, 2)
                };
                drop(db);
                let mut states = disk.crash_states(8);
                states.push(disk.restart());
                let chosen = usize::from(*byte) % states.len();
                disk = states.swap_remove(chosen);
                db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).expect("it opens after a crash");
            }
        }
    }
    check(&db, &known);
}

fn with_file(suffix: &str, data: &[u8]) {
    let disk = disk_with(21, &SAMPLE);
    let sample = SAMPLE.iter().find(|(path, _)| path.to_string_lossy().ends_with(suffix));
    let ([a, b, patch @ ..], Some((path, bytes))) = (data, sample) else {
        return;
    };
    let mut changed = bytes.clone();
    let place = usize::from(u16::from_le_bytes([*a, *b])) % (changed.len() + 1);
    let end = (place + patch.len()).min(changed.len());
    if place & 1 == 0 {
        changed.splice(place..end, patch.iter().copied());
    } else {
        changed.splice(place..place, patch.iter().copied());
    }
    put(&disk, path, &changed);
    let sound = use_all(&disk);
    // Behind the last frame of a journal stand zeros, however many.
    let said = |bytes: &[u8]| match suffix {
        ".journal" => bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count(),
        _ => bytes.len(),
    };
    let same = changed.get(..said(&changed)) == bytes.get(..said(bytes));
    assert_eq!(sound, same, "verify and the bytes disagree");
}

/// Does everything that can be done with a directory. Says whether verify calls it sound.
fn use_all(disk: &SimDisk) -> bool {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    let sound = Database::verify_at_with(DIR, &shared, &options).is_ok_and(|report| report.is_sound());
    if let Ok(db) = Database::open_read_only_with(DIR, Arc::clone(&shared)) {
        for entry in db.records(..).into_iter().flatten().flatten() {
            let _ = db.whole(&entry);
            let _ = db.get(entry.id());
        }
        let _ = db.status();
    }
    match Database::open_with(DIR, Arc::clone(&shared), plain()) {
        Ok(db) => {
            let _ = db.append_json(&numbered(1));
            let _ = db.seal();
        }
        Err(Error::NotADatabase { .. } | Error::Damaged { .. } | Error::Io { .. }) => {
            if Database::recover_with(DIR, Arc::clone(&shared), &plain()).is_ok() {
                let db = Database::open_with(DIR, shared, plain()).expect("what was recovered opens");
                let receipt = db.append_json(&numbered(1)).expect("and takes records");
                assert!(db.get(receipt.seq).is_ok());
            }
        }
        // It is not the directory that the secrets have signed for.
        Err(Error::NoKey { .. } | Error::KeyFile { .. } | Error::Estranged { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    sound
}

fn memory() -> Database {
    Database::create_with(DIR, Arc::new(SimDisk::new(2)), plain()).expect("a fresh disk")
}
