//! Who the log is.

use super::*;

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
    (anchors.key, anchors.genesis) = (Some(&noted.key), Some(&noted.leaf));
    anchors.checkpoints = std::slice::from_ref(&checkpoint);
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
    says(&report, LOG, "records: none of the keys given has signed this");
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
        "is no checkpoint of this log: the given one of",
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
