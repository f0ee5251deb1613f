//! A backup that grows with its log, and a database made of it.

use super::*;
use auditdb::proof::SshKey;

#[test]
fn a_backup_is_the_log_and_grows_with_it() {
    let disk = filled(1);
    let done = backed_up(&disk);
    assert_eq!(
        (done.size, done.sealed),
        (open(&disk).len().unwrap(), reading(&disk, DIR).len().unwrap() - 3)
    );
    same(&disk, TO);
    assert_eq!(names(&disk, TO, "segments"), names(&disk, DIR, "segments"));
    assert_eq!(names(&disk, TO, "checkpoints"), names(&disk, DIR, "checkpoints"));
    // Nothing new.
    let done = back_up(&disk).unwrap();
    assert_eq!((done.files, done.bytes), (0, 0), "{done:?}");
    // Lines, one after the other, and then a seal, several seals, and lines behind them.
    for round in 0..3 {
        let db = open(&disk);
        append(&db, 100..102);
        drop(db);
        assert!(backed_up(&disk).size > 0);
        same(&disk, TO);
        let db = open(&disk);
        for _ in 0..=round {
            append(&db, 200..203);
            db.seal().unwrap();
        }
        append(&db, 300..301);
        drop(db);
        backed_up(&disk);
        same(&disk, TO);
        assert_eq!(names(&disk, TO, "segments"), names(&disk, DIR, "segments"));
    }
}

#[test]
fn what_is_there_is_not_written_again() {
    let disk = filled(2);
    backed_up(&disk);
    let inodes = |disk: &SimDisk| -> Vec<(String, u64)> {
        let of = |name: String| {
            let path = Path::new(TO).join("logs/main/segments").join(&name);
            (name, disk.stat(&path).unwrap().unwrap().inode)
        };
        names(disk, TO, "segments").into_iter().map(of).collect()
    };
    let before = inodes(&disk);
    let db = open(&disk);
    append(&db, 20..23);
    db.seal().unwrap();
    drop(db);
    backed_up(&disk);
    assert_eq!(inodes(&disk)[..before.len()], before);
}

#[test]
fn a_backup_is_never_written() {
    let disk = filled(3);
    backed_up(&disk);
    let shared = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
    let before = oracle::files(&disk);
    // Also where the keys are at hand.
    let with_keys = plain().keys(format!("{DIR}.keys"));
    for refused in [
        Database::open_with(TO, shared(), with_keys.clone()).map(|_| ()),
        Database::succeed_with(TO, shared(), with_keys.clone(), "no").map(|_| ()),
        Database::recover_with(TO, shared(), &with_keys).map(|_| ()),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::Copy { .. }), "{refused}");
        assert!(
            refused.to_string().contains("is a backup and is never written"),
            "{refused}"
        );
    }
    assert_eq!(oracle::files(&disk), before);
}

#[test]
fn what_was_restored_is_read_and_a_successor_goes_on() {
    let disk = filled(4);
    backed_up(&disk);
    let restored = restore(&disk).unwrap();
    assert!(restored.gaps.is_empty());
    same(&disk, RESTORED);
    // Not even with the keys.
    let shared = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
    let with_keys = plain().keys(format!("{DIR}.keys"));
    let refused = Database::open_with(RESTORED, shared(), with_keys).unwrap_err();
    assert!(refused.to_string().contains("log succeed"), "{refused}");
    assert!(matches!(restore(&disk), Err(Error::Exists { .. })));
    let db = Database::succeed_with(RESTORED, shared(), plain(), "the disk is gone").unwrap();
    assert_eq!(db.identity().name(), "main.2");
    db.append_json(&numbered(1)).unwrap();
    drop(db);
    let reports = Database::verify_logs_with(RESTORED, &shared(), None, &[], &VerifyOptions::default()).unwrap();
    assert!(reports.len() == 2 && reports.iter().all(Report::is_sound));
    // Both logs are in a backup of that.
    let again = "/again";
    let done = reading(&disk, RESTORED).backup(again, &options()).unwrap();
    assert!(done.is_whole() && done.logs.len() == 2, "{done:?}");
    let reports = Database::verify_logs_with(again, &shared(), None, &[], &VerifyOptions::default()).unwrap();
    assert!(reports.len() == 2 && reports.iter().all(Report::is_sound));
}

#[test]
fn the_successor_names_the_records_that_a_checkpoint_says_were_there() {
    let disk = filled(5);
    let size = backed_up(&disk).size;
    let db = open(&disk);
    append(&db, 50..55);
    let newest = db.checkpoint().unwrap();
    drop(db);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let given = [newest.clone()];
    let options = auditdb::RestoreOptions {
        checkpoints: &given,
        ..auditdb::RestoreOptions::default()
    };
    let restored = Database::restore_with(TO, RESTORED, &shared, &options).unwrap();
    let end = newest.checkpoint().size();
    assert_eq!(restored.gaps, [("main".to_owned(), size..end)]);
    let db = Database::succeed_with(RESTORED, shared, plain(), "the disk is gone").unwrap();
    let genesis = db.get(0).unwrap().text().to_owned();
    assert!(
        genesis.contains(&format!("\"gap\":{{\"from\":{size},\"to\":{end},\"root\":\"")),
        "{genesis}"
    );
    let noted: serde_json::Value = serde_json::from_str(&genesis).unwrap();
    let noted = noted["event"]["predecessor"]["gap"]["checkpoint"].as_str().unwrap();
    assert_eq!(noted, newest.to_string());
}

#[test]
fn the_log_says_how_far_it_is_backed_up() {
    let disk = filled(6);
    let db = open(&disk);
    assert_eq!(db.backed_up().unwrap(), None);
    let options = BackupOptions {
        unrecorded: false,
        ..options()
    };
    let done = db.backup(TO, &options).unwrap().logs.remove(0);
    assert!(done.recorded.is_some(), "{done:?}");
    let said = db.backed_up().unwrap().unwrap();
    assert_eq!(
        (said.size, said.sealed, &said.root),
        (done.size, done.sealed, &done.root)
    );
    // That alone is nothing to back up anew.
    let again = db.backup(TO, &options).unwrap().logs.remove(0);
    assert_eq!((again.recorded, &again.unrecorded), (None, &None));
    // It outlives the journal and the process.
    append(&db, 30..33);
    db.seal().unwrap();
    append(&db, 33..34);
    drop(db);
    assert_eq!(reading(&disk, DIR).backed_up().unwrap(), Some(said.clone()));
    let db = open(&disk);
    append(&db, 34..35);
    db.seal().unwrap();
    append(&db, 35..36);
    assert_eq!(db.backed_up().unwrap(), Some(said));
    // Who only reads has nothing recorded, and says so.
    drop(db);
    let done = reading(&disk, DIR).backup(TO, &options).unwrap().logs.remove(0);
    assert!(done.recorded.is_none() && done.unrecorded.is_some(), "{done:?}");
}

#[test]
fn the_policy_file_is_in_the_backup() {
    let disk = filled(7);
    let policy = |text: &str| oracle::put(&disk, Path::new("/db/auditdb.toml"), text.as_bytes());
    let copied = |path: &str| disk.contents(Path::new(path).join("auditdb.toml"));
    policy("# first\n");
    backed_up(&disk);
    assert_eq!(copied(TO).unwrap(), b"# first\n");
    policy("# second\n");
    backed_up(&disk);
    restore(&disk).unwrap();
    assert_eq!(copied(RESTORED).unwrap(), b"# second\n");
}

#[test]
fn whoever_stops_it_goes_on_later() {
    let disk = filled(8);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2;
    let options = BackupOptions {
        stop: Some(&stop),
        ..options()
    };
    let done = reading(&disk, DIR).backup(TO, &options).unwrap();
    assert!(done.logs[0].stopped && !done.is_whole(), "{done:?}");
    // What it has is a beginning of the log.
    assert!(sound(&disk, TO).size.unwrap() > 0);
    backed_up(&disk);
    same(&disk, TO);
}

/// What people did, policies and proofs by others, between one backup and the next.
#[test]
fn what_stands_in_a_state_may_have_changed_since_the_last_backup() {
    let disk = filled(9);
    backed_up(&disk);
    let (anna, bert) = (Actor::named("anna").unwrap(), Actor::named("bert").unwrap());
    let held = HeldRecords::Seqs(0..=5);
    let mut before = None;
    for round in 0..3 {
        let db = open(&disk);
        append(&db, 60..62);
        let now = db.place_hold(&held, "a suit", &anna).unwrap();
        if let Some(before) = before.replace(now) {
            db.release_hold(&before, "settled", &bert).unwrap();
        }
        append(&db, 62..63);
        let signed = db.checkpoint().unwrap();
        let size = Some(signed.checkpoint().size());
        db.attach_proof(&format!("proof-{round}"), size, b"seen").unwrap();
        db.rotate_key().unwrap();
        append(&db, 63..64);
        for _ in 0..round {
            db.seal().unwrap();
            append(&db, 64..65);
        }
        drop(db);
        let policy = format!("# policy {round}\n");
        oracle::put(&disk, Path::new("/db/auditdb.toml"), policy.as_bytes());
        let db = open(&disk);
        append(&db, 65..66);
        db.checkpoint().unwrap();
        drop(db);
        backed_up(&disk);
        same(&disk, TO);
        assert_eq!(names(&disk, TO, "checkpoints"), names(&disk, DIR, "checkpoints"));
    }
    restore(&disk).unwrap();
    same(&disk, RESTORED);
    // A proof that was changed is not copied over the one that is there.
    let proof = names(&disk, DIR, "checkpoints")
        .into_iter()
        .find(|name| name.contains("proof-1"))
        .unwrap();
    let path = |of: &str| Path::new(of).join("logs/main/checkpoints").join(&proof);
    oracle::put(&disk, &path(DIR), b"other");
    let done = back_up(&disk).unwrap();
    assert!(!done.is_whole() && done.logs[0].faults[0].file == path(DIR), "{done:?}");
    assert_eq!(disk.contents(path(TO)).unwrap(), b"seen");
}

/// What a person signed names how far the log was, and a copy looks at some of the records before it only by their hashes.
#[test]
fn what_people_signed_before_the_last_seal_is_right_in_a_backup() {
    let key = |seed: u8| SshKey::from_seed(&[seed; 32]);
    let person = |(name, seed): (&str, u8)| {
        let key = key(seed).public();
        format!("[people.{name}]\nkey = \"{key}\"\nroles = [\"legal\"]\n")
    };
    let people = [("anna", 1), ("bert", 2)];
    for rounds in 1..12 {
        let disk = SimDisk::new(70);
        let text: String = people.into_iter().map(person).collect();
        oracle::put(&disk, &Path::new(DIR).join("auditdb.toml"), text.as_bytes());
        let db = create(&disk, plain());
        let actors = people.map(|(name, seed)| Actor::signing(name, key(seed)).unwrap());
        for round in 0..rounds {
            append(&db, round * 3..round * 3 + 3);
            if round % 2 == 0 {
                db.seal().unwrap();
            }
            let id = db.place_hold(&HeldRecords::Seqs(0..=2), "a suit", &actors[0]).unwrap();
            // Once all at once, and once piece by piece.
            if rounds % 2 == 0 {
                backed_up(&disk);
            }
            db.release_hold(&id, "settled", &actors[1]).unwrap();
        }
        backed_up(&disk);
        sound(&disk, TO);
        restore(&disk).unwrap();
        sound(&disk, RESTORED);
    }
}
