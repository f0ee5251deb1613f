//! Taking away, swapping and bringing in whole files.

use super::*;

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
        set(&mut lines[state], "\"format\":", "0");
    });
    says(
        &report,
        ".journal",
        "is of format 0, from before the first release, which carried no promise",
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
            "{\"name\":\"genesis\",\"format\":1,",
            "{\"format\":1,\"name\":\"genesis\",",
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
    trailer[188] = 2;
    let crc = crc32fast::hash(&trailer[..200]).to_le_bytes();
    trailer[200..].copy_from_slice(&crc);
    put(&disk, &segment, &bytes);
    says(
        &verify(&disk),
        segment.to_str().unwrap(),
        "is of format 2, and this version of auditdb reads format 1: use the one that wrote it",
    );
}

#[test]
fn a_journal_of_another_version_is_left_alone() {
    for (version, words) in [
        (0, "is of format 0, from before the first release"),
        (2, "is of format 2"),
    ] {
        let disk = log();
        let journal = files_in(&disk, "journal").remove(0);
        let mut bytes = disk.contents(&journal).unwrap();
        bytes[8] = version;
        let crc = crc32fast::hash(&bytes[..92]).to_le_bytes();
        bytes[92..96].copy_from_slice(&crc);
        put(&disk, &journal, &bytes);
        let before = oracle::files(&disk);
        says(&verify(&disk), journal.to_str().unwrap(), words);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let tried = [
            open(&disk).map(|_| ()),
            // What stands in the segments can be read; how long the log is nobody can say.
            reading(&disk).len().map(|_| ()),
            Database::recover_with(DIR, Arc::clone(&shared), &plain()).map(|_| ()),
        ];
        for refused in tried {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, Error::Format { .. }), "{refused}");
            assert!(refused.to_string().contains(words), "{refused}");
        }
        assert_eq!(oracle::files(&disk), before);
    }
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
