//! Reading beside a writer and a sealer, from handles of their own on the real disk: no false alarm, and nothing that
//! was not durable. And the ways in which two that want to write meet.

mod oracle;

use auditdb::{Database, Error, Options};
use oracle::{Known, check, number_of, numbered, read_all};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[test]
fn a_thousand_readers_beside_a_writer_and_a_sealer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // Small segments, so that there is always one being sealed.
    let options = Options::default().seal_bytes(6_000).block_bytes(4_000);
    let db = Database::create_with(&path, Arc::new(auditdb::disk::RealDisk), options).unwrap();
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    // How far the writer had handed over before the commit that is under way, so an upper bound of what may be read.
    let handed_over = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                handed_over.store(number + 3, Ordering::SeqCst);
                let texts: Vec<String> = (number..number + 3).map(numbered).collect();
                db.append_all_json(texts.iter().map(String::as_str)).unwrap();
                number += 3;
                // A log that grows without bounds would only make the readers slow.
                std::thread::sleep(std::time::Duration::from_millis(4));
                acknowledged.store(number, Ordering::SeqCst);
            }
        });
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..500 {
                        if round % 2 == 0 {
                            let report = Database::verify_at(&path, &auditdb::VerifyOptions::default()).unwrap();
                            assert!(report.is_sound(), "{report}");
                            continue;
                        }
                        let before = acknowledged.load(Ordering::SeqCst);
                        let reader = Database::open_read_only(&path).unwrap();
                        let start = reader.len().unwrap().saturating_sub(40);
                        let numbers: Vec<u64> = reader
                            .records(start..)
                            .unwrap()
                            .filter_map(|entry| number_of(&entry.unwrap()))
                            .collect();
                        let after = handed_over.load(Ordering::SeqCst);
                        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
                        if let Some(last) = numbers.last() {
                            assert!(
                                *last + 1 >= before,
                                "what was acknowledged before the opening is missing"
                            );
                            assert!(*last < after, "something was read that was never handed over");
                        }
                    }
                })
            })
            .collect();
        for reader in readers {
            let outcome = reader.join();
            stop.store(true, Ordering::Relaxed);
            outcome.unwrap();
        }
    });
    assert!(db.status().unwrap().segments > 3);
}

/// A frame that is written but not yet durable is beyond `committed`, and no reader shows it.
#[test]
fn nothing_beyond_committed_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    db.append_json(&numbered(1)).unwrap();
    let hint = path.join("logs/main/committed");
    let before = std::fs::read(&hint).unwrap();
    db.append_json(&numbered(2)).unwrap();
    drop(db);
    let full = read_all(&Database::open_read_only(&path).unwrap()).len();
    #[expect(
        clippy::disallowed_methods,
        reason = "as if the last frame had not become durable yet"
    )]
    std::fs::write(&hint, &before).unwrap();
    let reader = Database::open_read_only(&path).unwrap();
    assert_eq!(read_all(&reader).len(), full - 1);
    let report = reader.verify().unwrap();
    assert!(report.is_sound() && report.records == full as u64 - 1, "{report}");
}

#[test]
fn a_second_writer_is_refused_and_may_join() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir
        .path()
        .join("a-directory-with-a-name-so-long-that-no-socket-address-holds-the-path-to-the-writers-door/db");
    let db = Database::create(&path).unwrap();
    let mut known = Known::default();
    known.append(&db).unwrap();
    match Database::open(&path) {
        Err(Error::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    let joined = Database::join(&path).unwrap();
    assert!(joined.is_joined());
    known.append_many(&joined, 5).unwrap();
    known.append(&db).unwrap();
    assert!(joined.append_json("{}").unwrap_err().to_string().contains("missing"));
    let long = numbered(77).replace(
        "\"attributes\"",
        &format!("\"reasoning\":\"{}\",\"attributes\"", "x".repeat(300_000)),
    );
    let receipt = joined.append_json(&long).unwrap();
    assert!(
        joined
            .whole(&joined.get(receipt.seq).unwrap())
            .unwrap()
            .contains("xxxx")
    );
    assert!(joined.seal().unwrap());
    drop(db);
    assert!(joined.append_json(&numbered(9)).is_err());
    let next = Database::join(&path).unwrap();
    assert!(!next.is_joined());
    known.handed_over.insert(77);
    check(&next, &known);
}

#[test]
fn a_dead_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    drop(std::os::unix::net::UnixListener::bind(path.join("logs/main/writer.sock")).unwrap());
    assert!(path.join("logs/main/writer.sock").exists());
    let db = Database::join(&path).unwrap();
    assert!(!db.is_joined());
    assert!(Database::join(&path).unwrap().is_joined());
    db.append_json(&numbered(1)).unwrap();
}

/// Deleting a lock file lets a second writer in; the first one notices before it seals.
#[test]
fn a_replaced_lock_stops_the_seal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    db.append_json(&numbered(1)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "what must never be done")]
    std::fs::remove_file(path.join("logs/main/LOCK")).unwrap();
    assert!(matches!(db.seal(), Err(Error::LockReplaced { .. })));
}

#[test]
fn files_are_not_for_everybody_and_sealed_ones_not_for_writing() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.seal().unwrap();
    let mut dirs = vec![path];
    while let Some(dir) = dirs.pop() {
        assert_eq!(
            std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
            0o750,
            "{}",
            dir.display()
        );
        for file in std::fs::read_dir(&dir).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            if file.file_type().unwrap().is_dir() {
                dirs.push(file.path());
            } else if file.path().to_string_lossy().ends_with(".zst") {
                assert_eq!(mode, 0o440, "{}", file.path().display());
            } else if file.file_name() != "writer.sock" {
                assert_eq!(mode, 0o640, "{}", file.path().display());
            }
        }
    }
}
