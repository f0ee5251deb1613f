//! A first walk through the public face.
mod oracle;
use auditdb::{Database, record::Record};

#[test]
fn create_append_read_verify_seal_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    let receipt = db.append(&Record::decision("support", "apologise")).unwrap();
    let entry = db.get(receipt.seq).unwrap();
    assert_eq!(entry.id(), receipt.id());
    assert_eq!(db.get(receipt.id()).unwrap(), entry);
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(db.seal().unwrap());
    assert!(!db.seal().unwrap());
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(db.get(receipt.id()).unwrap(), entry);
    for i in 0..100 {
        db.append_json(&oracle::numbered(i)).unwrap();
    }
    drop(db);
    let db = Database::open(&path).unwrap();
    assert!(db.append(&Record::decision("support", "apologise")).unwrap().seq > 100);
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{report}");
    println!(
        "{report}\n{}",
        serde_json::to_string_pretty(&db.status().unwrap()).unwrap()
    );
}
