//! Any lines as a transcript: what comes out of them is always a record that the log takes, nothing that stands in a line is
//! lost, and a file that has grown gives what it gave before.

use auditdb::Database;
use auditdb::ingest::transcript::{Format, Pause, Transcript, TranscriptOptions};
use serde_json::{Value, json};

/// The bytes as they stand, as one line and as several, and as what they say to make of the shapes below.
pub(crate) fn session(data: &[u8]) {
    for format in [Format::ClaudeCode, Format::Codex] {
        let lines: Vec<Vec<u8>> = data.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        check(format, &lines, &[]);
        let (mut lines, mut marks) = (Vec::new(), Vec::new());
        for (number, pair) in data.chunks_exact(2).enumerate() {
            let mark = format!("~{number}~");
            let line = match format {
                Format::ClaudeCode => claude_code(pair[0], pair[1], number, &mark),
                Format::Codex => codex(pair[0], pair[1], number, &mark),
            };
            let mut line = line.to_string().into_bytes();
            if pair[0] >= 240 {
                // One byte of it is another.
                let place = usize::from(pair[1]) * line.len() / 256;
                line[place] = pair[0] ^ pair[1];
            } else {
                let text = String::from_utf8_lossy(&line).into_owned();
                let inner = (0..4).map(|place| format!("{mark}{place}"));
                marks.extend(inner.filter(|mark| text.contains(mark.as_str())));
            }
            lines.push(line);
        }
        check(format, &lines, &marks);
    }
}

/// Imports the lines, twice and in part.
fn check(format: Format, lines: &[Vec<u8>], marks: &[String]) {
    let options = TranscriptOptions { format, agent: None };
    let read = |lines: &[Vec<u8>]| {
        let mut transcript = Transcript::new(&options, "dir/S.jsonl");
        let all = lines.iter().filter_map(|line| transcript.line(line).ok()).flatten();
        (all.collect::<Vec<String>>(), transcript)
    };
    let (mut all, mut transcript) = read(lines);
    let (beginning, _) = read(&lines[..lines.len() / 2]);
    assert!(all.starts_with(&beginning));
    all.extend(transcript.pause(Pause::Ended));
    assert_eq!(transcript.waiting(), Default::default());
    let db = Database::in_memory();
    let put = || {
        for text in &all {
            if let Err(error) = db.append_json(text) {
                panic!("{error}: {text}");
            }
        }
        db.len().unwrap()
    };
    assert_eq!(put(), put(), "the same again is the same records");
    let all = all.concat();
    for mark in marks {
        assert!(all.contains(mark.as_str()), "{mark} is lost in {all}");
    }
}

/// A line of Claude Code's; where the mark stands in it there is something that has to be kept.
fn claude_code(kind: u8, what: u8, number: usize, mark: &str) -> Value {
    let call = format!("t{}", what % 5);
    let stop = [Value::Null, json!("tool_use"), json!("end_turn")][usize::from(what / 5 % 3)].clone();
    let block = |block: Value| {
        json!({"type": "assistant", "message": {"id": format!("m{}", what % 3), "role": "assistant", "model": "x", "content": [block],
            "stop_reason": stop, "usage": {"output_tokens": what}, "more": format!("{mark}1")}})
    };
    let mut line = match kind % 12 {
        0 | 1 => json!({"type": "user", "message": {"role": "user", "content": format!("{mark}1")}}),
        2 => {
            json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": format!("{mark}1")},
            {"type": "image", "source": {"data": format!("{mark}2")}}]}})
        }
        3 => block(json!({"type": "text", "text": format!("{mark}2")})),
        4 => block(json!({"type": "thinking", "thinking": format!("{mark}2"), "signature": format!("{mark}3")})),
        5 | 6 => block(
            json!({"type": "tool_use", "id": call, "name": format!("{mark}2"), "input": {"prompt": format!("{mark}3")}}),
        ),
        7 => block(
            json!({"type": "tool_use", "id": call, "name": "Task", "input": {"prompt": "p"}, "caller": format!("{mark}2")}),
        ),
        8 | 9 => {
            json!({"type": "user", "toolUseResult": {"agentId": what % 2, "x": format!("{mark}3")}, "message": {"role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call, "content": format!("{mark}1"), "is_error": what > 99},
                {"type": "tool_result", "tool_use_id": "t0", "content": [{"type": "text", "text": format!("{mark}2")}]}]}})
        }
        10 => json!({"type": "system", "subtype": "api_error", "error": {"message": format!("{mark}1")}}),
        _ => {
            json!({"type": format!("{mark}1"), "isSidechain": true, "message": {"content": "p", "x": format!("{mark}2")}})
        }
    };
    let members = line.as_object_mut().expect("it is an object");
    members.insert("cwd".to_owned(), json!(format!("{mark}0")));
    if !what.is_multiple_of(7) {
        members.insert("uuid".to_owned(), json!(format!("u{number}")));
    }
    if !what.is_multiple_of(6) {
        members.insert(
            "parentUuid".to_owned(),
            json!(format!("u{}", number.saturating_sub(usize::from(what % 3)))),
        );
    }
    if what % 4 == 1 {
        members.insert("isSidechain".to_owned(), json!(true));
        if what % 8 == 1 {
            members.insert("agentId".to_owned(), json!(what % 16));
        } else if what % 8 == 5 && what > 50 {
            members.insert("agentId".to_owned(), json!("ab"));
        }
    }
    line
}

/// The same for Codex's.
fn codex(kind: u8, what: u8, number: usize, mark: &str) -> Value {
    let call = format!("c{}", what % 5);
    let payload = match kind % 14 {
        0 => {
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": format!("{mark}1")}]})
        }
        1 => {
            json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": format!("{mark}1")},
            {"type": "input_image", "image_url": format!("{mark}2")}]})
        }
        2 => {
            json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": format!("{mark}1")}], "encrypted_content": format!("{mark}2")})
        }
        3 | 4 => {
            json!({"type": "function_call", "name": format!("{mark}1"), "arguments": format!("{{\"a\":\"{mark}2\"}}"), "call_id": call})
        }
        5 => {
            json!({"type": "function_call", "name": "spawn_agent", "arguments": format!("{mark}1"), "call_id": call, "more": format!("{mark}2")})
        }
        6 | 7 => {
            json!({"type": "function_call_output", "call_id": call, "output": format!("{mark}1"), "more": format!("{mark}2")})
        }
        8 => {
            json!({"type": "function_call_output", "call_id": call, "output": {"content": format!("{mark}1"), "success": what > 99}})
        }
        9 => json!({"type": "web_search_call", "action": {"query": format!("{mark}1")}, "status": "completed"}),
        10 => {
            json!({"type": "token_count", "info": {"last_token_usage": {"output_tokens": what}}, "more": format!("{mark}1")})
        }
        11 => {
            json!({"type": "mcp_tool_call_end", "call_id": call, "invocation": {"tool": "x", "arguments": format!("{mark}1")},
            "result": {"Ok": format!("{mark}2")}, "more": format!("{mark}3")})
        }
        12 => json!({"type": "turn_aborted", "reason": "interrupted", "more": format!("{mark}1")}),
        _ => json!({"type": "user_message", "message": format!("{mark}1"), "more": format!("{mark}2")}),
    };
    let is_event = kind % 14 > 9;
    if !is_event && what.is_multiple_of(9) {
        return payload;
    }
    let time = format!("2026-07-13T16:00:{:02}Z", number % 60);
    match what % 23 {
        1 => json!({"timestamp": time, "type": "session_meta", "payload": {"id": call, "more": format!("{mark}1")}}),
        2 => {
            json!({"timestamp": time, "type": "turn_context", "payload": {"turn_id": call, "cwd": format!("{mark}1"), "model": "m"}})
        }
        3 => json!({"timestamp": time, "type": format!("{mark}1"), "payload": payload}),
        _ => {
            let kind = if is_event { "event_msg" } else { "response_item" };
            json!({"timestamp": time, "type": kind, "payload": payload, "ordinal": format!("{mark}0")})
        }
    }
}
