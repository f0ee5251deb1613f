//! Another policy than was taken up, or a log that nobody is to miss: by whoever has all files and the keys that are in
//! force. Each test is one attack, and says with which words it is found.

use super::holds::{change, event, forge};
use super::*;

const POLICY: &str = "[log.eu-health]\nclass = \"health\"\nregion = \"eu\"\n[[route]]\nagent = \"*\"\nlog = \"main\"\n";

/// A log before and after a policy was taken up, another log made, and a segment sealed.
fn taken_up(seed: u64) -> (SimDisk, SimDisk) {
    let disk = SimDisk::new(seed);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let before = disk.restart();
    let after = before.fork();
    put(&after, Path::new("/db/auditdb.toml"), POLICY.as_bytes());
    let db = open(&after).unwrap();
    let text = r#"{"agent":{"id":"a"},"kind":"decision","class":"health","region":"eu"}"#;
    assert_eq!(db.append_json(text).unwrap().log.as_ref(), "eu-health");
    db.append_json(&numbered(2)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(3)).unwrap();
    drop(db);
    let after = after.restart();
    is_not_seen(&verify(&after));
    (before, after)
}

#[track_caller]
fn is_found(report: &Report, words: &str) {
    assert!(
        report.faults.iter().any(|fault| fault.to_string().contains(words)),
        "{words}\n{report}"
    );
}

#[test]
fn the_forger_can_leave_it_as_it_is() {
    let (before, after) = taken_up(31);
    is_not_seen(&forge(&before, &after, |_| {}));
}

#[test]
fn another_text_under_the_same_digest() {
    let (before, after) = taken_up(32);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "policy");
        change(lines, place, |event| event["text"] = "# nothing\n".into());
    });
    is_found(&report, "its text is not the policy that its digest names");
}

#[test]
fn a_state_that_names_another_policy() {
    let (before, after) = taken_up(33);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "state");
        change(lines, place, |event| event["policy"] = serde_json::Value::Null);
    });
    is_found(&report, "it names another policy than was taken up");
}

#[test]
fn a_policy_that_follows_another() {
    let (before, after) = taken_up(34);
    let report = forge(&before, &after, |lines| {
        let (place, policy) = event(lines, "policy");
        change(lines, place, |event| event["before"] = policy["after"].clone());
    });
    is_found(&report, "it does not follow the policy that was in force");
}

#[test]
fn a_state_that_leaves_out_a_log() {
    let (before, after) = taken_up(35);
    let report = forge(&before, &after, |lines| {
        let (place, state) = event(lines, "state");
        assert_eq!(state["siblings"].as_array().unwrap().len(), 1);
        change(lines, place, |event| event["siblings"] = serde_json::json!([]));
    });
    is_found(&report, "it leaves out a log that was named before");
}
