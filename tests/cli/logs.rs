//! A database of several logs, as a person asks it.

use super::{auditdb, err, expect, out};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn record(correlation: &str, second: u32, more: &str) -> String {
    format!(
        "{{\"agent\":{{\"id\":\"bot\"}},\"kind\":\"decision\",\"time\":\"2026-11-24T15:00:{second:02}Z\",\"correlation\":\"{correlation}\"{more}}}\n"
    )
}

/// The first log has the chain `old` and half of `both`, its successor the other half, and a record that failed.
fn two_logs(dir: &Path) {
    expect(dir, &["init", "db"], "", 0);
    let old = record("old", 1, "") + &record("both", 3, "");
    expect(dir, &["append", "db"], &old, 0);
    expect(dir, &["checkpoint", "db"], "", 0);
    #[expect(clippy::disallowed_methods, reason = "whoever loses keys")]
    std::fs::remove_dir_all(dir.join("db.keys")).unwrap();
    expect(dir, &["log", "succeed", "db", "--reason", "the keys are lost"], "", 0);
    let new = record("both", 2, r#","outcome":{"status":"failure"}"#);
    expect(dir, &["append", "db"], &new, 0);
}

#[test]
fn every_command_finds_in_all_logs_and_says_in_which() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_logs(dir);
    let table = expect(dir, &["query", "db", "agent:bot"], "", 0);
    let named: Vec<String> = out(&table)
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(named.len(), 3);
    // By time: 15:00:03 in the old log, :02 in the new one, :01 in the old one.
    let logs: Vec<&str> = named.iter().map(|name| name.split_once('/').unwrap().0).collect();
    assert_eq!(logs, ["main", "main.2", "main"]);
    assert!(err(&table).contains(" in 2 logs "), "{}", err(&table));
    for (log, count) in [("main", 2), ("main.2", 1)] {
        let one = expect(dir, &["query", "db", "agent:bot", "--log", log], "", 0);
        assert_eq!(out(&one).lines().count(), count);
        assert!(out(&one).contains("  #"), "{}", out(&one));
    }
    // A name as the table has it is what show, proof and the others take.
    let shown = out(&expect(dir, &["show", "db", &named[2]], "", 0));
    assert!(
        shown.contains(&named[2]) && shown.contains("correlation: old"),
        "{shown}"
    );
    let line = out(&expect(dir, &["show", "db", &named[2], "--json"], "", 0));
    let id = json(&line)["id"].as_str().unwrap().to_owned();
    for name in [&id, &id[..30], "old", "main/@last", "@last-failure", "@last"] {
        let found = out(&expect(dir, &["show", "db", name, "--json"], "", 0));
        let expected = match name {
            "main/@last" | "@last" | "@last-failure" => "\"both\"",
            _ => "\"old\"",
        };
        assert!(found.contains(expected), "{name}: {found}");
    }
    assert_eq!(
        out(&expect(dir, &["show", "db", "both", "--json"], "", 0))
            .lines()
            .count(),
        2
    );
    expect(dir, &["show", "db", "old", "--log", "main.2"], "", 1);
    expect(dir, &["show", "db", "main/999"], "", 1);
    let proof = out(&expect(dir, &["proof", "make", "db", &named[2]], "", 0));
    let key = out(&expect(dir, &["key", "show", "db", "--log", "main", "--json"], "", 0));
    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    {
        std::fs::write(dir.join("proof"), proof).unwrap();
        std::fs::write(dir.join("record"), &line).unwrap();
    }
    let key = json(&key)["key"].as_str().unwrap().to_owned();
    expect(dir, &["proof", "check", "proof", "record", "--key", &key], "", 0);
    // In an old log nothing new can be signed.
    let trace = out(&expect(dir, &["trace", "db", "both"], "", 0));
    assert!(trace.contains("main/") && trace.contains("main.2/"), "{trace}");
    let alone = out(&expect(dir, &["trace", "db", "both", "--log", "main"], "", 0));
    assert_eq!(alone.lines().count(), 2, "{alone}");
    let why = expect(dir, &["why", "db", "old"], "", 0);
    assert!(
        out(&why).contains(&format!("auditdb show db {} --json", named[2])),
        "{}",
        out(&why)
    );
    assert!(
        err(&why).contains(&format!("auditdb trace db {}", named[2])),
        "{}",
        err(&why)
    );
    let diff = expect(dir, &["diff", "db", &named[0], &named[2]], "", 1);
    assert!(err(&diff).contains("auditdb why db main"), "{}", err(&diff));
    let count = json(&out(&expect(dir, &["count", "db", "agent:bot", "--json"], "", 0)));
    assert_eq!((&count["matched"], &count["logs"]), (&3.into(), &2.into()));
    let lint = json(&out(&expect(dir, &["lint", "db", "--json"], "", 1)));
    assert_eq!((&lint["rows"][0]["records"], &lint["logs"]), (&3.into(), &2.into()));
}

#[test]
fn machines_are_told_the_log_and_pages_go_on_in_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_logs(dir);
    let csv = out(&expect(dir, &["query", "db", "agent:bot", "--csv"], "", 0));
    let heads: Vec<&str> = csv.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(heads, ["log", "main", "main.2", "main"]);
    let exact = out(&expect(dir, &["query", "db", "agent:bot", "--json"], "", 0));
    let placed = out(&expect(dir, &["query", "db", "agent:bot", "--json", "--places"], "", 0));
    for (exact, placed) in exact.lines().zip(placed.lines()) {
        let object = json(placed);
        let at = format!("{}/{}", object["log"].as_str().unwrap(), object["seq"]);
        assert_eq!(
            out(&expect(dir, &["show", "db", &at, "--json"], "", 0)).trim_end(),
            exact
        );
        assert!(placed.ends_with(&format!("\"record\":{exact}}}")));
    }
    expect(dir, &["query", "db", "--places"], "", 2);
    let mut page = expect(dir, &["query", "db", "agent:bot", "-n", "1"], "", 0);
    let mut all = out(&page);
    for _ in 0..2 {
        let said = err(&page);
        let next = said
            .lines()
            .find_map(|line| line.strip_prefix("next page: auditdb "))
            .unwrap();
        page = expect(dir, &next.split(' ').collect::<Vec<_>>(), "", 0);
        all += &out(&page);
    }
    assert_eq!(all, out(&expect(dir, &["query", "db", "agent:bot"], "", 0)));
    // A cursor of another log is refused in words.
    let one = err(&expect(
        dir,
        &["query", "db", "agent:bot", "-n", "1", "--log", "main"],
        "",
        0,
    ));
    let cursor = one.split("--cursor ").nth(1).unwrap().trim();
    assert!(one.contains(" --log main "), "{one}");
    let refused = err(&expect(
        dir,
        &["query", "db", "--log", "main.2", "--cursor", cursor],
        "",
        2,
    ));
    assert!(refused.contains("the cursor is of other logs"), "{refused}");
    assert!(err(&expect(dir, &["query", "db", "--cursor", "AgAAAA"], "", 2)).contains("no cursor"));
}

#[test]
fn a_log_that_is_gone_makes_every_answer_partial() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_logs(dir);
    #[expect(clippy::disallowed_methods, reason = "nobody but a vandal would")]
    std::fs::remove_dir_all(dir.join("db/logs/main")).unwrap();
    for arguments in [&["query", "db", "agent:bot"][..], &["count", "db"], &["lint", "db"]] {
        let said = err(&expect(dir, arguments, "", 3));
        let named = said.contains("the log main could not be asked: ") && said.contains("logs/main: is missing");
        assert!(named && said.contains("PARTIAL"), "{arguments:?}: {said}");
        let answer = expect(dir, &[arguments, &["--json"]].concat(), "", 3);
        let report = if arguments[0] == "query" {
            err(&answer)
        } else {
            out(&answer)
        };
        assert_eq!(json(report.trim_end())["unasked"][0]["log"], "main");
    }
    for arguments in [&["trace", "db", "both"][..], &["why", "db", "both"]] {
        assert!(err(&expect(dir, arguments, "", 3)).contains("logs/main: is missing"));
    }
    // What was named may have been there.
    assert!(err(&expect(dir, &["show", "db", "old"], "", 1)).contains("is missing"));
}

#[test]
fn a_time_that_is_up_makes_every_answer_partial() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_logs(dir);
    for arguments in [
        &["query", "db", "agent:bot"][..],
        &["count", "db"],
        &["lint", "db"],
        &["trace", "db", "both"],
        &["why", "db", "main/@last"],
        &["diff", "db", "main/@last", "@last"],
    ] {
        let timed = |time: &'static str| [arguments, &["--timeout", time]].concat();
        let said = err(&expect(dir, &timed("0s"), "", 3));
        assert!(said.contains("the time was up"), "{arguments:?}: {said}");
        assert_ne!(auditdb(dir, &timed("1h"), "").status.code(), Some(3), "{arguments:?}");
        assert!(err(&expect(dir, &timed("soon"), "", 2)).contains("no length of time"));
    }
}

/// Ctrl-C while records are being printed: what is found is there to the last line, and the answer is a partial one.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_query_with_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let long = "x".repeat(10_000);
    let lines: String = (0..300)
        .map(|n| record("c", n % 60, &format!(r#","reasoning":"{long}""#)))
        .collect();
    expect(dir, &["append", "db"], &lines, 0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(["query", "db", "agent:bot", "--json"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    let mut stdout = child.stdout.take().unwrap();
    // It has begun, and as nobody reads on it soon waits for room in the pipe.
    stdout.read_exact(&mut first).unwrap();
    let interrupt = |id: u32| Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap();
    assert!(interrupt(child.id()).success());
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8([&first[..], &rest].concat()).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(
        text.ends_with('\n') && (1..300).contains(&text.lines().count()),
        "{}",
        text.lines().count()
    );
    text.lines().for_each(|line| _ = json(line));
    let report = json(err(&output).trim_end());
    assert_eq!(
        (&report["stopped"], &report["partial"]),
        (&"cancelled".into(), &true.into())
    );
    assert_eq!(report["returned"], text.lines().count());
}
