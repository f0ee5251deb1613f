//! The index's answer is the scan's: for sealed, live and mixed logs, before and after reindexing, whatever happened to the
//! index files.

#![cfg(feature = "search")]

#[path = "oracle/mod.rs"]
mod oracle;

use auditdb::disk::{Disk, SimDisk};
use auditdb::{Counting, Database, Measure, Options, Order, Per, Query, VerifyOptions, Zone};
use oracle::{DIR, LOG};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Clone)]
struct Made {
    agent: usize,
    tools: Vec<usize>,
    words: Vec<usize>,
    cost: Option<u32>,
    hour: u64,
    correlation: Option<usize>,
    large: bool,
    failed: bool,
}

const WORDS: [&str; 6] = ["refund", "Apology", "email", "case-8812", "退款申请", "naïve"];

fn text(number: usize, made: &Made) -> String {
    let tools: Vec<String> = made
        .tools
        .iter()
        .map(|tool| format!(r#"{{"name":"t{tool}","duration_ms":{tool}.5}}"#))
        .collect();
    let mut words: Vec<&str> = made.words.iter().map(|word| WORDS[*word]).collect();
    let filler = "x ".repeat(40_000);
    if made.large {
        words.push(&filler);
    }
    let cost = made
        .cost
        .map_or_else(String::new, |cost| format!(r#","usage":{{"cost":{cost}.25}}"#));
    let correlation = made
        .correlation
        .map_or_else(String::new, |name| format!(r#","correlation":"c{name}""#));
    let (day, hour) = (1 + made.hour / 24, made.hour % 24);
    let status = if made.failed { "failure" } else { "success" };
    format!(
        r#"{{"agent":{{"id":"a{}"}},"kind":"decision","time":"2026-11-{day:02}T{hour:02}:30:00Z"{correlation},"tools":[{}],"reasoning":"{}","outcome":{{"status":"{status}"}},"attributes":{{"n":{number},"in":{{"json":"{{\"key\":\"deep value {}\"}}"}}}}{cost}}}"#,
        made.agent,
        tools.join(","),
        words.join(" "),
        made.agent
    )
}

fn made() -> impl Strategy<Value = Made> {
    let few = |of: usize| proptest::collection::vec(0..of, 0..4);
    (
        0_usize..4,
        few(4),
        few(WORDS.len()),
        proptest::option::of(0_u32..6),
        0_u64..60,
        proptest::option::of(0_usize..5),
        proptest::bool::weighted(0.05),
        any::<bool>(),
    )
        .prop_map(|(agent, tools, words, cost, hour, correlation, large, failed)| Made {
            agent,
            tools,
            words,
            cost,
            hour,
            correlation,
            large,
            failed,
        })
}

fn condition() -> impl Strategy<Value = String> {
    // Nothing by which the log's own records are asked for: the one log has some that the other has not.
    let one = prop_oneof![
        (0..5).prop_map(|n| format!("agent:a{n}")),
        (0..5).prop_map(|n| format!("tool:t{n}")),
        (0..6).prop_map(|n| format!("correlation:c{n}")),
        (0..5).prop_map(|n| format!("tool.duration:>{n}")),
        (0..7).prop_map(|n| format!("cost:[{n} TO 4.5}}")),
        (0..70).prop_map(|n| format!("attributes.n:{n}")),
        (1..4).prop_map(|day| format!("time:>=2026-11-{day:02}T12")),
        prop_oneof![
            Just("outcome:failure"),
            Just("refund"),
            Just("\"apology email\""),
            Just("apol*"),
            Just("case-8812"),
            Just("退款"),
            Just("naïve"),
            Just("\"key deep value\""),
            Just("\"deep value 2\""),
            Just("cost:*"),
            Just("policy:*"),
            Just("x"),
            Just("version:*"),
            Just("agent: IN [a1 a3]"),
        ]
        .prop_map(str::to_owned),
    ];
    one.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|a| format!("(NOT {a})")),
        ]
    })
}

/// What a query gives, as the numbers that the records say, with pages of that size.
fn answer(db: &Database, query: &str, order: Order, page: usize) -> Vec<String> {
    let (mut numbers, mut cursor) = (Vec::new(), None);
    loop {
        let mut query = Query::parse(query).unwrap().order(order).limit(page);
        if let Some(cursor) = cursor {
            query = query.after(cursor);
        }
        let mut found = db.query(&query).unwrap();
        for entry in found.by_ref() {
            let text = entry.unwrap().text().to_owned();
            numbers.push(
                text.rsplit_once("\"n\":")
                    .unwrap()
                    .1
                    .split(',')
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
        let reach = found.reach();
        assert!(!reach.is_partial(), "{reach:?}");
        assert!(reach.matched >= reach.returned && reach.in_range >= reach.scanned);
        cursor = found.cursor();
        if cursor.is_none() {
            assert!(reach.scanned + reach.pruned <= reach.in_range + 1, "{reach:?}");
            return numbers;
        }
    }
}

fn counts(db: &Database, query: &str) -> Vec<auditdb::CountRow> {
    let counting = Counting::new(Query::parse(query).unwrap())
        .by("agent")
        .unwrap()
        .by("tool")
        .unwrap();
    let counting = counting.per(Per::Day, Zone::utc());
    let counting = ["sum(cost)", "max(cost)", "p50(cost)"]
        .iter()
        .fold(counting, |counting, figure| {
            counting.measure(Measure::parse(figure).unwrap())
        });
    db.count(&counting).unwrap().rows
}

fn indexes(disk: &SimDisk) -> Vec<PathBuf> {
    let dir = format!("{LOG}/index");
    disk.paths().into_iter().filter(|path| path.starts_with(&dir)).collect()
}

/// The same records in a log with indexes and in one without.
fn both(records: &[Made], seals: &[usize]) -> (SimDisk, Database, Database) {
    let disk = SimDisk::in_memory();
    let options = Options::default().zero_ahead(false).door(false);
    let indexed = Database::create_with(DIR, Arc::new(disk.clone()), options.clone()).unwrap();
    let scanned = Database::create_with("/scanned", Arc::new(SimDisk::in_memory()), options.index(false)).unwrap();
    for (number, made) in records.iter().enumerate() {
        for db in [&indexed, &scanned] {
            db.append_json(&text(number, made)).unwrap();
            if seals.contains(&number) {
                db.seal().unwrap();
            }
        }
    }
    assert_eq!(indexed.wait_for_indexes(), None);
    (disk, indexed, scanned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_index_answers_as_the_scan_does(
        records in proptest::collection::vec(made(), 1..60),
        seals in proptest::collection::vec(0_usize..60, 0..4),
        queries in proptest::collection::vec(condition(), 1..8),
        page in 1_usize..20,
        harm in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4),
    ) {
        let (disk, indexed, scanned) = both(&records, &seals);
        let same = |db: &Database| {
            for query in &queries {
                for order in [Order::Newest, Order::Oldest] {
                    let expected = answer(&scanned, query, order, usize::MAX);
                    prop_assert_eq!(answer(db, query, order, usize::MAX), expected.clone(), "{}", query);
                    prop_assert_eq!(answer(db, query, order, page), expected, "{} in pages of {}", query, page);
                }
                prop_assert_eq!(counts(db, query), counts(&scanned, query), "{}", query);
            }
            Ok(())
        };
        same(&indexed)?;
        // An index file is gone, cut, or another one somewhere: answers stay what they are.
        let files = indexes(&disk);
        if files.is_empty() {
            return Ok(());
        }
        drop(indexed);
        let path = harm.0.get(&files);
        let bytes = disk.contents(path).unwrap();
        let at = harm.1.index(bytes.len());
        match harm.2 {
            0 => assert!(disk.remove_raw(path)),
            1 => assert!(disk.overwrite(path, &bytes[..at])),
            _ => assert!(disk.corrupt(path, at as u64, bytes[at] ^ 0x20)),
        }
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        same(&Database::open_read_only_with(DIR, Arc::clone(&shared)).unwrap())?;
        let mut options = VerifyOptions::default();
        prop_assert!(Database::verify_at_with(DIR, &shared, &options).unwrap().is_sound());
        options.index = true;
        let named = Database::verify_at_with(DIR, &shared, &options).unwrap();
        // That one is missing is a normal state.
        prop_assert_eq!(named.is_sound(), harm.2 == 0, "{}", named);
        let made = Database::reindex_with(DIR, Arc::clone(&shared), Options::default().zero_ahead(false), false, &|_, _| {}).unwrap();
        prop_assert!(made.is_complete(), "{}", made);
        prop_assert!(Database::verify_at_with(DIR, &shared, &options).unwrap().is_sound());
        let reader = Database::open_read_only_with(DIR, Arc::clone(&shared)).unwrap();
        same(&reader)?;
        // And none is passed over: every sealed segment is answered by its index.
        let mut found = reader.query(&Query::parse("agent:a1").unwrap()).unwrap();
        found.by_ref().for_each(drop);
        prop_assert_eq!(&found.reach().unindexed, &Vec::new());
    }
}
