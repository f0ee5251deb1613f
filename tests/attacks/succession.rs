//! A log that is written no more, and the one in which writing went on.

use super::*;
use auditdb::Estrangement;

/// A log that was rolled back: its keys have signed for more than it has.
fn rolled_back() -> SimDisk {
    let disk = log();
    let old = taken(&disk, DIR);
    let db = open(&disk).unwrap();
    db.append_json(&numbered(100)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    put_back(&disk, DIR, &old);
    disk
}

/// The same, what it was before, and its successor with two records.
fn succeeded() -> (SimDisk, Report, Database) {
    let disk = rolled_back();
    let before = verify(&disk);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let db = Database::succeed_with(DIR, shared, plain(), "restored from the backup of the night").unwrap();
    db.append_json(&numbered(200)).unwrap();
    db.checkpoint().unwrap();
    db.append_json(&numbered(201)).unwrap();
    (disk, before, db)
}

fn all(disk: &SimDisk, anchors: &[Anchors<'_>]) -> Vec<Report> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_logs_with(DIR, &disk, None, anchors, &options).unwrap()
}

#[test]
fn writing_goes_on_in_a_successor_that_names_the_log_before_it() {
    let (disk, before, db) = succeeded();
    assert_eq!(db.identity().name(), "main.2");
    let genesis = db.get(0).unwrap().text().to_owned();
    let (root, size) = (before.root.clone().unwrap(), before.size.unwrap());
    for part in [
        "\"predecessor\":{\"log\":\"main\",\"origin\":\"main/".to_owned(),
        format!("\"standing\":{{\"size\":{size},\"root\":\"{root}\""),
        "it was rolled back".to_owned(),
        "\"reason\":\"restored from the backup of the night\"".to_owned(),
    ] {
        assert!(genesis.contains(&part), "{part} in {genesis}");
    }
    drop(db);
    let reports = all(&disk, &[]);
    let names: Vec<_> = reports
        .iter()
        .map(|report| (report.log.as_str(), report.predecessor()))
        .collect();
    assert_eq!(names, [("main", None), ("main.2", Some("main"))]);
    for report in &reports {
        is_not_seen(report);
    }
    // What was there is as it was, and the newest is what an opening opens.
    assert_eq!((reports[0].size, &reports[0].root), (before.size, &before.root));
    let db = open(&disk).unwrap();
    assert_eq!(db.identity().name(), "main.2");
    db.append_json(&numbered(202)).unwrap();
    drop(db);
    // It can be written, so nothing succeeds it.
    let again = Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "once more");
    assert!(matches!(again, Err(Error::Writable { .. })), "{again:?}");
}

#[test]
fn a_successor_of_a_successor() {
    let (disk, _, db) = succeeded();
    drop(db);
    // The keys of the second log are gone.
    let second = |path: &PathBuf| path.extension().is_some_and(|end| end == "epoch");
    let keys: Vec<PathBuf> = disk.paths().into_iter().filter(second).collect();
    assert_eq!(keys.len(), 2);
    for path in keys {
        disk.remove_raw(path);
    }
    assert!(matches!(open(&disk), Err(Error::NoKey { .. })));
    let db = Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "the keys are lost").unwrap();
    assert_eq!(db.identity().name(), "main.3");
    drop(db);
    let reports = all(&disk, &[]);
    assert_eq!(
        reports.iter().map(|report| report.log.as_str()).collect::<Vec<_>>(),
        ["main", "main.2", "main.3"]
    );
    assert_eq!(reports[2].predecessor(), Some("main.2"));
    assert!(reports.iter().all(Report::is_sound));
}

#[test]
fn another_log_in_the_place_of_the_one_before() {
    // One that was written anew as a whole, with a tree and keys of its own.
    let (disk, _, db) = succeeded();
    drop(db);
    put_back(&disk, LOG, &taken(&log_of(12), LOG));
    let reports = all(&disk, &[]);
    says(
        &reports[0],
        "main",
        "is not as it was when main.2 went on from it: it was main/",
    );
    is_not_seen(&reports[1]);
}

#[test]
fn records_cut_off_from_the_one_before() {
    let (disk, before, db) = succeeded();
    drop(db);
    // The keys that are still there let its unsigned tail be cut without a trace in itself; stored checkpoints go too.
    let (id, mut lines) = (EpochFile::read(&log()).log_id(), lines_of(&log()));
    lines.truncate(lines.len() - 2);
    remove_checkpoints(&disk);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    let reports = all(&disk, &[]);
    let size = before.size.unwrap();
    let words = format!("went on from it: records {}..{} are missing", size - 2, size - 1);
    says(&reports[0], "main", &words);
    // Gone as a whole.
    remove_under(&disk, LOG);
    let reports = all(&disk, &[]);
    assert_eq!(reports.len(), 1);
    says(&reports[0], "logs/main", "is missing");
}

#[test]
fn each_log_is_held_against_its_own_anchors() {
    let (disk, _, db) = succeeded();
    let second = db.genesis().unwrap();
    let newest = db.checkpoint().unwrap();
    drop(db);
    let first = {
        let twin = log();
        reading(&twin).genesis().unwrap()
    };
    let anchors = |noted: &'static auditdb::Genesis| {
        let mut anchors = Anchors::default();
        (anchors.key, anchors.genesis) = (Some(&noted.key), Some(&noted.leaf));
        anchors
    };
    let (first, second): (&'static _, &'static _) = (Box::leak(Box::new(first)), Box::leak(Box::new(second)));
    let mut signed = Anchors::default();
    signed.checkpoints = std::slice::from_ref(&newest);
    let reports = all(&disk, &[anchors(second), signed, anchors(first)]);
    let shown: Vec<_> = reports
        .iter()
        .map(|report| (report.authenticated, report.complete_to))
        .collect();
    assert_eq!(shown, [(true, None), (true, Some(newest.checkpoint().size()))]);
    assert!(reports.iter().all(Report::is_sound));
    // The successor removed: whoever noted its key misses it; without that nobody can know.
    remove_under(&disk, &format!("{LOG}.2"));
    is_not_seen(&all(&disk, &[])[0]);
    let reports = all(&disk, &[anchors(first), anchors(second)]);
    assert!(!reports[0].is_sound(), "{}", reports[0]);
    says(&reports[0], "logs/main.2", "is missing");
    // And nothing is said against the log that is there.
    assert!(
        reports[0].authenticated && reports[0].faults.len() == 1,
        "{}",
        reports[0]
    );
}

#[test]
fn a_crash_at_any_step_leaves_the_old_log_or_the_new_one() {
    let succeed = |disk: &SimDisk| Database::succeed_with(DIR, Arc::new(disk.clone()), plain(), "restored");
    let mut steps = 0;
    let (mut unfinished, mut done) = (0, 0);
    loop {
        let disk = rolled_back();
        disk.stop_after(disk.op_count() + steps);
        let finished = succeed(&disk).is_ok();
        let disk = disk.restart();
        match open(&disk) {
            Ok(db) => {
                assert_eq!(db.identity().name(), "main.2");
                done += 1;
            }
            Err(Error::Estranged { why, .. }) => {
                assert!(matches!(why, Estrangement::RolledBack { .. }), "step {steps}: {why}");
                unfinished += 1;
                assert_eq!(succeed(&disk).unwrap().identity().name(), "main.2", "step {steps}");
            }
            // The record is there and its key is not: a successor of that one is the way on.
            Err(error) => panic!("step {steps}: {error}"),
        }
        for report in all(&disk, &[]) {
            assert!(report.is_sound(), "step {steps}: {report}");
        }
        if finished {
            break;
        }
        steps += 1;
    }
    assert!(unfinished > 20 && done > 1, "{unfinished} {done}");
}
