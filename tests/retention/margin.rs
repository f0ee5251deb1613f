//! What a policy adds to a class: a buffer, the day by which a law wants records gone, and what has to be so before.

use super::*;
use auditdb::BackupOptions;
use auditdb::disk::Disk;

const MONTH: u64 = 31;

/// A log by that class, with two sealed segments and one record.
fn log(seed: u64, class: &str) -> (SimDisk, Database) {
    let disk = SimDisk::new(seed);
    disk.create_dir("/kept".as_ref()).unwrap();
    let policy =
        format!("[class.own]\nkeep = 1\n{class}\n[log.main]\nclass = \"own\"\n[[anchor]]\nto = \"dir:/kept\"\n");
    oracle::put(&disk, "/db/auditdb.toml".as_ref(), policy.as_bytes());
    let db = create(&disk, plain());
    segment(&db, 3);
    segment(&db, 2);
    db.append_json(&numbered(9)).unwrap();
    (disk, db)
}

#[test]
fn nothing_goes_before_the_buffer_has_passed() {
    let (disk, db) = log(1, "buffer = 14");
    days(&disk, MONTH + 1);
    let done = retain(&db);
    assert_eq!(firsts(&done), NONE);
    let kept = &done.kept[0];
    assert!(
        kept.from.as_ref().unwrap() > kept.kept_until.as_ref().unwrap(),
        "{kept:?}"
    );
    days(&disk, 13);
    assert_eq!(retain(&db).dropped.len(), 2);
    sound(&db);
}

#[test]
fn a_law_that_wants_records_gone() {
    let (disk, db) = log(2, "delete_by = 2");
    let status = db.status().unwrap();
    assert!(status.delete_by.is_some() && status.in_the_way.is_empty(), "{status:?}");
    let id = db
        .place_hold(
            &auditdb::HeldRecords::Seqs(3..=3),
            "a suit",
            &auditdb::Actor::named("anna").unwrap(),
        )
        .unwrap();
    days(&disk, 2 * MONTH);
    let status = db.status().unwrap();
    assert_eq!(status.in_the_way, [format!("{id} holds it")]);
    let done = retain(&db);
    assert!(done.kept[0].overdue && done.kept[0].held == [id.clone()], "{done:?}");
    db.release_hold(&id, "settled", &auditdb::Actor::named("bert").unwrap())
        .unwrap();
    assert!(
        db.status().unwrap().in_the_way[0].starts_with("nothing: "),
        "{:?}",
        db.status()
    );
    // The hold had closed the journal, so there is a third one.
    assert_eq!(firsts(&retain(&db)).len(), 3);
    sound(&db);
}

#[test]
fn a_segment_waits_for_its_anchor() {
    let (disk, db) = log(3, "before_drop = \"anchor\"");
    days(&disk, 2 * MONTH);
    let done = retain(&db);
    assert_eq!(
        (firsts(&done), done.kept[0].needs.as_deref()),
        (NONE.to_vec(), Some("anchor"))
    );
    let anchored = db.anchor().unwrap();
    assert!(anchored.iter().all(|attempt| attempt.error.is_none()), "{anchored:?}");
    // What is not there any more proves nothing.
    let kept: Vec<PathBuf> = disk
        .paths()
        .into_iter()
        .filter(|path| path.starts_with("/kept"))
        .collect();
    let bytes: Vec<Vec<u8>> = kept.iter().map(|path| disk.contents(path).unwrap()).collect();
    kept.iter().for_each(|path| assert!(disk.remove_raw(path)));
    assert_eq!(firsts(&retain(&db)), NONE);
    kept.iter()
        .zip(bytes)
        .for_each(|(path, bytes)| assert!(disk.overwrite(path, &bytes)));
    assert_eq!(retain(&db).dropped.len(), 2);
    sound(&db);
}

#[test]
fn a_segment_waits_for_its_backup() {
    let (disk, db) = log(4, "before_drop = [\"backup\"]");
    days(&disk, 2 * MONTH);
    let done = retain(&db);
    assert_eq!(
        (firsts(&done), done.kept[0].needs.as_deref()),
        (NONE.to_vec(), Some("backup"))
    );
    db.backup("/copy", &BackupOptions::default()).unwrap();
    assert_eq!(retain(&db).dropped.len(), 2);
    sound(&db);
}
