//! Pages about chains that are known.

use super::{Said, Why};
use crate::Database;

const DECISION: &str = "019a0000-0000-7000-8000-000000000003";

/// A chain with everything in records of its own: a message, a lookup, a decision, an approval, an action, a review.
fn chain() -> Database {
    let db = Database::in_memory();
    let id = |number: u8| format!("019a0000-0000-7000-8000-00000000000{number}");
    let line = |number: u8, parent: u8, rest: &str| {
        let parent = if parent > 0 {
            format!(r#","parent":"{}""#, id(parent))
        } else {
            String::new()
        };
        format!(
            r#"{{"id":"{}","agent":{{"id":"refunds","version":"2"}},"time":"2026-11-24T15:40:0{number}Z","correlation":"case-1"{parent},{rest}}}"#,
            id(number)
        )
    };
    for text in [
        line(
            1,
            0,
            r#""kind":"message","input":{"trigger":"person","from":"pii:1","text":"Money back!"}"#,
        ),
        line(
            2,
            1,
            r#""kind":"tool_call","tools":[{"name":"order_lookup","system":"orders","result":{"total":1.10},"status":"success"}],"access":[{"system":"orders","operation":"read","rows":1,"categories":["address"]}],"outcome":{"status":"success"}"#,
        ),
        line(
            3,
            2,
            &format!(
                r#""kind":"decision","input":{{"prompt":{{"id":"p","version":"4"}}}},"model":{{"name":"m-1"}},"context":[{{"system":"orders","record":"{}"}},{{"system":"gone","record":"019a0000-0000-7000-8000-0000000000ff"}}],"reasoning":"It is due.","policies":[{{"id":"refund-limit","version":"12","rule":"r","effect":"require_approval","conditions":[{{"field":"amount","value":700.0,"op":"gt","threshold":500,"unit":"EUR","met":true}}]}},{{"id":"bare policy"}}],"decision":{{"name":"pay_back","alternatives":[{{"name":"decline","reason":"too hard"}}],"confidence":0.75}},"outcome":{{"status":"pending"}}"#,
                id(2)
            ),
        ),
        line(
            4,
            3,
            r#""kind":"approval","human":{"id":"staff:1","role":"lead","did":"approved","comment":"Fine"},"outcome":{"status":"success"}"#,
        ),
        line(
            5,
            4,
            r#""kind":"action","action":{"name":"refund","system":"bank","recipients":[{"id":"pii:1","role":"to"}]},"tools":[{"name":"pay","status":"success","duration_ms":5}],"outcome":{"status":"success"},"reasoning":"Approved.""#,
        ),
        line(
            6,
            5,
            r#""kind":"decision","decision":{"name":"next_case"},"outcome":{"status":"success"}"#,
        ),
        line(
            7,
            6,
            r#""kind":"action","action":{"name":"other"},"outcome":{"status":"failure"}"#,
        ),
        line(
            8,
            0,
            &format!(
                r#""kind":"review","review":{{"verdict":"wrong"}},"links":[{{"id":"{DECISION}","rel":"reviews"}}]"#
            ),
        ),
    ] {
        db.append_json(&text).unwrap();
    }
    db
}

fn why(db: &Database, numbers: &[u8]) -> Why {
    let records: Vec<_> = numbers
        .iter()
        .map(|number| db.get(format!("019a0000-0000-7000-8000-00000000000{number}")).unwrap())
        .collect();
    db.why(&records).unwrap().unwrap()
}

/// The facts of a section: how far the record is behind the message, the name and the text.
fn facts(db: &Database, why: &Why, name: &str) -> Vec<String> {
    let first = db.get("019a0000-0000-7000-8000-000000000001").unwrap().seq() - 1;
    let section = why.sections.iter().find(|section| section.name == name);
    let facts = section.map_or(&[][..], |section| &section.facts);
    let fact = |(seq, said): (u64, &Said)| format!("{} {}: {}", seq - first, said.name, said.text);
    facts.iter().map(|fact| (fact.from.seq, &fact.said)).map(fact).collect()
}

#[test]
fn an_action_is_told_with_the_decision_that_it_came_from() {
    let db = chain();
    let page = why(&db, &[5]);
    assert_eq!(page.title, "refunds action refund");
    assert_eq!(page.decision.as_ref().map(|place| place.seq + 2), Some(page.record.seq));
    assert_eq!(
        facts(&db, &page, "came_in"),
        [
            "3 prompt: p version 4",
            "1 trigger: person",
            "1 from: pii:1",
            "1 text: Money back!"
        ]
    );
    assert_eq!(facts(&db, &page, "reasoning"), ["3 : It is due.", "5 : Approved."]);
    assert_eq!(
        facts(&db, &page, "policies"),
        [
            "3 policy: refund-limit, version 12, rule r: require_approval",
            "3 policy: \"bare policy\": its effect is not on record"
        ]
    );
    let policies = page.sections.iter().find(|section| section.name == "policies").unwrap();
    assert_eq!(policies.facts[0].said.under[0].text, "amount 700.0 > 500 EUR: met");
    assert_eq!(
        facts(&db, &page, "decision")[..2],
        ["3 decided: pay_back", "3 not chosen: decline"]
    );
    assert_eq!(facts(&db, &page, "people"), ["4 human: approved by staff:1 (lead)"]);
    assert_eq!(
        facts(&db, &page, "did"),
        ["5 tool: pay: success, 5 ms", "5 action: refund in bank"]
    );
    assert_eq!(facts(&db, &page, "data"), ["2 access: read of orders"]);
    assert_eq!(
        facts(&db, &page, "outcome"),
        ["3 outcome: pending", "4 outcome: success", "5 outcome: success"]
    );
    let data = page.sections.iter().find(|section| section.name == "data").unwrap();
    assert_eq!(data.facts[0].said.under[0].text, "rows: 1; categories: address");
    // What another decision did is not this one's.
    let after = facts(&db, &page, "after");
    assert_eq!(after[0], "6 : refunds decision next_case: success");
    assert_eq!((after.len(), after[2].as_str()), (3, "8 : refunds review"));
    let review = page.sections.last().unwrap().facts.last().unwrap();
    assert!(
        review.said.under.iter().any(|said| said.name == "reviews")
            && review.said.under.iter().any(|said| said.text == "wrong")
    );
    for missing in ["gone", "(action) names no data", "\"bare policy\" neither version"] {
        let text = missing.replace("gone", "0000000000ff");
        assert!(
            page.missing.iter().any(|line| line.contains(&text)),
            "{missing}: {:?}",
            page.missing
        );
    }
    assert!(!page.missing.iter().any(|line| line.contains("no decision")));
    assert_eq!(page.leaf, crate::proof::leaf_hash(page.entry.text().as_bytes()));
}

#[test]
fn of_several_records_the_last_that_did_something_is_told() {
    let db = chain();
    let name = |numbers: &[u8]| why(&db, numbers).title;
    assert_eq!(name(&[1, 2, 3, 4, 5, 6, 7, 8]), "refunds action other");
    assert_eq!(name(&[5, 1, 3]), "refunds action refund");
    assert_eq!(name(&[3, 4]), "refunds decision pay_back");
    assert_eq!(name(&[1, 2]), "refunds tool_call order_lookup");
    assert!(db.why(&[]).unwrap().is_none());
}

#[test]
fn a_lookup_is_not_told_with_a_decision_that_came_later_and_a_review_with_the_one_it_judges() {
    let db = chain();
    assert!(why(&db, &[2]).decision.is_none());
    assert!(why(&db, &[2]).missing.iter().any(|line| line.contains("no decision")));
    let review = why(&db, &[8]);
    assert_eq!(facts(&db, &review, "decision")[0], "3 decided: pay_back");
}

#[test]
fn a_record_alone_says_all_that_it_lacks() {
    let db = Database::in_memory();
    let receipt = db
        .append_json(r#"{"agent":{"id":"a"},"kind":"decision","parent":"019a0000-0000-7000-8000-0000000000ff","decision":{"name":"x","own":{"more":[1,{"y":2}]}},"attributes":{"order":7},"mine":true}"#)
        .unwrap();
    let page = db.why(&[db.get(receipt.seq).unwrap()]).unwrap().unwrap();
    for missing in [
        "what set it going",
        "what the agent knew",
        "the data that were touched",
        "the model",
        "names no policy",
        "gives no reasoning",
        "has no outcome",
        "belongs to no chain",
        "not counted by its emitter",
        "0000000000ff",
    ] {
        assert!(
            page.missing.iter().any(|line| line.contains(missing)),
            "{missing}: {:?}",
            page.missing
        );
    }
    // A member that nobody knows is shown, too.
    let decision = page.sections.iter().find(|section| section.name == "decision").unwrap();
    let own = &decision.facts[1].said;
    assert_eq!((own.name.as_str(), own.under[0].under[1].text.as_str()), ("own", "y 2"));
}

#[test]
fn a_value_that_was_moved_out_is_told() {
    let db = Database::in_memory();
    let long = "word ".repeat(20_000);
    let text = format!(r#"{{"agent":{{"id":"a"}},"kind":"decision","decision":{{"name":"x"}},"reasoning":"{long}"}}"#);
    let receipt = db.append_json(&text).unwrap();
    let page = db.why(&[db.get(receipt.seq).unwrap()]).unwrap().unwrap();
    let reasoning = page
        .sections
        .iter()
        .find(|section| section.name == "reasoning")
        .unwrap();
    assert_eq!(reasoning.facts[0].said.text, long);
}

/// A definition of that text under that digest.
fn define(db: &Database, kind: &str, id: &str, digest: &str, text: Option<&str>) -> u64 {
    let text = text.map_or_else(String::new, |text| format!(r#","text":"{text}""#));
    let line = format!(
        r#"{{"agent":{{"id":"a"}},"kind":"definition","definition":{{"type":"{kind}","id":"{id}","version":"7","digest":"{digest}"{text}}}}}"#
    );
    db.append_json(&line).unwrap().seq
}

/// The page about a decision that names these policies, and the prompt of that digest.
fn ruled(db: &Database, policies: &[(&str, &str)], prompt: &str) -> Why {
    let policies: Vec<String> = policies
        .iter()
        .map(|(id, digest)| format!(r#"{{"id":"{id}","version":"7","digest":"{digest}"}}"#))
        .collect();
    let line = format!(
        r#"{{"agent":{{"id":"a"}},"kind":"decision","decision":{{"name":"x"}},"input":{{"prompt":{{"id":"p","digest":"{prompt}"}}}},"policies":[{}]}}"#,
        policies.join(",")
    );
    let receipt = db.append_json(&line).unwrap();
    db.why(&[db.get(receipt.seq).unwrap()]).unwrap().unwrap()
}

/// The definitions in a section: where each stands, what it says and its text.
fn definitions(why: &Why, name: &str) -> Vec<(u64, String, Option<String>)> {
    let section = why.sections.iter().find(|section| section.name == name);
    let facts = section.map_or(&[][..], |section| &section.facts);
    let definition = |fact: &super::Fact| {
        let text = fact.said.under.first().map(|text| text.text.clone());
        (fact.from.seq, fact.said.text.clone(), text)
    };
    let facts = facts.iter().filter(|fact| fact.said.name == "definition");
    facts.map(definition).collect()
}

#[test]
fn the_texts_that_were_in_force_are_told() {
    let db = Database::in_memory();
    let digest = |text: &str| crate::record::digest(text.as_bytes());
    let (old, new, prompt) = ("At most 10 %.", "At most 20 %.", "You are kind. ".repeat(6_000));
    let first = define(&db, "policy", "discount", &digest(old), Some(old));
    define(&db, "policy", "discount", &digest(new), Some(new));
    define(&db, "prompt", "p", &digest(&prompt), Some(&prompt));
    // Sealed or not, and again in the segment of the record that names it.
    for round in 0..3 {
        let page = ruled(
            &db,
            &[("discount", &digest(old)), ("again", &digest(old))],
            &digest(&prompt),
        );
        let policies = definitions(&page, "policies");
        assert_eq!(policies.len(), 1, "{round}: {policies:?}");
        let (seq, said, text) = &policies[0];
        assert_eq!(
            (said.as_str(), text.as_deref()),
            ("policy discount version 7", Some(old))
        );
        assert_eq!(*seq == first, round == 0, "the one beside the decision is told: {seq}");
        let prompts = definitions(&page, "came_in");
        assert_eq!(
            prompts.iter().map(|prompt| prompt.2.as_ref()).collect::<Vec<_>>(),
            [Some(&prompt)]
        );
        assert!(
            !page.missing.iter().any(|line| line.contains("the text of")),
            "{:?}",
            page.missing
        );
        db.seal().unwrap();
    }
}

#[test]
fn a_text_that_is_not_on_record_or_not_the_one_that_is_named_is_missing() {
    let db = Database::in_memory();
    let digest = |text: &str| crate::record::digest(text.as_bytes());
    define(
        &db,
        "policy",
        "forged",
        &digest("as it was"),
        Some("as somebody wants it"),
    );
    define(&db, "policy", "empty", &digest("secret"), None);
    define(&db, "policy", "other", "md5:00ff", Some("whatever"));
    let policies = [
        ("gone", digest("nowhere")),
        ("forged", digest("as it was")),
        ("empty", digest("secret")),
        ("other", "md5:00ff".to_owned()),
    ];
    let policies: Vec<(&str, &str)> = policies.iter().map(|(id, digest)| (*id, digest.as_str())).collect();
    let page = ruled(&db, &policies, &digest("no such prompt"));
    for missing in [
        "the text of the policy gone that #".to_owned(),
        format!("no definition has the digest {}", digest("nowhere")),
        "the text of the policy forged as it was in force is in no log".to_owned(),
        "the definition of the policy empty in #".to_owned(),
        "the text of the prompt p that #".to_owned(),
    ] {
        assert!(
            page.missing.iter().any(|line| line.contains(&missing)),
            "{missing}: {:?}",
            page.missing
        );
    }
    let said: Vec<String> = definitions(&page, "policies")
        .into_iter()
        .map(|(_, said, _)| said)
        .collect();
    assert_eq!(
        said,
        [
            "policy forged version 7, whose text has another digest than it says",
            "policy empty version 7, without a text",
            "policy other version 7, whose digest is not checked: only sha256 is known here"
        ]
    );
    assert!(
        !page
            .missing
            .iter()
            .any(|line| line.contains("text of the policy other")),
        "{:?}",
        page.missing
    );
    // Of several definitions the one with the right text is believed, wherever it stands.
    define(&db, "policy", "forged", &digest("as it was"), Some("as it was"));
    let page = ruled(&db, &[("forged", &digest("as it was"))], &digest("no such prompt"));
    assert_eq!(definitions(&page, "policies")[0].2.as_deref(), Some("as it was"));
    assert!(
        !page
            .missing
            .iter()
            .any(|line| line.contains("text of the policy forged")),
        "{:?}",
        page.missing
    );
    // Without a digest nobody can tell which text it was.
    let named = r#"{"agent":{"id":"a"},"kind":"decision","policies":[{"id":"bare","version":"1"}]}"#;
    let page = db
        .why(&[db.get(db.append_json(named).unwrap().seq).unwrap()])
        .unwrap()
        .unwrap();
    assert!(
        page.missing
            .iter()
            .any(|line| line.contains("of the policy bare no digest is named")),
        "{:?}",
        page.missing
    );
}
