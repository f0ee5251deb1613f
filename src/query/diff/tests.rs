//! Chains that differ in what is known.

use super::{Comparison, Pair, Without};
use crate::{Database, Patience};

fn chain(db: &Database, name: &str, edit: impl Fn(String) -> Vec<String>) {
    let texts = [
        r#""kind":"message","input":{"text":"Money back!","received":"TIME"}"#,
        r#""kind":"tool_call","tools":[{"name":"order_lookup","call":"NAME","parameters":{"order":7},"result":{"total":[{"n":1},{"n":2}]},"duration_ms":NUMBER}]"#,
        r#""kind":"decision","policies":[{"id":"other","version":"1"},{"id":"limit","version":"2","conditions":[{"field":"amount","value":5,"met":true}]}],"decision":{"name":"pay","relied_on":[{"id":"NAME"}]},"reasoning":"Due.","usage":{"input_tokens":NUMBER}"#,
        r#""kind":"action","action":{"name":"refund","parameters":{"sum":5}},"outcome":{"status":"success"}"#,
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let second = (number + name.len()).to_string();
        let text = text.replace("NAME", name).replace("NUMBER", &second);
        for text in edit(text.replace("TIME", "2026-11-24T15:40:00Z")) {
            let line = format!(
                r#"{{"agent":{{"id":"refunds"}},"time":"2026-11-24T15:40:0{number}Z","correlation":"{name}",{text}}}"#
            );
            db.append_json(&line).unwrap();
        }
    }
}

/// A chain as it is against one with each record changed so.
fn diff(edit: impl Fn(String) -> Vec<String>) -> Comparison {
    diff_without(&[], edit)
}

/// The same without some members.
fn diff_without(members: &[&str], edit: impl Fn(String) -> Vec<String>) -> Comparison {
    let db = Database::in_memory();
    chain(&db, "a", |text| vec![text]);
    chain(&db, "bbb", edit);
    let one = |name: &str| {
        let found = db.query(&crate::Query::new().correlation(name)).unwrap();
        found.map(Result::unwrap).collect::<Vec<_>>()
    };
    let without = members.iter().try_fold(Without::new(), |all, name| all.member(name));
    let (a, b) = (one("a"), one("bbb"));
    db.diff_without(&a, &b, &without.unwrap(), &Patience::new()).unwrap()
}

/// What differs in a pair.
fn said(pair: &Pair) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    let changes = pair.changes.iter();
    changes
        .map(|change| format!("{}: {} {}", change.member, text(&change.a), text(&change.b)))
        .collect()
}

#[test]
fn what_differs_by_nature_is_no_difference() {
    let same = diff(|text| vec![text]);
    assert!(
        same.is_same() && same.first().is_none() && !same.is_partial(),
        "{same:?}"
    );
    assert_eq!(same.pairs.len(), 4);
}

#[test]
fn a_policys_version_is_found_first_and_words_do_not_count_before_it() {
    let found = diff(|text| {
        vec![
            text.replace("\"version\":\"2\"", "\"version\":\"3\"")
                .replace("Due.", "It is due.")
                .replace("\"value\":5,", "\"value\":6,")
                .replace("\"sum\":5", "\"sum\":6"),
        ]
    });
    assert_eq!(found.first(), Some(2));
    assert_eq!(
        said(&found.pairs[2]),
        [
            "policy limit version: 2 3",
            "policy limit condition amount value: 5 6",
            "reasoning: Due. It is due."
        ]
    );
    assert!(!found.pairs[2].changes[2].matters);
    assert_eq!(said(&found.pairs[3]), ["action parameters sum: 5 6"]);
}

#[test]
fn data_tools_decisions_and_outcomes_that_differ_are_found() {
    for (from, to, at, expected) in [
        ("\"n\":2", "\"n\":3", 1, "tool order_lookup result total 2 n: 2 3"),
        (
            "\"order\":7",
            "\"order\":7.0",
            1,
            "tool order_lookup parameters order: 7 7.0",
        ),
        (
            "\"name\":\"pay\"",
            "\"name\":\"decline\"",
            2,
            "decision name: pay decline",
        ),
        ("Money", "Goods", 0, "input text: Money back! Goods back!"),
        (
            ",\"outcome\":{\"status\":\"success\"}",
            "",
            3,
            "outcome status: success -",
        ),
        (
            "{\"id\":\"other\",\"version\":\"1\"},",
            "",
            2,
            "policy other id: other -",
        ),
    ] {
        let found = diff(|text| vec![text.replace(from, to)]);
        assert_eq!(found.first(), Some(at), "{to}");
        assert_eq!(said(&found.pairs[at])[0], expected);
    }
}

#[test]
fn a_step_of_one_chain_alone_is_a_difference() {
    let found = diff(|text| if text.contains("tool_call") { vec![] } else { vec![text] });
    assert_eq!((found.first(), found.pairs.len()), (Some(1), 4));
    assert!(found.pairs[1].b.is_none() && found.pairs[1].what == "refunds tool_call order_lookup");
    let found = diff(|text| {
        let again = text.replace("order_lookup", "other");
        if text.contains("tool_call") {
            vec![text, again]
        } else {
            vec![text]
        }
    });
    assert_eq!((found.first(), found.pairs.len()), (Some(2), 5));
    assert!(found.pairs[2].a.is_none());
}

#[test]
fn only_words() {
    let found = diff(|text| vec![text.replace("Due.", "Not due.")]);
    assert_eq!((found.first(), found.is_same()), (Some(2), false));
    assert!(!found.pairs[2].matters());
}

#[test]
fn members_that_are_left_out_are_no_difference_and_all_others_are() {
    let edit = |text: String| {
        vec![
            text.replace("\"version\":\"2\"", "\"version\":\"3\"")
                .replace("Due.", "It is due.")
                .replace("\"value\":5,", "\"value\":6,")
                .replace("\"order\":7", "\"order\":8")
                .replace("\"sum\":5", "\"sum\":6"),
        ]
    };
    let left = |members: &[&str]| -> Vec<String> {
        let found = diff_without(members, edit);
        found.pairs.iter().flat_map(said).collect()
    };
    let all = left(&[]);
    assert_eq!(all.len(), 5);
    for (member, gone) in [
        ("policy.version", vec!["policy limit version: 2 3"]),
        ("policies.conditions", vec!["policy limit condition amount value: 5 6"]),
        (
            "policies",
            vec!["policy limit version: 2 3", "policy limit condition amount value: 5 6"],
        ),
        ("tool.parameters.order", vec!["tool order_lookup parameters order: 7 8"]),
        ("reasoning", vec!["reasoning: Due. It is due."]),
        ("action.parameters", vec!["action parameters sum: 5 6"]),
        ("outcome", vec![]),
    ] {
        let expected: Vec<String> = all
            .iter()
            .filter(|line| !gone.contains(&line.as_str()))
            .cloned()
            .collect();
        assert_eq!(left(&[member]), expected, "{member}");
    }
    let none = diff_without(&["policy", "tool", "reasoning", "action.parameters.sum"], edit);
    assert!(none.is_same() && none.first().is_none(), "{none:?}");
}
