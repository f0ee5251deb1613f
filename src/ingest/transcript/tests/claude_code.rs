//! Sessions of Claude Code.

use super::*;

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
