//! `auditdb query`.

use super::*;

/// A database with five failures and five successes a day, over four days.
fn filled(dir: &Path) {
    expect(dir, &["init", "db"], "", 0);
    let line = |n: u64| {
        let (day, status) = (1 + n / 10, if n.is_multiple_of(2) { "failure" } else { "success" });
        format!(
            r#"{{"agent":{{"id":"refunds"}},"kind":"decision","time":"2026-11-{day:02}T23:30:{:02}Z","correlation":"case-{n}","decision":{{"name":"=pay, {n}"}},"reasoning":"An apology email, number {n}","outcome":{{"status":"{status}"}}}}"#,
            n % 10
        ) + "\n"
    };
    expect(dir, &["append", "db"], &(0..20).map(line).collect::<String>(), 0);
    expect(dir, &["seal", "db"], "", 0);
    expect(dir, &["append", "db"], &(20..40).map(line).collect::<String>(), 0);
}

#[test]
fn found_not_found_and_not_understood() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let found = expect(dir, &["query", "db", "agent:refunds \"apology email\" case-7"], "", 0);
    assert_eq!(out(&found).lines().count(), 1);
    assert!(
        out(&found).contains("case-7") && err(&found).starts_with("1 record; of "),
        "{}",
        err(&found)
    );
    let none = expect(dir, &["query", "db", "agent:nobody"], "", 1);
    assert!(out(&none).is_empty() && err(&none).starts_with("0 records"));
    let bad = err(&expect(dir, &["query", "db", "agent:a outcom:failure"], "", 2));
    assert!(
        bad.contains("did you mean outcome?") && bad.contains("\n          ^^^^^^"),
        "{bad}"
    );
    let bad = expect(dir, &["query", "db", "outcome:x", "--json"], "", 2);
    let bad: serde_json::Value = serde_json::from_str(&err(&bad)).unwrap();
    assert!(bad["error"].as_str().unwrap().contains("one of success, failure"));
    expect(dir, &["query", "db", "--since", "soon"], "", 2);
    expect(dir, &["query", "db", "--tz", "Nowhere/City"], "", 2);
    expect(dir, &["query", "db", "--cursor", "x"], "", 2);
    expect(dir, &["query", "nowhere", "a"], "", 2);
}

#[test]
fn pages_go_on_with_the_command_that_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let first = expect(
        dir,
        &["query", "db", "outcome:failure", "-n", "8", "--order", "oldest"],
        "",
        0,
    );
    let mut seen = out(&first);
    let mut next = err(&first);
    for page in 0..2 {
        let command = next
            .lines()
            .find_map(|line| line.strip_prefix("next page: auditdb "))
            .unwrap();
        let arguments: Vec<&str> = command.split(' ').collect();
        // Others' records do not move the page.
        expect(dir, &["append", "db"], &lines(page..page + 1), 0);
        expect(dir, &["seal", "db"], "", 0);
        let output = expect(dir, &arguments, "", 0);
        seen.push_str(&out(&output));
        next = err(&output);
    }
    assert!(!next.contains("next page"), "{next}");
    let cases: Vec<&str> = seen
        .lines()
        .map(|line| line.split_whitespace().last().unwrap())
        .collect();
    assert_eq!(
        cases,
        (0..40).step_by(2).map(|n| format!("case-{n}")).collect::<Vec<_>>()
    );
}

#[test]
fn every_form_of_output() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    // Without a word about it a table has a page, and what machines read has all.
    assert_eq!(out(&expect(dir, &["query", "db"], "", 0)).lines().count(), 20);
    let json = expect(dir, &["query", "db", "--json", "--explain"], "", 0);
    let export = out(&expect(dir, &["export", "db"], "", 0));
    let exact: Vec<&str> = export
        .lines()
        .filter(|line| line.contains("\"refunds\""))
        .rev()
        .collect();
    assert_eq!(out(&json).lines().collect::<Vec<_>>(), exact);
    let report: serde_json::Value = serde_json::from_str(&err(&json)).unwrap();
    assert_eq!(
        (&report["returned"], &report["partial"], &report["cursor"]),
        (&40.into(), &false.into(), &serde_json::Value::Null)
    );
    assert!(report["asked"].as_str().unwrap().contains("kind:\"system\""));
    let csv = out(&expect(
        dir,
        &["query", "db", "case-3", "--csv", "--tz", "+01:00"],
        "",
        0,
    ));
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(rows[0], "seq,id,time,local_time,agent,kind,what,outcome,correlation");
    assert!(
        rows[1].contains(
            "2026-11-01T23:30:03.000000000Z,2026-11-02 00:30:03.000 +01:00,refunds,decision,\"'=pay, 3\",success,case-3"
        ),
        "{csv}"
    );
    let table = out(&expect(
        dir,
        &["query", "db", "case-3", "--table", "--tz", "+01:00"],
        "",
        0,
    ));
    assert!(
        table.starts_with("2026-11-02 00:30:03.000 +01:00  2026-11-01T23:30:03.000Z"),
        "{table}"
    );
    let count = |more: &[&str]| {
        out(&expect(dir, &[&["query", "db", "-n", "0"], more].concat(), "", 0))
            .lines()
            .count()
    };
    assert_eq!(count(&["--since", "2026-11-02", "--until", "2026-11-04"]), 20);
    assert_eq!(
        count(&["--since", "2026-11-02", "--until", "2026-11-03", "--tz", "+01:00"]),
        10
    );
    assert_eq!(count(&["time:2026-11-02", "--tz", "+01:00"]), 10);
    assert!(count(&["--all"]) > 40);
    assert_eq!(count(&["--", "-outcome:failure"]), 20);
    expect(dir, &["query", "db", "--since", "0s"], "", 1);
    expect(dir, &["query", "db", "--csv", "--json"], "", 2);
}

#[test]
fn a_damaged_segment_makes_the_answer_partial() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let segments = dir.join("db/logs/main/segments");
    let file = std::fs::read_dir(segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "nobody but a vandal would")]
    {
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }
    let partial = expect(dir, &["query", "db", "outcome:failure"], "", 3);
    assert_eq!(out(&partial).lines().count(), 10);
    assert!(
        err(&partial).contains("could not be read: ") && err(&partial).contains("PARTIAL"),
        "{}",
        err(&partial)
    );
    let partial = expect(dir, &["query", "db", "case-3", "--json"], "", 3);
    let report: serde_json::Value = serde_json::from_str(&err(&partial)).unwrap();
    assert_eq!(
        (
            report["partial"].as_bool(),
            report["unreadable"].as_array().unwrap().len()
        ),
        (Some(true), 1)
    );
}
