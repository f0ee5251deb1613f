//! Queries against what a plain reading of the JSON says, over sealed, live and damaged logs.

use auditdb::disk::{Disk, Open, SimDisk};
use auditdb::{Cursor, Database, Options, Order, Query, Stopped, What};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A record that differs from its neighbours in everything that is asked for below.
fn record(n: u64) -> String {
    let agent = ["refunds", "support", "claims"][(n % 3) as usize];
    let status = ["success", "failure"][(n % 2) as usize];
    let day = 1 + n / 20 % 28;
    let hour = n % 24;
    format!(
        r#"{{"agent":{{"id":"{agent}"}},"kind":"decision","time":"2026-11-{day:02}T{hour:02}:00:00Z","correlation":"case-{}","tools":[{{"name":"read"}},{{"name":"send_{}"}}],"reasoning":"Apology \u0065mail number {n} 退款{n}","policies":[{{"id":"p","conditions":[{{"field":"n","value":{n}}}]}}],"usage":{{"cost":{}.5}},"outcome":{{"status":"{status}"}},"attributes":{{"order":{{"n":{n},"even":{}}}}}}}"#,
        n / 4,
        n % 5,
        n % 7,
        n.is_multiple_of(2)
    )
}

fn seqs(db: &Database, query: &Query) -> Vec<u64> {
    let mut found = db.query(query).unwrap();
    let seqs = found.by_ref().map(|entry| entry.unwrap().seq()).collect();
    assert!(!found.reach().is_partial(), "{:?}", found.reach());
    seqs
}

/// The numbers of the records that fit, the oldest first.
fn numbers(db: &Database, text: &str) -> Vec<u64> {
    let query = Query::parse(text)
        .unwrap_or_else(|fault| panic!("{fault}"))
        .order(Order::Oldest);
    let number = |seq: &u64| {
        let json: Value = serde_json::from_str(db.get(*seq).unwrap().text()).unwrap();
        json["attributes"]["order"]["n"].as_u64()
    };
    let oldest = seqs(db, &query);
    let mut newest = seqs(db, &query.order(Order::Newest));
    newest.reverse();
    assert_eq!(oldest, newest, "{text}");
    oldest.iter().filter_map(number).collect()
}

/// Two sealed segments and a live part, of small frames so that there is something to leave out.
fn filled(count: u64) -> Database {
    let db = Database::in_memory();
    for n in 0..count {
        db.append_json(&record(n)).unwrap();
        if n == count / 3 || n == count / 3 * 2 {
            db.seal().unwrap();
        }
    }
    db
}

#[test]
fn every_form_of_condition_finds_what_it_says() {
    let db = filled(90);
    let is = |text: &str, fits: &dyn Fn(u64) -> bool| {
        assert_eq!(
            numbers(&db, text),
            (0..90).filter(|n| fits(*n)).collect::<Vec<_>>(),
            "{text}"
        );
    };
    is("", &|_| true);
    is("agent:refunds", &|n| n % 3 == 0);
    is("agent:refunds outcome:failure", &|n| n % 3 == 0 && n % 2 == 1);
    is("agent:refunds OR outcome:failure", &|n| n % 3 == 0 || n % 2 == 1);
    is("agent:ref* -outcome:failure", &|n| n % 3 == 0 && n % 2 == 0);
    is("agent: IN [refunds claims]", &|n| n % 3 != 1);
    is("NOT agent:(refunds OR claims)", &|n| n % 3 == 1);
    is("tool:send_3", &|n| n % 5 == 3);
    is("tools.name:send_3 tool:read", &|n| n % 5 == 3);
    is("cost:>2.5", &|n| n % 7 > 2);
    is("cost:[1.5 TO 3.5}", &|n| (1..3).contains(&(n % 7)));
    is("value:>=80", &|n| n >= 80);
    is("value:17", &|n| n == 17);
    is("correlation:case-3", &|n| n / 4 == 3);
    is("attributes.order.n:17", &|n| n == 17);
    is("attributes.order.even:true", &|n| n % 2 == 0);
    is("attributes.order:*", &|_| true);
    is("policy:* NOT region:*", &|_| true);
    is("region:*", &|_| false);
    is("\"apology email\"", &|_| true);
    is("\"email number 7\"", &|n| n == 7);
    is("\"number 7\"*", &|n| n == 7 || n / 10 == 7);
    is("\"email apology\"", &|_| false);
    is("case-12", &|n| n / 4 == 12);
    is("退款42", &|n| n == 42);
    is("款4", &|n| n == 4);
    is("time:2026-11-02", &|n| n / 20 == 1);
    is("time:[2026-11-02T10 TO 2026-11-03}", &|n| n / 20 == 1 && n % 24 >= 10);
    is("time:2026-11-01 OR (time:2026-11-03 agent:claims)", &|n| {
        n / 20 == 0 || (n / 20 == 2 && n % 3 == 2)
    });
}

#[test]
fn the_logs_own_records_show_when_they_are_named() {
    let db = filled(30);
    let all = db.len().unwrap();
    let count = |query: &Query| seqs(&db, query).len() as u64;
    assert_eq!(count(&Query::new()), 30);
    assert_eq!(count(&Query::new().with_log_records()), all);
    assert_eq!(count(&Query::parse("event:genesis").unwrap()), 1);
    assert_eq!(count(&Query::parse("kind:system").unwrap()), all - 30);
    assert_eq!(count(&Query::parse("seq:0").unwrap()), 1);
    assert_eq!(count(&Query::parse("seq:<5").unwrap()), 5);
    let built = Query::new()
        .agent("refunds")
        .outcome(auditdb::record::Status::Failure)
        .text("Apology EMAIL");
    assert_eq!(count(&built), 5);
    assert_eq!(count(&built.and("value:>20").unwrap()), 2);
}

#[test]
fn what_cannot_matter_is_not_read_and_enough_is_enough() {
    let db = filled(90);
    let all = db.len().unwrap();
    let mut found = db
        .query(&Query::parse("time:2026-11-01 agent:refunds").unwrap())
        .unwrap();
    assert_eq!(found.by_ref().count(), 7);
    let reach = found.reach();
    assert_eq!((reach.in_range, reach.scanned + reach.pruned), (all, all));
    assert!(reach.pruned >= 30, "{reach:?}");
    assert_eq!((reach.stopped, found.cursor()), (None, None));
    // An expression that nothing can fit reads nothing.
    let mut none = db
        .query(&Query::parse("time:2025 OR time:2024").unwrap().until(0))
        .unwrap();
    assert_eq!(none.by_ref().count(), 0);
    assert_eq!((none.reach().scanned, none.reach().pruned), (0, all));

    let mut newest = db.query(&Query::new().limit(3)).unwrap();
    let numbers: Vec<u64> = newest.by_ref().map(|entry| entry.unwrap().seq()).collect();
    assert_eq!(numbers, [all - 1, all - 2, all - 3]);
    assert_eq!(newest.reach().stopped, Some(Stopped::Limit));
    assert!(newest.reach().scanned <= 3);

    let mut late = db.query(&Query::new().deadline(Instant::now())).unwrap();
    assert!(late.next().is_none() && late.reach().is_partial());
    let flag = Arc::new(AtomicBool::new(false));
    let mut cancelled = db.query(&Query::new().cancel(Arc::clone(&flag))).unwrap();
    assert!(cancelled.next().is_some());
    flag.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(cancelled.next().is_none());
    assert_eq!(cancelled.reach().stopped, Some(Stopped::Cancelled));
    // What was not looked at comes behind the cursor.
    let rest = seqs(&db, &Query::new().after(cancelled.cursor().unwrap()));
    assert_eq!(rest.len(), 89);
}

#[test]
fn pages_go_on_while_records_are_appended_and_sealed() {
    for order in [Order::Newest, Order::Oldest] {
        let db = filled(60);
        let whole = Query::parse("outcome:failure").unwrap().order(order);
        let before = seqs(&db, &whole);
        let (mut paged, mut cursor, mut appended) = (Vec::new(), None::<Cursor>, 60);
        loop {
            let page = whole.clone().limit(4);
            let page = match cursor {
                Some(cursor) => page.after(cursor.to_string().parse().unwrap()),
                None => page,
            };
            let mut found = db.query(&page).unwrap();
            paged.extend(found.by_ref().map(|entry| entry.unwrap().seq()));
            cursor = found.cursor();
            if cursor.is_none() {
                break;
            }
            if appended < 70 {
                db.append_json(&record(appended)).unwrap();
                appended += 1;
                db.seal().unwrap();
            }
        }
        match order {
            Order::Newest => assert_eq!(paged, before),
            Order::Oldest => assert_eq!(paged, seqs(&db, &whole)),
        }
        assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len());
    }
    let cursor = {
        let db = filled(3);
        let mut found = db.query(&Query::new().limit(1)).unwrap();
        assert_eq!(found.by_ref().count(), 1);
        found.cursor().unwrap()
    };
    assert!(
        filled(3).query(&Query::new().after(cursor.clone())).is_err(),
        "a cursor of another log was taken"
    );
    for text in ["", "AAAA", "é", &cursor.to_string()[1..]] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
}

/// An answer is of the moment it was asked for, whatever happens to the files while it is read.
#[test]
fn an_answer_is_read_to_its_end_while_the_log_is_sealed() {
    for order in [Order::Newest, Order::Oldest] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let writer = Database::create(&path).unwrap();
        for n in 0..30 {
            writer.append_json(&record(n)).unwrap();
        }
        for db in [writer.clone(), Database::open_read_only(&path).unwrap()] {
            let before = seqs(&db, &Query::new().order(order));
            let mut found = db.query(&Query::new().order(order)).unwrap();
            let mut got = vec![found.next().unwrap().unwrap().seq()];
            writer.append_json(&record(30)).unwrap();
            assert!(writer.seal().unwrap());
            got.extend(found.by_ref().map(|entry| entry.unwrap().seq()));
            assert_eq!(got, before);
            assert!(!found.reach().is_partial(), "{:?}", found.reach());
        }
    }
}

#[test]
fn moved_out_parts_find_their_owner() {
    let db = Database::in_memory();
    let long = "filler ".repeat(40_000);
    let text = format!(
        r#"{{"agent":{{"id":"a"}},"kind":"tool_call","tools":[{{"name":"fetch","result":"{long} needle in the {long}"}}],"reasoning":"short"}}"#
    );
    db.append_json(r#"{"agent":{"id":"b"},"kind":"message","reasoning":"before"}"#)
        .unwrap();
    let owner = db.append_json(&text).unwrap().seq;
    for _ in 0..2 {
        for query in [
            "\"needle in the\"",
            "tool:fetch",
            "agent:a short needle",
            "kind:tool_call NOT before",
        ] {
            assert_eq!(seqs(&db, &Query::parse(query).unwrap()), [owner], "{query}");
        }
        assert!(seqs(&db, &Query::parse("kind:part").unwrap()).is_empty());
        assert_eq!(seqs(&db, &Query::parse("filler").unwrap().with_log_records()), [owner]);
        db.seal().unwrap();
    }
}

/// A damaged frame, a lost directory, a missing file: what is left is found, and what is lost is named.
#[test]
fn what_cannot_be_read_makes_the_answer_partial_and_is_named() {
    let disk = Arc::new(SimDisk::in_memory());
    let shared: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
    let path = Path::new("/db");
    let db = Database::create_with(path, Arc::clone(&shared), Options::default().zero_ahead(false)).unwrap();
    // Random text, so that there are several frames of a quarter megabyte.
    let filler = |n: u64| {
        (0..6_000)
            .map(|i| format!("{:x}", (n * 7_919 + i) * 2_654_435_761 % 1_000_003))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for n in 0..40 {
        let text = format!(
            r#"{{"agent":{{"id":"a"}},"kind":"message","reasoning":"n{n} {}"}}"#,
            filler(n)
        );
        db.append_json(&text).unwrap();
    }
    db.seal().unwrap();
    db.append_json(r#"{"agent":{"id":"a"},"kind":"message","reasoning":"live"}"#)
        .unwrap();
    drop(db);
    let dir = path.join("logs/main/segments");
    let name = shared.list(&dir).unwrap().remove(0);
    let file = dir.join(name);
    let bytes = {
        let file = shared.open(&file, Open::Read).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        bytes
    };
    let asked = |damaged: &[u8]| {
        shared.remove(&file).unwrap();
        shared.open(&file, Open::Create).unwrap().write_at(damaged, 0).unwrap();
        let db = Database::open_read_only_with(path, Arc::clone(&shared)).unwrap();
        let mut both = Vec::new();
        for order in [Order::Newest, Order::Oldest] {
            let mut found = db.query(&Query::parse("kind:message").unwrap().order(order)).unwrap();
            let mut seqs: Vec<u64> = found.by_ref().map(|entry| entry.unwrap().seq()).collect();
            seqs.sort_unstable();
            both.push((seqs, found.reach().unreadable.clone()));
        }
        assert_eq!(both[0].0, both[1].0);
        both.remove(0)
    };
    let (all, faults) = asked(&bytes);
    assert_eq!((all.len(), faults.len()), (41, 0));
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let (some, faults) = asked(&flipped);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].what, What::Compressed);
    let (first, last) = faults[0].seqs.unwrap();
    let left: Vec<u64> = all
        .iter()
        .copied()
        .filter(|seq| !(first..=last).contains(seq))
        .collect();
    assert_eq!(some, left);
    assert!(some.len() > 10 && some.len() < 41, "{some:?}");
    // Without its directory the segment is read as it stands.
    let cut = &bytes[..bytes.len() - 400];
    assert_eq!(asked(cut), (all.clone(), Vec::new()));
    let (some, faults) = asked(&flipped[..bytes.len() - 400]);
    assert!(
        some == left && faults.len() == 1 && faults[0].seqs == Some((first, last)),
        "{faults:?}"
    );
    shared.remove(&file).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What a query finds is what the matching of each record by itself finds, wherever the seals fall.
    #[test]
    fn seals_change_no_answer(
        seals in proptest::collection::btree_set(0_u64..40, 0..4),
        text in proptest::sample::select(vec!["agent:refunds", "cost:>3 OR 款", "NOT tool:send_1", "time:2026-11-02", "\"number 1\"*", "value:[7 TO 21}"]),
        limit in 1_usize..50,
    ) {
        let (sealed, live) = (Database::in_memory(), Database::in_memory());
        for n in 0..40 {
            sealed.append_json(&record(n)).unwrap();
            live.append_json(&record(n)).unwrap();
            if seals.contains(&n) {
                sealed.seal().unwrap();
            }
        }
        prop_assert_eq!(numbers(&sealed, text), numbers(&live, text));
        let query = Query::parse(text).unwrap();
        let (whole, some) = (seqs(&sealed, &query), seqs(&sealed, &query.clone().limit(limit)));
        prop_assert_eq!(&whole[..limit.min(whole.len())], &some[..]);
    }
}
