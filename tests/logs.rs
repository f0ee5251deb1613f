//! Answers over several logs of a database: merged in order, in pages that go on whatever happens between them, and honest
//! about what could not be asked.

#[path = "oracle/mod.rs"]
mod oracle;

use auditdb::disk::SimDisk;
use auditdb::{Counting, Cursor, Database, Entry, Error, Order, Patience, Query, Stopped, What, Without};
use oracle::{DIR, disk_with, files, plain, put};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A record so many seconds into the day.
fn record(number: u64, second: u64, agent: &str) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        r#"{{"agent":{{"id":"{agent}"}},"kind":"decision","time":"2026-11-24T{hour:02}:{minute:02}:{second:02}Z","correlation":"c","attributes":{{"n":{number}}}}}"#
    )
}

/// A database whose keys are lost goes on in another log.
fn succeed(disk: &SimDisk, db: Database) -> Database {
    drop(db);
    for path in disk.paths().iter().filter(|path| path.starts_with("/db.keys")) {
        disk.remove_raw(path);
    }
    Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "the keys are lost").unwrap()
}

/// Logs with records of these times, each sealed behind so many; the database is open for writing its newest.
fn filled(logs: &[Vec<u64>], sealed: usize) -> (SimDisk, Database) {
    let disk = SimDisk::new(5);
    let mut db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut number = 0;
    for (place, times) in logs.iter().enumerate() {
        if place > 0 {
            db = succeed(&disk, db);
        }
        for (at, second) in times.iter().enumerate() {
            db.append_json(&record(number, *second, "a")).unwrap();
            number += 1;
            if at == sealed {
                db.seal().unwrap();
            }
        }
    }
    (disk, db)
}

fn reader(disk: &SimDisk) -> Database {
    Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap()
}

/// Where a record is and when it was.
type Row = (i64, u32, u64);

fn row(entry: &Entry) -> Row {
    let log = entry.log().strip_prefix("main").unwrap();
    let log = log.strip_prefix('.').map_or(1, |number| number.parse().unwrap());
    (entry.time(), log, entry.seq())
}

fn rows(db: &Database, query: &Query) -> Vec<Row> {
    let mut found = db.query(query).unwrap();
    let rows = found.by_ref().map(|entry| row(&entry.unwrap())).collect();
    assert!(!found.reach().is_partial(), "{:?}", found.reach());
    rows
}

/// All callers' records, log by log as each was written, read without any query.
fn plainly(disk: &SimDisk, names: &[&str]) -> Vec<Vec<Row>> {
    let of_log = |name: &&str| {
        let db = Database::open_log_with(DIR, Arc::new(disk.clone()), name).unwrap();
        let entries = db.records(..).unwrap().map(Result::unwrap);
        entries
            .filter(|entry| !entry.is_of_the_log())
            .map(|entry| row(&entry))
            .collect()
    };
    names.iter().map(of_log).collect()
}

/// What the documentation of [`Order`] says, in so many words.
fn merged(mut logs: Vec<Vec<Row>>, order: Order) -> Vec<Row> {
    let mut all = Vec::new();
    // The next record of each is its last here.
    if order == Order::Oldest {
        logs.iter_mut().for_each(|log| log.reverse());
    }
    loop {
        let heads = logs.iter().filter_map(|log| log.last().copied());
        let next = match order {
            Order::Oldest => heads.min(),
            Order::Newest => heads.max(),
        };
        let Some(next) = next else { return all };
        all.push(next);
        logs.iter_mut()
            .filter(|log| log.last() == Some(&next))
            .for_each(|log| _ = log.pop());
    }
}

const NAMES: [&str; 3] = ["main", "main.2", "main.3"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In order of time within each log the whole answer is; and any answer is the merge of the logs' heads, in pages too.
    #[test]
    fn several_logs_give_one_answer(
        mut logs in proptest::collection::vec(proptest::collection::vec(0_u64..40, 0..12), 3..=3),
        ordered in any::<bool>(),
        sealed in 0_usize..12,
        pages in proptest::collection::vec(1_usize..6, 60),
        appends in proptest::collection::vec((0_u64..3, any::<bool>()), 60),
        newest_first in any::<bool>(),
    ) {
        if ordered {
            logs.iter_mut().for_each(|times| times.sort_unstable());
        }
        let (disk, db) = filled(&logs, sealed);
        let order = if newest_first { Order::Newest } else { Order::Oldest };
        let query = Query::parse("agent:a").unwrap().order(order);
        let before = merged(plainly(&disk, &NAMES), order);
        prop_assert_eq!(&rows(&db, &query), &before);
        prop_assert_eq!(&rows(&reader(&disk), &query), &before);
        if ordered {
            let mut sorted = plainly(&disk, &NAMES).concat();
            sorted.sort_unstable();
            if newest_first {
                sorted.reverse();
            }
            prop_assert_eq!(&before, &sorted);
        }
        let (mut paged, mut cursor, mut number) = (Vec::new(), None::<Cursor>, 1_000);
        for (limit, (count, seal)) in pages.iter().zip(appends) {
            let mut page = query.clone().limit(*limit);
            if let Some(cursor) = cursor {
                // As it travels.
                page = page.after(cursor.to_string().parse().unwrap());
            }
            // By whoever writes, or by somebody who opens it anew.
            let asked = if seal { db.clone() } else { reader(&disk) };
            let mut found = asked.query(&page).unwrap();
            paged.extend(found.by_ref().map(|entry| row(&entry.unwrap())));
            prop_assert!(!found.reach().is_partial());
            cursor = found.cursor();
            if cursor.is_none() {
                break;
            }
            for _ in 0..count {
                db.append_json(&record(number, 40 + number % 1_000, "a")).unwrap();
                number += 1;
            }
            if seal {
                db.seal().unwrap();
            }
        }
        if cursor.is_none() && newest_first {
            // What came since stands before the first page.
            prop_assert_eq!(&paged, &before);
        } else if cursor.is_none() {
            prop_assert_eq!(&paged, &merged(plainly(&disk, &NAMES), order));
        }
        prop_assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len());
    }
}

/// Pages of two records, with something done behind the first one.
fn paged(disk: &SimDisk, query: &Query, between: impl FnOnce()) -> (Vec<Row>, bool) {
    let (mut all, mut cursor, mut partial) = (Vec::new(), None::<Cursor>, false);
    let mut between = Some(between);
    loop {
        let mut page = query.clone().limit(2);
        if let Some(cursor) = cursor {
            page = page.after(cursor);
        }
        let db = reader(disk);
        let mut found = db.query(&page).unwrap();
        all.extend(found.by_ref().map(|entry| row(&entry.unwrap())));
        partial |= found.reach().is_partial();
        cursor = found.cursor();
        if cursor.is_none() {
            return (all, partial);
        }
        if let Some(between) = between.take() {
            between();
        }
    }
}

#[test]
fn pages_go_on_when_the_beginning_of_a_log_is_gone() {
    for order in [Order::Newest, Order::Oldest] {
        let (disk, db) = filled(&[vec![1, 3, 5, 7, 9], vec![2, 4, 6, 8]], 2);
        drop(db);
        let query = Query::parse("agent:a").unwrap().order(order);
        let whole = rows(&reader(&disk), &query);
        let segment = format!("{}/segments/{:020}.jsonl.zst", oracle::LOG, 0);
        let (all, partial) = paged(&disk, &query, || assert!(disk.remove_raw(&segment)));
        // It says that something is missing, and gives what is left once.
        assert!(partial);
        let lost: Vec<&Row> = whole.iter().filter(|row| !all.contains(row)).collect();
        let gone = |row: &&Row| row.1 == 1 && row.0 <= whole.iter().map(|row| row.0).min().unwrap() + 4_000_000_000;
        assert!(lost.iter().all(gone), "{lost:?}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.len() >= whole.len() - 3);
    }
}

#[test]
fn pages_go_on_into_a_log_that_came_to_be_since_only_where_it_is_next() {
    for (order, expected) in [(Order::Newest, 6), (Order::Oldest, 8)] {
        let (disk, db) = filled(&[vec![1, 3, 5, 7, 9, 11]], 2);
        let query = Query::parse("agent:a").unwrap().order(order);
        let mut first = db.query(&query.clone().limit(2)).unwrap();
        let given: Vec<Row> = first.by_ref().map(|entry| row(&entry.unwrap())).collect();
        let cursor = first.cursor().unwrap();
        let db = succeed(&disk, db);
        for second in [20, 21] {
            db.append_json(&record(second, second, "a")).unwrap();
        }
        let rest = rows(&db, &query.clone().after(cursor));
        assert_eq!(given.len() + rest.len(), expected);
        assert_eq!(rest.iter().any(|(_, log, _)| *log == 2), order == Order::Oldest);
    }
}

#[test]
fn a_log_that_cannot_be_asked_is_named_and_found_again() {
    let (disk, db) = filled(&[vec![1, 4, 7], vec![2, 5, 8], vec![3, 6, 9]], 1);
    let query = Query::parse("agent:a").unwrap();
    let whole = rows(&db, &query);
    let mut first = db.query(&query.clone().limit(2)).unwrap();
    let mut all: Vec<Row> = first.by_ref().map(|entry| row(&entry.unwrap())).collect();
    let cursor = first.cursor().unwrap();
    // The log in the middle is gone: with the handle that has read it, and with a new one.
    let away: Vec<_> = files(&disk)
        .into_iter()
        .filter(|(path, _)| path.starts_with("/db/logs/main.2"))
        .collect();
    away.iter().for_each(|(path, _)| assert!(disk.remove_raw(path)));
    let mut cursors = Vec::new();
    for db in [db.clone(), reader(&disk)] {
        let mut found = db.query(&query.clone().after(cursor.clone()).limit(2)).unwrap();
        let page: Vec<Row> = found.by_ref().map(|entry| row(&entry.unwrap())).collect();
        assert_eq!(page.iter().map(|row| row.1).collect::<Vec<_>>(), [1, 3]);
        let reach = found.reach();
        assert!(reach.is_partial() && reach.unreadable.is_empty() && reach.logs == 2);
        let [unasked] = reach.unasked.as_slice() else {
            panic!("{reach:?}")
        };
        assert_eq!((unasked.log.as_str(), &unasked.why.what), ("main.2", &What::Missing));
        assert_eq!(db.asked_logs(), NAMES);
        let counts = db.count(&Counting::new(query.clone())).unwrap();
        assert!(counts.is_partial() && counts.rows[0].count == 6 && counts.reach.unasked.len() == 1);
        assert!(db.lint(&query).unwrap().reach.is_partial());
        let seed = db.get("main/4").or_else(|_| db.get("main/3")).unwrap();
        let trace = db.trace(&[seed]).unwrap();
        assert!(trace.is_partial() && trace.unreadable[0].file == Path::new("/db/logs/main.2"));
        // Who has it is not known.
        let absent = db.get("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071");
        assert!(matches!(absent, Err(Error::Damaged { .. })), "{absent:?}");
        cursors.push((page, found.cursor().unwrap()));
    }
    assert_eq!(cursors[0], cursors[1]);
    let (page, cursor) = cursors.remove(0);
    all.extend(page);
    // When it is back, the same cursor goes on in it too.
    away.iter().for_each(|(path, bytes)| put(&disk, path, bytes));
    all.extend(rows(&db, &query.after(cursor)));
    all.sort_unstable();
    assert_eq!(all, whole.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_cursor_is_good_for_its_own_logs() {
    let (disk, db) = filled(&[vec![1, 3, 5], vec![2, 4, 6]], 1);
    let query = Query::parse("agent:a").unwrap();
    let cursor_of = |db: &Database| {
        let mut found = db.query(&query.clone().limit(1)).unwrap();
        assert_eq!(found.by_ref().count(), 1);
        found.cursor().unwrap()
    };
    let of_log = |name: &str| Database::open_log_with(DIR, Arc::new(disk.clone()), name).unwrap();
    let (main, second) = (of_log("main"), of_log("main.2"));
    assert_eq!(rows(&main, &query).len(), 3);
    assert_eq!(rows(&main, &query.clone().after(cursor_of(&main))).len(), 2);
    let refused = |db: &Database, cursor: Cursor| {
        let error = db.query(&query.clone().after(cursor)).unwrap_err();
        assert!(matches!(error, Error::OtherCursor { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(&main, cursor_of(&second)).contains("/db/logs/main "));
    let elsewhere = Database::in_memory();
    elsewhere.append_json(&record(1, 1, "a")).unwrap();
    elsewhere.append_json(&record(2, 2, "a")).unwrap();
    assert!(refused(&db, cursor_of(&elsewhere)).contains("/db "));
    // One of all logs goes on in one of them.
    assert_eq!(rows(&second, &query.clone().after(cursor_of(&db))).len(), 2);
}

#[test]
fn counts_and_findings_are_of_all_logs_and_records_are_found_in_each() {
    let (disk, db) = filled(&[vec![1, 3, 5], vec![2, 4]], 1);
    let long = "filler ".repeat(20_000);
    let big = format!(r#"{{"agent":{{"id":"b"}},"kind":"message","reasoning":"{long}"}}"#);
    db.append_json(&big).unwrap();
    let db = succeed(&disk, db);
    let count = |db: &Database| {
        let counts = db.count(&Counting::new(Query::new()).by("agent").unwrap()).unwrap();
        assert!(!counts.is_partial());
        let rows = counts.rows.into_iter();
        rows.map(|row| (row.values[0].clone().unwrap(), row.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(count(&db), [("a".to_owned(), 5), ("b".to_owned(), 1)]);
    let main = Database::open_log_with(DIR, Arc::new(disk.clone()), "main").unwrap();
    assert_eq!(count(&main), [("a".to_owned(), 3)]);
    assert_eq!(main.asked_logs(), ["main"]);
    let linted = db.lint(&Query::new()).unwrap();
    assert_eq!(linted.rows.iter().map(|row| row.records).sum::<u64>(), 6);
    // By its id, by LOG/SEQ, and with the parts that stand in its own log.
    let owner = db.query(&Query::new().agent("b")).unwrap().next().unwrap().unwrap();
    assert_eq!(owner.log(), "main.2");
    assert_eq!(db.get(owner.id()).unwrap(), owner);
    assert_eq!(db.get(format!("main.2/{}", owner.seq())).unwrap(), owner);
    assert!(db.whole(&owner).unwrap().contains(&long));
    assert!(main.whole(&owner).is_err());
    for absent in ["main.2/999", "main.4/1", "other/1", "main.2/", "/1", "main.2/x"] {
        assert!(matches!(db.get(absent), Err(Error::NotFound { .. })), "{absent}");
    }
    assert!(matches!(main.get(owner.id()), Err(Error::NotFound { .. })));
    // A record sent again to the successor is in both, and the newer one is meant.
    let again = r#"{"id":"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071","agent":{"id":"c"},"kind":"message"}"#;
    db.append_json(again).unwrap();
    let db = succeed(&disk, db);
    db.append_json(again).unwrap();
    assert_eq!(db.get("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071").unwrap().log(), "main.4");
}

#[test]
fn an_answer_stops_when_it_is_told_to_and_goes_on_from_there() {
    let (_, db) = filled(&[vec![1, 3, 5], vec![2, 4, 6]], 1);
    let late = Patience::new().deadline(Instant::now());
    let query = Query::parse("agent:a").unwrap();
    let mut found = db.query(&query.clone().within(&late)).unwrap();
    assert!(found.next().is_none());
    assert_eq!(found.reach().stopped, Some(Stopped::Deadline));
    assert_eq!(rows(&db, &query.clone().after(found.cursor().unwrap())).len(), 6);
    let counts = db.count(&Counting::new(query.clone().within(&late))).unwrap();
    assert!(counts.is_partial() && counts.reach.stopped == Some(Stopped::Deadline) && counts.rows.is_empty());
    assert!(db.lint(&query.clone().within(&late)).unwrap().reach.is_partial());
    let seed = db.query(&query).unwrap().next().unwrap().unwrap();
    let trace = db.trace_within(std::slice::from_ref(&seed), &late).unwrap();
    assert_eq!(
        (trace.stopped, trace.is_partial(), trace.steps.len()),
        (Some(Stopped::Deadline), true, 1)
    );
    assert!(trace.gaps.is_empty());
    let why = db.why_within(std::slice::from_ref(&seed), &late).unwrap().unwrap();
    assert_eq!((why.stopped, why.is_partial()), (Some(Stopped::Deadline), true));
    let seeds = std::slice::from_ref(&seed);
    assert!(
        db.diff_without(seeds, seeds, &Without::new(), &late)
            .unwrap()
            .is_partial()
    );
    assert_eq!(db.trace(seeds).unwrap().steps.len(), 6);
}

/// A log that nobody writes any more is gone through once for a handle, and not for every question.
#[test]
fn what_was_opened_is_kept() {
    let (disk, db) = filled(&[vec![1, 2, 3], vec![4]], 9);
    drop(db);
    // As after a start of the machine: nobody tells any more how far the old log is.
    let disk = disk_with(6, &files(&disk));
    let is_partial = |db: &Database| {
        let mut found = db.query(&Query::parse("seq:999999").unwrap()).unwrap();
        assert!(found.next().is_none());
        found.reach().is_partial()
    };
    let kept = reader(&disk);
    assert!(!is_partial(&kept));
    disk.fail_reads_of(format!("{}/journal/{:020}.journal", oracle::LOG, 0));
    assert!(!is_partial(&kept));
    assert!(is_partial(&reader(&disk)));
}
