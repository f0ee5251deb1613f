//! What retention has dropped goes from the backup too, and only then.

use super::*;

const DAY: u64 = 24 * 3600 * 1_000_000_000;

fn aged(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = create(&disk, plain().class(class));
    for round in 0..2 {
        append(&db, round * 3..round * 3 + 3);
        db.seal().unwrap();
    }
    disk.advance(20 * DAY);
    append(&db, 6..9);
    db.seal().unwrap();
    append(&db, 9..10);
    drop(db);
    disk
}

fn retain(disk: &SimDisk) -> usize {
    let db = open(disk);
    let dropped = db.retain().unwrap().dropped.len();
    append(&db, 20..21);
    dropped
}

#[test]
fn a_backup_follows_what_was_dropped() {
    let disk = aged(1);
    backed_up(&disk);
    disk.advance(15 * DAY);
    assert_eq!(retain(&disk), 2);
    let done = backed_up(&disk);
    assert_eq!(done.dropped, 2);
    same(&disk, TO);
    assert_eq!(names(&disk, TO, "segments"), names(&disk, DIR, "segments"));
    assert_eq!(names(&disk, TO, "tombstones"), names(&disk, DIR, "tombstones"));
    assert_eq!(sound(&disk, TO).dropped, sound(&disk, DIR).dropped);
    restore(&disk).unwrap();
    same(&disk, RESTORED);
}

#[test]
fn a_first_backup_of_a_log_whose_beginning_is_gone() {
    let disk = aged(2);
    disk.advance(15 * DAY);
    assert_eq!(retain(&disk), 2);
    backed_up(&disk);
    same(&disk, TO);
    restore(&disk).unwrap();
    same(&disk, RESTORED);
    let backup = reading(&disk, TO);
    assert!(matches!(backup.get(3), Err(Error::Dropped { .. })));
    assert!(backup.earliest().unwrap() > 0);
}

#[test]
fn what_was_dropped_before_it_was_copied_is_no_beginning_to_go_on_from() {
    let disk = SimDisk::new(3);
    let class = Class::named("standard").unwrap().keeping(1).unwrap();
    let db = create(&disk, plain().class(class));
    append(&db, 0..2);
    drop(db);
    backed_up(&disk);
    let db = open(&disk);
    for _ in 0..2 {
        append(&db, 2..4);
        db.seal().unwrap();
    }
    append(&db, 4..5);
    disk.advance(40 * DAY);
    append(&db, 5..6);
    assert_eq!(db.retain().unwrap().dropped.len(), 2);
    drop(db);
    let before = oracle::files(&disk);
    let done = back_up(&disk).unwrap();
    let failed = done.logs[0].failed.as_ref().unwrap().to_string();
    assert!(failed.contains("begin a new backup in another directory"), "{failed}");
    assert_eq!(oracle::files(&disk), before);
}

/// A segment that is gone at the source stays in the backup, whatever stands in the tombstone's place.
#[test]
fn a_tombstone_that_counts_for_nothing_takes_nothing_away() {
    let honest = aged(4);
    honest.advance(15 * DAY);
    let stolen = honest.fork();
    assert_eq!(retain(&stolen), 2);
    for forged in [true, false] {
        let disk = aged(4);
        backed_up(&disk);
        let segments = names(&disk, TO, "segments");
        disk.advance(15 * DAY);
        for name in names(&disk, DIR, "segments").into_iter().take(2) {
            disk.remove_raw(Path::new(DIR).join("logs/main/segments").join(&name));
            if forged {
                // Signed by the log's own key, and announced in another course of things.
                let path = Path::new(DIR).join("logs/main/tombstones").join(&name[..20]);
                oracle::put(&disk, &path, &stolen.contents(&path).unwrap());
            }
        }
        let done = back_up(&disk).unwrap();
        let said = format!(
            "{:?}",
            done.logs[0].faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
        let words = if forged {
            "is announced by no record of the log"
        } else {
            "is missing"
        };
        assert!(!done.is_whole() && said.contains(words), "{said}");
        assert_eq!(names(&disk, TO, "segments"), segments);
    }
}
