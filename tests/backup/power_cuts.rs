//! The power is cut after each operation of a backup and of a restore. Whatever the medium then holds: what an earlier run had
//! brought is still there and can be restored without the log, nothing half-written is taken for whole, and a further run
//! brings all of it.

use super::*;
use std::collections::HashSet;

/// Runs something, cuts the power after each of its operations, and gives each state that the medium may then be in.
fn cut_everywhere(
    start: &SimDisk,
    work: &dyn Fn(&SimDisk) -> Result<(), Error>,
    mut check: impl FnMut(&SimDisk, &str),
) -> usize {
    let whole = start.fork();
    work(&whole).expect("it runs through without a cut");
    let operations = whole.op_count();
    let mut seen = HashSet::new();
    for stop in 0..=operations {
        let disk = start.fork();
        disk.stop_after(stop);
        let _ = work(&disk);
        let mut states = disk.crash_states(12);
        states.push(disk.restart());
        for state in states {
            if seen.insert(state.image_hash()) {
                check(&state, &format!("cut after operation {stop} of {operations}"));
            }
        }
    }
    println!("{} states of {operations} operations", seen.len());
    seen.len()
}

fn run(disk: &SimDisk) -> Result<(), Error> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let done = Database::open_read_only_with(DIR, shared)?.backup(TO, &options())?;
    match done.logs.into_iter().find_map(|log| log.failed) {
        Some(failed) => Err(failed),
        None => Ok(()),
    }
}

/// What has to hold in a state: as many records as an earlier run had brought can be restored, and a further run brings all.
fn survives(state: &SimDisk, earlier: u64, context: &str) {
    let alone = state.fork();
    match restore(&alone) {
        Ok(_) => {
            let size = sound(&alone, RESTORED).size.unwrap();
            assert!(size >= earlier, "{context}: {size} of {earlier}");
            let (ours, theirs) = (read_all(&reading(&alone, RESTORED)), read_all(&reading(&alone, DIR)));
            for (seq, (entry, _)) in ours {
                assert_eq!(entry.text(), theirs[&seq].0.text(), "{context}");
            }
        }
        Err(Error::NotADatabase { .. }) if earlier == 0 => {}
        Err(error) => panic!("{context}: {error}"),
    }
    backed_up(state);
    same(state, TO);
}

#[test]
fn every_cut_of_a_first_backup() {
    let states = cut_everywhere(&filled(41), &run, |state, context| survives(state, 0, context));
    assert!(states > 60, "{states}");
}

#[test]
fn every_cut_of_a_backup_that_goes_on() {
    // Half of a journal is there; then that is sealed, and others are, and something stands behind them.
    let disk = filled(42);
    backed_up(&disk);
    let earlier = reading(&disk, TO).len().unwrap();
    let db = open(&disk);
    for _ in 0..3 {
        append(&db, 50..53);
        db.seal().unwrap();
    }
    append(&db, 53..55);
    db.checkpoint().unwrap();
    drop(db);
    let states = cut_everywhere(&disk.restart(), &run, |state, context| {
        survives(state, earlier, context)
    });
    assert!(states > 60, "{states}");
}

#[test]
fn every_cut_of_following_what_was_dropped() {
    let disk = SimDisk::new(43);
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = create(&disk, plain().class(class));
    for _ in 0..2 {
        append(&db, 0..3);
        db.seal().unwrap();
    }
    disk.advance(20 * 24 * 3600 * 1_000_000_000);
    append(&db, 3..5);
    db.seal().unwrap();
    drop(db);
    backed_up(&disk);
    disk.advance(15 * 24 * 3600 * 1_000_000_000);
    let db = open(&disk);
    assert_eq!(db.retain().unwrap().dropped.len(), 2);
    append(&db, 5..6);
    drop(db);
    let states = cut_everywhere(&disk.restart(), &run, |state, context| {
        // Until the record that announces them is there, nothing has gone.
        let report = verify(state, TO);
        assert!(
            report.is_sound()
                || report
                    .faults
                    .iter()
                    .all(|fault| fault.file.display().to_string().contains("/tombstones/")),
            "{context}: {report}"
        );
        backed_up(state);
        same(state, TO);
        assert_eq!(names(state, TO, "segments"), names(state, DIR, "segments"), "{context}");
    });
    assert!(states > 20, "{states}");
}

/// Nobody goes on from what was not restored to its end; once more, it is.
fn restores(state: &SimDisk, context: &str) -> bool {
    let shared: Arc<dyn Disk> = Arc::new(state.fork());
    let early = Database::succeed_with(RESTORED, shared, plain(), "too early");
    if early.is_err() {
        restore(state).unwrap_or_else(|error| panic!("{context}: {error}"));
    }
    same(state, RESTORED);
    early.is_err()
}

#[test]
fn every_cut_of_a_restore() {
    let disk = filled(44);
    backed_up(&disk);
    let start = disk.restart();
    let work = |disk: &SimDisk| restore(disk).map(|_| ());
    let mut unfinished = 0;
    let states = cut_everywhere(&start, &work, |state, context| {
        unfinished += u64::from(restores(state, context));
    });
    assert!(states > 40 && unfinished > 20, "{states} {unfinished}");
}

/// The policy's file comes with the logs, and one log is called restored after the other.
#[test]
fn every_cut_of_a_restore_of_two_logs_and_a_policy() {
    const POLICY: &[u8] = b"[log.main]\nregion = \"eu\"\n[log.health]\nclass = \"health\"\nregion = \"eu\"\n";
    let disk = SimDisk::new(45);
    disk.create_dir(DIR.as_ref()).unwrap();
    oracle::put(&disk, "/db/auditdb.toml".as_ref(), POLICY);
    let db = create(&disk, plain());
    append(&db, 0..3);
    let health = r#"{"agent":{"id":"a"},"kind":"decision","class":"health","region":"eu"}"#;
    assert_eq!(&*db.append_json(health).unwrap().log, "health");
    drop(db);
    let done = back_up(&disk).unwrap();
    assert!(done.is_whole() && done.logs.len() == 2, "{done:?}");
    let start = disk.restart();
    let work = |disk: &SimDisk| restore(disk).map(|_| ());
    let (mut policy_first, mut unfinished) = (0, 0);
    let states = cut_everywhere(&start, &work, |state, context| {
        let is_there = |path: &str| state.stat(path.as_ref()).unwrap().is_some();
        policy_first += u64::from(is_there("/restored/auditdb.toml") && !is_there("/restored/logs/main/copied"));
        let noted = |log: &str| {
            let note = state.contents(Path::new(RESTORED).join("logs").join(log).join("copied"));
            note.map(|note| String::from_utf8(note).unwrap().contains("\"restored\""))
        };
        if ["main", "health"].map(noted) != [Some(true), Some(true)] {
            unfinished += 1;
            restore(state).unwrap_or_else(|error| panic!("{context}: {error}"));
        }
        for log in ["main", "health"] {
            let texts = |path: &str| -> Vec<String> {
                let db = Database::open_log_with(path, Arc::new(state.clone()), log).unwrap();
                db.records(..)
                    .unwrap()
                    .map(|entry| entry.unwrap().text().to_owned())
                    .collect()
            };
            assert_eq!(texts(RESTORED), texts(DIR), "{context}");
        }
        assert_eq!(
            state.contents("/restored/auditdb.toml").as_deref(),
            Some(POLICY),
            "{context}"
        );
        sound(state, RESTORED);
    });
    assert_eq!(policy_first, 0, "alone it could be somebody else's");
    assert!(states > 40 && unfinished > 20, "{states} {unfinished}");
}
