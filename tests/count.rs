//! Counts in groups, held against the same made by hand.

use auditdb::record::Status;
use auditdb::{Counting, Database, Measure, Per, Query, Zone};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn record(agent: usize, hour: u64, tools: &[usize], cost: Option<u32>) -> String {
    let calls: Vec<String> = tools.iter().map(|tool| format!(r#"{{"name":"t{tool}"}}"#)).collect();
    let cost = cost.map_or_else(String::new, |cost| format!(r#","usage":{{"cost":{cost}.5}}"#));
    let (day, hour) = (1 + hour / 24, hour % 24);
    format!(
        r#"{{"agent":{{"id":"a{agent}"}},"kind":"decision","time":"2026-11-{day:02}T{hour:02}:59:59Z","tools":[{}]{cost},"outcome":{{"status":"success"}}}}"#,
        calls.join(",")
    )
}

#[test]
fn groups_by_members_and_periods_with_figures() {
    let db = Database::in_memory();
    db.append_json(&record(1, 0, &[1, 2, 1], Some(4))).unwrap();
    db.append_json(&record(1, 0, &[2], None)).unwrap();
    db.append_json(&record(2, 25, &[], Some(1))).unwrap();
    db.append_json(
        r#"{"agent":{"id":"a2"},"kind":"message","time":"2026-11-02T01:00:00Z","attributes":{"team":{"name":"x"}}}"#,
    )
    .unwrap();
    let count = |counting: Counting| {
        let counts = db.count(&counting).unwrap();
        assert!(!counts.is_partial());
        let row = |row: &auditdb::CountRow| {
            let values: Vec<&str> = row.values.iter().map(|value| value.as_deref().unwrap_or("-")).collect();
            let figures: Vec<String> = row.measures.iter().map(|figure| format!("{figure:?}")).collect();
            format!("{} {} {}", values.join(","), row.count, figures.join(","))
                .trim_end()
                .to_owned()
        };
        counts.rows.iter().map(row).collect::<Vec<_>>()
    };
    let all = || Counting::new(Query::new());
    assert_eq!(count(all()), [" 4"]);
    assert_eq!(count(all().by("agent").unwrap()), ["a1 2", "a2 2"]);
    // A list counts each of its different values once.
    assert_eq!(count(all().by("tool").unwrap()), ["- 2", "t2 2", "t1 1"]);
    assert_eq!(count(all().by("attributes.team.name").unwrap()), ["- 3", "x 1"]);
    let both = all().by("kind").unwrap().by("agent").unwrap();
    assert_eq!(count(both), ["decision,a1 2", "decision,a2 1", "message,a2 1"]);
    let figures = ["sum(cost)", "avg(cost)", "min(cost)", "p50(cost)", "distinct(tool)"];
    let with_figures = figures.iter().fold(all(), |counting, figure| {
        counting.measure(Measure::parse(figure).unwrap())
    });
    assert_eq!(
        count(with_figures),
        [" 4 Some(6.0),Some(3.0),Some(1.5),Some(1.5),Some(2.0)"]
    );
    let none = Counting::new(Query::new().outcome(Status::Failure));
    assert_eq!(count(none).len(), 0);
    let days = all().per(Per::Day, Zone::named("+01:00").unwrap());
    assert_eq!(count(days), [" 2", " 2"]);
    assert_eq!(count(all().per(Per::Week, Zone::utc())).len(), 2);
    for (wrong, words) in [("agnet", "did you mean agent"), ("", "no member is named")] {
        let said = all().by(wrong).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    for wrong in [
        "sum",
        "sum(",
        "sum(agnet)",
        "p101(cost)",
        "p0(cost)",
        "pNaN(cost)",
        "(cost)",
    ] {
        assert!(Measure::parse(wrong).is_err(), "{wrong}");
    }
    let four = ["agent", "kind", "tool"]
        .iter()
        .fold(all(), |counting, name| counting.by(name).unwrap());
    assert!(
        four.by("outcome")
            .unwrap_err()
            .to_string()
            .contains("3 members at most")
    );
}

/// The groups of several lists are as many as the product of their lengths: a record that is in too many of them fills no
/// memory, and the answer says that it is cut.
#[test]
fn a_record_with_long_lists_counts_in_so_many_groups_and_no_more() {
    let list = |letter: char, len: usize| {
        let names: Vec<String> = (0..len).map(|n| format!(r#""{letter}{n}""#)).collect();
        names.join(",")
    };
    let record = |tools: usize, subjects: usize| {
        let calls: Vec<String> = (0..tools).map(|n| format!(r#"{{"name":"t{n}"}}"#)).collect();
        format!(
            r#"{{"agent":{{"id":"a"}},"kind":"decision","tools":[{}],"subjects":[{}]}}"#,
            calls.join(","),
            list('s', subjects)
        )
    };
    let count = |db: &Database, names: &[&str]| {
        let counting = names
            .iter()
            .fold(Counting::new(Query::new()), |counting, name| counting.by(name).unwrap());
        let counts = db.count(&counting).unwrap();
        (counts.rows.len(), counts.cut, counts.is_partial())
    };
    for (tools, subjects, expected) in [
        (64, 64, (4_096, false, false)),
        (64, 65, (4_096, true, true)),
        (3_000, 3_000, (4_096, true, true)),
        (5_000, 1, (4_096, true, true)),
    ] {
        let db = Database::in_memory();
        db.append_json(&record(tools, subjects)).unwrap();
        assert_eq!(count(&db, &["tool", "subject"]), expected, "{tools} {subjects} scanned");
        assert_eq!(count(&db, &["agent"]), (1, false, false));
        db.seal().unwrap();
        #[cfg(feature = "search")]
        assert_eq!(db.wait_for_indexes(), None);
        assert_eq!(count(&db, &["tool", "subject"]), expected, "{tools} {subjects} sealed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_records_count_as_by_hand(records in proptest::collection::vec((0_usize..3, 0_u64..60, proptest::collection::vec(0_usize..3, 0..4), proptest::option::of(0_u32..9)), 1..60), seal in 0_usize..60) {
        let db = Database::in_memory();
        let mut expected: BTreeMap<(i64, String, Option<String>), (u64, f64)> = BTreeMap::new();
        for (place, (agent, hour, tools, cost)) in records.iter().enumerate() {
            db.append_json(&record(*agent, *hour, tools, *cost)).unwrap();
            if place == seal {
                db.seal().unwrap();
            }
            let start = 1_793_491_200 + i64::try_from(*hour).unwrap() * 3_600;
            let mut tools: Vec<Option<String>> = tools.iter().map(|tool| Some(format!("t{tool}"))).collect();
            tools.sort();
            tools.dedup();
            if tools.is_empty() {
                tools.push(None);
            }
            for tool in tools {
                let group = expected.entry((start * 1_000_000_000, format!("a{agent}"), tool)).or_default();
                group.0 += 1;
                group.1 += cost.map_or(0.0, |cost| format!("{cost}.5").parse().unwrap());
            }
        }
        let counting = Counting::new(Query::new()).by("agent").unwrap().by("tool").unwrap();
        let counting = counting.per(Per::Hour, Zone::utc()).measure(Measure::parse("sum(cost)").unwrap());
        let counts = db.count(&counting).unwrap();
        let found: BTreeMap<_, _> = counts.rows.iter().map(|row| {
            let key = (row.start.unwrap(), row.values[0].clone().unwrap(), row.values[1].clone());
            (key, (row.count, row.measures[0].unwrap_or(0.0)))
        }).collect();
        prop_assert_eq!(found.len(), counts.rows.len());
        prop_assert_eq!(found, expected);
    }
}
