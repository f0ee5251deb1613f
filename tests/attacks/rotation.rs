//! Another key for checkpoints.

use super::*;

/// A log that changed its key after a checkpoint, and that checkpoint.
fn rotated() -> (SimDisk, SignedCheckpoint) {
    let disk = log();
    let db = open(&disk).unwrap();
    let old = db.checkpoint().unwrap();
    db.rotate_key().unwrap();
    db.append_json(&numbered(50)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    (disk, old)
}

#[test]
fn a_key_was_changed_and_older_checkpoints_still_count() {
    let (disk, old) = rotated();
    is_not_seen(&against(&disk, &old));
    let new = checkpoints(&disk).pop().unwrap().1;
    is_not_seen(&against(&disk, &new));
    let genesis = reading(&disk).genesis().unwrap();
    assert!(old.verify(std::slice::from_ref(&genesis.key)).is_ok());
    assert!(new.verify(&[genesis.key]).is_err());
}

/// A change that one of the keys, or neither, has signed.
#[test]
fn a_key_changed_by_one_of_both() {
    for broken in [
        &["\"signed_by_old\":"][..],
        &["\"signed_by_new\":"],
        &["\"signed_by_old\":", "\"signed_by_new\":"],
    ] {
        let disk = rotated().0;
        let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
        let change = places(&lines, "key")[0];
        for member in broken {
            set(&mut lines[change], member, &format!("\"{}\"", "0".repeat(128)));
        }
        fit(key.log_id(), &mut lines, &|_| {});
        write(&disk, key.log_id(), &lines);
        let report = verify(&disk);
        let at_change = |fault: &auditdb::Fault| {
            fault.seqs == Some((change as u64, change as u64)) && fault.what.to_string() == RE_SIGNED
        };
        assert!(report.faults.iter().any(at_change), "{report}");
    }
    // By both, and of a key that is not in force.
    let disk = rotated().0;
    let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
    let (change, epoch) = (places(&lines, "key")[0], *places(&lines, "epoch").last().unwrap());
    assert!(change < epoch);
    let again = lines[change].clone();
    lines.push(again);
    let last = lines.len() as u64 - 1;
    fit(key.log_id(), &mut lines, &|_| {});
    write(&disk, key.log_id(), &lines);
    let report = verify(&disk);
    assert_eq!(report.faults.len(), 1, "{report}");
    assert_eq!(report.faults[0].seqs, Some((last, last)), "{report}");
    says(&report, ".journal", RE_SIGNED);
}

// Crashes and failures of the keys' files.

/// The power goes between an epoch's record and the key's file, before, and behind: opening goes on with the same keys.
#[test]
fn a_power_cut_around_the_keys_file() {
    let workload = |disk: &SimDisk, rotate: bool| -> Result<(), Error> {
        let db = Database::open_with(DIR, Arc::new(disk.clone()), plain())?;
        db.append_json(&numbered(60))?;
        db.checkpoint()?;
        if rotate {
            db.rotate_key()?;
        }
        db.append_json(&numbered(61))?;
        Ok(())
    };
    let begin = log();
    let (mut behind, mut states) = (0, 0);
    for rotate in [false, true] {
        let whole = begin.fork();
        workload(&whole, rotate).unwrap();
        for stop in 0..=whole.op_count() {
            let disk = begin.fork();
            disk.stop_after(stop);
            let _ = workload(&disk, rotate);
            for state in disk.crash_states(12) {
                let epochs = places(&lines_of(&state), "epoch").len() as u64;
                behind += u64::from(EpochFile::read(&state).number < epochs);
                let db = open(&state).unwrap_or_else(|error| panic!("cut after {stop}: {error}"));
                db.append_json(&numbered(62)).unwrap();
                db.checkpoint().unwrap();
                drop(db);
                let lines = lines_of(&state);
                let key = EpochFile::read(&state);
                assert_eq!(key.number, places(&lines, "epoch").len() as u64);
                assert_eq!(hex(&key.secret(key.number).public()), in_force_key(&lines));
                is_not_seen(&verify(&state));
                states += 1;
            }
        }
    }
    assert!(behind > 0 && states > 100, "{behind} of {states}");
}

/// Each operation on the keys' files fails in its turn: nothing that was acknowledged is lost, what follows is signed.
#[test]
fn a_keys_file_that_cannot_be_written() {
    let begin = log();
    let mut struck = 0;
    for fault in [
        auditdb::disk::Fault::Io,
        auditdb::disk::Fault::NoSpace,
        auditdb::disk::Fault::SyncLost,
    ] {
        for at in 0.. {
            let disk = begin.fork();
            let db = open(&disk).unwrap();
            let mut acknowledged = Vec::new();
            let first = disk.op_count();
            disk.inject(first + at, fault);
            let mut failed = false;
            for number in 70..73 {
                match db.append_json(&numbered(number)) {
                    Ok(receipt) => acknowledged.push(receipt),
                    Err(_) => failed = true,
                }
                failed |= match number {
                    70 => db.checkpoint().is_err(),
                    71 => db.rotate_key().is_err(),
                    _ => db.seal().is_err(),
                };
            }
            let done = disk.op_count() <= first + at;
            drop(db);
            disk.clear_faults();
            let disk = disk.restart();
            let db = open(&disk).unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
            db.append_json(&numbered(80)).unwrap();
            db.checkpoint().unwrap();
            for receipt in &acknowledged {
                assert_eq!(db.get(receipt.seq).unwrap().id(), receipt.id());
            }
            drop(db);
            let report = verify(&disk);
            assert!(report.is_sound(), "{fault:?} at {at}: {report}");
            assert_eq!(report.unsigned(), Some(1));
            struck += u64::from(failed);
            if done {
                break;
            }
        }
    }
    assert!(struck > 20, "{struck}");
}
