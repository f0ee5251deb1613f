//! What a client may not do to the process that writes, nor to the others that append through it.

use super::limits::{Budget, Limits, Timed};
use super::message::{self, APPEND, BUSY, DONE, FAILED, SEAL};
use crate::database::Database;
use crate::disk::RealDisk;
use crate::log::options::Options;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const RECORD: &str = r#"{"agent":{"id":"a"},"kind":"decision"}"#;

fn database(dir: &Path, limits: Limits) -> (Database, PathBuf) {
    let options = Options {
        door_limits: limits,
        ..Options::default()
    };
    let db = Database::create_with(dir.join("db"), Arc::new(RealDisk), options).unwrap();
    (db, dir.join("db/logs/main/writer.sock"))
}

/// A connection that gives up reading after a while, so that a test fails and does not hang.
fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn answer(stream: &mut UnixStream) -> Option<(u8, String)> {
    let (what, body) = message::read(stream, |_| true).ok()??;
    Some((what, String::from_utf8_lossy(&body).into_owned()))
}

fn append(text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    message::push_record(&mut body, None, text.as_bytes());
    body
}

fn is_closed(stream: &mut UnixStream) -> bool {
    !matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn idle_clients_make_room_and_honest_ones_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (db, socket) = database(
        dir.path(),
        Limits {
            clients: 4,
            ..Limits::default()
        },
    );
    let honest = Database::join(db.path()).unwrap();
    honest.append_json(RECORD).unwrap();
    let idle: Vec<_> = (0..20).map(|_| connect(&socket)).collect();
    // Its connection is gone by now; it knocks again.
    let receipt = honest.append_json(RECORD).unwrap();
    assert_eq!(receipt.seq, db.len().unwrap() - 1);
    // Whoever has half a message under way is no better than one that rests.
    for mut stream in &idle {
        let _ = stream.write_all(&[APPEND, 100]);
    }
    let others: Vec<_> = (0..8).map(|_| Database::join(db.path()).unwrap()).collect();
    for _ in 0..3 {
        for other in &others {
            other.append_json(RECORD).unwrap();
        }
    }
    assert_eq!(db.len().unwrap(), receipt.seq + 1 + 24);
}

#[test]
fn a_thousand_connects_at_once_leave_the_door_open() {
    let dir = tempfile::tempdir().unwrap();
    let (db, socket) = database(dir.path(), Limits::default());
    let worker = Database::join(db.path()).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    drop(connect(&socket));
                }
            });
        }
        for _ in 0..50 {
            worker.append_json(RECORD).unwrap();
        }
    });
    eprintln!("2,000 connects beside 50 appends took {:?}", start.elapsed());
    Database::join(db.path()).unwrap().append_json(RECORD).unwrap();
    assert_eq!(
        db.records(..)
            .unwrap()
            .filter(|entry| !entry.as_ref().unwrap().is_of_the_log())
            .count(),
        51
    );
}

#[test]
fn a_message_may_not_stay_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(150);
    let (db, socket) = database(
        dir.path(),
        Limits {
            patience,
            ..Limits::default()
        },
    );
    let (mut silent, mut dripping, mut resting) = (connect(&socket), connect(&socket), connect(&socket));
    silent.write_all(&[APPEND, 200]).unwrap();
    dripping.write_all(&[APPEND, 255, 255, 0, 0]).unwrap();
    let start = Instant::now();
    while dripping.write_all(&[7]).is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "a drip keeps a message alive"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(is_closed(&mut silent) && is_closed(&mut dripping));
    // A client that rests may do so for as long as there is room.
    message::write(&mut resting, APPEND, &append(RECORD)).unwrap();
    assert_eq!(answer(&mut resting).unwrap().0, DONE);
    drop(db);
}

#[test]
fn after_a_protocol_error_it_says_so_and_hangs_up() {
    let dir = tempfile::tempdir().unwrap();
    let (db, socket) = database(dir.path(), Limits::default());
    let mut stream = connect(&socket);
    stream.write_all(&[APPEND, 255, 255, 255, 255, 1, 2, 3]).unwrap();
    let (what, why) = answer(&mut stream).unwrap();
    assert!(what == FAILED && why.contains("longer than"), "{why}");
    assert!(is_closed(&mut stream));
    // What is wrong inside a message is no reason to hang up.
    let mut stream = connect(&socket);
    let records = append(RECORD);
    let many = records.repeat(message::LIST_LIMIT / records.len() + 1);
    for (what, body, said) in [
        (200, b"".as_slice(), "not known"),
        (APPEND, &[1, 2, 3], "cut short"),
        (APPEND, &append("{}"), "record 1 of the list refused"),
        (APPEND, &many, "longer than"),
    ] {
        message::write(&mut stream, what, body).unwrap();
        let (what, why) = answer(&mut stream).unwrap();
        assert!(what == FAILED && why.contains(said), "{why}");
    }
    message::write(&mut stream, SEAL, &[]).unwrap();
    assert_eq!(answer(&mut stream).unwrap().0, DONE);
    drop(db);
}

#[test]
fn half_sent_messages_cost_no_more_than_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = 2 << 20;
    let (db, socket) = database(
        dir.path(),
        Limits {
            bytes,
            ..Limits::default()
        },
    );
    let mut held = 0;
    let hogs: Vec<_> = (0..5)
        .map(|_| {
            let mut stream = connect(&socket);
            stream
                .write_all(&[&[APPEND], 60_000_000_u32.to_le_bytes().as_slice()].concat())
                .unwrap();
            for _ in 0..20 {
                if stream.write_all(&vec![b' '; 50_000]).is_err() {
                    assert_eq!(answer(&mut stream).unwrap().0, BUSY);
                    return None;
                }
                held += 50_000;
            }
            Some(stream)
        })
        .collect();
    assert!(hogs.iter().flatten().count() < 5 && held > 1 << 20, "{held}");
    // A record of the usual size always goes through, a large one as soon as there is room.
    let worker = Database::join(db.path()).unwrap();
    worker.append_json(RECORD).unwrap();
    let large = RECORD.replace(
        "\"kind\"",
        &format!("\"reasoning\":\"{}\",\"kind\"", "x".repeat(1_500_000)),
    );
    std::thread::scope(|scope| {
        let appended = scope.spawn(|| worker.append_json(&large));
        std::thread::sleep(Duration::from_millis(100));
        drop(hogs);
        appended.join().unwrap().unwrap();
    });
}

#[test]
fn a_budget_gives_back_what_was_taken() {
    let budget = Budget::new(1 << 20);
    let (mut one, mut other) = (budget.share(), budget.share());
    assert!(one.take(256 << 10) && one.take(1 << 20) && !one.take(1));
    assert!(other.take(256 << 10) && !other.take(1));
    drop(one);
    assert!(other.take(1 << 20) && !other.take(usize::MAX));
}

#[test]
fn an_answer_that_nobody_reads_ends_the_connection_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(150);
    let (db, socket) = database(
        dir.path(),
        Limits {
            patience,
            ..Limits::default()
        },
    );
    let mut deaf = connect(&socket);
    // More receipts than the socket takes, from a client that reads none.
    let records = append(RECORD).repeat(20_000);
    message::write(&mut deaf, APPEND, &records).unwrap();
    while db.len().unwrap() < 20_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(2 * patience);
    Database::join(db.path()).unwrap().append_json(RECORD).unwrap();
    let start = Instant::now();
    drop(db);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
}

#[test]
fn a_refusal_is_read_although_the_request_could_not_be_sent() {
    let (near, far) = UnixStream::pair().unwrap();
    let connection = super::serve::Connection::new(far, Duration::from_secs(1)).unwrap();
    connection.turn_away("too many clients");
    let mut timed = Timed::new(&near, Duration::from_secs(1));
    assert!(message::write(&mut timed, SEAL, &[]).is_err());
    let (what, why) = message::read(&mut timed, |_| true).unwrap().unwrap();
    assert_eq!((what, why.as_slice()), (BUSY, b"too many clients".as_slice()));
}

#[test]
fn a_late_end_leaves_the_successors_socket_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("writer.sock");
    let (_first, named) = super::socket::bind(&path).unwrap();
    let again = path.with_extension("new");
    let (_second, successor) = super::socket::bind(&again).unwrap();
    #[expect(clippy::disallowed_methods, reason = "as a successor would")]
    std::fs::rename(&again, &path).unwrap();
    named.forget();
    assert!(path.exists());
    drop(successor);
    UnixStream::connect(&path).unwrap();
}
