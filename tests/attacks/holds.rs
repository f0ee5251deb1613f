//! Getting rid of a hold, or acting in the name of another: by whoever has all files and the keys of the log that are in
//! force, but not the keys of the people. Each test is one attack, and says with which words it is found.

use super::tombstones::{FIRST, drop_by_force};
use super::*;
use auditdb::proof::SshKey;
use auditdb::{Actor, Class, HeldRecords, RetainOptions};
use ed25519_dalek::{Signer, SigningKey};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, SshSig};

const DAY: u64 = 24 * 3600 * 1_000_000_000;
const ANNA: [u8; 32] = [1; 32];
const BERT: [u8; 32] = [2; 32];
const CARL: [u8; 32] = [3; 32];
const MALLORY: [u8; 32] = [9; 32];

fn public(seed: [u8; 32]) -> String {
    SshKey::from_seed(&seed).public().to_string()
}

fn actor(name: &str, seed: [u8; 32]) -> Actor {
    Actor::signing(name, SshKey::from_seed(&seed)).unwrap()
}

/// Anna and Bert are lawyers, Carl is not.
fn policy(disk: &SimDisk) {
    let people = [
        ("anna", ANNA, "legal"),
        ("bert", BERT, "legal"),
        ("carl", CARL, "operator"),
    ];
    let text: String = people
        .iter()
        .map(|(name, seed, role)| {
            let key = public(*seed);
            format!("[people.{name}]\nkey = \"{key} {name}@laptop\"\nroles = [\"{role}\"]\n")
        })
        .collect();
    put(disk, Path::new("/db/auditdb.toml"), text.as_bytes());
}

/// Two segments kept for a month, and a hold by Anna on a record of the first; `people` says whether she has to prove it.
fn held(seed: u64, people: bool, what: &HeldRecords) -> (SimDisk, String) {
    let disk = SimDisk::new(seed);
    if people {
        policy(&disk);
    }
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain().class(class)).unwrap();
    let mut known = Known::default();
    for _ in 0..2 {
        known.append_many(&db, 3).unwrap();
        db.seal().unwrap();
        disk.advance(DAY);
    }
    known.append_many(&db, 2).unwrap();
    let id = db.place_hold(what, "a suit", &anna(people)).unwrap();
    drop(db);
    let disk = disk.restart();
    is_not_seen(&verify(&disk));
    (disk, id)
}

fn anna(signs: bool) -> Actor {
    if signs {
        actor("anna", ANNA)
    } else {
        Actor::named("anna").unwrap()
    }
}

fn first_segment() -> HeldRecords {
    HeldRecords::Seqs(3..=3)
}

fn fitting() -> HeldRecords {
    HeldRecords::Query("attributes.n:1".to_owned())
}

/// The hold released as it should be, on a copy.
fn released(disk: &SimDisk, id: &str, people: bool) -> SimDisk {
    let after = disk.fork();
    let db = open(&after).unwrap();
    let bert = if people {
        actor("bert", BERT)
    } else {
        Actor::named("bert").unwrap()
    };
    db.release_hold(id, "settled", &bert).unwrap();
    drop(db);
    after.restart()
}

/// Changes what came after `before`, makes everything fit again and signs it with the keys that were in force then.
pub(super) fn forge(before: &SimDisk, after: &SimDisk, edit: impl Fn(&mut Vec<String>)) -> Report {
    let (key, mut lines) = (EpochFile::read(before), lines_of(after));
    edit(&mut lines);
    let sign = |statement: &mut forger::Statement| {
        if statement.epoch >= key.number {
            statement.next_key = key.secret(statement.epoch + 1).public();
            statement.sign(&key.secret(statement.epoch));
        }
    };
    fit(key.log_id(), &mut lines, &sign);
    write(after, key.log_id(), &lines);
    verify(after)
}

/// The event of the last record of that name, as JSON, and its place.
pub(super) fn event(lines: &[String], name: &str) -> (usize, serde_json::Value) {
    let place = *places(lines, name).last().unwrap();
    let line: serde_json::Value = serde_json::from_str(&lines[place]).unwrap();
    (place, line["event"].clone())
}

/// Changes an event; its name has to stand first.
pub(super) fn change(lines: &mut [String], place: usize, edit: impl Fn(&mut serde_json::Value)) {
    let (head, event) = lines[place].split_once("\"event\":").unwrap();
    let mut event: serde_json::Value = serde_json::from_str(event.strip_suffix('}').unwrap()).unwrap();
    edit(&mut event);
    let name = event.as_object_mut().unwrap().remove("name").unwrap();
    let rest = event.to_string();
    lines[place] = format!("{head}\"event\":{{\"name\":{name},{}}}", &rest[1..]);
}

/// Signs as a person does, with any key.
fn signature(seed: [u8; 32], text: &str) -> String {
    let key = SigningKey::from_bytes(&seed);
    let signed = SshSig::signed_data("auditdb", HashAlg::Sha512, text.as_bytes()).unwrap();
    let bytes = ssh_key::Signature::new(Algorithm::Ed25519, key.sign(&signed).to_bytes()).unwrap();
    let data = KeyData::Ed25519(Ed25519PublicKey(key.verifying_key().to_bytes()));
    let signature = SshSig::new(data, "auditdb", HashAlg::Sha512, bytes).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

/// What stands in a record for somebody who signs that statement.
fn by(name: &str, key: [u8; 32], statement: &str, signs: [u8; 32]) -> serde_json::Value {
    serde_json::json!({
        "name": name, "proved": true, "key": public(key), "statement": statement, "signature": signature(signs, statement)
    })
}

#[test]
fn the_forger_knows_how() {
    for people in [true, false] {
        let (before, id) = held(51, people, &fitting());
        let after = released(&before, &id, people);
        is_not_seen(&forge(&before, &after, |_| {}));
    }
}

#[test]
fn a_release_that_nobody_signed() {
    let (before, id) = held(52, true, &fitting());
    let after = released(&before, &id, true);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "hold_released");
        change(lines, place, |event| {
            event["by"] = serde_json::json!({"name": "bert", "proved": false})
        });
    });
    says(
        &report,
        "",
        "was not released by whoever may: it needs the signature of a person",
    );
}

#[test]
fn a_release_that_somebody_else_signed() {
    let (before, id) = held(53, true, &fitting());
    let (_, genuine) = event(&lines_of(&released(&before, &id, true)), "hold_released");
    let statement = genuine["by"]["statement"].as_str().unwrap().to_owned();
    let by_carl = statement.replace("\"person\":\"bert\"", "\"person\":\"carl\"");
    let by_anna = statement.replace("\"person\":\"bert\"", "\"person\":\"anna\"");
    let mallory = statement.replace("\"person\":\"bert\"", "\"person\":\"mallory\"");
    for (by, words) in [
        (by("bert", BERT, &statement, MALLORY), "is by another key"),
        (
            by("bert", MALLORY, &statement, MALLORY),
            "signed by another key than that of \"bert\"",
        ),
        (
            by("mallory", MALLORY, &mallory, MALLORY),
            "\"mallory\" is no person of the policy",
        ),
        // The same key twice, under another name and under its own.
        (
            by("bert", ANNA, &statement, ANNA),
            "signed by another key than that of \"bert\"",
        ),
        (
            by("anna", ANNA, &by_anna, ANNA),
            "\"anna\" placed it, so somebody else has to release it",
        ),
        (
            by("carl", CARL, &by_carl, CARL),
            "\"carl\" does not have the role \"legal\"",
        ),
        // What Bert signed, in another's name; and something else than he signed.
        (by("carl", CARL, &statement, BERT), "does not have the role"),
        (by("bert", BERT, &by_anna, BERT), "in the name of \"anna\""),
        (
            by("bert", BERT, "auditdb act v1\n{}\n", BERT),
            "is no statement of an act",
        ),
        (
            by("bert", BERT, &statement.replace("settled", "bribed"), BERT),
            "another reason",
        ),
        (
            by(
                "bert",
                BERT,
                &statement.replace("\"about\":{\"id\":\"hold-", "\"about\":{\"id\":\"hold-x"),
                BERT,
            ),
            "something else was signed",
        ),
        (
            serde_json::json!({"name": "bert", "proved": true, "key": public(BERT)}),
            "is not complete",
        ),
    ] {
        let after = released(&before, &id, true);
        let report = forge(&before, &after, |lines| {
            let (place, _) = event(lines, "hold_released");
            change(lines, place, |event| event["by"] = by.clone());
        });
        says(&report, "", "was not released by whoever may");
        says(&report, "", words);
    }
}

/// Without people a name is all there is; it has to be another all the same.
#[test]
fn a_release_by_who_placed_it() {
    let (before, id) = held(54, false, &fitting());
    let after = released(&before, &id, false);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "hold_released");
        change(lines, place, |event| event["by"]["name"] = "Anna ".into());
    });
    says(&report, "", "placed it, so somebody else has to release it");
}

/// What Bert signed once for another hold, and for the same one of another log, and for the same one at another time.
#[test]
fn a_signature_that_is_used_again() {
    let (before, id) = held(55, true, &fitting());
    let genuine = released(&before, &id, true);
    let (_, first) = event(&lines_of(&genuine), "hold_released");
    // Another hold.
    let db = open(&genuine).unwrap();
    let other = db.place_hold(&fitting(), "another suit", &anna(true)).unwrap();
    drop(db);
    let before = genuine.restart();
    let after = released(&before, &other, true);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "hold_released");
        change(lines, place, |event| event["by"] = first["by"].clone());
    });
    says(&report, "", "something else was signed");
    // Another log.
    let (before, id) = held(56, true, &fitting());
    let after = released(&before, &id, true);
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "hold_released");
        change(lines, place, |event| event["by"] = first["by"].clone());
    });
    says(&report, "", "what was signed is for another log");
    // A hold placed once more with what was signed for it before it was released.
    let lines = lines_of(&genuine);
    let placed = lines[*places(&lines, "hold").first().unwrap()].clone();
    let db = open(&genuine).unwrap();
    let before = genuine.fork();
    db.place_hold(&fitting(), "a third suit", &anna(true)).unwrap();
    drop(db);
    let report = forge(&before, &genuine, |lines| {
        let place = *places(lines, "hold").last().unwrap();
        lines[place].clone_from(&placed);
    });
    says(&report, "", "too much has happened since");
}

/// A statement for this log as it never was: of a copy that went another way.
#[test]
fn a_signature_from_another_state_of_the_log() {
    let (before, id) = held(57, true, &fitting());
    let elsewhere = before.fork();
    let db = open(&elsewhere).unwrap();
    db.append_json(&numbered(500)).unwrap();
    drop(db);
    let (_, other) = event(&lines_of(&released(&elsewhere, &id, true)), "hold_released");
    let after = released(&before, &id, true);
    let report = forge(&before, &after, |lines| {
        let place = *places(lines, "state").last().unwrap();
        // So that its size has been reached.
        let epoch = lines[place - 1].clone();
        let record = lines[lines.iter().position(|line| event_name(line).is_empty()).unwrap()].clone();
        lines.splice(place - 1..place, [record.clone(), record.clone(), record, epoch]);
        let (place, _) = event(lines, "hold_released");
        change(lines, place, |event| event["by"] = other["by"].clone());
    });
    says(&report, "", "was signed for this log as it never was");
}

#[test]
fn a_hold_that_is_left_out_of_a_state() {
    for people in [true, false] {
        let (before, id) = held(58, people, &first_segment());
        let after = before.fork();
        let db = open(&after).unwrap();
        db.append_json(&numbered(70)).unwrap();
        db.seal().unwrap();
        db.append_json(&numbered(71)).unwrap();
        drop(db);
        let after = after.restart();
        let newest = |lines: &[String]| *places(lines, "state").last().unwrap();
        let report = forge(&before, &after.fork(), |lines| {
            let place = newest(lines);
            change(lines, place, |event| event["holds"] = serde_json::json!([]));
        });
        says(
            &report,
            "",
            &format!("{id} is left out of the state, and nobody has released it"),
        );
        let report = forge(&before, &after.fork(), |lines| {
            let place = newest(lines);
            change(lines, place, |event| {
                event["holds"][0]["seqs"] = serde_json::json!([0, 0])
            });
        });
        says(&report, "", "is another in the state than in the record that placed it");
        let report = forge(&before, &after.fork(), |lines| {
            let place = newest(lines);
            change(lines, place, |event| {
                event["holds"]
                    .as_array_mut()
                    .unwrap()
                    .push(serde_json::json!({"id": "hold-1", "seqs": [0, 1]}));
            });
        });
        says(&report, "", "hold-1 stands in the state, and nobody has placed it");
        // The state in which it was placed, with the record behind it.
        let report = forge(&before, &after.fork(), |lines| {
            let place = *places(lines, "hold").last().unwrap();
            change(lines, place, |event| event["reason"] = "none".into());
        });
        assert!(!report.is_sound());
    }
}

/// The hold forged out of the way, and then the segment dropped: the log itself would do that, and verify still says so.
#[test]
fn a_segment_that_was_dropped_after_the_hold_was_forged_away() {
    let (before, id) = held(59, true, &first_segment());
    let after = before.fork();
    let db = open(&after).unwrap();
    db.append_json(&numbered(70)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(71)).unwrap();
    drop(db);
    let after = after.restart();
    forge(&before, &after, |lines| {
        let place = *places(lines, "state").last().unwrap();
        change(lines, place, |event| event["holds"] = serde_json::json!([]));
    });
    forger::reseal(&after, &lines_of(&after));
    let after = after.restart();
    after.advance(60 * DAY);
    let db = open(&after).unwrap();
    let done = db.retain_with(&RetainOptions::default()).unwrap();
    assert!(done.dropped.iter().any(|segment| segment.first == 0), "{done:?}");
    drop(db);
    let report = verify(&after);
    says(&report, "", &format!("{id} is left out of the state"));
    says(&report, "tombstones/", &format!("was held by {id} when it was dropped"));
}

/// People who came by the back door, and one who is gone.
#[test]
fn other_people_in_a_state() {
    let (before, _) = held(60, true, &fitting());
    let after = before.fork();
    let db = open(&after).unwrap();
    db.append_json(&numbered(70)).unwrap();
    db.seal().unwrap();
    db.append_json(&numbered(71)).unwrap();
    drop(db);
    let after = after.restart();
    let report = forge(&before, &after, |lines| {
        let place = *places(lines, "state").last().unwrap();
        change(lines, place, |event| event["people"][1]["key"] = public(MALLORY).into());
    });
    says(&report, "", "other people than were in force, and no record says why");
}

/// A person whom no policy names, put in force by a record of its own.
#[test]
fn a_person_whom_the_policy_does_not_name() {
    let (before, _) = held(65, true, &fitting());
    let after = before.fork();
    let with = String::from_utf8(after.contents("/db/auditdb.toml").unwrap()).unwrap();
    let with = format!("{with}[people.dora]\nkey = \"{}\"\n", public([4; 32]));
    put(&after, Path::new("/db/auditdb.toml"), with.as_bytes());
    drop(open(&after).unwrap());
    let after = after.restart();
    is_not_seen(&verify(&after));
    let report = forge(&before, &after, |lines| {
        let other = |person: &mut serde_json::Value| person["key"] = public(MALLORY).into();
        for (place, member) in [
            (*places(lines, "state").last().unwrap(), "people"),
            (*places(lines, "people").last().unwrap(), "after"),
        ] {
            change(lines, place, |event| {
                let people = event[member].as_array_mut().unwrap();
                people
                    .iter_mut()
                    .filter(|person| person["name"] == "dora")
                    .for_each(other);
            });
        }
    });
    says(&report, "", "puts other people in force than the policy names");
}

/// What a tombstone has to say of holds by query.
#[test]
fn a_tombstone_that_is_silent_about_a_hold() {
    let disk = SimDisk::new(61);
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain().class(class)).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.seal().unwrap();
    let what = HeldRecords::Query("attributes.n:4711".to_owned());
    let id = db.place_hold(&what, "a suit", &anna(false)).unwrap();
    disk.advance(40 * DAY);
    let silent = disk.restart();
    assert_eq!(db.retain().unwrap().dropped.len(), 1);
    drop(db);
    let disk = disk.restart();
    is_not_seen(&verify(&disk));
    let path = Path::new(LOG).join(format!("tombstones/{:020}", 0));
    let text = String::from_utf8(zstd::decode_all(disk.contents(&path).unwrap().as_slice()).unwrap()).unwrap();
    let said = format!("\"holds\":[{{\"id\":\"{id}\",\"by\":\"query\"}}]");
    assert!(text.contains(&said), "{text}");
    let report = drop_by_force(&silent, "2030-02-09T00:00:00.000000000Z", |_| {}, |_| {});
    says(
        &report,
        FIRST,
        &format!("does not say that it was looked whether {id} holds its segment"),
    );
}

#[test]
fn a_clock_that_nobody_signed_for() {
    let (before, _) = held(62, true, &fitting());
    let after = before.fork();
    // A year, with the log closed and the machine off.
    let after = after.restart();
    after.set_now(after.now() + i64::try_from(365 * DAY).unwrap());
    let db = open(&after).unwrap();
    db.append_json(&numbered(70)).unwrap();
    let accept = RetainOptions::default().accept_clock("compared");
    let refused = |options: &RetainOptions, words: &str| {
        let error = db.retain_with(options).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&accept, "needs the signature");
    refused(
        &accept.clone().by(&Actor::named("carl").unwrap()),
        "needs the signature",
    );
    refused(
        &accept.clone().by(&actor("anna", ANNA)),
        "does not have the role \"operator\"",
    );
    db.retain_with(&accept.by(&actor("carl", CARL))).unwrap();
    drop(db);
    let after = after.restart();
    is_not_seen(&verify(&after));
    let report = forge(&before, &after, |lines| {
        let (place, _) = event(lines, "clock_accepted");
        change(lines, place, |event| _ = event.as_object_mut().unwrap().remove("by"));
    });
    says(&report, "", "accepts the clock without right: nobody has signed for it");
}

/// What the program itself refuses.
#[test]
fn who_may_not_is_refused() {
    let (disk, id) = held(63, true, &fitting());
    let db = open(&disk).unwrap();
    let size = db.len().unwrap();
    let place = |actor: &Actor, words: &str| {
        let error = db.place_hold(&fitting(), "a suit", actor).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let release = |actor: &Actor, words: &str| {
        let error = db.release_hold(&id, "settled", actor).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    for refused in [&place as &dyn Fn(&Actor, &str), &release] {
        refused(&Actor::named("bert").unwrap(), "it needs the signature");
        refused(&actor("bert", MALLORY), "is by another key");
        refused(&actor("mallory", MALLORY), "is no person of the policy");
        refused(&actor("carl", CARL), "does not have the role");
    }
    release(&actor("anna", ANNA), "somebody else has to release it");
    // But for the checkpoints that were to be signed nothing was written.
    let lines = lines_of(&disk);
    assert!(
        lines[usize::try_from(size).unwrap()..]
            .iter()
            .all(|line| event_name(line) == "epoch" || event_name(line) == "opened")
    );
    db.release_hold(&id, "settled", &actor("bert", BERT)).unwrap();
    drop(db);
    is_not_seen(&verify(&disk));
    // A hold that was signed for is not released by a mere name because the people are gone from the policy.
    let (disk, id) = held(64, true, &fitting());
    disk.remove_raw("/db/auditdb.toml");
    let db = open(&disk).unwrap();
    let error = db
        .release_hold(&id, "settled", &Actor::named("bert").unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("has to sign too"), "{error}");
    let error = db.release_hold(&id, "settled", &actor("bert", BERT)).unwrap_err();
    assert!(error.to_string().contains("the policy names no people"), "{error}");
    drop(db);
    is_not_seen(&verify(&disk));
}
