//! Attacks by somebody who holds everything that is there now: all files, and all keys. Each test is one attack, and says
//! with which words it is found, or that it is not.

mod oracle;

#[path = "oracle/forger.rs"]
mod forger;

use auditdb::disk::{Disk, SimDisk};
use auditdb::proof::{Checkpoint, LogKey, SignedCheckpoint};
use auditdb::{Anchors, Database, Error, Report, VerifyOptions};
use forger::{EpochFile, Secret, event_name, fit, get, hex, lines_of, set, write};
use oracle::{DIR, Known, LOG, numbered, plain, put};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RE_SIGNED: &str = "is not signed by the key of its epoch: records were changed and signed anew";
const OTHER_LOG: &str = "it is another log, or was written anew";

/// Three segments of two epochs each, a journal with an epoch, and two records behind it that none has signed.
fn log() -> SimDisk {
    log_of(11)
}

fn log_of(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    for _ in 0..3 {
        known.append_many(&db, 3).unwrap();
        db.checkpoint().unwrap();
        known.append_many(&db, 2).unwrap();
        db.seal().unwrap();
    }
    known.append_many(&db, 2).unwrap();
    db.checkpoint().unwrap();
    known.append_many(&db, 2).unwrap();
    drop(db);
    disk.restart()
}

fn open(disk: &SimDisk) -> Result<Database, Error> {
    Database::open_with(DIR, Arc::new(disk.clone()), plain())
}

fn reading(disk: &SimDisk) -> Database {
    Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap()
}

fn verify_with(disk: &SimDisk, anchors: Anchors<'_>) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut options = VerifyOptions::default();
    (options.anchors, options.threads) = (anchors, Some(1));
    Database::verify_at_with(DIR, &disk, &options).unwrap()
}

fn verify(disk: &SimDisk) -> Report {
    verify_with(disk, Anchors::default())
}

fn against(disk: &SimDisk, checkpoint: &SignedCheckpoint) -> Report {
    let mut anchors = Anchors::default();
    anchors.checkpoint = Some(checkpoint);
    verify_with(disk, anchors)
}

/// The report names a fault in a file of that name, in those words.
#[track_caller]
fn says(report: &Report, file: &str, words: &str) {
    let found = |fault: &auditdb::Fault| {
        fault.file.display().to_string().contains(file) && fault.what.to_string().contains(words)
    };
    assert!(report.faults.iter().any(found), "no {words:?} of {file}: {report}");
}

#[track_caller]
fn is_not_seen(report: &Report) {
    assert!(report.is_sound(), "{report}");
}

/// Where the lines of an event stand.
fn places(lines: &[String], event: &str) -> Vec<usize> {
    let is_it = |place: &usize| event_name(&lines[*place]) == event;
    (0..lines.len()).filter(is_it).collect()
}

/// The place of the first caller's record behind a place.
fn record_behind(lines: &[String], place: usize) -> usize {
    let is_it = |place: &usize| event_name(&lines[*place]).is_empty();
    (place + 1..lines.len()).find(is_it).unwrap()
}

/// Changes what a caller's record says.
fn edit(lines: &mut [String], place: usize) {
    set(&mut lines[place], "\"n\":", "666");
}

/// The checkpoint that was stored for that place or the next one behind it.
fn stored(disk: &SimDisk, from: u64) -> (PathBuf, SignedCheckpoint) {
    let mut all = checkpoints(disk);
    all.retain(|(_, checkpoint)| checkpoint.checkpoint().size() >= from);
    all.remove(0)
}

fn checkpoints(disk: &SimDisk) -> Vec<(PathBuf, SignedCheckpoint)> {
    let dir = Path::new(LOG).join("checkpoints");
    let paths = disk.paths().into_iter().filter(|path| path.starts_with(&dir));
    let parsed = |path: PathBuf| {
        let checkpoint = SignedCheckpoint::parse(&disk.contents(&path).unwrap()).unwrap();
        (path, checkpoint)
    };
    paths.map(parsed).collect()
}

fn remove_checkpoints(disk: &SimDisk) {
    for (path, _) in checkpoints(disk) {
        assert!(disk.remove_raw(path));
    }
}

fn files_in(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(LOG).join(dir);
    disk.paths().into_iter().filter(|path| path.starts_with(&dir)).collect()
}

/// The key that signs checkpoints, from its file.
fn log_key(disk: &SimDisk) -> LogKey {
    let origin = get(&lines_of(disk)[0], "\"origin\":");
    LogKey::from_seed(&origin, &log_seed(disk)).unwrap()
}

/// The number and the public key of the epoch in force behind some lines.
fn in_force(lines: &[String], place: usize) -> u64 {
    let before = lines[..place].iter().filter(|line| event_name(line) == "epoch");
    before.count() as u64
}

// The forger's tools work: otherwise all that follows would be found for the wrong reason.

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

fn in_force_key(lines: &[String]) -> String {
    get(&lines[*places(lines, "epoch").last().unwrap()], "\"next_key\":")
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

// Changing what was signed.

/// For each epoch that was signed: a record of it changed, and everything behind it made to fit, but for the signatures.
#[test]
fn a_record_edited_and_everything_behind_it_recomputed() {
    let (id, original) = (EpochFile::read(&log()).log_id(), lines_of(&log()));
    let mut tried = 0;
    for epoch in places(&original, "epoch") {
        let begin = original[..epoch]
            .iter()
            .rposition(|line| event_name(line) == "epoch")
            .unwrap_or(0);
        let record = record_behind(&original, begin);
        if record > epoch {
            continue;
        }
        let (disk, mut lines) = (log(), original.clone());
        edit(&mut lines, record);
        fit(id, &mut lines, &|_| {});
        write(&disk, id, &lines);
        let report = verify(&disk);
        says(&report, ".journal", RE_SIGNED);
        // This epoch and each one behind it is named, and no other.
        let named: Vec<u64> = report
            .faults
            .iter()
            .filter(|f| f.what.to_string() == RE_SIGNED)
            .filter_map(|f| f.seqs)
            .map(|s| s.0)
            .collect();
        let behind: Vec<u64> = places(&original, "epoch")
            .into_iter()
            .filter(|place| *place >= epoch)
            .map(|place| place as u64)
            .collect();
        assert_eq!(named, behind);
        tried += 1;
    }
    assert_eq!(tried, 7);
}

/// The same with the statements signed by the key that is there now (CVE-2023-31439 of another log's sealing).
#[test]
fn a_record_edited_and_signed_anew_with_the_present_key() {
    let (id, original) = (EpochFile::read(&log()).log_id(), lines_of(&log()));
    let key = EpochFile::read(&log());
    let mut tried = 0;
    for epoch in places(&original, "epoch") {
        for own_keys in [false, true] {
            let begin = original[..epoch]
                .iter()
                .rposition(|line| event_name(line) == "epoch")
                .unwrap_or(0);
            let record = record_behind(&original, begin);
            if record > epoch {
                continue;
            }
            let (disk, mut lines) = (log(), original.clone());
            edit(&mut lines, record);
            let from = in_force(&original, epoch);
            let sign = |statement: &mut forger::Statement| {
                // Either the present key for all of them, or from the changed one on keys of the forger's own.
                if statement.epoch < from {
                    return;
                }
                let own = |epoch: u64| Secret([u8::try_from(epoch).unwrap(); 32]);
                let present = key.secret(key.number);
                let with = match (own_keys, statement.epoch == from) {
                    (false, _) | (true, true) => present,
                    (true, false) => own(statement.epoch),
                };
                if own_keys {
                    statement.next_key = own(statement.epoch + 1).public();
                }
                statement.sign(&with);
            };
            fit(id, &mut lines, &sign);
            if own_keys {
                // What every file says of the keys in force is made to fit, too.
                let mut next = None;
                for line in &mut lines {
                    match (event_name(line), &next) {
                        ("epoch", _) => next = Some(get(line, "\"next_key\":")),
                        ("state", Some(next)) => set(line, "\"epoch_key\":", &format!("\"{next}\"")),
                        _ => {}
                    }
                }
                fit(id, &mut lines, &sign);
            }
            write(&disk, id, &lines);
            let report = verify(&disk);
            says(&report, ".journal", RE_SIGNED);
            let first = report
                .faults
                .iter()
                .find(|fault| fault.what.to_string() == RE_SIGNED)
                .unwrap();
            assert_eq!(first.seqs, Some((epoch as u64, epoch as u64)), "{report}");
            tried += 1;
        }
    }
    assert_eq!(tried, 14);
}

/// What the present epoch will sign is the forger's; no test can say otherwise, but it shows that he signs as the log does.
#[test]
fn the_present_key_signs_what_comes() {
    let disk = log();
    let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
    let mut epoch = lines[*places(&lines, "epoch").last().unwrap()].clone();
    set(&mut epoch, "\"epoch\":", &key.number.to_string());
    lines.push(epoch);
    let sign = |statement: &mut forger::Statement| {
        if statement.epoch == key.number {
            statement.next_key = key.secret(key.number + 1).public();
            statement.sign(&key.secret(key.number));
        }
    };
    fit(key.log_id(), &mut lines, &sign);
    write(&disk, key.log_id(), &lines);
    let report = verify(&disk);
    is_not_seen(&report);
    assert_eq!(report.unsigned(), Some(1));
}

/// The same attack on segments that the log's own program sealed.
#[test]
fn a_forged_log_that_was_sealed_by_its_own_program() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let record = record_behind(&lines, places(&lines, "state")[0]);
    edit(&mut lines, record);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    remove_checkpoints(&disk);
    forger::reseal(&disk, &lines);
    let report = verify(&disk);
    assert_eq!(report.segments, 3);
    says(&report, ".jsonl.zst", RE_SIGNED);
}

#[test]
fn a_stripped_signature() {
    for signature in ["", &"0".repeat(128), &"f".repeat(128), "x"] {
        let disk = log();
        let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
        fit(id, &mut lines, &|statement| statement.signature = signature.to_owned());
        write(&disk, id, &lines);
        says(&verify(&disk), ".journal", RE_SIGNED);
    }
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    for line in lines.iter_mut().filter(|line| event_name(line) == "epoch") {
        let (before, _) = line.split_once(",\"signature\"").unwrap();
        *line = format!("{before}}}}}");
    }
    write(&disk, id, &lines);
    says(&verify(&disk), ".journal", "it is not in the form that the log writes");
}

/// One epoch left out and the rest numbered anew (CVE-2023-31438 of another log's sealing), or not numbered anew.
#[test]
fn an_epoch_taken_out() {
    for (renumber, words) in [
        (
            false,
            "epoch 2 stands where epoch 1 has to: records were removed, or signed anew",
        ),
        (true, RE_SIGNED),
    ] {
        let disk = log();
        let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
        let taken = places(&lines, "epoch")[1];
        lines.remove(taken);
        let renumbered = std::cell::Cell::new(0);
        fit(id, &mut lines, &|statement| {
            if renumber {
                statement.epoch = renumbered.replace(renumbered.get() + 1);
            }
        });
        write(&disk, id, &lines);
        says(&verify(&disk), ".journal", words);
    }
}

/// The records before the present epoch put under its own signature, as if they had come just now.
#[test]
fn an_old_range_under_the_present_epoch() {
    let disk = log();
    let (key, mut lines) = (EpochFile::read(&disk), lines_of(&disk));
    let epochs = places(&lines, "epoch");
    let record = record_behind(&lines, epochs[3]);
    edit(&mut lines, record);
    let (begin, mut last) = (epochs[3] + 1, *epochs.last().unwrap());
    for place in (begin..last).rev() {
        if ["state", "epoch"].contains(&event_name(&lines[place])) {
            lines.remove(place);
            last -= 1;
        }
    }
    set(&mut lines[last], "\"epoch\":", &key.number.to_string());
    let sign = |statement: &mut forger::Statement| {
        if statement.epoch == key.number {
            statement.next_key = key.secret(key.number + 1).public();
            statement.sign(&key.secret(key.number));
        }
    };
    fit(key.log_id(), &mut lines, &sign);
    write(&disk, key.log_id(), &lines);
    let words = format!(
        "epoch {} stands where epoch 4 has to: records were removed, or signed anew",
        key.number
    );
    says(&verify(&disk), ".journal", &words);
}

/// A record that is a `state` to one reader and an `epoch` to another must not put keys in force that nobody signed.
#[test]
fn a_record_of_two_kinds_puts_no_key_in_force() {
    let own = |epoch: u64| Secret([u8::try_from(epoch).unwrap() + 1; 32]);
    for (name, end, words) in [
        ("epoch", "}}", RE_SIGNED),
        (
            "state",
            "},\"event\":{\"name\":\"epoch\"}}",
            "epoch 2 stands where epoch 1 has to: records were removed, or signed anew",
        ),
    ] {
        let disk = log();
        let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
        let (first, second) = (places(&lines, "epoch")[0], places(&lines, "epoch")[1]);
        let record = record_behind(&lines, first);
        edit(&mut lines, record);
        // What a state says, with the keys that are in force, behind what the epoch says.
        let state = lines[0]
            .split_once("\"name\":\"genesis\",")
            .unwrap()
            .1
            .strip_suffix("}}")
            .unwrap()
            .to_owned();
        let state = state.replace("\"epoch\":0", "\"epoch\":1");
        let state = state.replace(&get(&state, "\"epoch_key\":"), &get(&lines[first], "\"next_key\":"));
        let epoch = lines[second].strip_suffix("}}").unwrap().to_owned();
        lines[second] = format!("{epoch},{state}{end}");
        let sign = |statement: &mut forger::Statement| {
            if statement.epoch >= 1 {
                statement.next_key = own(statement.epoch + 1).public();
            }
            if statement.epoch >= 2 {
                statement.sign(&own(statement.epoch));
            }
        };
        let mut next = String::new();
        for _ in 0..2 {
            fit(id, &mut lines, &sign);
            for line in &mut lines {
                match event_name(line) {
                    "epoch" => next = get(line, "\"next_key\":"),
                    "state" => set(line, "\"epoch_key\":", &format!("\"{next}\"")),
                    _ => {}
                }
            }
        }
        fit(id, &mut lines, &sign);
        lines[second] = lines[second].replacen("{\"name\":\"epoch\",", &format!("{{\"name\":\"{name}\","), 1);
        fit(id, &mut lines, &sign);
        write(&disk, id, &lines);
        remove_checkpoints(&disk);
        says(&verify(&disk), ".journal", words);
    }
}

// Taking away, swapping and bringing in whole files.

#[test]
fn a_middle_segment_dropped() {
    let disk = log();
    let segments = files_in(&disk, "segments");
    disk.remove_raw(&segments[1]);
    says(&verify(&disk), ".jsonl.zst", "these records are missing");
}

/// The same, with the segments behind it renamed and the tree cut, so that no seq is missing by the names.
#[test]
fn a_middle_segment_dropped_and_the_next_put_in_its_place() {
    let disk = log();
    let segments = files_in(&disk, "segments");
    let bytes = disk.contents(&segments[2]).unwrap();
    disk.remove_raw(&segments[2]);
    put(&disk, &segments[1], &bytes);
    says(&verify(&disk), ".jsonl.zst", "its name does not fit its content");
}

/// The same with all lines behind it numbered and linked anew.
#[test]
fn a_middle_segment_dropped_and_the_rest_renumbered() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let states = places(&lines, "state");
    lines.drain(states[0]..states[1]);
    let (first, second) = (places(&lines, "state")[0], places(&lines, "epoch")[3]);
    assert!(first < second);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    remove_checkpoints(&disk);
    let report = verify(&disk);
    says(
        &report,
        ".journal",
        "states other keys than the records before it put in force",
    );
    says(&report, ".journal", RE_SIGNED);
}

#[test]
fn two_segments_swapped() {
    let disk = log();
    let segments = files_in(&disk, "segments");
    let bytes = |place: usize| disk.contents(&segments[place]).unwrap();
    let (second, third) = (bytes(1), bytes(2));
    put(&disk, &segments[1], &third);
    put(&disk, &segments[2], &second);
    let report = verify(&disk);
    says(
        &report,
        segments[1].to_str().unwrap(),
        "its name does not fit its content",
    );
    says(
        &report,
        segments[2].to_str().unwrap(),
        "its name does not fit its content",
    );
}

/// Two segments swapped line by line, everything numbered and linked anew.
#[test]
fn two_segments_swapped_and_renumbered() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let states = places(&lines, "state");
    lines[states[0]..states[2]].rotate_left(states[1] - states[0]);
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    let report = verify(&disk);
    says(
        &report,
        ".journal",
        "states other keys than the records before it put in force",
    );
    says(&report, ".journal", RE_SIGNED);
}

/// A part of the log that says it is of a version that knew no signatures, or has none (systemd issue 15425).
#[test]
fn a_part_that_says_it_is_older_than_signatures() {
    let forged = |change: &dyn Fn(&mut Vec<String>)| {
        let disk = log();
        let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
        change(&mut lines);
        fit(id, &mut lines, &|_| {});
        write(&disk, id, &lines);
        verify(&disk)
    };
    let report = forged(&|lines| {
        let state = places(lines, "state")[1];
        set(&mut lines[state], "\"format\":", "1");
    });
    says(
        &report,
        ".journal",
        "is of format 1, which carries no signatures: the log is signed from its first record on",
    );
    // All epochs of one file gone.
    let report = forged(&|lines| {
        let states = places(lines, "state");
        let kept = |place: usize, line: &str| event_name(line) != "epoch" || !(states[0]..states[1]).contains(&place);
        let all = lines.iter().enumerate();
        *lines = all
            .filter(|(place, line)| kept(*place, line))
            .map(|(_, line)| line.clone())
            .collect();
    });
    says(&report, ".journal", "the segment's last record does not close it");
    says(
        &report,
        ".journal",
        "states other keys than the records before it put in force",
    );
    // An epoch, and a state, of which the form is another, so that nobody would look at it.
    let report = forged(&|lines| {
        let state = places(lines, "state")[1];
        let last = state - 1;
        lines[last] = lines[last].replace("{\"name\":\"epoch\",\"epoch\":4,", "{\"epoch\":4,\"name\":\"epoch\",");
    });
    says(&report, ".journal", "the segment's last record does not close it");
    let report = forged(&|lines| {
        lines[0] = lines[0].replace(
            "{\"name\":\"genesis\",\"format\":0,",
            "{\"format\":0,\"name\":\"genesis\",",
        );
    });
    says(
        &report,
        ".journal",
        "the segment's first record is not its state: it is another record",
    );
}

/// A segment file whose version says something else.
#[test]
fn a_segment_file_of_another_version() {
    let disk = log();
    let segment = files_in(&disk, "segments").remove(1);
    let mut bytes = disk.contents(&segment).unwrap();
    let entries = bytes.len() - 9;
    let count = u32::from_le_bytes(bytes[entries..entries + 4].try_into().unwrap()) as usize;
    let end = bytes.len() - (8 + 8 * count + 9);
    let trailer = &mut bytes[end - 204..end];
    trailer[188] = 1;
    let crc = crc32fast::hash(&trailer[..200]).to_le_bytes();
    trailer[200..].copy_from_slice(&crc);
    put(&disk, &segment, &bytes);
    says(&verify(&disk), segment.to_str().unwrap(), "the directory is damaged");
}

/// While a journal is still there, it counts; a segment with other text beside it is for whoever reads with other tools.
#[test]
fn a_forged_segment_beside_its_journal() {
    let (id, original) = (EpochFile::read(&log()).log_id(), lines_of(&log()));
    let forged = log();
    let mut lines = original.clone();
    for place in (0..lines.len()).filter(|place| event_name(&original[*place]).is_empty()) {
        edit(&mut lines, place);
    }
    fit(id, &mut lines, &|_| {});
    write(&forged, id, &lines);
    forger::reseal(&forged, &lines);
    for segment in files_in(&forged, "segments") {
        let honest = log();
        let bytes = honest.contents(&segment).unwrap();
        write(&honest, id, &original);
        put(&honest, &segment, &bytes);
        is_not_seen(&verify(&honest));
        put(&honest, &segment, &forged.contents(&segment).unwrap());
        says(&verify(&honest), segment.to_str().unwrap(), "text was changed");
    }
    // Beside the journal that is written to, none can be.
    let disk = log();
    let segment = files_in(&disk, "segments").pop().unwrap();
    let bytes = disk.contents(&segment).unwrap();
    write(&disk, id, &original[..places(&original, "state")[2]]);
    remove_checkpoints(&disk);
    is_not_seen(&verify(&disk));
    put(&disk, &segment, &bytes);
    says(
        &verify(&disk),
        segment.to_str().unwrap(),
        "its name does not fit its content",
    );
}

#[test]
fn another_logs_segment() {
    let (disk, other) = (log(), log_of(12));
    let segment = files_in(&disk, "segments").remove(1);
    put(&disk, &segment, &other.contents(&segment).unwrap());
    let report = verify(&disk);
    says(&report, segment.to_str().unwrap(), "belongs to another log");
    says(
        &report,
        segment.to_str().unwrap(),
        "the segment's first record is not its state: it names another log",
    );
}

// Who the log is.

#[test]
fn another_key_or_first_record_than_was_noted() {
    let (disk, other) = (log(), log_of(12));
    let (ours, others) = (reading(&disk).genesis().unwrap(), reading(&other).genesis().unwrap());
    let with = |genesis, key| {
        let mut anchors = Anchors::default();
        (anchors.key, anchors.genesis) = (Some(key), Some(genesis));
        verify_with(&disk, anchors)
    };
    let right = with(&ours.leaf, &ours.key);
    assert!(right.is_sound() && right.authenticated, "{right}");
    let report = with(&ours.leaf, &others.key);
    says(&report, LOG, "is signed by another key than the one that was given");
    assert_eq!(report.faults.len(), 1, "{report}");
    assert!(report.to_string().starts_with("NOT AUTHENTICATED"), "{report}");
    let report = with(&others.leaf, &ours.key);
    says(&report, LOG, "begins with another record than the one that was given");
    assert_eq!(report.faults.len(), 1, "{report}");
}

/// A log that was deleted and made anew under the same name is sound in itself; what was noted tells.
#[test]
fn a_log_deleted_and_made_anew() {
    let noted = reading(&log()).genesis().unwrap();
    let checkpoint = stored(&log(), 5).1;
    let disk = log_of(12);
    is_not_seen(&verify(&disk));
    let mut anchors = Anchors::default();
    (anchors.key, anchors.genesis, anchors.checkpoint) = (Some(&noted.key), Some(&noted.leaf), Some(&checkpoint));
    let report = verify_with(&disk, anchors);
    says(
        &report,
        LOG,
        &format!("is signed by another key than the one that was given: {OTHER_LOG}"),
    );
    says(
        &report,
        LOG,
        &format!("begins with another record than the one that was given: {OTHER_LOG}"),
    );
    says(
        &report,
        LOG,
        "is no checkpoint of this log: the given one: none of the keys given has signed this",
    );
}

/// With the log's name kept, and its first record signed by the key that signs checkpoints: only the epochs differ.
#[test]
fn another_origin() {
    let disk = log();
    let (id, mut lines) = (EpochFile::read(&disk).log_id(), lines_of(&disk));
    let state = places(&lines, "state")[1];
    let origin = get(&lines[0], "\"origin\":");
    set(
        &mut lines[state],
        "\"origin\":",
        &format!("\"{}\"", origin.replace("main", "other")),
    );
    fit(id, &mut lines, &|_| {});
    write(&disk, id, &lines);
    says(
        &verify(&disk),
        ".journal",
        "states other keys than the records before it put in force",
    );
    // A checkpoint under another name, signed by the very key.
    let disk = log();
    let seed = log_seed(&disk);
    let (path, real) = stored(&disk, 5);
    let other = LogKey::from_seed(&origin.replace("main", "other"), &seed).unwrap();
    let real = real.checkpoint();
    let forged = Checkpoint::new(other.origin(), real.size(), *real.root()).unwrap();
    let forged = SignedCheckpoint::sign(forged, &other).unwrap();
    put(&disk, &path, forged.to_string().as_bytes());
    says(&verify(&disk), path.to_str().unwrap(), "is no checkpoint of this log");
    says(
        &against(&disk, &forged),
        LOG,
        "is no checkpoint of this log: the given one",
    );
}

/// Records that look like the log's own are not taken from a caller, however they are spelled.
#[test]
fn a_callers_record_that_looks_like_the_logs_own() {
    let db = open(&log()).unwrap();
    for (text, words) in [
        (
            r#"{"agent":{"id":"auditdb"},"kind":"system","event":{"name":"epoch"}}"#,
            "only the log sets \"event\"",
        ),
        (
            r#"{"agent":{"id":"auditdb"},"kind":"decision"}"#,
            "is the name that the log's own records go under",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"system"}"#,
            "only the log writes records of the kind \"system\"",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"decision","event":{"name":"epoch"}}"#,
            "only the log sets \"event\"",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"s\u0079stem"}"#,
            "only the log writes records of the kind \"system\"",
        ),
        (
            r#"{"\u0061gent":{"\u0069d":"audit\u0064b"},"kind":"decision"}"#,
            "is the name that the log's own records go under",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"decision","kind":"system"}"#,
            "the member \"kind\" stands twice",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"alert"}"#,
            "only the log writes records of the kind \"alert\"",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"decision","seq":0}"#,
            "only the log sets \"seq\"",
        ),
        (
            r#"{"agent":{"id":"a"},"kind":"decision","writer":{"id":"x"}}"#,
            "only the log sets \"writer\"",
        ),
    ] {
        let refused = db.append_json(text).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

// What the keys give.

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
        "the given one: none of the keys given has signed this",
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
    says(&against(&disk, &signed(size)), LOG, &words);
    let end = lines_of(&disk).len();
    let words = format!("it was signed for 900 records and the log has {end}: records {end}..899 are missing");
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
        &format!("is no checkpoint of this log: the given one: {words}"),
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

fn log_seed(disk: &SimDisk) -> [u8; 32] {
    let is_it = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let path = disk.paths().into_iter().find(is_it).unwrap();
    disk.contents(path).unwrap()[28..60].try_into().unwrap()
}

// Another state, or another copy, of the directory than the one that the keys signed for.

#[test]
fn a_directory_rolled_back() {
    let disk = log();
    let old: Vec<_> = oracle::files(&disk)
        .into_iter()
        .filter(|(path, _)| path.starts_with(DIR))
        .collect();
    let db = open(&disk).unwrap();
    let before = db.len().unwrap();
    db.append_json(&numbered(100)).unwrap();
    db.checkpoint().unwrap();
    db.append_json(&numbered(101)).unwrap();
    let signed = db.len().unwrap() - 1;
    drop(db);
    for path in disk.paths().iter().filter(|path| path.starts_with(DIR)) {
        disk.remove_raw(path);
    }
    for (path, bytes) in &old {
        put(&disk, path, bytes);
    }
    let refused = open(&disk).unwrap_err().to_string();
    let words = format!("it was rolled back: its keys have signed for {signed} records and {before} are there");
    assert!(
        refused.contains(&words) && refused.contains("was opened for nothing but reading"),
        "{refused}"
    );
    assert_eq!(reading(&disk).len().unwrap(), before);
    let recovered = Database::recover_with(DIR, Arc::new(disk.clone()), &plain());
    assert!(recovered.unwrap_err().to_string().contains(&words));
}

#[test]
fn a_directory_with_as_many_other_records() {
    let disk = log();
    let twin = disk.fork();
    let appended = |disk: &SimDisk, number: u64| {
        let db = open(disk).unwrap();
        db.append_json(&numbered(number)).unwrap();
        db.checkpoint().unwrap();
        db.len().unwrap()
    };
    let signed = appended(&disk, 100);
    assert_eq!(appended(&twin, 101), signed);
    for path in disk.paths().iter().filter(|path| path.starts_with(DIR)) {
        disk.remove_raw(path);
    }
    for (path, bytes) in oracle::files(&twin).iter().filter(|(path, _)| path.starts_with(DIR)) {
        put(&disk, path, bytes);
    }
    is_not_seen(&verify(&disk));
    let refused = open(&disk).unwrap_err().to_string();
    let words = format!("it was forked: among its first {signed} records are others than its keys have signed for");
    assert!(refused.contains(&words), "{refused}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let to = to.join(path.file_name().unwrap());
        if kind.is_dir() {
            copy(&path, &to);
        } else if kind.is_file() {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

fn at(dir: &Path, keys: &Path) -> Result<Database, Error> {
    Database::open_with(dir, Arc::new(auditdb::disk::RealDisk), plain().keys(keys))
}

/// A log on the real disk, with its keys elsewhere, and a copy of its directory.
fn copied() -> (tempfile::TempDir, [PathBuf; 3]) {
    let temp = tempfile::tempdir().unwrap();
    let places = ["original", "copy", "keys"].map(|name| temp.path().join(name));
    let [original, to, keys] = &places;
    let options = plain().keys(keys);
    let db = Database::create_with(original, Arc::new(auditdb::disk::RealDisk), options).unwrap();
    db.append_json(&numbered(1)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    copy(original, to);
    (temp, places)
}

#[test]
fn a_copied_directory() {
    let (_temp, [original, copy, keys]) = copied();
    let adopt = |dir: &Path| Database::adopt(dir, plain().keys(&keys), "the disk was old");
    let refused = at(&copy, &keys).unwrap_err().to_string();
    let from = original.join("logs/main").canonicalize().unwrap();
    let words = format!(
        "it is a copy: the log was written at {} last, in another directory",
        from.display()
    );
    assert!(refused.contains(&words), "{refused}");
    // The original has gone on since: the copy cannot be taken back any more.
    let db = at(&original, &keys).unwrap();
    db.append_json(&numbered(2)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let refused = adopt(&copy).unwrap_err().to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    // With the same content it can, once, and that is on record; then the original is the copy.
    std::fs::remove_dir_all(&copy).unwrap();
    self::copy(&original, &copy);
    let db = adopt(&copy).unwrap();
    let last: Vec<String> = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    assert!(
        last.iter()
            .any(|line| event_name(line) == "adopted" && line.contains("the disk was old"))
    );
    drop(db);
    let refused = at(&original, &keys).unwrap_err().to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    drop(at(&copy, &keys).unwrap());
}

#[test]
fn a_copy_without_its_keys() {
    let (temp, [_, copy, _]) = copied();
    let refused = at(&copy, &temp.path().join("none")).unwrap_err().to_string();
    assert!(refused.contains("no secret key at"), "{refused}");
}

#[test]
fn a_copy_with_other_content_is_not_adopted() {
    let (_temp, [original, copy, keys]) = copied();
    let kept = std::fs::read(epoch_file(&keys)).unwrap();
    let write = |dir: &Path, number| {
        let db = at(dir, &keys).unwrap();
        db.append_json(&numbered(number)).unwrap();
        db.checkpoint().unwrap();
    };
    write(&original, 2);
    let newest = std::fs::read(epoch_file(&keys)).unwrap();
    // The copy was written with an older state of the keys, as on another machine.
    std::fs::write(epoch_file(&keys), kept).unwrap();
    let db = Database::adopt(&copy, plain().keys(&keys), "elsewhere").unwrap();
    db.append_json(&numbered(3)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    std::fs::write(epoch_file(&keys), newest).unwrap();
    let refused = Database::adopt(&copy, plain().keys(&keys), "back")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("it was forked"), "{refused}");
    drop(at(&original, &keys).unwrap());
}

/// Both are written by somebody at the same time, with the same keys: the second cannot begin while the first runs.
#[test]
fn two_live_copies_with_the_same_keys() {
    let (_temp, [original, copy, keys]) = copied();
    let db = at(&original, &keys).unwrap();
    let refused = Database::adopt(&copy, plain().keys(&keys), "it was moved").unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, Error::Locked { .. }), "{text}");
    assert!(
        text.contains("another process writes to this log") && text.contains(&keys.display().to_string()),
        "{text}"
    );
    db.append_json(&numbered(2)).unwrap();
    db.checkpoint().unwrap();
    drop(db);
    let refused = Database::adopt(&copy, plain().keys(&keys), "it was moved")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("it was rolled back"), "{refused}");
    drop(at(&original, &keys).unwrap());
}

fn epoch_file(keys: &Path) -> PathBuf {
    let mut names = std::fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path());
    names
        .find(|path| path.extension().is_some_and(|end| end == "epoch"))
        .unwrap()
}

// Another key for checkpoints.

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
