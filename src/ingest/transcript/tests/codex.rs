//! Rollouts of Codex CLI.

use super::*;

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
    assert_eq!(
        tools[1]["attributes"]["codex"]["end"]["payload"]["changes"],
        json!({"a.py": {}})
    );
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
