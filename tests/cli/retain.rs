//! Retention as a person uses it, with a log that was begun in 2024 and of which the beginning is gone.

use super::*;
use std::fs;

/// The golden log in a directory of its own: to its keys that is a copy, until it is adopted.
fn old(dir: &Path) {
    fn copy(from: &Path, to: &Path) {
        #[expect(clippy::disallowed_methods, reason = "files of the test")]
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                fs::copy(&from, &to).unwrap();
            }
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dropped");
    copy(&golden, dir);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        #[expect(clippy::disallowed_methods, reason = "files of the test")]
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&dir.join("db.keys"), 0o700);
        for entry in fs::read_dir(dir.join("db.keys")).unwrap() {
            set(&entry.unwrap().path(), 0o600);
        }
    }
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&out(output)).unwrap()
}

#[test]
fn a_log_whose_beginning_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    old(dir);
    let status = json(&expect(dir, &["status", "db", "--json"], "", 0));
    let earliest = status["earliest"].as_u64().unwrap();
    assert!(earliest > 300, "{status}");
    assert!(
        out(&expect(dir, &["status", "db"], "", 0))
            .contains(&format!("kept      from seq {earliest} on; class eu-ai-act"))
    );
    assert!(err(&expect(dir, &["show", "db", "3"], "", 1)).contains("was dropped by retention, tombstone"));
    let export = expect(dir, &["export", "db"], "", 0);
    assert!(err(&export).contains(&format!("records 0..{earliest} were dropped")));
    assert!(out(&export).starts_with(&format!("{{\"v\":1,\"seq\":{earliest},")));
    expect(dir, &["export", "db", "--seq", "0..5"], "", 1);
    assert_eq!(
        out(&expect(dir, &["tail", "db", "-n", "100", "--json"], "", 0))
            .lines()
            .count(),
        7
    );
    assert_eq!(
        out(&expect(dir, &["query", "db", "agent:a", "--json"], "", 0))
            .lines()
            .count(),
        7
    );
    let report = json(&expect(dir, &["verify", "db", "--json"], "", 0));
    assert_eq!(report["logs"][0]["dropped"].as_u64(), Some(earliest), "{report}");
    assert!(out(&expect(dir, &["proof", "make", "db", "3"], "", 0)).contains("index 3"));
    expect(dir, &["proof", "consistency", "db", "1", "300"], "", 0);
    // What is written to needs its keys, and they say that this is a copy.
    assert!(err(&expect(dir, &["retain", "db"], "", 2)).contains("is a copy"));
    expect(dir, &["log", "adopt", "db", "--reason", "it is the only one"], "", 0);
    // The machine was restarted since 2025; what passed meanwhile only a person can tell.
    let asked = expect(dir, &["retain", "db"], "", 1);
    assert!(err(&asked).contains("--accept-clock"), "{}", err(&asked));
    expect(dir, &["retain", "db", "--accept-clock"], "", 2);
    let dry = ["retain", "db", "--dry-run", "--accept-clock", "--reason", "it is"];
    assert!(out(&expect(dir, &dry, "", 0)).contains("would be dropped"));
    let done = json(&expect(
        dir,
        &["retain", "db", "--accept-clock", "--reason", "compared", "--json"],
        "",
        0,
    ));
    assert_eq!(done["dropped"][0]["first"].as_u64(), Some(earliest), "{done}");
    // What goes is smaller than what an index in the background may add meanwhile, so the whole directory does not tell.
    let segment = format!("db/logs/main/segments/{earliest:020}.jsonl.zst");
    assert!(
        done["dropped"][0]["bytes"].as_u64() > Some(0) && !dir.join(segment).exists(),
        "{done}"
    );
    assert!(out(&expect(dir, &["verify", "db"], "", 0)).contains("by retention, as 5 tombstones say"));
    let tiles = json(&expect(
        dir,
        &["proof", "tiles", "db", "--out", "tiles", "--json"],
        "",
        0,
    ));
    assert!(tiles["minimum_index"].as_u64() >= done["earliest"].as_u64(), "{tiles}");
    assert_eq!(
        fs::read_to_string(dir.join("tiles/auditdb/minimum-index"))
            .unwrap()
            .trim(),
        tiles["minimum_index"].to_string()
    );
    assert!(dir.join("tiles/tile/0/000").exists() && !dir.join("tiles/tile/entries/000").exists());
}

#[test]
fn a_class_is_chosen_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert!(err(&expect(dir, &["init", "db", "--class", "none"], "", 2)).contains("there are standard"));
    assert!(
        err(&expect(
            dir,
            &["init", "db", "--class", "health", "--keep", "12"],
            "",
            2
        ))
        .contains("24 to 1200 months")
    );
    expect(dir, &["init", "db", "--class", "eu-ai-act"], "", 0);
    expect(dir, &["append", "db"], &lines(0..3), 0);
    expect(dir, &["seal", "db"], "", 0);
    let done = json(&expect(dir, &["retain", "db", "--json"], "", 0));
    assert_eq!(
        (
            done["kept"][0]["months"].as_u64(),
            done["dropped"].as_array().map(Vec::len)
        ),
        (Some(6), Some(0))
    );
    expect(dir, &["log", "class", "db", "--to", "financial", "--keep", "36"], "", 0);
    let done = json(&expect(dir, &["retain", "db", "--json"], "", 0));
    assert_eq!(
        (done["kept"][0]["months"].as_u64(), done["kept"][0]["class"].as_str()),
        (Some(36), Some("financial"))
    );
    expect(dir, &["verify", "db"], "", 0);
}
