//! The power is cut after each operation of making a log and of taking up a policy; whatever the medium then holds,
//! everything opens, and what was acknowledged is there.

use super::*;
use auditdb::Query;
use std::collections::HashSet;

fn appended(disk: &SimDisk) -> Vec<String> {
    let mut done = Vec::new();
    let Ok(db) = open(disk) else { return done };
    for agent in ["clerk", "med-1", "clerk", "med-2"] {
        if let Ok(receipt) = db.append_json(&decision(agent, "")) {
            done.push(receipt.id());
        }
    }
    done
}

#[test]
fn every_cut_of_making_a_log() {
    let start = SimDisk::new(10);
    drop(Database::create_with(DIR, shared(&start), plain()).unwrap());
    start.overwrite(FILE, POLICY.as_bytes());
    let start = start.restart();
    let whole = start.fork();
    assert_eq!(appended(&whole).len(), 4);
    let operations = whole.op_count();
    let mut seen = HashSet::new();
    for stop in 0..=operations {
        let disk = start.fork();
        disk.stop_after(stop);
        let done = appended(&disk);
        let mut states = disk.crash_states(32);
        states.push(disk.restart());
        for state in states {
            if !seen.insert((done.len(), state.image_hash())) {
                continue;
            }
            // The file is its author's: durable or not, it is there again.
            state.overwrite(FILE, POLICY.as_bytes());
            let context = format!("cut after operation {stop} of {operations}");
            let db = open(&state).unwrap_or_else(|error| panic!("{context}: {error}"));
            for id in &done {
                db.get(id.as_str()).unwrap_or_else(|error| panic!("{context}: {error}"));
            }
            for agent in ["med-3", "clerk"] {
                let appended = db.append_json(&decision(agent, ""));
                appended.unwrap_or_else(|error| panic!("{context}: {error}"));
            }
            let found = db.query(&Query::parse("kind:decision").unwrap()).unwrap().count();
            assert!(found >= done.len() + 2, "{context}: {found}");
            drop(db);
            for report in verify(&state) {
                assert!(report.is_sound(), "{context}: {report}");
            }
        }
    }
    println!("{} states", seen.len());
    assert!(seen.len() > 50);
}
