//! Taking up a policy: recorded first, whole, and never one with mistakes.

use super::*;

fn policies(disk: &SimDisk, log: &str) -> Vec<serde_json::Value> {
    let log = Database::open_log_with(DIR, shared(disk), log).unwrap();
    let event = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["event"].clone();
    let all = log.records(..).unwrap().map(|entry| event(entry.unwrap().text()));
    all.filter(|event| event["name"] == "policy").collect()
}

#[test]
fn a_change_is_recorded_before_it_takes_effect() {
    let disk = SimDisk::new(1);
    let db = Database::create_with(DIR, shared(&disk), plain()).unwrap();
    assert_eq!(goes(&db, "med-1", ""), "main");
    assert_eq!(db.policy_in_force().unwrap(), None);
    disk.overwrite(FILE, POLICY.as_bytes());
    // Looked at once a second.
    disk.advance(2 * SECOND);
    assert_eq!(goes(&db, "med-1", ""), "eu-health");
    assert_eq!(db.policy_in_force().unwrap().as_deref(), Some(POLICY));
    let said = policies(&disk, "main");
    assert_eq!(said.len(), 1);
    assert_eq!(
        (&said[0]["before"], said[0]["text"].as_str()),
        (&serde_json::Value::Null, Some(POLICY))
    );
    // The next one names the one before, in every log that is open.
    let longer = POLICY.replace("[log.eu-health]", "[class.health]\nkeep = 36\n[log.eu-health]");
    disk.overwrite(FILE, longer.as_bytes());
    disk.advance(2 * SECOND);
    goes(&db, "med-1", "");
    for log in ["main", "eu-health"] {
        let said = policies(&disk, log);
        let last = said.last().unwrap();
        assert_eq!((said.len(), last["text"].as_str()), (2, Some(longer.as_str())), "{log}");
        assert_eq!(last["before"], said[0]["after"], "{log}");
    }
    let health = Database::open_log_with(DIR, shared(&disk), "eu-health").unwrap();
    assert_eq!(health.status().unwrap().keep_months, 36);
    drop(db);
    // An opening finds nothing new, and nothing to record.
    let disk = disk.restart();
    let db = open(&disk).unwrap();
    goes(&db, "med-1", "");
    assert_eq!(policies(&disk, "main").len(), 2);
    // One that is taken away is none, and that is recorded too.
    drop(db);
    disk.remove_raw(FILE);
    let db = open(&disk).unwrap();
    assert_eq!(goes(&db, "med-1", ""), "main");
    let said = policies(&disk, "main");
    assert_eq!(
        (&said[2]["after"], &said[2]["text"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    drop(db);
    sound(&disk);
}

#[test]
fn a_file_with_mistakes_changes_nothing() {
    let (disk, db) = with_policy(2, POLICY);
    goes(&db, "med-1", "");
    disk.overwrite(FILE, b"[log.eu-health]\nclass = \"gold\"\n");
    disk.advance(2 * SECOND);
    // An agent that runs goes on as before.
    assert_eq!(goes(&db, "med-1", ""), "eu-health");
    assert_eq!(policies(&disk, "main").len(), 1);
    drop(db);
    let error = open(&disk).unwrap_err();
    let Error::Policy { mistakes, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((mistakes.len(), mistakes[0].line), (1, 2));
    assert!(
        error
            .to_string()
            .contains("line 2, column 9: there is no class \"gold\""),
        "{error}"
    );
    // It can be read and verified all the same, and the edit is named.
    is_found(&disk, "policy: edited since it was taken up");
    disk.overwrite(FILE, b"# \xFF\n");
    let error = open(&disk).unwrap_err().to_string();
    assert!(error.contains("line 1, column 3: this is not UTF-8"), "{error}");
    disk.overwrite(FILE, POLICY.as_bytes());
    let db = open(&disk).unwrap();
    assert_eq!(goes(&db, "med-1", ""), "eu-health");
    drop(db);
    let reports = sound(&disk);
    assert!(reports.iter().all(|report| report.policy_edited.is_none()));
}

/// What a policy adds to a class stands in the state, and a shorter promise is none for what was there.
#[test]
fn a_class_of_the_policys_own() {
    let policy = "[class.short]\nkeep = 3\nbuffer = 14\ndelete_by = 6\n[log.main]\nclass = \"short\"\n";
    let (disk, db) = with_policy(3, policy);
    let first = db.get(0).unwrap().text().to_owned();
    assert!(
        first.contains(r#""class":"short","keep":{"months":3,"buffer_days":14,"delete_by":6}"#),
        "{first}"
    );
    goes(&db, "a", "");
    db.seal().unwrap();
    drop(db);
    sound(&disk);
}
