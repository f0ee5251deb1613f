//! Sessions as several versions of the two agents write them, made from the shapes that are published.

mod claude_code;
mod codex;

use super::*;
use crate::record::{Prepared, RECORD_LIMIT};
use serde_json::{Value, json};

/// The records of these lines, and of the pause behind them. Each has to be one that the log takes, and each beginning
/// of the lines has to give a beginning of the records.
fn records_in(format: Format, file: &str, lines: &[String], pause: Pause) -> Vec<Value> {
    let options = TranscriptOptions { format, agent: None };
    let read = |lines: &[String]| {
        let mut transcript = Transcript::new(&options, file);
        let all = lines.iter().flat_map(|line| transcript.line(line.as_bytes()).unwrap());
        let all: Vec<String> = all.collect();
        (all, transcript)
    };
    let (mut all, mut transcript) = read(lines);
    for end in 0..lines.len() {
        let (beginning, _) = read(&lines[..end]);
        assert!(all.starts_with(&beginning), "the first {end} lines give others");
    }
    all.extend(transcript.pause(pause));
    let parse = |text: &String| {
        Prepared::new(text.as_bytes(), RECORD_LIMIT).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
        serde_json::from_str(text).unwrap()
    };
    all.iter().map(parse).collect()
}

fn claude(lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    records_in(Format::ClaudeCode, "dir/S.jsonl", &lines, Pause::Growing)
}

fn codex(lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    records_in(Format::Codex, "dir/rollout-R.jsonl", &lines, Pause::Growing)
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["kind"].as_str().unwrap()).collect()
}

#[test]
fn odd_lines_are_kept_and_flagged() {
    let deep = format!(
        "{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"hi\"}},\"x\":{}7{}}}",
        "[".repeat(90),
        "]".repeat(90)
    );
    let odd = [
        r#"{"type":"never heard of","a":{"b":1.50}}"#,
        r#"{"type":"user","type":"assistant","y":1}"#,
        r#"{"type":"user","message":{"role":"user","content":"half \ud83d a pair"}}"#,
        &deep,
        "[1,2]",
        "7",
        "{}",
        r#"{"type":"user","message":{"role":"user","content":{"z":1}},"timestamp":"yesterday"}"#,
        r#"{"type":"assistant","message":{"content":9,"usage":[],"model":{}},"uuid":""}"#,
        r#"{"type":"response_item","payload":{"type":"function_call","arguments":[1],"call_id":{}}}"#,
        r#"{"type":"event_msg","payload":{"type":"exec_command_end","call_id":"c","exit_code":"x","duration":{"secs":-1}}}"#,
    ];
    for format in [Format::ClaudeCode, Format::Codex] {
        let lines = odd.map(str::to_owned);
        let records = records_in(format, "S.jsonl", &lines, Pause::Ended);
        assert!(records.len() >= odd.len(), "{format:?}");
        let flagged = records
            .iter()
            .filter(|record| record["attributes"]["json.odd"] == true)
            .count();
        assert_eq!(flagged, 3, "{format:?}");
        let all = serde_json::to_string(&records).unwrap();
        for kept in [
            "\\\\ud83d",
            "[[[[7]]]]",
            "never heard of",
            "yesterday",
            r#""call_id":{}"#,
        ] {
            assert!(all.contains(kept), "{format:?}: {kept} is not in {all}");
        }
        let name = if format == Format::Codex {
            "codex"
        } else {
            "claude_code"
        };
        assert_eq!(records[0]["kind"], "transcript");
        assert_eq!(records[0]["attributes"][name]["a"]["b"], 1.5);
        assert_eq!(records[1]["attributes"][name]["line"], odd[1]);
    }
    let options = TranscriptOptions {
        format: Format::Codex,
        agent: None,
    };
    let texts = Transcript::new(&options, "").line(odd[0].as_bytes()).unwrap();
    assert!(texts[0].contains(r#""b":1.50"#), "{texts:?}");
    assert!(
        Transcript::new(&options, "")
            .line(b"{\"half")
            .unwrap_err()
            .starts_with("not JSON")
    );
    assert!(Transcript::new(&options, "").line(b"\"\xff\"").is_err());
}
