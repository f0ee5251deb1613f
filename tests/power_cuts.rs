//! Power cuts on a simulated disk: a workload is stopped after each of its disk operations, every state that the medium
//! may then be in is opened, and the recovery itself is cut in the same way. Whatever was acknowledged has to be there,
//! byte for byte, and nothing else.

mod oracle;

#[cfg(feature = "search")]
use auditdb::Query;
#[cfg(feature = "search")]
use auditdb::disk::Disk as _;
use auditdb::disk::SimDisk;
use auditdb::{Database, Error, Options};
use oracle::{DIR, Known, plain, survive};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a workload does with a fresh disk, as far as it gets.
type Workload = fn(&SimDisk, &Options, &mut Known) -> Result<(), Error>;

fn appends_and_seals(disk: &SimDisk, options: &Options, known: &mut Known) -> Result<(), Error> {
    let db = Database::create_with(DIR, Arc::new(disk.clone()), options.clone())?;
    known.created = true;
    known.append(&db)?;
    known.append_many(&db, 3)?;
    db.seal()?;
    known.append(&db)?;
    drop(db);
    let db = Database::open_with(DIR, Arc::new(disk.clone()), options.clone())?;
    known.append(&db)?;
    db.seal()?;
    known.append_many(&db, 2)?;
    Ok(())
}

#[cfg(feature = "search")]
fn indexes(disk: &SimDisk, options: &Options, known: &mut Known) -> Result<(), Error> {
    known.text = Some(findable);
    let append = |known: &mut Known, db: &Database, count| -> Result<(), Error> {
        let before = known.acknowledged.len();
        known.append_many(db, count)?;
        // Who goes on behind the cut, on a disk that does nothing any more, acknowledges nothing.
        if disk.stat(DIR.as_ref()).is_err() {
            known.acknowledged.truncate(before);
            return Err(Error::Closed);
        }
        Ok(())
    };
    let db = Database::create_with(DIR, Arc::new(disk.clone()), options.clone())?;
    known.created = true;
    append(known, &db, 3)?;
    db.seal()?;
    drop(db);
    let index = || {
        let shared = Arc::new(disk.clone());
        let made = Database::reindex_with(DIR, shared, options.clone(), false, &|_, _| {})?;
        // Where it could not be made the power went.
        Ok::<_, Error>(made.is_complete())
    };
    index()?;
    let db = Database::open_with(DIR, Arc::new(disk.clone()), options.clone())?;
    append(known, &db, 1)?;
    drop(db);
    index().map(|_| ())
}

fn a_failed_sync(disk: &SimDisk, options: &Options, known: &mut Known) -> Result<(), Error> {
    let db = Database::create_with(DIR, Arc::new(disk.clone()), options.clone())?;
    known.created = true;
    known.append(&db)?;
    // The next sync of a file fails and the system takes the pages for written.
    disk.inject_from(disk.op_count() + 1, auditdb::disk::Fault::SyncLost);
    match known.append(&db) {
        Ok(()) => panic!("a failed sync was not noticed"),
        Err(Error::Poisoned { .. }) => {}
        // The power went before the write.
        Err(error) => return Err(error),
    }
    disk.clear_faults();
    assert!(matches!(known.append(&db), Err(Error::Poisoned { .. })));
    drop(db);
    let db = Database::open_with(DIR, Arc::new(disk.clone()), options.clone())?;
    known.append(&db)?;
    db.seal()?;
    known.append(&db)
}

/// A record that can be found by its chain and by a word that no other has.
#[cfg(feature = "search")]
fn findable(number: u64) -> String {
    format!(
        r#"{{"agent":{{"id":"a"}},"kind":"decision","correlation":"c{number}","reasoning":"now word{number} then","attributes":{{"n":{number}}}}}"#
    )
}

/// What was acknowledged is found in every way, beside whatever the cut left; then what is missing of the indexes is made,
/// and it is found by them alone.
#[cfg(feature = "search")]
fn finds(state: &SimDisk, known: &Known, context: &str) {
    if !known.created {
        return;
    }
    let reader = || Database::open_read_only_with(DIR, Arc::new(state.fork())).unwrap();
    let found = |db: &Database, query: Query| -> Vec<u64> {
        let mut found = db.query(&query).unwrap();
        let seqs = found.by_ref().map(|entry| entry.unwrap().seq()).collect();
        assert!(!found.reach().is_partial(), "{context}: {:?}", found.reach());
        seqs
    };
    let each = |db: &Database| {
        for (number, receipt) in &known.acknowledged {
            let by_id = db.get(receipt.id().as_str());
            let by_id = by_id.unwrap_or_else(|error| panic!("{context}: {error}"));
            let by_chain = found(db, Query::new().correlation(&format!("c{number}")));
            let by_word = found(db, Query::new().text(&format!("word{number} then")));
            for seqs in [vec![by_id.seq()], by_chain, by_word] {
                assert_eq!(seqs, [receipt.seq], "{context}: record {number}");
            }
        }
        // The index's answer is the scan's.
        let scanned = found(db, Query::new());
        assert_eq!(found(db, Query::new().agent("a")), scanned, "{context}");
    };
    each(&reader());
    let shared = Arc::new(state.clone());
    let made = Database::reindex_with(DIR, shared, plain(), false, &|_, _| {}).unwrap();
    assert!(made.is_complete(), "{context}: {made}");
    let db = reader();
    each(&db);
    let mut asked = db.query(&Query::new().agent("a")).unwrap();
    asked.by_ref().for_each(drop);
    assert_eq!(asked.reach().unindexed, Vec::new(), "{context}");
}

/// Cuts the power after every operation of a workload and in every recovery, and holds what else is to be held against each
/// state. Returns how many states were opened.
fn cut_everywhere(workload: Workload, options: &Options, second_cut: bool, also: fn(&SimDisk, &Known, &str)) -> usize {
    let whole = SimDisk::new(7);
    workload(&whole, options, &mut Known::default()).expect("the workload runs through without a cut");
    let operations = whole.op_count();
    let (next, opened) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen: Mutex<HashSet<[u8; 32]>> = Mutex::default();
    let held: Mutex<HashSet<([u8; 32], usize, bool)>> = Mutex::default();
    let is_new = |disk: &SimDisk| seen.lock().unwrap().insert(disk.image_hash());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let stop = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if stop > operations {
                        return;
                    }
                    let disk = SimDisk::new(7);
                    disk.stop_after(stop);
                    let mut known = Known::default();
                    let _ = workload(&disk, options, &mut known);
                    let mut states = disk.crash_states(usize::MAX);
                    states.push(disk.restart());
                    let killed = states.len() - 1;
                    for (place, state) in states.into_iter().enumerate() {
                        // What is known differs with the number of operations even where the image does not.
                        let image = state.fork();
                        let context = format!("cut after operation {stop} of {operations}");
                        survive(&state.fork(), &known, options).unwrap_or_else(|error| panic!("{context}: {error}"));
                        // Who was killed left the same boot of the machine behind.
                        let known_in = (state.image_hash(), known.acknowledged.len(), place == killed);
                        if held.lock().unwrap().insert(known_in) {
                            also(&state, &known, &context);
                        }
                        opened.fetch_add(1, Ordering::Relaxed);
                        if second_cut && is_new(&image) {
                            let cuts = cut_recovery(&image, &known, options, &context);
                            opened.fetch_add(cuts, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    opened.into_inner()
}

/// Cuts the power after every operation of the recovery of one state.
fn cut_recovery(image: &SimDisk, known: &Known, options: &Options, context: &str) -> usize {
    let whole = image.fork();
    drop(Database::open_with(DIR, Arc::new(whole.clone()), options.clone()));
    let (mut opened, mut seen) = (0, HashSet::new());
    for stop in 0..whole.op_count() {
        let disk = image.fork();
        disk.stop_after(stop);
        drop(Database::open_with(DIR, Arc::new(disk.clone()), options.clone()));
        for state in disk.crash_states(usize::MAX) {
            if seen.insert(state.image_hash()) {
                let context = format!("{context}, and after operation {stop} of its recovery");
                survive(&state, known, options).unwrap_or_else(|error| panic!("{context}: {error}"));
                opened += 1;
            }
        }
    }
    opened
}

#[test]
fn every_cut_of_appends_and_seals() {
    let opened = cut_everywhere(appends_and_seals, &plain(), true, |_, _, _| {});
    assert!(opened > 1_000, "{opened}");
    println!("{opened} states");
}

/// Nothing of a seal or of an index that was being made keeps a log from anything, or hides a record: not when the power
/// goes, and not when the process is killed, between any two steps.
#[cfg(feature = "search")]
#[test]
fn every_cut_of_sealing_and_indexing() {
    let opened = cut_everywhere(indexes, &plain(), false, finds);
    assert!(opened > 300, "{opened}");
    println!("{opened} states");
}

#[test]
fn every_cut_with_journals_zeroed_ahead() {
    let opened = cut_everywhere(appends_and_seals, &plain().zero_ahead(true), false, |_, _, _| {});
    assert!(opened > 300, "{opened}");
    println!("{opened} states");
}

#[test]
fn every_cut_after_a_failed_sync() {
    let opened = cut_everywhere(a_failed_sync, &plain(), true, |_, _, _| {});
    assert!(opened > 100, "{opened}");
    println!("{opened} states");
}

/// Larger workloads by seed (`AUDITDB_SEED`, else a hundred of them), with sampled states: for the night.
#[test]
#[ignore = "takes minutes; run it with --ignored before a release"]
fn larger_workloads_by_seed() {
    let given = std::env::var("AUDITDB_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = given.map_or(0..100, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let disk = SimDisk::new(seed);
        let mut known = Known::default();
        let mut cut = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        disk.stop_after(20 + cut % 400);
        let _ = long_workload(&disk, seed, &mut known);
        for state in disk.crash_states(200) {
            cut = cut.rotate_left(7);
            survive(&state, &known, &plain()).unwrap_or_else(|error| panic!("AUDITDB_SEED={seed}: {error}"));
        }
    }
}

/// Appends, seals and openings in an order that the seed says, until the disk stops.
fn long_workload(disk: &SimDisk, seed: u64, known: &mut Known) -> Result<(), Error> {
    let mut db = Database::create_with(DIR, Arc::new(disk.clone()), plain())?;
    known.created = true;
    for step in 0..200_u64 {
        match (seed ^ step.wrapping_mul(0x2545_F491_4F6C_DD1D)) >> 60 {
            0 => {
                db.seal()?;
            }
            1 => {
                drop(db);
                db = Database::open_with(DIR, Arc::new(disk.clone()), plain())?;
            }
            count => known.append_many(&db, 1 + count % 5)?,
        }
    }
    Ok(())
}
