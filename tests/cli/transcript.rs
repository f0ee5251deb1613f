//! `auditdb import --format claude-code|codex`.

use super::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Child;
use std::time::{Duration, Instant};

/// Lines of a session of Claude Code: a prompt, an answer that calls a tool, its result, an answer.
fn session(name: &str) -> Vec<String> {
    let line = |uuid: &str, above: Option<&str>, rest: Value| {
        let mut line = json!({"uuid": uuid, "parentUuid": above, "sessionId": name, "version": "2.1.12", "timestamp": "2026-03-01T10:00:00.000Z"});
        line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        line.to_string() + "\n"
    };
    let answer = |id: &str, stop: &str, block: Value| {
        json!({"type": "assistant", "message": {"id": id, "role": "assistant", "model": "claude-x", "stop_reason": stop, "content": [block],
            "usage": {"input_tokens": 1, "output_tokens": 2}}})
    };
    let call = json!({"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "make"}});
    let result = json!([{"type": "tool_result", "tool_use_id": "t1", "content": "made"}]);
    vec![
        line(
            "u1",
            None,
            json!({"type": "user", "message": {"role": "user", "content": "Build"}}),
        ),
        line("a1", Some("u1"), answer("m1", "tool_use", call)),
        line(
            "u2",
            Some("a1"),
            json!({"type": "user", "message": {"role": "user", "content": result}}),
        ),
        line(
            "a2",
            Some("u2"),
            answer("m2", "end_turn", json!({"type": "text", "text": "Built."})),
        ),
    ]
}

#[expect(clippy::disallowed_methods, reason = "files of the user's")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn kinds(dir: &Path) -> Vec<String> {
    let all = out(&expect(dir, &["tail", "db", "--json", "-n", "1000"], "", 0));
    let kind = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["kind"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    all.lines().map(kind).collect()
}

fn import(dir: &Path, more: &[&str], code: i32) -> (Value, String) {
    let arguments = [&["import", "db", "--json", "--format"], more].concat();
    let output = expect(dir, &arguments, "", code);
    let answer = out(&output);
    let answer = answer.lines().next().map(|line| serde_json::from_str(line).unwrap());
    (answer.unwrap_or_default(), err(&output))
}

#[test]
fn what_a_file_has_more_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let lines = session("S");
    let file = dir.join("S.jsonl");
    write(&file, &lines[..2].concat());
    let (answer, said) = import(dir, &["claude-code", "S.jsonl"], 0);
    assert_eq!((&answer["records"], &answer["waiting"]), (&json!(2), &json!(1)));
    assert!(
        said.contains("waiting: S.jsonl: 1 tool call without a result, 0 answers"),
        "{said}"
    );
    assert_eq!(kinds(dir), ["message", "model_call"]);
    write(&file, &lines.concat());
    let (answer, _) = import(dir, &["claude-code", "S.jsonl"], 0);
    assert_eq!((&answer["records"], &answer["waiting"]), (&json!(4), &json!(0)));
    assert_eq!(kinds(dir), ["message", "model_call", "tool_call", "model_call"]);
    let (answer, _) = import(dir, &["claude-code", "S.jsonl"], 0);
    assert_eq!((&answer["records"], kinds(dir).len()), (&json!(4), 4));
    assert!(out(&expect(dir, &["trace", "db", "@last"], "", 0)).contains("4 records of 1 agents"));

    // A session that ended within a call, and said so.
    write(&dir.join("T.jsonl"), &session("T")[..2].concat());
    let (answer, _) = import(dir, &["claude-code", "--ended", "--agent", "coder", "T.jsonl"], 0);
    assert_eq!((&answer["records"], &answer["waiting"]), (&json!(3), &json!(0)));
    let last = out(&expect(dir, &["show", "db", "@last", "--json"], "", 0));
    assert!(
        last.contains(r#""agent":{"id":"coder""#) && last.contains(r#""status":"unknown""#),
        "{last}"
    );
    expect(dir, &["verify", "db"], "", 0);
    let chat = expect(dir, &["import", "db", "--format", "chat", "--follow", "S.jsonl"], "", 2);
    assert!(err(&chat).contains("--format claude-code or codex"));
}

#[test]
fn a_directory_stands_for_its_transcripts_and_bad_lines_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    for name in ["A", "B"] {
        write(&dir.join(format!("p/one/{name}.jsonl")), &session(name).concat());
    }
    write(&dir.join("p/two/deep/C.jsonl"), &session("C").concat());
    write(&dir.join("p/two/notes.txt"), "no transcript");
    let (answer, _) = import(dir, &["claude-code", "p"], 0);
    assert_eq!((&answer["transcripts"], &answer["records"]), (&json!(3), &json!(12)));
    let sessions = out(&expect(dir, &["tail", "db", "--json", "-n", "12"], "", 0));
    let sessions = sessions
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["session"].to_string());
    assert_eq!(sessions.collect::<BTreeSet<_>>().len(), 3);

    let lines = session("D");
    let bad = [
        lines[0].as_str(),
        "no json\n",
        "\n",
        "{\"type\":\"user\",\"type\":\"x\"}\n",
        &lines[3],
        "{\"type\":\"assis",
    ];
    write(&dir.join("D.jsonl"), &bad.concat());
    let (answer, said) = import(dir, &["claude-code", "D.jsonl"], 3);
    assert_eq!((&answer["records"], &answer["skipped"]), (&json!(3), &json!(2)));
    assert!(said.contains("skipped: D.jsonl, line 2: not JSON"), "{said}");
    assert!(said.contains("skipped: D.jsonl, line 6: it has no end"), "{said}");
    assert!(out(&expect(dir, &["tail", "db", "--json", "-n", "12"], "", 0)).contains(r#""json.odd":true"#));
    // A line longer than a record may be costs only itself.
    let long = format!("{}{{\"x\":\"{}\"}}\n{}", lines[0], "x".repeat(64 << 20), lines[3]);
    write(&dir.join("E.jsonl"), &long);
    let (answer, said) = import(dir, &["claude-code", "E.jsonl"], 3);
    assert_eq!((&answer["records"], &answer["skipped"]), (&json!(2), &json!(1)));
    assert!(said.contains("E.jsonl, line 2: longer than"), "{said}");
    import(dir, &["codex", "nowhere.jsonl"], 2);
    write(&dir.join("empty/x.txt"), "");
    import(dir, &["codex", "empty"], 1);
}

/// Waits until the log has so many records.
fn until(dir: &Path, wanted: usize, follower: &mut Child) {
    let started = Instant::now();
    while kinds(dir).len() < wanted {
        let has = kinds(dir);
        assert!(started.elapsed() < Duration::from_secs(60), "{wanted}: {has:?}");
        assert!(follower.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(kinds(dir).len(), wanted);
}

#[test]
fn a_session_is_followed_while_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let lines = session("S");
    let file = dir.join("p/S.jsonl");
    // The last line is half written.
    write(&file, &(lines[0].clone() + &lines[1][..40]));
    let mut follower = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .args(["import", "db", "--format", "claude-code", "--follow", "p", "--json"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(dir, 1, &mut follower);
    write(&file, &lines[..2].concat());
    until(dir, 2, &mut follower);
    write(&file, &lines.concat());
    until(dir, 4, &mut follower);
    // A new session, and another file under the first one's name.
    write(&dir.join("p/sub/T.jsonl"), &session("T").concat());
    until(dir, 8, &mut follower);
    write(&file, &session("U").concat());
    until(dir, 12, &mut follower);
    write(&file, &session("V")[..1].concat());
    until(dir, 13, &mut follower);
    let pid = rustix::process::Pid::from_raw(i32::try_from(follower.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = follower.wait().unwrap();
    let (mut said, mut why) = (String::new(), String::new());
    follower.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    follower.stderr.take().unwrap().read_to_string(&mut why).unwrap();
    assert_eq!(ended.code(), Some(0), "{said}{why}");
    let answer: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(
        (&answer["transcripts"], &answer["skipped"]),
        (&json!(2), &json!(0)),
        "{why}"
    );
    expect(dir, &["verify", "db"], "", 0);
}
