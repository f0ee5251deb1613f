//! The binary as a person uses it.

#[path = "../oracle/mod.rs"]
mod oracle;

mod anchor;
mod backup;
mod diff;
mod help;
mod hold;
mod logs;
#[cfg(feature = "server")]
mod mcp;
mod policy;
mod proof;
mod query;
mod retain;
mod transcript;
mod why;

use oracle::numbered;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn auditdb(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn expect(dir: &Path, arguments: &[&str], input: &str, code: i32) -> Output {
    let output = auditdb(dir, arguments, input);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {}{}",
        out(&output),
        err(&output)
    );
    output
}

fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|number| numbered(number) + "\n").collect()
}

#[test]
fn from_init_to_status() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert!(out(&expect(dir, &["init", "db"], "", 0)).contains("genesis"));
    assert!(err(&expect(dir, &["init", "db"], "", 2)).contains("already there"));
    assert!(err(&expect(dir, &["tail", "nowhere"], "", 2)).contains("no database"));
    let receipts = out(&expect(dir, &["append", "db", "--receipts"], &lines(0..5), 0));
    let first: serde_json::Value = serde_json::from_str(receipts.lines().next().unwrap()).unwrap();
    assert_eq!(receipts.lines().count(), 5);
    let id = first["id"].as_str().unwrap();
    let export = out(&expect(dir, &["export", "db"], "", 0));
    let line = export.lines().find(|line| line.contains(id)).unwrap();
    for name in [
        id,
        &id[..30],
        &first["seq"].to_string(),
        &format!("main/{}", first["seq"]),
    ] {
        assert_eq!(
            out(&expect(dir, &["show", "db", name, "--json"], "", 0)).trim_end(),
            line,
            "{name}"
        );
    }
    assert!(out(&expect(dir, &["show", "db", id], "", 0)).contains("attributes"));
    assert!(err(&expect(dir, &["show", "db", "@last-failure"], "", 1)).contains("not found"));
    assert!(out(&expect(dir, &["show", "db", "@last", "--json"], "", 0)).contains("\"n\":4"));
    expect(dir, &["show", "db", "99999"], "", 1);
    assert_eq!(
        out(&expect(dir, &["tail", "db", "-n", "2", "--json"], "", 0))
            .lines()
            .count(),
        2
    );
    assert_eq!(
        out(&expect(dir, &["export", "db", "--seq", "1..3"], "", 0))
            .lines()
            .count(),
        2
    );
    expect(dir, &["export", "db", "--seq", "x..3"], "", 2);
    assert!(out(&expect(dir, &["seal", "db"], "", 0)).contains("sealed"));
    assert!(out(&expect(dir, &["seal", "db"], "", 0)).contains("nothing"));
    let report = out(&expect(dir, &["verify", "db"], "", 0));
    assert!(
        report.starts_with("NOT AUTHENTICATED") && report.contains("sound"),
        "{report}"
    );
    let report: serde_json::Value =
        serde_json::from_str(&out(&expect(dir, &["verify", "db", "--json"], "", 0))).unwrap();
    assert_eq!(
        (report["sound"].as_bool(), report["authenticated"].as_bool()),
        (Some(true), Some(false))
    );
    let status: serde_json::Value =
        serde_json::from_str(&out(&expect(dir, &["status", "db", "--json"], "", 0))).unwrap();
    assert_eq!(status["segments"], 1);
    assert!(out(&expect(dir, &["status", "db"], "", 0)).contains("records"));
    assert_eq!(report["logs"][0]["root"], status["root"]);
    serde_json::from_str::<serde_json::Value>(&out(&expect(dir, &["schema"], "", 0))).unwrap();
    assert!(out(&expect(dir, &["schema", "--fields"], "", 0)).contains("correlation"));
    assert!(err(&expect(dir, &["tail", "db", "--log", "eu"], "", 1)).contains("a log named"));
}

#[test]
fn a_bad_line_stops_and_says_where_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let input = lines(0..3) + "\n{\"kind\": 7}\n" + &lines(3..5);
    let stopped = expect(dir, &["append", "db"], &input, 2);
    assert!(err(&stopped).contains("line 5, column 10: kind:"), "{}", err(&stopped));
    assert!(err(&stopped).contains("go on from line 4"), "{}", err(&stopped));
    assert_eq!(out(&expect(dir, &["tail", "db", "--json"], "", 0)).lines().count(), 3);
    expect(dir, &["append", "db", "--rejects", "bad.jsonl"], &input, 3);
    assert_eq!(
        std::fs::read_to_string(dir.join("bad.jsonl")).unwrap(),
        "{\"kind\": 7}\n"
    );
    assert_eq!(out(&expect(dir, &["tail", "db", "--json"], "", 0)).lines().count(), 8);
    expect(dir, &["append", "db", "--check"], &input, 1);
    expect(dir, &["append", "nowhere", "--check"], &lines(0..2), 0);
    assert_eq!(out(&expect(dir, &["tail", "db", "--json"], "", 0)).lines().count(), 8);
}

#[test]
fn a_slow_producer_has_each_record_at_once_and_others_append_beside_it() {
    use std::io::BufRead;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let start = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
        command
            .args(arguments)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut writer = start(&["append", "db", "--receipts"]);
    let mut stdin = writer.stdin.take().unwrap();
    let mut receipts = std::io::BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut follower = start(&["tail", "db", "-n", "1", "--follow", "--json"]);
    let mut followed = std::io::BufReader::new(follower.stdout.take().unwrap()).lines();
    for number in 0..3 {
        writeln!(stdin, "{}", numbered(number)).unwrap();
        assert!(receipts.next().unwrap().unwrap().contains("\"seq\""));
        assert!(followed.next().unwrap().unwrap().contains(&format!("\"n\":{number}")));
        let beside = out(&expect(
            dir,
            &["append", "db", "--receipts"],
            &(numbered(100 + number) + "\n"),
            0,
        ));
        assert_eq!(beside.lines().count(), 1);
        assert!(
            followed
                .next()
                .unwrap()
                .unwrap()
                .contains(&format!("\"n\":{}", 100 + number))
        );
    }
    assert!(out(&expect(dir, &["seal", "db"], "", 0)).contains("sealed"));
    drop(stdin);
    assert!(writer.wait().unwrap().success());
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(out(&expect(dir, &["verify", "db"], "", 0)).contains("sound"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    expect(dir.path(), &["init", "db"], "", 0);
    expect(dir.path(), &["append", "db"], &lines(0..5_000), 0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(["export", "db"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}

#[test]
fn damage_is_named_and_only_recover_makes_it_writable() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    for number in 0..6 {
        expect(dir, &["append", "db"], &lines(number..number + 1), 0);
    }
    let journal = dir.join("db/logs/main/journal/00000000000000000000.journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    let place = bytes.windows(5).position(|window| window == b"\"n\":3").unwrap();
    bytes[place + 4] = b'4';
    #[expect(clippy::disallowed_methods, reason = "what an intruder does")]
    std::fs::write(&journal, &bytes).unwrap();
    let report = out(&expect(dir, &["verify", "db"], "", 1));
    assert!(
        report.contains("FAULT") && report.contains("00000000000000000000.journal at byte"),
        "{report}"
    );
    assert!(err(&expect(dir, &["append", "db"], &lines(6..7), 1)).contains("auditdb recover"));
    let recovered = out(&expect(dir, &["recover", "db"], "", 0));
    assert!(
        recovered.contains("found:") && recovered.contains("damaged/"),
        "{recovered}"
    );
    expect(dir, &["append", "db"], &lines(6..7), 0);
    let export = out(&expect(dir, &["export", "db"], "", 0));
    assert!(export.contains("\"name\":\"recovered\"") && export.contains("\"n\":2}") && export.contains("\"n\":6}"));
    assert!(out(&expect(dir, &["verify", "db"], "", 0)).contains("sound"));
    assert!(out(&expect(dir, &["recover", "db"], "", 0)).contains("nothing is damaged"));
}

#[test]
fn recover_says_what_it_mended_and_what_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    expect(dir, &["append", "db"], &lines(0..3_000), 0);
    expect(dir, &["seal", "db"], "", 0);
    expect(dir, &["append", "db"], &lines(3_000..3_001), 0);
    let segment = dir.join("db/logs/main/segments/00000000000000000000.jsonl.zst");
    let damage = |from_end: usize| {
        let mut bytes = std::fs::read(&segment).unwrap();
        let place = bytes.len() - from_end;
        bytes[place] ^= 1;
        #[expect(clippy::disallowed_methods, reason = "what an intruder does")]
        std::fs::remove_file(&segment).unwrap();
        #[expect(clippy::disallowed_methods, reason = "what an intruder does")]
        std::fs::write(&segment, &bytes).unwrap();
        bytes.len()
    };
    let len = damage(2);
    assert!(err(&expect(dir, &["append", "db"], &lines(3_001..3_002), 1)).contains("auditdb recover"));
    let mended = out(&expect(dir, &["recover", "db"], "", 0));
    assert!(
        mended.contains("was written anew") && mended.contains("damaged/"),
        "{mended}"
    );
    assert!(out(&expect(dir, &["verify", "db"], "", 0)).contains("sound"));
    // In the first frame of several, and the directory with it.
    damage(len - 100);
    damage(2);
    let lost = out(&expect(dir, &["recover", "db"], "", 0));
    assert!(lost.contains("could not be mended\n  records 0 to "), "{lost}");
    expect(dir, &["append", "db"], &lines(3_001..3_002), 0);
    let report = out(&expect(dir, &["verify", "db"], "", 1));
    assert!(
        report.contains("(seq 0..") && report.contains("a compressed frame is damaged"),
        "{report}"
    );
    assert!(out(&expect(dir, &["show", "db", "2999", "--json"], "", 0)).contains("\"seq\":2999"));
    assert!(err(&expect(dir, &["status", "db"], "", 0)).contains("damaged segments: 1"));
    let told: serde_json::Value =
        serde_json::from_str(&out(&expect(dir, &["recover", "db", "--json"], "", 0))).unwrap();
    assert_eq!(
        (&told["done"][0]["did"], &told["done"][0]["unreadable"][0][0]),
        (&"left".into(), &0.into())
    );
}

#[test]
fn the_demo_shows_a_chain_and_figures() {
    let dir = tempfile::tempdir().unwrap();
    let shown = out(&expect(dir.path(), &["demo", "--records", "600"], "", 0));
    assert!(
        shown.contains("policy") && shown.contains("records/s") && shown.contains("sound"),
        "{shown}"
    );
    assert!(err(&expect(dir.path(), &["demo"], "", 2)).contains("left alone"));
    assert!(out(&expect(dir.path(), &["show", "auditdb-demo", "@last-failure"], "", 0)).contains("failure"));
}

/// A record's text cannot forge lines, hide, or move the cursor, whichever member it stands in.
#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let record = r#"{"agent":{"id":"a\u202eb"},"kind":"odd\u200bkind","decision":{"name":"n\u2066"},"reasoning":"one\n  outcome: fine","attributes":{"\u001b[31mred\nfake":1,"big":1e400,"long":12345678901234567890.123,"list":["x\nfake: 1","y, z",""],"\u009b":"\u0007\u202e\u2028","deep":{"a b":[[1.50]]}}}"#;
    expect(dir, &["append", "db"], &format!("{record}\n"), 0);
    for arguments in [&["show", "db", "@last"][..], &["tail", "db", "-n", "1"]] {
        let shown = out(&expect(dir, arguments, "", 0));
        let obeyed = |c: char| (c.is_control() && c != '\n') || ('\u{200b}'..='\u{206f}').contains(&c);
        assert!(!shown.contains(obeyed), "{shown:?}");
        assert!(
            shown.contains("a\\u202eb") && shown.contains("odd\\u200bkind"),
            "{shown}"
        );
        assert!(
            !shown.lines().any(|line| line.trim_start().starts_with("fake")),
            "{shown}"
        );
    }
    let shown = out(&expect(dir, &["show", "db", "@last"], "", 0));
    for line in [
        "    \"\\u001b[31mred\\nfake\": 1",
        "    big: 1e400",
        "    long: 12345678901234567890.123",
        "    list: x\\nfake: 1, \"y, z\", \"\"",
        "      |   outcome: fine",
        "      \"a b\" 1: 1.50",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line:?} in\n{shown}");
    }
    let twice = "{\"agent\":{\"id\":\"a\"},\"kind\":\"x\",\"\u{202e}\\n\":1,\"\u{202e}\\n\":2}\n";
    let said = err(&expect(dir, &["append", "db"], twice, 2));
    assert!(said.contains("\\u202e\\n") && !said.contains('\u{202e}'), "{said}");
    assert!(!err(&expect(dir, &["tail", "no\u{1b}[2Jwhere"], "", 2)).contains('\u{1b}'));
    assert!(!err(&expect(dir, &["tail", "db", "--no\u{1b}[2J"], "", 2)).contains('\u{1b}'));
}

#[test]
fn what_append_says_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let callers = || {
        out(&expect(dir, &["tail", "db", "-n", "9999", "--json"], "", 0))
            .lines()
            .count()
    };
    // Nobody reads the receipts: the input is stored to its end all the same.
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(["append", "db", "--receipts"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines(0..2_500).as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = err(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("2,500 records are in") && said.contains("receipts of the last 2,500"),
        "{said}"
    );
    assert_eq!(callers(), 2_500);
    // Where to go on, as pasted.
    let input = lines(0..2) + "{\n" + &lines(2..4);
    let said = err(&expect(dir, &["append", "db"], &input, 2));
    assert!(
        said.contains("2 records are in, 1 refused") && said.contains(": … | tail -n +3 | auditdb"),
        "{said}"
    );
    #[expect(clippy::disallowed_methods, reason = "a file of the user's")]
    std::fs::write(dir.join("it's.jsonl"), &input).unwrap();
    let said = err(&expect(dir, &["append", "db", "it's.jsonl", "--receipts"], "", 2));
    assert!(
        said.ends_with("auditdb: line 3, column 2: not JSON: expected a member's name in quotes\n"),
        "{said}"
    );
    assert!(
        said.contains("tail -n +3 'it'\\''s.jsonl' | auditdb append db --receipts\n"),
        "{said}"
    );
    // A line longer than a record may be is kept too.
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(65 << 20));
    let input = format!("{}{long}\n{}{long}", lines(10..12), lines(12..14));
    let said = err(&expect(dir, &["append", "db", "--rejects", "bad"], &input, 3));
    assert!(
        said.contains("line 3: longer than") && said.contains("4 records are in, 2 refused"),
        "{said}"
    );
    assert!(std::fs::read_to_string(dir.join("bad")).unwrap() == format!("{long}\n{long}\n"));
    assert!(err(&expect(dir, &["append", "db", "--check"], &input, 1)).contains("4 records are fine, 2 refused"));
    assert!(err(&expect(dir, &["append", "db"], &input, 2)).contains("go on from line 3"));
}

#[test]
fn the_variable_stands_for_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let with = |arguments: &[&str], code: i32| {
        let output = Command::new(env!("CARGO_BIN_EXE_auditdb"))
            .args(arguments)
            .current_dir(dir)
            .env("AUDITDB_DIR", "db")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}{}",
            out(&output),
            err(&output)
        );
        out(&output) + &err(&output)
    };
    with(&["init"], 0);
    with(&["init", "other"], 0);
    #[expect(clippy::disallowed_methods, reason = "a file of the user's")]
    std::fs::write(dir.join("r.jsonl"), lines(0..3)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a file of the user's")]
    std::fs::write(dir.join("chat.json"), r#"[{"role":"assistant","content":"hi"}]"#).unwrap();
    assert!(with(&["append", "r.jsonl"], 0).contains("3 records are in"));
    assert!(with(&["append", "other", "r.jsonl"], 0).contains("3 records are in"));
    assert!(with(&["append", "other"], 0).contains("0 records are in"));
    assert!(with(&["show", "@last"], 0).contains("n: 2"));
    assert!(with(&["show", "other", "@last"], 0).contains("n: 2"));
    with(&["import", "--format", "chat", "chat.json", "chat.json"], 0);
    assert!(with(&["show", "@last"], 0).contains("hi"));
    with(&["import", "--format", "chat", "other", "chat.json"], 0);
    assert!(with(&["show", "other", "@last"], 0).contains("hi"));
    with(&["verify"], 0);
    with(&["verify", "other"], 0);
    assert!(err(&expect(dir, &["verify"], "", 2)).contains("AUDITDB_DIR"));
    assert!(err(&expect(dir, &["show", "db"], "", 2)).contains("no RECORD given"));
    assert!(err(&expect(dir, &["import", "--format", "chat", "db"], "", 2)).contains("no FILE given"));
}

#[test]
fn ranges_times_and_names_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    expect(dir, &["append", "db"], &lines(0..5), 0);
    for verb in ["verify", "export"] {
        for range in ["5..2", "3..3"] {
            assert!(err(&expect(dir, &[verb, "db", "--seq", range], "", 2)).contains("no seq in it"));
        }
        for range in ["1000..2000", "1000..", "1000"] {
            let output = expect(dir, &[verb, "db", "--seq", range], "", 1);
            assert!(err(&output).contains("no record has a seq in 1000..") && output.stdout.is_empty());
        }
        expect(dir, &[verb, "db", "--seq", "2..2000"], "", 0);
    }
    let refused = |members: &str, why: &str| {
        let said = err(&expect(dir, &["append", "db"], &format!("{{{members}}}\n"), 2));
        assert!(said.contains(why), "{said}");
    };
    refused(
        r#""agent":{"id":"a"},"kind":"x","time":"2026-12-31T23:59:60Z""#,
        "leap second",
    );
    refused(
        r#""agent":{"id":"a"},"kind":"x","time":"2026-12-31T23:59:59.1234567890Z""#,
        "nine digits",
    );
    refused(
        r#""kind":"x", "agent" : { "id": "AuditDB" }"#,
        "column 32: agent.id: \"AuditDB\" is the name",
    );
    // One resolver, whatever stands behind the log's name.
    let last = out(&expect(dir, &["show", "db", "@last", "--json"], "", 0));
    let value: serde_json::Value = serde_json::from_str(&last).unwrap();
    let id = value["id"].as_str().unwrap();
    for name in [
        "main/@last",
        &format!("main/{id}"),
        &format!("main/{}", &id[..30]),
        &format!("main/{}", value["seq"]),
    ] {
        assert_eq!(
            out(&expect(dir, &["show", "db", name, "--json"], "", 0)),
            last,
            "{name}"
        );
    }
    expect(
        dir,
        &["append", "db"],
        "{\"agent\":{\"id\":\"a\"},\"kind\":\"x\",\"correlation\":\"88120000\"}\n",
        0,
    );
    assert!(out(&expect(dir, &["show", "db", "88120000"], "", 0)).contains("correlation"));
    assert!(out(&expect(dir, &["show", "db", "main/88120000"], "", 0)).contains("correlation"));
}

#[test]
fn an_error_under_json_is_json() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["tail", "--json"][..], 2),
        (&["tail", "db", "--json", "--no-such"], 2),
        (&["verify", "db", "--seq", "5..2", "--json"], 2),
        (&["tail", "nowhere", "--json", "--log", "eu"], 1),
        (&["--json"], 2),
    ] {
        let said = err(&expect(dir.path(), arguments, "", code));
        let error: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{arguments:?}: {said}"));
        assert_eq!((said.lines().count(), error["exit"].as_i64()), (1, Some(code.into())));
        assert!(!error["error"].as_str().unwrap().is_empty());
    }
    assert!(out(&expect(dir.path(), &["tail", "--json", "--help"], "", 0)).contains("Usage"));
    assert!(err(&expect(dir.path(), &["tail", "db", "--no-such"], "", 2)).contains("Usage"));
}
