//! Attacks on a database of several logs by somebody who holds all its files.

use super::*;

/// A database of two logs.
fn two() -> SimDisk {
    let (disk, db) = with_policy(7, POLICY);
    goes(&db, "clerk", "");
    goes(&db, "med-1", "");
    drop(db);
    let disk = disk.restart();
    assert_eq!(names(&sound(&disk)), ["main", "eu-health"]);
    disk
}

#[test]
fn a_log_that_is_taken_away() {
    let disk = two();
    for path in disk.paths() {
        if path.starts_with("/db/logs/eu-health") {
            disk.remove_raw(path);
        }
    }
    is_found(&disk, "/db/logs/eu-health: is missing");
    // Another one under its name is not it.
    let db = open(&disk).unwrap();
    goes(&db, "med-1", "");
    drop(db);
    is_found(
        &disk,
        "/db/logs/eu-health: is not the log that main names: it begins with another record",
    );
}

#[test]
fn a_log_of_another_database_in_its_place() {
    let (disk, other) = (two(), two());
    let db = open(&other).unwrap();
    drop(db);
    let (_, foreign) = with_policy(8, POLICY);
    goes(&foreign, "med-1", "");
    drop(foreign);
    let (third, db) = with_policy(9, POLICY);
    goes(&db, "med-1", "");
    drop(db);
    for path in disk.paths() {
        if path.starts_with("/db/logs/eu-health") {
            disk.remove_raw(path);
        }
    }
    for path in third.paths() {
        if path.starts_with("/db/logs/eu-health") {
            disk.overwrite(&path, &third.contents(&path).unwrap());
        }
    }
    is_found(&disk, "/db/logs/eu-health: is not the log that main names");
}

#[test]
fn an_edit_of_the_policy_that_nothing_recorded() {
    let disk = two();
    disk.overwrite(FILE, POLICY.replace("med-*", "nobody").as_bytes());
    is_found(
        &disk,
        "policy: edited since it was taken up, and not recorded yet: in force blake3:",
    );
    disk.remove_raw(FILE);
    is_found(&disk, "the file none");
}
