//! Where records go, and what becomes of the logs.

use super::*;
use auditdb::{Order, Query};

#[test]
fn records_go_where_the_policy_leads_them() {
    let (disk, db) = with_policy(1, POLICY);
    assert_eq!(goes(&db, "med-1", ""), "eu-health");
    assert_eq!(goes(&db, "clerk", ""), "main");
    // What a record says of itself counts more.
    assert_eq!(goes(&db, "clerk", r#","class":"financial""#), "eu-financial");
    assert_eq!(goes(&db, "clerk", r#","class":"health","region":"us""#), "us-health");
    assert_eq!(goes(&db, "nobody", ""), "main");
    assert_eq!(goes(&db, "nobody", r#","region":"moon""#), "main");
    let logs = ["main", "eu-financial", "eu-health", "us-health"];
    assert_eq!(names(&sound(&disk)), logs);
    // Each has its class, as its own first record says, and names those that were there.
    for (log, class, months, region) in [
        ("main", "standard", 12, "eu"),
        ("eu-financial", "financial", 24, "eu"),
        ("us-health", "health", 24, "us"),
    ] {
        let log = Database::open_log_with(DIR, shared(&disk), log).unwrap();
        let status = log.status().unwrap();
        assert_eq!((status.class.as_str(), status.keep_months), (class, months));
        assert!(log.get(0).unwrap().text().contains(&format!("\"region\":\"{region}\"")));
    }
    let genesis = |log: &str| {
        let log = Database::open_log_with(DIR, shared(&disk), log).unwrap();
        log.get(0).unwrap().text().to_owned()
    };
    assert!(genesis("us-health").contains(r#"{"log":"eu-financial","genesis":""#));
    assert_eq!(
        events(&disk, "main"),
        ["genesis", "opened", "policy", "epoch", "log", "log", "log"]
    );
    // What had no way is flagged, and found.
    let found = db
        .query(&Query::parse("unrouted:*").unwrap().order(Order::Oldest))
        .unwrap();
    let found: Vec<String> = found.map(|entry| entry.unwrap().unrouted().unwrap()).collect();
    assert_eq!(found, ["no route", "no such region"]);
    // A question goes to all logs; a record is named by its log.
    assert_eq!(db.query(&Query::parse("kind:decision").unwrap()).unwrap().count(), 6);
    assert!(db.get("us-health/4").unwrap().text().contains("\"clerk\""));
    drop(db);
    // And after an opening all goes on.
    let db = open(&disk.restart()).unwrap();
    assert_eq!(goes(&db, "med-2", ""), "eu-health");
    assert_eq!(goes(&db, "clerk", r#","class":"health","region":"us""#), "us-health");
}

#[test]
fn a_list_comes_back_in_its_order() {
    let (disk, db) = with_policy(2, POLICY);
    let texts = ["med-1", "clerk", "med-2", "clerk", "clerk"].map(|agent| decision(agent, ""));
    let appended = db.append_all_json(texts.iter().map(String::as_str)).unwrap();
    assert!(!appended.atomic);
    for (text, receipt) in texts.iter().zip(&appended.receipts) {
        let entry = db.get(format!("{}/{}", receipt.log, receipt.seq).as_str()).unwrap();
        assert_eq!(entry.id(), receipt.id());
        assert!(entry.text().ends_with(&text[1..]), "{} {text}", entry.text());
    }
    // Of one log it is whole, whichever that is.
    let texts = ["med-1", "med-2"].map(|agent| decision(agent, ""));
    assert!(db.append_all_json(texts.iter().map(String::as_str)).unwrap().atomic);
    // One that is refused keeps all of them out.
    let before = db.query(&Query::parse("kind:decision").unwrap()).unwrap().count();
    assert!(db.append_all_json([texts[0].as_str(), "{}"]).is_err());
    assert_eq!(
        db.query(&Query::parse("kind:decision").unwrap()).unwrap().count(),
        before
    );
    let pending = db.submit_json(&texts[0]).unwrap();
    assert_eq!(pending.wait().unwrap().log.as_ref(), "eu-health");
    assert!(db.seal().unwrap());
    drop(db);
    sound(&disk);
}

/// More logs than are kept open at a time.
#[test]
fn a_hundred_logs() {
    let regions: Vec<String> = (0..100).map(|number| format!("r{number}")).collect();
    let policy = format!("regions = {regions:?}");
    let (disk, db) = with_policy(3, &policy);
    for round in 0..2 {
        for region in &regions {
            let log = goes(
                &db,
                "a",
                &format!(",\"region\":\"{region}\",\"attributes\":{{\"n\":{round}}}"),
            );
            assert_eq!(log, format!("{region}-standard"));
        }
    }
    assert_eq!(db.query(&Query::parse("kind:decision").unwrap()).unwrap().count(), 200);
    drop(db);
    let disk = disk.restart();
    let db = open(&disk).unwrap();
    goes(&db, "a", ",\"region\":\"r7\"");
    drop(db);
    assert_eq!(sound(&disk).len(), 101);
}

#[test]
fn there_are_only_so_many_logs() {
    let regions: Vec<String> = (0..300).map(|number| format!("r{number}")).collect();
    let (disk, db) = with_policy(4, &format!("regions = {regions:?}"));
    let refused = regions.iter().find_map(|region| {
        let text = decision("a", &format!(",\"region\":\"{region}\""));
        db.append_json(&text).err()
    });
    let refused = refused.unwrap().to_string();
    assert!(refused.contains("has 256 logs"), "{refused}");
    assert_eq!(goes(&db, "a", ",\"region\":\"r1\""), "r1-standard");
    drop(db);
    assert_eq!(
        Database::verify_logs_with(DIR, &shared(&disk), Some("r1-standard"), &[], &VerifyOptions::default())
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_log_that_is_named_is_alone() {
    let (disk, db) = with_policy(5, POLICY);
    goes(&db, "med-1", "");
    drop(db);
    let disk = disk.restart();
    let alone = Database::open_with(DIR, shared(&disk), options().log("eu-health")).unwrap();
    // Whatever the policy says: somebody wants it there.
    assert_eq!(goes(&alone, "clerk", ""), "eu-health");
    assert_eq!(alone.query(&Query::parse("kind:decision").unwrap()).unwrap().count(), 2);
    drop(alone);
    let missing = Database::open_with(DIR, shared(&disk), options().log("us-health"));
    assert!(matches!(missing, Err(Error::NotADatabase { .. })), "{missing:?}");
    for wrong in ["../main", "Main", ""] {
        let wrong = Database::open_with(DIR, shared(&disk), options().log(wrong));
        assert!(matches!(wrong, Err(Error::NotFound { .. })), "{wrong:?}");
    }
}

/// The successor of a log takes its records, and is named by the first log.
#[test]
fn a_branch_has_successors_too() {
    let (disk, db) = with_policy(6, POLICY);
    goes(&db, "med-1", "");
    drop(db);
    let disk = disk.restart();
    let log_id = Database::open_log_with(DIR, shared(&disk), "eu-health")
        .unwrap()
        .identity()
        .log_id();
    for path in disk.paths() {
        if path.display().to_string().contains(&format!(".keys/{log_id}.epoch")) {
            disk.remove_raw(path);
        }
    }
    let db = open(&disk).unwrap();
    let lost = db.append_json(&decision("med-1", ""));
    assert!(matches!(lost, Err(Error::NoKey { .. })), "{lost:?}");
    assert_eq!(goes(&db, "clerk", ""), "main");
    let options = options().log("eu-health");
    let next = Database::succeed_with(DIR, shared(&disk), options, "the keys are lost").unwrap();
    assert_eq!(next.identity().name(), "eu-health.2");
    let status = next.status().unwrap();
    assert_eq!((status.class.as_str(), status.keep_months), ("health", 24));
    drop(next);
    assert_eq!(goes(&db, "med-1", ""), "eu-health.2");
    drop(db);
    assert_eq!(names(&sound(&disk)), ["main", "eu-health", "eu-health.2"]);
    assert_eq!(events(&disk, "main").iter().filter(|name| *name == "log").count(), 2);
}
