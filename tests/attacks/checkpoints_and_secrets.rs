//! What the keys give.

use super::*;

/// The key's file holds nothing of an earlier epoch, and what can be computed from it is of later ones.
#[test]
fn an_earlier_secret_is_nowhere() {
    let disk = SimDisk::new(11);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    let mut taken: Vec<EpochFile> = Vec::new();
    for _ in 0..6 {
        known.append(&db).unwrap();
        db.checkpoint().unwrap();
        let file = EpochFile::read(&disk);
        assert_eq!(
            disk.contents(EpochFile::path(&disk)).unwrap(),
            file.to_bytes(),
            "there is nothing else in it"
        );
        for (path, bytes) in oracle::files(&disk) {
            let holds = |secret: &[u8]| {
                bytes
                    .windows(16)
                    .any(|window| secret.windows(16).any(|part| part == window))
            };
            for earlier in &taken {
                assert!(earlier.number < file.number);
                assert_eq!(earlier.secret(file.number), Secret(file.seed));
                assert!(!holds(&earlier.seed), "epoch {} in {}", earlier.number, path.display());
                assert!(
                    !holds(earlier.secret(earlier.number).signing().as_bytes()),
                    "{}",
                    path.display()
                );
            }
        }
        let later: Vec<Secret> = (file.number..file.number + 50)
            .map(|epoch| file.secret(epoch))
            .collect();
        assert!(taken.iter().all(|earlier| !later.contains(&Secret(earlier.seed))));
        taken.push(file);
    }
}

// Checkpoints.

#[test]
fn a_stored_checkpoint_edited_or_renamed() {
    let disk = log();
    let (path, _) = stored(&disk, 5);
    let bytes = disk.contents(&path).unwrap();
    for (place, byte) in bytes.iter().enumerate() {
        disk.corrupt(&path, place as u64, byte ^ 1);
        assert!(!verify(&disk).is_sound(), "byte {place}");
        disk.corrupt(&path, place as u64, *byte);
    }
    is_not_seen(&verify(&disk));
    disk.remove_raw(&path);
    let renamed = path.with_file_name(format!("{:020}", 6));
    put(&disk, &renamed, &bytes);
    says(
        &verify(&disk),
        renamed.to_str().unwrap(),
        "its name does not fit its content",
    );
    disk.remove_raw(&renamed);
    let renamed = path.with_file_name("kept");
    put(&disk, &renamed, &bytes);
    says(&verify(&disk), renamed.to_str().unwrap(), "does not belong here");
}

/// The stored ones are copies for convenience: taking one away leaves no trace, whatever is kept elsewhere stays.
#[test]
fn a_stored_checkpoint_removed_is_not_seen() {
    let disk = log();
    let (path, checkpoint) = stored(&disk, 5);
    disk.remove_raw(path);
    is_not_seen(&verify(&disk));
    let report = against(&disk, &checkpoint);
    assert_eq!(report.complete_to, Some(checkpoint.checkpoint().size()), "{report}");
}

#[test]
fn a_checkpoint_signed_by_another_key() {
    let disk = log();
    let (path, real) = stored(&disk, 5);
    let real = real.checkpoint();
    let stranger = LogKey::from_seed(real.origin(), &[7; 32]).unwrap();
    let forged = Checkpoint::new(real.origin(), real.size(), *real.root()).unwrap();
    let forged = SignedCheckpoint::sign(forged, &stranger).unwrap();
    put(&disk, &path, forged.to_string().as_bytes());
    says(
        &verify(&disk),
        path.to_str().unwrap(),
        "none of the keys given has signed this",
    );
    says(
        &against(&disk, &forged),
        LOG,
        "records: none of the log's keys has signed it; it is forged",
    );
}

/// Signed by the log's own key, which whoever holds the machine has: for records that are not there.
#[test]
fn a_checkpoint_signed_by_the_logs_key_for_something_else() {
    let disk = log();
    let (path, real) = stored(&disk, 5);
    let (size, origin) = (real.checkpoint().size(), real.checkpoint().origin().to_owned());
    let signed = |size| {
        let checkpoint = Checkpoint::new(&origin, size, [9; 32]).unwrap();
        SignedCheckpoint::sign(checkpoint, &log_key(&disk)).unwrap()
    };
    put(&disk, &path, signed(size).to_string().as_bytes());
    let words = format!("among the first {size} records are others than it was signed for");
    says(&verify(&disk), path.to_str().unwrap(), &words);
    let words =
        format!("its history was rewritten: among its first {size} records are others than a checkpoint was kept for");
    says(&against(&disk, &signed(size)), LOG, &words);
    let end = lines_of(&disk).len();
    let words = format!("a checkpoint was kept for 900 records and the log has {end}: records {end}..899 are missing");
    says(&against(&disk, &signed(900)), LOG, &words);
}

/// The newest epochs cut off with the checkpoints that were stored. Nothing in the directory tells; a checkpoint that was
/// kept elsewhere does, and so do the keys when the log is opened for writing.
#[test]
fn the_newest_epochs_cut_off_is_seen_only_from_outside() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let newest = checkpoints(&disk).pop().unwrap().1;
    let (signed, older) = (newest.checkpoint().size(), stored(&disk, 5).1);
    let cut = places(&lines, "epoch")[4] + 1;
    lines.truncate(cut);
    write(&disk, id, &lines);
    let last = checkpoints(&disk).pop().unwrap().0;
    let words = format!(
        "it was signed for {signed} records and the log has {cut}: records {cut}..{} are missing",
        signed - 1
    );
    says(&verify(&disk), last.to_str().unwrap(), &words);
    for (path, checkpoint) in checkpoints(&disk) {
        if checkpoint.checkpoint().size() > cut as u64 {
            disk.remove_raw(path);
        }
    }
    let report = verify(&disk);
    is_not_seen(&report);
    assert!(report.to_string().contains("completeness: UNPROVEN"), "{report}");
    is_not_seen(&against(&disk, &older));
    says(
        &against(&disk, &newest),
        LOG,
        &format!(
            "it was rolled back: a checkpoint was kept for {signed} records and the log has {cut}: records {cut}.."
        ),
    );
    let refused = open(&disk).unwrap_err().to_string();
    let words = format!("it was rolled back: its keys have signed for {signed} records and {cut} are there");
    assert!(refused.contains(&words), "{refused}");
    // Whoever has the keys can say there that less was signed, and goes no further: the epoch's secret is gone.
    let mut key = EpochFile::read(&disk);
    (key.size, key.root) = (cut as u64, forger::root_of(&lines));
    key.write(&disk);
    let refused = open(&disk).unwrap_err().to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    key.number = in_force(&lines, cut);
    key.write(&disk);
    let refused = open(&disk).unwrap_err().to_string();
    assert!(refused.contains("it was forked"), "{refused}");
}
