use super::message::{replaced, units};
use super::*;
use crate::database::Database;
use crate::log::Options;
use serde_json::{Value, json};

fn watch() -> Watch {
    Watch::new(Names::default(), "run-1".to_owned())
}

fn at(milliseconds: u64) -> Moment {
    let steady = milliseconds * 1_000_000;
    Moment {
        time: 1_790_000_000_000_000_000 + i64::try_from(steady).unwrap(),
        steady,
    }
}

fn call(id: impl Into<Value>, name: &str) -> String {
    let params = json!({"name": name, "arguments": {"n": 1}, "_meta": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
    json!({"jsonrpc": "2.0", "id": id.into(), "method": "tools/call", "params": params}).to_string()
}

fn result(id: impl Into<Value>, text: &str, is_error: bool) -> String {
    json!({"jsonrpc": "2.0", "id": id.into(), "result": {"content": [{"type": "text", "text": text}], "isError": is_error}}).to_string()
}

/// What the records hold; all of them are such that a log takes them.
fn values(texts: &[String]) -> Vec<Value> {
    Database::in_memory()
        .append_all_json(texts.iter().map(String::as_str))
        .unwrap();
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[test]
fn a_call_and_its_answer_are_a_record() {
    let mut watch = watch();
    let hello =
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"bot","version":"2"}}}"#;
    assert!(watch.sent("", hello, at(0)).is_empty());
    let hello = r#"{"jsonrpc":"2.0","id":0,"result":{"serverInfo":{"name":"files"}}}"#;
    assert!(watch.answered("", hello, at(1)).is_empty());
    // Ids of either type are apart, and answers come in any order.
    assert!(watch.sent("", &call(1, "read"), at(10)).is_empty());
    assert!(watch.sent("", &call("1", "write"), at(20)).is_empty());
    let first = values(&watch.answered("", &result("1", "no room", true), at(25)));
    let second = values(&watch.answered("", &result(1, "done", false), at(40)));
    assert_eq!(first[0]["agent"], json!({"id": "bot", "version": "2"}));
    let tool = &first[0]["tools"][0];
    assert_eq!(
        (&tool["name"], &tool["system"], &tool["status"], &tool["duration_ms"]),
        (&json!("write"), &json!("files"), &json!("failure"), &json!(5))
    );
    assert_eq!(
        first[0]["outcome"]["error"],
        json!({"type": "tool_error", "message": "no room"})
    );
    assert_eq!(
        first[0]["trace"],
        json!({"id": "0af7651916cd43dd8448eb211c80319c", "span": "b7ad6b7169203331"})
    );
    assert_eq!(second[0]["tools"][0]["result"]["content"][0]["text"], "done");
    assert_eq!(
        (&second[0]["source"]["number"], &second[0]["session"]),
        (&json!(2), &json!("run-1"))
    );
    // An answer to nothing is nobody's.
    assert!(watch.answered("", &result(1, "again", false), at(50)).is_empty());
}

#[test]
fn what_is_never_answered_has_a_record_too() {
    let mut watch = watch();
    for id in 0..3 {
        watch.sent("", &call(id, "slow"), at(id));
    }
    let cancelled =
        |id: u32| format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#);
    assert!(watch.sent("", &cancelled(1), at(8)).is_empty());
    assert!(watch.sent("", &cancelled(2), at(8)).is_empty());
    // An answer may come all the same.
    let late = values(&watch.answered("", &result(1, "done", false), at(9)));
    assert_eq!(
        (&late[0]["outcome"]["status"], &late[0]["attributes"]["mcp.cancelled"]),
        (&json!("success"), &json!(true))
    );
    let left = values(&watch.ended(None, at(10)));
    let left: Vec<_> = left
        .iter()
        .map(|record| (record["tools"][0]["call"].clone(), record["outcome"]["status"].clone()))
        .collect();
    assert_eq!(left, [(json!("0"), json!("unknown")), (json!("2"), json!("cancelled"))]);
    assert!(watch.ended(None, at(11)).is_empty());
}

#[test]
fn errors_resources_prompts_batches_and_tools() {
    let mut watch = watch();
    watch.sent("", r#"[{"id":1,"method":"resources/read","params":{"uri":"file:///a"}},{"id":2,"method":"prompts/get","params":{"name":"p","arguments":{"x":"y"}}},{"id":3,"method":"tools/list"}]"#, at(0));
    let answers = r#"[{"id":1,"error":{"code":-32002,"message":"not found"}},{"id":2,"result":{"messages":[]}},{"id":3,"result":{"tools":[{"name":"t","inputSchema":{}}]}}]"#;
    let records = values(&watch.answered("", answers, at(1)));
    assert_eq!(
        records[0]["outcome"]["error"],
        json!({"type": "json_rpc", "message": "not found", "code": "-32002"})
    );
    assert_eq!(
        (
            &records[0]["access"][0]["resource"],
            &records[0]["access"][0]["operation"]
        ),
        (&json!("file:///a"), &json!("read"))
    );
    assert_eq!(
        (&records[1]["input"]["prompt"]["id"], &records[1]["input"]["variables"]),
        (&json!("p"), &json!({"x": "y"}))
    );
    assert_eq!(
        (&records[2]["kind"], &records[2]["definition"]["id"]),
        (&json!("definition"), &json!("mcp-server/t"))
    );
    // Described once, and once more when it has changed.
    for (schema, count) in [("{}", 0), ("{\"type\":\"object\"}", 1)] {
        watch.sent("", r#"{"id":4,"method":"tools/list"}"#, at(2));
        let listed = format!("{{\"id\":4,\"result\":{{\"tools\":[{{\"name\":\"t\",\"inputSchema\":{schema}}}]}}}}");
        assert_eq!(watch.answered("", &listed, at(3)).len(), count);
    }
}

/// Whatever either side says, what comes of it is a record that a log takes.
#[test]
fn nothing_that_is_said_makes_a_record_that_is_none() {
    let odd = ["\u{0}", "\\", "\"", "a\nb", "auditdb", "AUDITDB", "\u{202e}x", ""];
    for name in odd {
        let mut watch = watch();
        let client =
            json!({"id": name, "method": "initialize", "params": {"clientInfo": {"name": name, "version": name}}});
        watch.sent(name, &client.to_string(), at(0));
        let server = json!({"id": name, "result": {"serverInfo": {"name": name}}});
        watch.answered(name, &server.to_string(), at(0));
        for method in ["tools/call", "resources/read", "prompts/get"] {
            let asked =
                json!({"id": name, "method": method, "params": {"name": name, "uri": name, "arguments": {name: name}}});
            watch.sent(name, &asked.to_string(), at(1));
            assert_eq!(
                values(&watch.answered(name, &result(name, name, true), at(2))).len(),
                1,
                "{name:?}"
            );
        }
    }
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    for params in [
        "7",
        "[]",
        "{\"name\":7}",
        "{\"arguments\":{\"a\":1,\"a\":2}}",
        &format!("{{\"arguments\":{deep}}}"),
        "{\"name\":\"\\ud800\"}",
        "null",
    ] {
        let mut watch = watch();
        watch.sent(
            "",
            &format!("{{\"id\":1,\"method\":\"tools/call\",\"params\":{params}}}"),
            at(0),
        );
        let answer = format!("{{\"id\":1,\"result\":{{\"structuredContent\":{deep},\"x\":1,\"x\":2}}}}");
        assert_eq!(values(&watch.answered("", &answer, at(1))).len(), 1, "{params}");
    }
    // What is no message is kept as it was said; an empty line says nothing.
    let mut watch = watch();
    assert_eq!(
        values(&watch.sent("", "{\"id\":1,\"id\":2}", at(0)))[0]["input"]["text"],
        "{\"id\":1,\"id\":2}"
    );
    assert!(watch.sent("", "\n", at(0)).is_empty());
    assert!(watch.answered("", "no JSON", at(0)).is_empty());
}

#[test]
fn nothing_passes_unrecorded_where_it_may_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let start = |trouble| Recorder::start(&path, Options::default(), (Passing::Recorded, trouble), |_| {});
    assert!(start(Trouble::Closed).is_err());
    // Open: it passes, and is recorded as soon as there is a log.
    let recorder = start(Trouble::Open).unwrap();
    let record = |number: u32| {
        json!({"agent": {"id": "a"}, "kind": "tool_call", "correlation": number.to_string(), "source": {"id": "x", "boot": "y", "number": number}}).to_string()
    };
    assert_eq!(recorder.record(vec![record(1)]), Ok(()));
    assert_eq!(recorder.objection(), None);
    drop(Database::create(&path).unwrap());
    assert_eq!(recorder.record(vec![record(2)]), Ok(()));
    assert_eq!(recorder.finish(), 0);
    assert_eq!(recorder.finish(), 0);
    let db = Database::open_read_only(&path).unwrap();
    let stored = db
        .records(..)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| !entry.is_of_the_log());
    assert_eq!(stored.count(), 2);
    let recorder = start(Trouble::Closed).unwrap();
    assert_eq!(recorder.record(vec![record(3)]), Ok(()));
    assert!(recorder.record(vec!["{}".to_owned()]).is_err());
    assert_eq!(recorder.objection(), None);
    assert_eq!(recorder.finish(), 1);
    // Too late is too late.
    assert!(recorder.record(vec![record(4)]).is_err());
    assert!(recorder.objection().is_some());
}

#[test]
fn an_answer_that_may_not_pass_is_an_error_in_its_place() {
    let error: Value = serde_json::from_str(&replaced(&result("a", "x", false), "the disk is full")).unwrap();
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!("a"), &json!(-32000)));
    assert!(error["error"]["message"].as_str().unwrap().contains("the disk is full"));
    assert_eq!(units(&call(7, "x")).ids, ["7"]);
    let ping = units(r#"{"id":1,"method":"ping"}"#);
    assert!(ping.ids.is_empty() && ping.is_clear);
    for unclear in ["no JSON", "{\"id\":1,\"id\":2}", "\u{feff}{}"] {
        assert!(!units(unclear).is_clear, "{unclear}");
    }
    let batch: Value = serde_json::from_str(&replaced(&format!("[{}]", result(1, "secret", false)), "x")).unwrap();
    assert_eq!(batch[0]["id"], 1);
    assert!(!batch.to_string().contains("secret"));
}

/// An id that is used again, spelled otherwise, or left out hides no call.
#[test]
fn no_id_hides_a_call() {
    let mut watch = watch();
    watch.sent("", &call(7, "delete_all"), at(0));
    let pushed = values(&watch.sent("", &call(7, "list"), at(1)));
    assert_eq!(
        (&pushed[0]["tools"][0]["name"], &pushed[0]["outcome"]["status"]),
        (&json!("delete_all"), &json!("unknown"))
    );
    assert_eq!(watch.answered("", &result(7, "x", false), at(2)).len(), 1);
    for (asked, answered) in [(r#""\u0061""#, r#""a""#), ("1.0", "1"), ("1e2", "100")] {
        watch.sent(
            "",
            &format!("{{\"id\":{asked},\"method\":\"tools/call\",\"params\":{{\"name\":\"t\"}}}}"),
            at(3),
        );
        let answer = format!("{{\"id\":{answered},\"result\":{{}}}}");
        assert_eq!(values(&watch.answered("", &answer, at(4))).len(), 1, "{asked}");
    }
    for id in ["", "\"id\":null,", "\"id\":[],"] {
        let call = format!("{{{id}\"method\":\"tools/call\",\"params\":{{\"name\":\"t\"}}}}");
        assert_eq!(
            values(&watch.sent("", &call, at(5)))[0]["outcome"]["status"],
            "unknown",
            "{id}"
        );
        assert!(!units(&call).is_clear, "{id}");
    }
    // Nor does one among many.
    let many: usize = (0..5000).map(|id| watch.sent("", &call(id, "t"), at(6)).len()).sum();
    assert_eq!(many + watch.ended(None, at(7)).len(), 5000);
    let mut sessions: Vec<String> = Vec::new();
    for id in 0..5000 {
        sessions.extend(watch.sent(&format!("s{id}"), &call(1, "t"), at(8)));
    }
    sessions.extend(watch.ended(None, at(9)));
    let of = |text: &String| {
        let record: Value = serde_json::from_str(text).unwrap();
        record["session"].as_str().unwrap().to_owned()
    };
    let named: Vec<String> = sessions.iter().map(of).collect();
    assert_eq!(named, (0..5000).map(|id| format!("s{id}")).collect::<Vec<_>>());
}
