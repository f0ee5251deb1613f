//! Changing what was signed.

use super::*;

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
