//! Reading beside a writer and a sealer, from handles of their own on the real disk: no false alarm, and nothing that
//! was not durable. And the ways in which two that want to write meet.

mod oracle;

use auditdb::{Database, Error, Options};
use oracle::{Known, check, number_of, numbered, read_all};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
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
    // Nobody else is left to write, so whoever joined does.
    known.handed_over.insert(77);
    known.append(&joined).unwrap();
    assert!(!joined.is_joined());
    check(&joined, &known);
    drop(joined);
    check(&Database::open(&path).unwrap(), &known);
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

/// Puts something in the way of the socket that is not simply replaced.
fn in_the_way(socket: &Path) {
    #[expect(clippy::disallowed_methods, reason = "what keeps a socket from being made")]
    std::fs::create_dir_all(socket.join("something")).unwrap();
}

#[test]
fn without_a_door_the_log_is_as_good_and_others_are_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    in_the_way(&path.join("logs/main/writer.sock"));
    let db = Database::open(&path).unwrap();
    db.append_json(&numbered(1)).unwrap();
    let refused = Database::join(&path).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Locked {
                no_door: Some(_),
                pid: Some(_),
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("opening the door"), "{refused}");
    drop(db);
    let db = Database::open_with(&path, Arc::new(auditdb::disk::RealDisk), Options::default().door(false)).unwrap();
    let refused = Database::join(&path).unwrap_err().to_string();
    assert!(refused.contains("without a door"), "{refused}");
    drop(db);
    assert!(Database::join(&path).unwrap().verify().unwrap().is_sound());
}

#[test]
fn a_path_of_two_thousand_bytes_has_a_door() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(vec!["d".repeat(200); 10].join("/"));
    let db = Database::create(&path).unwrap();
    let joined = Database::join(&path).unwrap();
    assert!(joined.is_joined());
    joined.append_json(&numbered(1)).unwrap();
    drop(db);
    assert!(!path.join("logs/main/writer.sock").exists());
}

#[test]
fn an_old_process_leaves_its_successors_door_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let old = Database::create(&path).unwrap();
    let socket = path.join("logs/main/writer.sock");
    #[expect(clippy::disallowed_methods, reason = "as a successor does")]
    std::fs::remove_file(&socket).unwrap();
    let _successor = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    drop(old);
    assert!(socket.exists());
}

/// Whoever joined goes on through the next writer, or as the next writer, and never stores anything twice.
#[test]
fn writers_come_and_go_and_whoever_joined_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut writer = Some(Database::create(&path).unwrap());
    let stop = AtomicBool::new(false);
    let appended: Vec<Vec<(u64, auditdb::Receipt)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4_u64)
            .map(|worker| {
                let joined = Database::join(&path).unwrap();
                let stop = &stop;
                scope.spawn(move || {
                    let mut receipts = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let number = worker * 1_000_000 + receipts.len() as u64;
                        receipts.push((number, joined.append_json(&numbered(number)).unwrap()));
                    }
                    receipts
                })
            })
            .collect();
        for _ in 0..10 {
            std::thread::sleep(std::time::Duration::from_millis(40));
            // In the middle of whatever the workers are about. One of them may be quicker to take the lock.
            drop(writer.take());
            writer = Database::open(&path).ok();
        }
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    drop(writer);
    let db = Database::join(&path).unwrap();
    let records = read_all(&db);
    let mut stored: Vec<u64> = records.values().filter_map(|(entry, _)| number_of(entry)).collect();
    stored.sort_unstable();
    let mut acknowledged: Vec<u64> = appended.iter().flatten().map(|(number, _)| *number).collect();
    acknowledged.sort_unstable();
    assert!(
        acknowledged.len() > 40 && stored == acknowledged,
        "{} of {}",
        stored.len(),
        acknowledged.len()
    );
    for (number, receipt) in appended.into_iter().flatten() {
        let (entry, chain) = &records[&receipt.seq];
        assert_eq!(
            (number_of(entry), entry.id(), *chain),
            (Some(number), receipt.id(), receipt.chain)
        );
        assert!(!entry.text().contains("\"conflict\""));
    }
    assert!(db.verify().unwrap().is_sound());
}

/// A request that was carried out and whose answer got lost is sent again, and the log recognises it.
#[test]
fn a_lost_answer_stores_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    let socket = path.join("logs/main/writer.sock");
    let real = path.join("logs/main/real.sock");
    #[expect(clippy::disallowed_methods, reason = "somebody in between")]
    std::fs::rename(&socket, &real).unwrap();
    let between = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        // Four times the answer gets lost: before it, after a byte, in the middle, and just before its end.
        for lost in [0, 1, 50, 100, usize::MAX] {
            let (client, _) = between.accept().unwrap();
            let writer = UnixStream::connect(&real).unwrap();
            pass_one(&client, &writer, usize::MAX);
            pass_one(&writer, &client, lost);
        }
    });
    let joined = Database::join(&path).unwrap();
    let before = db.len().unwrap();
    let receipt = joined.append_json(&numbered(5)).unwrap();
    thread.join().unwrap();
    assert_eq!((receipt.seq, db.len().unwrap()), (before, before + 1));
    let entry = db.get(receipt.seq).unwrap();
    // What the log chose itself needs no salt, and what was chosen before it was sent has one.
    assert!(entry.text().contains("\"salt\":\""), "{}", entry.text());
    assert_eq!(entry.id(), receipt.id());
    let own = db.append_json(&numbered(6)).unwrap();
    let (own, theirs) = (db.get(own.seq).unwrap(), entry.text());
    assert!(!own.text().contains("\"salt\""));
    let writer = |text: &str| {
        text.split("\"writer\":")
            .nth(1)
            .unwrap()
            .split('}')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(writer(own.text()), writer(theirs));
}

/// When nobody can say what became of a record, the error does not pretend to know.
#[test]
fn no_answer_and_no_other_writer_is_said_to_be_uncertain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // It says that it has no door, so that nobody waits for one.
    let options = Options::default().door(false);
    let db = Database::create_with(&path, Arc::new(auditdb::disk::RealDisk), options).unwrap();
    let socket = path.join("logs/main/writer.sock");
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let joined = Database::join(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let (client, _) = silent.accept().unwrap();
        let mut head = [0; 5];
        (&client).read_exact(&mut head).unwrap();
        let len = u32::from_le_bytes(head[1..].try_into().unwrap()) as usize;
        (&client).read_exact(&mut vec![0; len]).unwrap();
        drop(silent);
        #[expect(clippy::disallowed_methods, reason = "no door any more")]
        std::fs::remove_file(&socket).unwrap();
    });
    let error = joined.append_json(&numbered(1)).unwrap_err();
    thread.join().unwrap();
    assert!(matches!(error, Error::Uncertain { .. }), "{error:?}");
    assert!(error.to_string().contains("may or may not be stored"));
    drop(db);
    joined.append_json(&numbered(2)).unwrap();
    assert!(!joined.is_joined());
}

/// Passes one message on, or as much of it.
fn pass_one(mut from: &UnixStream, mut to: &UnixStream, limit: usize) {
    let mut message = vec![0; 5];
    from.read_exact(&mut message).unwrap();
    let len = u32::from_le_bytes(message[1..].try_into().unwrap()) as usize;
    message.resize(5 + len, 0);
    from.read_exact(&mut message[5..]).unwrap();
    to.write_all(&message[..message.len().min(limit)]).unwrap();
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
            } else if file.path().to_string_lossy().ends_with(".zst") || dir.ends_with("checkpoints") {
                assert_eq!(mode, 0o440, "{}", file.path().display());
            } else if file.file_name() != "writer.sock" {
                assert_eq!(mode, 0o640, "{}", file.path().display());
            }
        }
    }
}
