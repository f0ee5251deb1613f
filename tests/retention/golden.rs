//! A log with a dropped beginning as files in `../golden/dropped`: every later version has to read and verify it, and so
//! does the reader that was written from the page alone (`../stranger`).
//!
//! For a new one: `cargo test --test retention -- --ignored`, once.

#![expect(clippy::disallowed_methods, reason = "files of the repository")]

use super::*;
use auditdb::record::parse_time;
use oracle::disk_of_dir;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dropped")
}

fn load() -> SimDisk {
    disk_of_dir(&golden())
}

#[test]
fn it_is_read_and_verified() {
    let disk = load();
    let db = reading(&disk);
    let report = sound(&db);
    assert_eq!((report.tombstones, report.segments), (4, 1));
    assert_eq!(db.earliest().unwrap(), report.dropped);
    assert!(db.prove_consistency(1, report.size.unwrap()).is_ok());
    // It goes on where it was.
    let db = open(&disk);
    segment(&db, 2);
    sound(&db);
}

#[test]
#[ignore = "writes the files, once"]
fn write_it() {
    assert!(!golden().exists(), "what was released once is never written again");
    let disk = SimDisk::new(21);
    disk.set_now(parse_time("2024-01-15T10:00:00Z").unwrap());
    let db = create(&disk, plain().class(class("eu-ai-act", 6)));
    segment(&db, 300);
    db.rotate_key().unwrap();
    disk.set_now(parse_time("2024-06-15T10:00:00Z").unwrap());
    segment(&db, 5);
    days(&disk, 100);
    assert_eq!(retain(&db).dropped.len(), 0);
    let done = db.retain_with(&accepted("compared with another")).unwrap();
    assert_eq!(done.dropped.len(), 1);
    segment(&db, 4);
    days(&disk, 200);
    // The jump made the first record behind it a segment of its own.
    assert_eq!(retain(&db).dropped.len(), 3);
    segment(&db, 6);
    db.append_json(&numbered(7)).unwrap();
    sound(&db);
    drop(db);
    let log = Path::new("/db");
    for (path, bytes) in oracle::files(&disk) {
        if path.starts_with(log) || path.starts_with("/db.keys") {
            let path = golden().join(path.strip_prefix("/").unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}
