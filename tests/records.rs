//! What becomes of a record: retries, conflicts, parts, definitions, times, and what is refused.

mod oracle;

use auditdb::disk::{Disk, SimDisk};
use auditdb::record::{Definition, Record, parse_time};
use auditdb::{Database, Error};
use oracle::{DIR, number_of, numbered, plain, read_all};
use proptest::prelude::*;
use std::sync::Arc;

const ID: &str = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071";

fn database() -> (SimDisk, Database) {
    let disk = SimDisk::new(2);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    (disk, db)
}

fn with(members: &str) -> String {
    format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",{members}}}")
}

#[test]
fn the_line_begins_with_the_logs_own_members() {
    let (_, db) = database();
    let sent = format!(
        " {{ \"x\": [1.50, \"\\u00e4\"], \"id\":\"{}\",\n\"kind\":\"decision\", \"agent\":{{\"id\":\"a\"}}, \"time\":\"2026-11-24T16:40:10+01:00\", \"n\":null }} ",
        ID.to_uppercase()
    );
    let receipt = db.append_json(&sent).unwrap();
    assert_eq!(receipt.id(), ID);
    let entry = db.get(ID).unwrap();
    let (front, rest) = entry.text().split_once(",\"salt\":\"").unwrap();
    let logged = auditdb::record::format_time(entry.logged());
    let expected = format!(
        "{{\"v\":1,\"seq\":{},\"id\":\"{ID}\",\"logged\":\"{logged}\",\"time\":\"2026-11-24T15:40:10.000000000Z\",\
         \"writer\":{{\"id\":\"uid:{}\",\"method\":\"unix\"}}",
        receipt.seq,
        rustix::process::getuid().as_raw()
    );
    assert_eq!(front, expected);
    assert_eq!(
        rest.get(22..),
        Some("\",\"x\":[1.50,\"\\u00e4\"],\"kind\":\"decision\",\"agent\":{\"id\":\"a\"},\"n\":null}")
    );
    let absent = db.append_json(&with("\"id\":null")).unwrap();
    assert!(!db.get(absent.seq).unwrap().text().contains("salt"));
}

#[test]
fn a_retry_gives_the_first_receipt() {
    let (disk, mut db) = database();
    let by_id = with(&format!("\"id\":\"{ID}\",\"time\":\"2026-11-24T15:40:10Z\""));
    let by_source = with("\"source\":{\"id\":\"s\",\"boot\":\"b\",\"number\":7}");
    let first = [db.append_json(&by_id).unwrap(), db.append_json(&by_source).unwrap()];
    for round in 0..3 {
        let len = db.len().unwrap();
        let again = db
            .append_all_json([by_id.as_str(), &by_source, &by_id.replace(":10Z", ":10.0+00:00")])
            .unwrap();
        assert_eq!(
            again.receipts,
            [first[0].clone(), first[1].clone(), first[0].clone()],
            "round {round}"
        );
        assert_eq!(db.len().unwrap(), len);
        match round {
            // In the journal; then sealed; then after a new opening.
            0 => assert!(db.seal().unwrap()),
            _ => {
                drop(db);
                db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
            }
        }
    }
    // Twice in one list.
    let number = with("\"source\":{\"id\":\"s\",\"boot\":\"b\",\"number\":8}");
    let twice = db.append_all_json([number.as_str(), &number]).unwrap();
    assert_eq!(twice.receipts[0], twice.receipts[1]);
}

#[test]
fn something_else_under_a_known_id_is_kept_with_its_conflict() {
    let (_, db) = database();
    let first = db.append_json(&with(&format!("\"id\":\"{ID}\",\"n\":1"))).unwrap();
    let other = db.append_json(&with(&format!("\"id\":\"{ID}\",\"n\":2"))).unwrap();
    assert_ne!(first.id(), other.id());
    let entry = db.get(other.seq).unwrap();
    assert_eq!(entry.conflict(), Some(first.seq));
    assert!(!entry.text().contains("salt") && entry.text().ends_with("\"n\":2}"));
    assert_eq!(db.get(ID).unwrap().seq(), first.seq);
    let counted = |number: u64, n: u64| {
        with(&format!(
            "\"source\":{{\"id\":\"s\",\"boot\":\"b\",\"number\":{number}}},\"n\":{n}"
        ))
    };
    let first = db.append_json(&counted(5, 1)).unwrap();
    assert_eq!(
        db.get(db.append_json(&counted(5, 2)).unwrap().seq).unwrap().conflict(),
        Some(first.seq)
    );
    // Lower and never seen is no conflict.
    assert_eq!(
        db.get(db.append_json(&counted(4, 2)).unwrap().seq).unwrap().conflict(),
        None
    );
}

/// The batch that once produced a conflict is sent again: in one list, from the journal, sealed, after an opening.
#[test]
fn a_retry_of_what_came_into_conflict_is_harmless_too() {
    let (disk, mut db) = database();
    let under = |n: u64, more: &str| with(&format!("\"id\":\"{ID}\",\"n\":{n}{more}"));
    let counted = |n: u64| {
        with(&format!(
            "\"source\":{{\"id\":\"s\",\"boot\":\"b\",\"number\":5}},\"n\":{n}"
        ))
    };
    let long = under(3, &format!(",\"reasoning\":\"{}\"", "x".repeat(90_000)));
    let timed = under(4, ",\"time\":\"2026-11-24T15:40:10Z\"");
    let batch = [
        under(1, ""),
        under(2, ""),
        long,
        timed,
        counted(1),
        counted(2),
        under(2, ""),
    ];
    let send = |db: &Database| db.append_all_json(batch.iter().map(String::as_str)).unwrap().receipts;
    let first = send(&db);
    assert_eq!(first[1], first[6]);
    let len = db.len().unwrap();
    for round in 0..4 {
        assert_eq!(send(&db), first, "round {round}");
        assert_eq!(db.len().unwrap(), len + u64::from(round > 1), "round {round}");
        match round {
            0 => {}
            1 => assert!(db.seal().unwrap()),
            _ => {
                drop(db);
                db = Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
            }
        }
        if round == 1 {
            // The seal's own two records.
            assert_eq!(db.len().unwrap(), len + 1);
        }
    }
    let of = |place: usize| db.get(first[place].seq).unwrap().conflict();
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(of),
        [
            None,
            Some(first[0].seq),
            Some(first[0].seq),
            Some(first[0].seq),
            None,
            Some(first[4].seq)
        ]
    );
    // Another content, and the same content at another time, are new conflicts.
    for other in [under(9, ""), batch[3].replace(":10Z", ":11Z")] {
        let len = db.len().unwrap();
        assert_eq!(
            db.get(db.append_json(&other).unwrap().seq).unwrap().conflict(),
            Some(first[0].seq)
        );
        assert!(db.len().unwrap() > len);
    }
    assert!(db.verify().unwrap().is_sound());
}

#[test]
fn a_long_record_is_moved_out_and_comes_back() {
    let (_, db) = database();
    let long = "ä\\\"x".repeat(40_000);
    let text = with(&format!(
        "\"reasoning\":\"{long}\",\"tools\":[{{\"name\":\"t\",\"result\":{{\"deep\":\"{}\"}}}}]",
        "y".repeat(70_000)
    ));
    let receipt = db.append_json(&text).unwrap();
    let entry = db.get(receipt.seq).unwrap();
    assert!(entry.has_parts() && entry.text().len() <= auditdb::record::LINE_LIMIT);
    assert!(entry.text().contains("\"path\":\"/reasoning\"") && entry.text().contains("\"reasoning\":null"));
    assert!(
        entry.text().contains("\"path\":\"/tools/0/result/deep\""),
        "{}",
        &entry.text()[..800]
    );
    assert!(db.whole(&entry).unwrap().ends_with(&text[1..]));
    for (entry, _) in read_all(&db).values() {
        assert!(entry.text().len() <= auditdb::record::LINE_LIMIT);
    }
    assert_eq!(
        db.append_json(&text.replacen('{', &format!("{{\"id\":\"{ID}\","), 1))
            .unwrap()
            .id(),
        ID
    );
    let len = db.len().unwrap();
    db.append_json(&text.replacen('{', &format!("{{\"id\":\"{ID}\","), 1))
        .unwrap();
    assert_eq!(db.len().unwrap(), len, "a retry of a long record is harmless too");
    db.seal().unwrap();
    assert!(db.whole(&db.get(receipt.seq).unwrap()).unwrap().ends_with(&text[1..]));
    assert!(db.verify().unwrap().is_sound());
}

#[test]
fn countless_small_members_come_back_too() {
    let (_, db) = database();
    let many: Vec<String> = (0..9_000).map(|i| format!("\"member-{i}\":{i}")).collect();
    let text = with(&format!(
        "\"source\":{{\"id\":\"s\",\"boot\":\"b\",\"number\":1}},{}",
        many.join(",")
    ));
    let receipt = db.append_json(&text).unwrap();
    let entry = db.get(receipt.seq).unwrap();
    assert!(entry.text().contains("\"path\":\"\""));
    assert!(db.whole(&entry).unwrap().ends_with(&text[1..]));
    assert_eq!(db.append_json(&text).unwrap(), receipt);
}

#[test]
fn the_longest_record_comes_back_and_a_longer_one_is_refused() {
    let (_, db) = database();
    let text = with(&format!("\"reasoning\":\"{}\"", "\\\"".repeat((64 << 20) / 2 - 100)));
    let receipt = db.append_json(&text).unwrap();
    assert!(db.whole(&db.get(receipt.seq).unwrap()).unwrap().ends_with(&text[1..]));
    let longer = with(&format!("\"reasoning\":\"{}\"", "x".repeat(64 << 20)));
    assert!(matches!(db.append_json(&longer), Err(Error::Refused(_))));
}

#[test]
fn a_definition_is_written_again_in_each_segment_that_names_it() {
    let (_, db) = database();
    let text = "You are helpful. ".repeat(10_000);
    let digest = "sha256:".to_owned() + &"ab".repeat(32);
    let definition = Definition::prompt("p", digest.clone()).text(text);
    db.append(&Record::definition("a", definition)).unwrap();
    let names = with(&format!(
        "\"input\":{{\"prompt\":{{\"id\":\"p\",\"digest\":\"{digest}\"}}}}"
    ));
    let definitions = || {
        read_all(&db)
            .values()
            .filter(|(entry, _)| entry.kind() == "definition")
            .count()
    };
    db.append_json(&names).unwrap();
    assert_eq!(definitions(), 1);
    for segment in 2..4 {
        db.seal().unwrap();
        db.append_json(&numbered(1)).unwrap();
        assert_eq!(definitions(), segment - 1);
        db.append_json(&names).unwrap();
        db.append_json(&names).unwrap();
        assert_eq!(definitions(), segment);
    }
    let records = read_all(&db);
    let whole = |entry: &auditdb::Entry| {
        db.whole(entry)
            .unwrap()
            .split_once("\"kind\":\"definition\"")
            .unwrap()
            .1
            .to_owned()
    };
    let all: Vec<String> = records
        .values()
        .filter(|(entry, _)| entry.kind() == "definition")
        .map(|(entry, _)| whole(entry))
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(db.verify().unwrap().is_sound());
}

#[test]
fn a_clock_that_steps_is_recorded_and_never_an_error() {
    let (disk, db) = database();
    let at = |text: &str| disk.set_now(parse_time(text).unwrap());
    let steps = || {
        read_all(&db)
            .values()
            .filter(|(entry, _)| entry.text().contains("\"name\":\"clock\""))
            .count()
    };
    db.append_json(&numbered(1)).unwrap();
    assert_eq!(steps(), 0);
    at("2040-01-01T00:00:00Z");
    db.append_json(&numbered(2)).unwrap();
    assert_eq!(steps(), 1);
    at("2001-01-01T00:00:00Z");
    db.append_json(&numbered(3)).unwrap();
    assert_eq!(steps(), 2);
    disk.set_now(parse_time("1677-09-21T00:12:44Z").unwrap_or(i64::MIN));
    db.append_json(&numbered(4)).unwrap();
    at("2261-12-31T00:00:00Z");
    db.append_all_json([numbered(5).as_str(), &numbered(6)]).unwrap();
    assert!(db.verify().unwrap().is_sound());
    db.seal().unwrap();
    at("1990-01-01T00:00:00Z");
    let seen = steps();
    drop(db);
    let db = Database::open_with(DIR, Arc::new(disk.restart()), plain()).unwrap();
    db.append_json(&numbered(7)).unwrap();
    let records = read_all(&db);
    assert!(
        records
            .values()
            .filter(|(entry, _)| entry.text().contains("\"name\":\"clock\""))
            .count()
            >= seen
    );
    assert!(db.verify().unwrap().is_sound());
}

#[test]
fn a_refused_record_leaves_the_list_out() {
    let (_, db) = database();
    let len = db.len().unwrap();
    let refused = db
        .append_all_json([numbered(1).as_str(), "{\"kind\":\"x\"}"])
        .unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
    assert!(
        db.append_json(&with("\"seq\":1"))
            .unwrap_err()
            .to_string()
            .contains("only the log sets")
    );
    assert!(
        db.append_json("{\"agent\":{\"id\":\"a\"},\"kind\":\"system\"}")
            .unwrap_err()
            .to_string()
            .contains("only the log writes")
    );
    assert_eq!(db.len().unwrap(), len);
}

#[test]
fn a_list_above_the_frame_limit_says_that_it_is_not_atomic() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(2));
    let db = Database::create_with(DIR, disk, plain().frame_bytes(8_000)).unwrap();
    let texts: Vec<String> = (0..20).map(numbered).collect();
    let appended = db.append_all_json(texts.iter().map(String::as_str)).unwrap();
    assert!(!appended.atomic);
    assert_eq!(appended.receipts.len(), 20);
    for (number, receipt) in appended.receipts.iter().enumerate() {
        assert_eq!(number_of(&db.get(receipt.seq).unwrap()), Some(number as u64));
    }
}

#[test]
fn many_threads_and_pipelined_records_all_arrive_in_order() {
    let db = Database::in_memory();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let db = db.clone();
            scope.spawn(move || {
                let mut last = 0;
                for i in 0..50 {
                    let receipt = db.append_json(&numbered(thread * 1_000 + i)).unwrap();
                    assert!(receipt.seq > last);
                    last = receipt.seq;
                }
                let pending: Vec<_> = (50..100)
                    .map(|i| db.submit_json(&numbered(thread * 1_000 + i)).unwrap())
                    .collect();
                for pending in pending {
                    let receipt = pending.wait().unwrap();
                    assert!(receipt.seq > last);
                    last = receipt.seq;
                }
            });
        }
    });
    let numbers: std::collections::BTreeSet<u64> = read_all(&db)
        .values()
        .filter_map(|(entry, _)| number_of(entry))
        .collect();
    assert_eq!(numbers.len(), 800);
    assert!(db.verify().unwrap().is_sound());
}

/// Any JSON value, with long strings, wide objects and lists in it.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        "\\PC{0,40}".prop_map(serde_json::Value::from),
        (0_usize..90_000, "\\PC").prop_map(|(len, unit)| serde_json::Value::from(unit.repeat(len / 4))),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("\\PC{0,20}", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_record_comes_back_byte_for_byte(values in proptest::collection::vec(value(), 1..6)) {
        let (_, db) = database();
        let members: Vec<String> = values.iter().enumerate().map(|(i, value)| format!("\"m{i}\":{value}")).collect();
        let text = with(&members.join(","));
        let receipt = db.append_json(&text).unwrap();
        let entry = db.get(receipt.seq).unwrap();
        prop_assert!(entry.text().len() <= auditdb::record::LINE_LIMIT);
        prop_assert!(db.whole(&entry).unwrap().ends_with(&text[1..]));
        db.seal().unwrap();
        prop_assert!(db.whole(&db.get(receipt.seq).unwrap()).unwrap().ends_with(&text[1..]));
        prop_assert!(db.verify().unwrap().is_sound());
    }
}
