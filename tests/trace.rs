//! Chains of decisions as trees: everything that belongs to a chain stands in it once, behind what it came from, and what
//! is missing is named.

#[path = "oracle/mod.rs"]
mod oracle;

use auditdb::disk::SimDisk;
use auditdb::{Database, Tie, Trace};
use oracle::{DIR, plain};
use proptest::prelude::*;
use std::sync::Arc;

fn id(number: usize) -> String {
    format!("019a2b3c-4d5e-7f60-8a1b-{number:012x}")
}

/// A record of that number, so many seconds into the day.
fn record(number: usize, second: usize, more: &str) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        r#"{{"id":"{}","agent":{{"id":"a"}},"kind":"decision","time":"2026-11-24T{hour:02}:{minute:02}:{second:02}Z"{more}}}"#,
        id(number)
    )
}

fn trace_of(db: &Database, number: usize) -> Trace {
    let seed = db.get(id(number)).unwrap();
    db.trace(&[seed]).unwrap()
}

/// Number, depth and tie of every step.
fn shape(trace: &Trace) -> Vec<(usize, usize, Tie)> {
    let number = |id: String| usize::from_str_radix(&id[24..], 16).unwrap();
    let step = |step: &auditdb::Step| (number(step.entry.id()), step.depth, step.tie.clone());
    trace.steps.iter().map(step).collect()
}

#[test]
fn a_chain_is_a_tree_by_parent_and_links_and_siblings_by_time() {
    let db = Database::in_memory();
    let case = r#","correlation":"case-1""#;
    let child = |parent: usize| format!(r#"{case},"parent":"{}""#, id(parent));
    // Stored in another order than they happened.
    db.append_json(&record(3, 20, &child(1))).unwrap();
    db.append_json(&record(1, 0, &format!(r#"{case},"duration_ms":90000"#)))
        .unwrap();
    db.append_json(&record(2, 10, &child(1))).unwrap();
    db.seal().unwrap();
    db.append_json(&record(4, 30, &child(2))).unwrap();
    // Another chain's record that came of this one, one that reviews it, and two that have nothing to do with it.
    let of_other = format!(r#","correlation":"case-2","parent":"{}""#, id(4));
    db.append_json(&record(5, 40, &of_other)).unwrap();
    let review = format!(r#","links":[{{"id":"{}","rel":"reviews"}}]"#, id(1).to_uppercase());
    db.append_json(&record(6, 50, &review)).unwrap();
    db.append_json(&record(7, 55, r#","correlation":"case-2""#)).unwrap();
    db.append_json(&record(8, 56, "")).unwrap();
    let expected = vec![
        (1, 0, Tie::Root),
        (2, 1, Tie::Child),
        (4, 2, Tie::Child),
        (5, 3, Tie::Child),
        (3, 1, Tie::Child),
        (6, 1, Tie::Link("reviews".to_owned())),
    ];
    for number in 1..5 {
        let trace = trace_of(&db, number);
        assert_eq!(shape(&trace), expected, "from {number}");
        assert!(!trace.is_partial() && trace.gaps.is_empty());
        assert_eq!(trace.duration, 90_000_000_000);
    }
    // From the other chain's record it is that chain, with what it came from.
    let other: Vec<usize> = shape(&trace_of(&db, 5)).iter().map(|(number, ..)| *number).collect();
    assert_eq!(other, [1, 2, 4, 5, 3, 6, 7]);
    assert_eq!(shape(&trace_of(&db, 8)), [(8, 0, Tie::Root)]);
}

#[test]
fn missing_parents_and_circles_are_shown_and_keep_nothing_out() {
    let db = Database::in_memory();
    let tied = |parent: usize| format!(r#","correlation":"c","parent":"{}""#, id(parent));
    for (number, parent) in [(1, 2), (2, 3), (3, 1), (4, 99), (5, 5), (6, 4)] {
        db.append_json(&record(number, number, &tied(parent))).unwrap();
    }
    let orphan = Tie::Orphan { parent: id(99) };
    assert_eq!(
        shape(&trace_of(&db, 6)),
        [
            (4, 0, orphan),
            (6, 1, Tie::Child),
            (5, 0, Tie::Circle),
            (1, 0, Tie::Circle),
            (3, 1, Tie::Child),
            (2, 2, Tie::Child),
        ]
    );
}

#[test]
fn numbers_that_an_emitter_counted_and_no_log_has_are_gaps() {
    let db = Database::in_memory();
    let source = |number: usize| format!(r#","source":{{"id":"s","boot":"b","number":{number}}}"#);
    for number in [3, 4, 7, 12] {
        let more = format!(r#","correlation":"c"{}"#, source(number));
        db.append_json(&record(number, number, &more)).unwrap();
    }
    // Of the same emitter, in other chains.
    db.append_json(&record(5, 5, &source(5))).unwrap();
    db.append_json(&record(9, 9, &source(9))).unwrap();
    let gaps: Vec<(u64, u64)> = trace_of(&db, 3).gaps.iter().map(|gap| gap.numbers).collect();
    assert_eq!(gaps, [(6, 6), (8, 8), (10, 11)]);
}

#[test]
fn a_chain_goes_on_from_a_log_into_its_successor() {
    let disk = SimDisk::new(1);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    db.append_json(&record(1, 1, r#","correlation":"c""#)).unwrap();
    drop(db);
    for path in disk.paths().iter().filter(|path| path.starts_with("/db.keys")) {
        disk.remove_raw(path);
    }
    let db = Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "the keys are lost").unwrap();
    let child = format!(r#","correlation":"c","parent":"{}""#, id(1));
    db.append_json(&record(2, 2, &child)).unwrap();
    let trace = trace_of(&db, 2);
    assert_eq!(shape(&trace), [(1, 0, Tie::Root), (2, 1, Tie::Child)]);
    let logs: Vec<&str> = trace.steps.iter().map(|step| step.entry.log()).collect();
    assert_eq!(logs, ["main", "main.2"]);
    // What cannot be read is said.
    let journal = format!("{}/journal/{:020}.journal", oracle::LOG, 0);
    assert!(disk.overwrite(&journal, b"no journal at all, but bytes"));
    let trace = trace_of(&db, 2);
    assert!(trace.is_partial() && !trace.unreadable.is_empty());
    assert_eq!(trace.steps.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any parents, in any order, sealed anywhere: each record once, behind its parent and one deeper.
    #[test]
    fn every_record_stands_in_it_once(parents in proptest::collection::vec(0_usize..24, 1..20), seal in 0_usize..20) {
        let db = Database::in_memory();
        for (number, parent) in parents.iter().enumerate() {
            let more = match parent {
                parent if *parent > 20 => r#","correlation":"c""#.to_owned(),
                parent => format!(r#","correlation":"c","parent":"{}""#, id(*parent)),
            };
            db.append_json(&record(number, 100 - number, &more)).unwrap();
            if number == seal {
                db.seal().unwrap();
            }
        }
        let trace = trace_of(&db, 0);
        let steps = shape(&trace);
        let mut numbers: Vec<usize> = steps.iter().map(|(number, ..)| *number).collect();
        for (place, (number, depth, tie)) in steps.iter().enumerate() {
            if *tie == Tie::Child {
                let above = steps[..place].iter().rfind(|(_, above, _)| above + 1 == *depth).unwrap();
                prop_assert_eq!(above.0, parents[*number]);
            }
        }
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..parents.len()).collect::<Vec<_>>());
    }
}
