//! Sessions as several versions of the two agents write them, made from the shapes that are published.

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

/// A line of a session that has been going on for so many seconds.
fn at(seconds: u32, uuid: &str, above: Option<&str>, rest: Value) -> Value {
    let mut line = json!({
        "parentUuid": above, "isSidechain": false, "userType": "external", "cwd": "/app", "sessionId": "S", "version": "2.1.12",
        "gitBranch": "main", "uuid": uuid, "timestamp": format!("2026-03-01T10:00:{seconds:02}.000Z"),
    });
    line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    line
}

fn user(content: Value) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": content}})
}

fn assistant(id: &str, stop: Option<&str>, output: u32, block: Value) -> Value {
    json!({"type": "assistant", "requestId": format!("req-{id}"), "message": {
        "id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [block], "stop_reason": stop,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100, "output_tokens": output},
    }})
}

fn tool(id: &str, name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

fn gives(id: &str, content: &str, is_error: bool) -> Value {
    json!([{"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error}])
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn a_turn_of_claude_code_member_by_member() {
    let thinking = json!({"type": "thinking", "thinking": "Look first.", "signature": "c2ln"});
    let mut answer = user(gives("t1", "print(1)", false));
    answer["toolUseResult"] = json!({"type": "text", "file": {"filePath": "/app/a.py"}});
    let lines = [
        json!({"type": "summary", "summary": "Title", "leafUuid": "x"}),
        at(0, "u1", None, user(json!("Fix it"))),
        at(2, "a1", Some("u1"), assistant("m1", None, 2, thinking)),
        at(3, "a2", Some("a1"), assistant("m1", None, 2, text("I read it."))),
        at(
            4,
            "a3",
            Some("a2"),
            assistant(
                "m1",
                Some("tool_use"),
                57,
                tool("t1", "Read", json!({"file_path": "/app/a.py"})),
            ),
        ),
        at(5, "u2", Some("a3"), answer),
        at(7, "a4", Some("u2"), assistant("m2", Some("end_turn"), 9, text("Done."))),
    ];
    let records = claude(&lines);
    assert_eq!(
        kinds(&records),
        ["transcript", "message", "model_call", "tool_call", "model_call"]
    );
    let [title, prompt, call, read, end] = records.as_slice() else {
        panic!()
    };
    assert_eq!(title["attributes"]["claude_code"]["summary"], "Title");
    assert_eq!(prompt["input"], json!({"trigger": "person", "text": "Fix it"}));
    assert_eq!(prompt["attributes"]["claude_code"]["cwd"], "/app");
    assert_eq!(prompt["attributes"]["claude_code"]["gitBranch"], "main");
    assert_eq!(prompt["agent"], json!({"id": "claude-code", "version": "2.1.12"}));
    assert_eq!(
        (&prompt["session"], &prompt["correlation"], &prompt["parent"]),
        (&json!("S"), &json!("u1"), &Value::Null)
    );
    assert_eq!(prompt["time"], "2026-03-01T10:00:00.000000000Z");
    assert_eq!(call["parent"], prompt["id"]);
    assert_eq!(call["model"]["name"], "claude-sonnet-4-5");
    assert_eq!(call["reasoning"], "Look first.");
    assert_eq!(call["output"], json!({"text": "I read it.", "finish": "tool_use"}));
    assert_eq!(
        call["usage"],
        json!({"input_tokens": 123, "output_tokens": 57, "cache_read_tokens": 20, "cache_write_tokens": 100})
    );
    let left = &call["attributes"]["claude_code"];
    assert_eq!(left["tool_uses"], json!([{"id": "t1", "name": "Read"}]));
    assert_eq!(left["blocks"], json!([{"type": "thinking", "signature": "c2ln"}]));
    assert_eq!(
        (&left["requestId"], &left["lines"][1]["uuid"]),
        (&json!("req-m1"), &json!("a3"))
    );
    assert_eq!(read["parent"], call["id"]);
    assert_eq!(
        read["tools"],
        json!([{"name": "Read", "call": "t1", "operation": "read", "parameters": {"file_path": "/app/a.py"},
            "result": "print(1)", "status": "success", "duration_ms": 1000}])
    );
    assert_eq!(
        read["access"],
        json!([{"system": "file", "resource": "/app/a.py", "operation": "read", "call": "t1"}])
    );
    assert_eq!(
        read["attributes"]["claude_code"]["result"]["toolUseResult"]["file"]["filePath"],
        "/app/a.py"
    );
    assert_eq!((&end["parent"], &end["output"]["text"]), (&read["id"], &json!("Done.")));
    assert!(records[1..].iter().all(|record| record["correlation"] == "u1"));
}

#[test]
fn what_the_person_allows_refuses_and_interrupts() {
    let no = "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell you how to proceed, the user said:\nuse git mv";
    let call = |id: &str, seconds: u32, name: &str| {
        let line = assistant(
            &format!("m{id}"),
            Some("tool_use"),
            1,
            tool(id, name, json!({"command": "rm -r x"})),
        );
        at(seconds, &format!("a{id}"), Some("u1"), line)
    };
    let mut stopped = user(gives("t3", "half of it", false));
    stopped["toolUseResult"] = json!({"stdout": "half of it", "interrupted": true});
    let mut meta = user(json!("Caveat: what follows is the machine's."));
    meta["isMeta"] = json!(true);
    let lines = [
        at(0, "u1", None, user(json!("Clean up"))),
        call("t1", 1, "Bash"),
        at(2, "u2", Some("at1"), user(gives("t1", no, true))),
        call("t2", 3, "ExitPlanMode"),
        at(
            4,
            "u3",
            Some("at2"),
            user(gives(
                "t2",
                "User has approved your plan. You can now start coding.",
                false,
            )),
        ),
        call("t3", 5, "Bash"),
        at(6, "u4", Some("at3"), stopped),
        at(
            6,
            "u5",
            Some("u4"),
            user(json!([text("[Request interrupted by user for tool use]")])),
        ),
        call("t4", 7, "Bash"),
        at(8, "u6", Some("at4"), user(gives("t4", "no such file", true))),
        at(9, "u7", Some("u6"), meta),
    ];
    let records = claude(&lines);
    let tools: Vec<&Value> = records.iter().filter(|record| record["kind"] == "tool_call").collect();
    let statuses: Vec<&Value> = tools.iter().map(|record| &record["outcome"]["status"]).collect();
    assert_eq!(statuses, ["denied", "success", "cancelled", "failure"]);
    assert_eq!(
        tools[0]["human"],
        json!({"role": "user", "did": "rejected", "comment": "use git mv"})
    );
    assert!(tools[0]["access"].is_null(), "what was refused has touched nothing");
    assert_eq!(tools[1]["human"]["did"], "approved");
    assert_eq!(
        tools[3]["outcome"]["error"],
        json!({"type": "tool_error", "message": "no such file"})
    );
    assert_eq!(tools[3]["access"][0]["resource"], "rm -r x");
    let interrupted = records
        .iter()
        .find(|record| record["human"]["did"] == "overrode")
        .unwrap();
    assert_eq!(interrupted["kind"], "message");
    let meta = records.last().unwrap();
    assert_eq!(
        (&meta["kind"], &meta["input"]["trigger"]),
        (&json!("message"), &Value::Null)
    );
}

#[test]
fn a_sub_agent_is_bound_to_the_call_that_made_it() {
    let task = tool(
        "t1",
        "Agent",
        json!({"subagent_type": "Explore", "description": "Find it", "prompt": "Look for x"}),
    );
    let mut done = user(gives("t1", "It is in a.py", false));
    done["toolUseResult"] = json!({"status": "completed", "agentId": "ab12", "totalDurationMs": 1234});
    let main = claude(&[
        at(0, "u1", None, user(json!("Where is x?"))),
        at(1, "a1", Some("u1"), assistant("m1", Some("tool_use"), 1, task.clone())),
        at(9, "u2", Some("a1"), done),
    ]);
    let handoff = &main[2];
    assert_eq!(handoff["kind"], "handoff");
    assert_eq!(
        handoff["handoff"],
        json!({"to": {"type": "agent", "id": "claude-code/Explore"}, "reason": "Find it"})
    );
    assert_eq!(handoff["tools"][0]["result"], "It is in a.py");
    assert_eq!(handoff["duration_ms"], 1234);
    let side = |mut line: Value| {
        line["isSidechain"] = json!(true);
        line["agentId"] = json!("ab12");
        line
    };
    let sub = claude(&[
        side(at(2, "s1", None, user(json!("Look for x")))),
        side(at(
            3,
            "s2",
            Some("s1"),
            assistant("m7", Some("end_turn"), 1, text("It is in a.py")),
        )),
    ]);
    assert_eq!(sub[0]["parent"], handoff["id"]);
    assert_eq!(sub[0]["input"]["trigger"], "agent");
    assert_eq!(sub[0]["agent"]["id"], "claude-code/sub-agent");
    assert_eq!((&sub[1]["parent"], &sub[1]["session"]), (&sub[0]["id"], &json!("S")));

    // Before 2.0 its lines stood between the others, without an id.
    let side = |mut line: Value| {
        line["isSidechain"] = json!(true);
        line
    };
    let task = tool("t1", "Task", task["input"].clone());
    let old = claude(&[
        at(0, "u1", None, user(json!("Where is x?"))),
        at(1, "a1", Some("u1"), assistant("m1", Some("tool_use"), 1, task)),
        side(at(2, "s1", None, user(json!("Look for x")))),
        side(at(
            3,
            "s2",
            Some("s1"),
            assistant("m7", Some("end_turn"), 1, text("It is in a.py")),
        )),
        at(4, "u2", Some("a1"), user(gives("t1", "It is in a.py", false))),
        at(
            5,
            "a2",
            Some("u2"),
            assistant("m2", Some("end_turn"), 1, text("In a.py")),
        ),
    ]);
    let find = |what: &dyn Fn(&Value) -> bool| old.iter().find(|record| what(record)).unwrap();
    let (handoff, first) = (
        find(&|record| record["kind"] == "handoff"),
        find(&|record| record["input"]["text"] == "Look for x"),
    );
    assert_eq!(
        (&first["parent"], &first["agent"]["id"]),
        (&handoff["id"], &json!("claude-code/Explore"))
    );
    let last = find(&|record| record["output"]["text"] == "In a.py");
    assert_eq!(
        (&last["parent"], &last["agent"]["id"]),
        (&handoff["id"], &json!("claude-code"))
    );
}

#[test]
fn what_may_go_on_waits() {
    let call = assistant("m1", None, 1, tool("t1", "Bash", json!({"command": "make"})));
    let lines = [
        at(0, "u1", None, user(json!("Build it"))),
        at(1, "a1", Some("u1"), call),
    ];
    let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
    let read = |pause| records_in(Format::ClaudeCode, "S.jsonl", &texts, pause);
    assert_eq!(kinds(&read(Pause::Growing)), ["message"]);
    assert_eq!(kinds(&read(Pause::Resting)), ["message", "model_call"]);
    let ended = read(Pause::Ended);
    assert_eq!(kinds(&ended), ["message", "model_call", "tool_call"]);
    assert_eq!(ended[2]["outcome"]["status"], "unknown");
    assert_eq!(ended[2]["attributes"]["result.missing"], true);

    let options = TranscriptOptions {
        format: Format::ClaudeCode,
        agent: None,
    };
    let mut transcript = Transcript::new(&options, "S.jsonl");
    texts.iter().for_each(|line| drop(transcript.line(line.as_bytes())));
    assert_eq!(transcript.waiting(), Waiting { calls: 1, messages: 1 });

    // The next prompt says that there will be no result. One that comes all the same is kept by itself.
    let late = claude(&[
        lines[0].clone(),
        lines[1].clone(),
        at(5, "u2", Some("a1"), user(json!("Never mind"))),
        at(6, "u3", Some("u2"), user(gives("t1", "built", false))),
    ]);
    assert_eq!(
        kinds(&late),
        ["message", "model_call", "tool_call", "message", "tool_call"]
    );
    assert_eq!(late[2]["tools"][0]["parameters"]["command"], "make");
    assert_eq!(late[4]["tools"][0]["result"], "built");
    assert_eq!(late[4]["attributes"]["claude_code"]["call.missing"], true);
    assert_ne!(late[2]["id"], late[4]["id"]);
}

#[test]
fn the_usage_of_an_answer_is_counted_once() {
    // The answer was taken for whole when the tool had answered, and went on all the same.
    let records = claude(&[
        at(0, "u1", None, user(json!("Two things"))),
        at(
            1,
            "a1",
            Some("u1"),
            assistant("m1", Some("tool_use"), 5, tool("t1", "LS", json!({"path": "/"}))),
        ),
        at(2, "u2", Some("a1"), user(gives("t1", "x", false))),
        at(
            3,
            "a2",
            Some("a1"),
            assistant("m1", Some("tool_use"), 5, tool("t2", "LS", json!({"path": "/x"}))),
        ),
        at(4, "u3", Some("a2"), user(gives("t2", "y", false))),
    ]);
    assert_eq!(
        kinds(&records),
        ["message", "model_call", "tool_call", "model_call", "tool_call"]
    );
    assert_eq!(records[1]["usage"]["output_tokens"], 5);
    assert!(records[3]["usage"].is_null());
    assert_eq!(records[3]["attributes"]["claude_code"]["goes_on"], records[1]["id"]);
    let synthetic = json!({"type": "assistant", "isApiErrorMessage": true, "message": {"id": "x", "model": "<synthetic>",
        "role": "assistant", "content": [text("API Error: 529 Overloaded")], "usage": {"output_tokens": 0}}});
    let failed = claude(&[at(0, "a1", None, synthetic)]);
    assert_eq!(
        (&failed[0]["kind"], &failed[0]["outcome"]["error"]["message"]),
        (&json!("error"), &json!("API Error: 529 Overloaded"))
    );
}

/// A line of a rollout.
fn item(seconds: u32, kind: &str, payload: Value) -> Value {
    json!({"timestamp": format!("2026-07-13T16:00:{seconds:02}.000Z"), "type": kind, "payload": payload})
}

fn says(role: &str, said: &str) -> Value {
    let kind = if role == "assistant" {
        "output_text"
    } else {
        "input_text"
    };
    json!({"type": "message", "role": role, "content": [{"type": kind, "text": said}]})
}

fn calls(id: &str, name: &str, arguments: Value) -> Value {
    json!({"type": "function_call", "name": name, "arguments": arguments.to_string(), "call_id": id})
}

fn output(id: &str, output: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": output})
}

#[test]
fn a_turn_of_codex_member_by_member() {
    let usage =
        json!({"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 7, "reasoning_output_tokens": 3});
    let count = json!({"type": "token_count", "info": {"total_token_usage": usage, "last_token_usage": usage}});
    let lines = [
        item(
            0,
            "session_meta",
            json!({"id": "R", "cwd": "/w", "cli_version": "0.144.3", "model_provider": "openai", "git": {"branch": "main"},
                "base_instructions": {"text": "You are Codex."}}),
        ),
        item(0, "event_msg", json!({"type": "task_started", "turn_id": "t1"})),
        item(
            0,
            "turn_context",
            json!({"turn_id": "t1", "cwd": "/w", "approval_policy": "on-request", "sandbox_policy": {"type": "read-only"},
                "model": "gpt-5.6", "effort": "high"}),
        ),
        item(
            1,
            "response_item",
            says("user", "<environment_context>x</environment_context>"),
        ),
        item(1, "response_item", says("user", "List the files")),
        item(
            1,
            "event_msg",
            json!({"type": "user_message", "message": "List the files", "images": []}),
        ),
        item(
            2,
            "response_item",
            json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Use ls."}], "encrypted_content": "gA"}),
        ),
        item(
            3,
            "response_item",
            calls("c1", "exec_command", json!({"cmd": "ls", "workdir": "/w"})),
        ),
        item(
            5,
            "response_item",
            output("c1", "Wall time: 0.2 seconds\nProcess exited with code 2\nOutput:\nno"),
        ),
        item(5, "event_msg", count.clone()),
        item(6, "response_item", says("assistant", "There are none.")),
        item(7, "event_msg", count),
        item(
            7,
            "event_msg",
            json!({"type": "token_count", "info": null, "rate_limits": {}}),
        ),
        item(
            7,
            "event_msg",
            json!({"type": "task_complete", "turn_id": "t1", "last_agent_message": "There are none."}),
        ),
    ];
    let records = codex(&lines);
    let of = |kind: &str| -> Vec<&Value> { records.iter().filter(|record| record["kind"] == kind).collect() };
    let (prompts, answers, tools) = (of("message"), of("model_call"), of("tool_call"));
    assert_eq!(
        (records.len(), prompts.len(), answers.len(), tools.len()),
        (12, 2, 2, 1)
    );
    let definition = of("definition")[0];
    assert_eq!(definition["definition"]["text"], "You are Codex.");
    assert!(prompts[0]["input"]["trigger"].is_null());
    assert_eq!(
        prompts[1]["input"],
        json!({"trigger": "person", "text": "List the files"})
    );
    let turn = of("transcript")[2];
    assert_eq!(
        turn["policies"],
        json!([{"id": "approval_policy", "rule": "on-request"}, {"id": "sandbox_policy", "rule": "read-only"}])
    );
    assert_eq!(turn["attributes"]["codex"]["payload"]["cwd"], "/w");
    let echo = of("transcript")[3];
    assert_eq!(echo["attributes"]["codex"]["repeats"], prompts[1]["id"]);
    assert_eq!(answers[0]["parent"], prompts[1]["id"]);
    assert_eq!(answers[0]["model"], json!({"provider": "openai", "name": "gpt-5.6"}));
    assert_eq!(answers[0]["reasoning"], "Use ls.");
    assert_eq!(
        answers[0]["input"]["prompt"]["digest"],
        definition["definition"]["digest"]
    );
    assert_eq!(
        answers[0]["usage"],
        json!({"input_tokens": 100, "output_tokens": 7, "cache_read_tokens": 40, "reasoning_tokens": 3})
    );
    assert_eq!(answers[0]["attributes"]["codex"]["payload"]["encrypted_content"], "gA");
    assert_eq!(tools[0]["parent"], answers[0]["id"]);
    assert_eq!(
        tools[0]["tools"][0]["parameters"],
        json!({"cmd": "ls", "workdir": "/w"})
    );
    assert_eq!(
        tools[0]["outcome"],
        json!({"status": "failure", "error": {"type": "exit_code", "code": "2"}})
    );
    assert_eq!(tools[0]["duration_ms"], 2000);
    assert_eq!(
        tools[0]["access"],
        json!([{"system": "shell", "resource": "ls", "operation": "execute", "call": "c1"}])
    );
    assert_eq!(
        (&answers[1]["parent"], &answers[1]["output"]["text"]),
        (&tools[0]["id"], &json!("There are none."))
    );
    assert_eq!(answers[1]["agent"], json!({"id": "codex", "version": "0.144.3"}));
    assert!(
        records[2..]
            .iter()
            .all(|record| record["session"] == "R" && record["correlation"] == "t1")
    );
}

#[test]
fn the_bare_lines_of_2025_are_read() {
    let shell = |id: &str| json!({"type": "function_call", "id": null, "name": "shell", "arguments": "{\"command\":[\"ls\",\"-a\"]}", "call_id": id});
    let exited = "{\"output\":\"a\\nb\",\"metadata\":{\"exit_code\":0,\"duration_seconds\":0.5}}";
    let lines = [
        json!({"id": "R", "timestamp": "2025-08-18T01:16:13.522Z", "instructions": "Be brief.", "git": {"branch": "main"}}),
        json!({"record_type": "state"}),
        says("user", "What is here?"),
        json!({"record_type": "state"}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "ls"}]}),
        shell("c1"),
        output("c1", exited),
        says("assistant", "a and b"),
        says("user", "Thanks"),
    ];
    let records = codex(&lines);
    assert_eq!(
        kinds(&records),
        [
            "definition",
            "transcript",
            "transcript",
            "message",
            "transcript",
            "tool_call",
            "model_call",
            "model_call",
            "message"
        ]
    );
    let tool = &records[5];
    assert_eq!(tool["tools"][0]["result"]["output"], "a\nb");
    assert_eq!(
        (&tool["outcome"]["status"], &tool["duration_ms"]),
        (&json!("success"), &json!(500))
    );
    assert_eq!(tool["access"][0]["resource"], "ls -a");
    assert_eq!(tool["parent"], records[6]["id"]);
    assert_eq!(records[6]["attributes"]["codex"]["id"], "rs_1");
    assert_eq!(tool["session"], "R");
    assert_eq!(tool["time"], "2025-08-18T01:16:13.522000000Z");
    assert_eq!(tool["attributes"]["time.assumed"], true);
    assert_eq!(records[3]["correlation"], records[3]["id"]);
    assert_ne!(records[3]["correlation"], records[8]["correlation"]);
    // The same line twice is two facts.
    assert_ne!(records[2]["id"], records[4]["id"]);
}

#[test]
fn how_codexs_tools_end() {
    let patch = "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** Add File: b.py\n+z\n*** End Patch";
    let lines = [
        item(0, "session_meta", json!({"id": "R"})),
        item(
            1,
            "response_item",
            calls("c1", "shell", json!({"command": ["rm", "x"]})),
        ),
        item(
            1,
            "event_msg",
            json!({"type": "exec_approval_request", "call_id": "c1", "command": ["rm", "x"], "reason": "it deletes"}),
        ),
        item(2, "response_item", output("c1", "exec command rejected by user")),
        item(
            3,
            "response_item",
            json!({"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": patch, "status": "completed"}),
        ),
        item(
            4,
            "event_msg",
            json!({"type": "patch_apply_end", "call_id": "c2", "stdout": "done", "success": true, "changes": {"a.py": {}}}),
        ),
        item(
            5,
            "response_item",
            json!({"type": "custom_tool_call_output", "call_id": "c2", "output": "done"}),
        ),
        item(
            6,
            "event_msg",
            json!({"type": "mcp_tool_call_end", "call_id": "c3", "invocation": {"server": "docs", "tool": "search", "arguments": {"q": "x"}},
                "duration": {"secs": 1, "nanos": 500_000_000}, "result": {"Ok": {"content": [], "isError": true}}}),
        ),
        item(
            7,
            "response_item",
            json!({"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "codex"}}),
        ),
        item(8, "response_item", output("c9", "nobody asked")),
        item(9, "response_item", calls("c4", "update_plan", json!({"plan": []}))),
        item(9, "response_item", output("c4", "Plan updated")),
        item(
            10,
            "response_item",
            calls("c5", "shell", json!({"command": ["sleep", "9"]})),
        ),
        item(
            11,
            "event_msg",
            json!({"type": "turn_aborted", "reason": "interrupted"}),
        ),
    ];
    let records = codex(&lines);
    let tools: Vec<&Value> = records.iter().filter(|record| record["kind"] == "tool_call").collect();
    let ends: Vec<String> = tools
        .iter()
        .map(|record| {
            format!(
                "{} {}",
                record["tools"][0]["name"].as_str().unwrap(),
                record["outcome"]["status"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        ends,
        [
            "shell denied",
            "apply_patch success",
            "search failure",
            "web_search success",
            "unnamed unknown",
            "update_plan unknown",
            "shell unknown"
        ]
    );
    assert_eq!(tools[0]["human"]["did"], "rejected");
    let files: Vec<&Value> = tools[1]["access"]
        .as_array()
        .unwrap()
        .iter()
        .map(|access| &access["resource"])
        .collect();
    assert_eq!(files, ["a.py", "b.py"]);
    assert_eq!(tools[1]["access"][1]["operation"], "create");
    assert_eq!(tools[1]["attributes"]["codex"]["end"]["changes"], json!({"a.py": {}}));
    assert_eq!(
        (&tools[2]["tools"][0]["system"], &tools[2]["duration_ms"]),
        (&json!("docs"), &json!(1500))
    );
    assert_eq!(tools[4]["tools"][0]["result"], "nobody asked");
    assert_eq!(tools[6]["attributes"]["result.missing"], true);
    let approval = records.iter().find(|record| record["kind"] == "approval").unwrap();
    assert_eq!(
        (&approval["parent"], &approval["outcome"]["detail"]),
        (&tools[0]["id"], &json!("it deletes"))
    );
    assert_eq!(records.last().unwrap()["human"]["did"], "overrode");
}

#[test]
fn a_sub_agent_of_codex_is_bound_to_the_call_that_made_it() {
    let main = codex(&[
        item(0, "session_meta", json!({"id": "P"})),
        item(
            1,
            "response_item",
            calls(
                "c1",
                "spawn_agent",
                json!({"agent_type": "worker", "message": "Count them"}),
            ),
        ),
        item(
            2,
            "response_item",
            output("c1", "{\"agent_id\":\"C\",\"nickname\":\"Boole\"}"),
        ),
    ]);
    let handoff = main.iter().find(|record| record["kind"] == "handoff").unwrap();
    assert_eq!(
        handoff["handoff"],
        json!({"to": {"type": "agent", "id": "codex/worker"}, "reason": "Count them"})
    );
    let spawn = json!({"subagent": {"thread_spawn": {"parent_thread_id": "P", "depth": 1, "agent_role": "worker"}}});
    let sub = codex(&[
        item(2, "session_meta", json!({"id": "C", "source": spawn})),
        item(3, "response_item", says("user", "Count them")),
    ]);
    assert_eq!((&sub[0]["parent"], &sub[1]["parent"]), (&handoff["id"], &handoff["id"]));
    assert_eq!(
        (&sub[1]["agent"]["id"], &sub[1]["session"]),
        (&json!("codex/worker"), &json!("C"))
    );
    assert_eq!(
        sub[1]["input"],
        json!({"trigger": "agent", "from": "codex", "text": "Count them"})
    );
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
