//! The forger's tools work: otherwise all that follows would be found for the wrong reason.

use super::*;

#[test]
fn what_the_forger_leaves_as_it_is_is_sound() {
    let disk = log();
    let before = verify(&disk);
    is_not_seen(&before);
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let original = lines.clone();
    fit(id, &mut lines, &|_| {});
    assert_eq!(lines, original);
    write(&disk, id, &lines);
    let after = verify(&disk);
    is_not_seen(&after);
    assert_eq!(
        (after.root, after.chain, after.epochs),
        (before.root, before.chain, before.epochs)
    );
    forger::reseal(&disk, &lines);
    let sealed = verify(&disk);
    is_not_seen(&sealed);
    assert_eq!(sealed.segments, 3);
    // As the program signs.
    let mut signed = original.clone();
    fit(id, &mut signed, &|statement| statement.signature.clear());
    assert_ne!(signed, original);
    let key = EpochFile::read(&disk);
    assert_eq!(hex(&key.secret(key.number).public()), in_force_key(&lines_of(&disk)));
}

/// What is behind the newest epoch is the forger's: neither a change nor a cut there is seen.
#[test]
fn what_no_epoch_has_signed_yet_can_be_changed_unseen() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    assert_eq!(verify(&disk).unsigned(), Some(3));
    let last = lines.len() - 1;
    edit(&mut lines, last);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    is_not_seen(&verify(&disk));
    lines.truncate(last - 1);
    write(&disk, id, &lines);
    is_not_seen(&verify(&disk));
    drop(open(&disk).unwrap());
    is_not_seen(&verify(&disk));
}
