//! Dialects as their SDKs send them. Each record is held against the schema too.

mod sdks;

use super::*;
use crate::record::{Prepared, RECORD_LIMIT};
use serde_json::{Value as Json, json};

/// A span as JSON; attributes that are texts, numbers, truths or lists of texts.
fn span(number: u8, parent: Option<u8>, name: &str, attributes: Json) -> Json {
    let value = |value: &Json| match value {
        Json::String(text) => json!({"stringValue": text}),
        Json::Bool(bool) => json!({"boolValue": bool}),
        Json::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Json::Number(number) => json!({"doubleValue": number}),
        other => {
            json!({"arrayValue": {"values": other.as_array().unwrap().iter().map(|one| json!({"stringValue": one})).collect::<Vec<_>>()}})
        }
    };
    let attributes: Vec<Json> = attributes
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, one)| json!({"key": name, "value": value(one)}))
        .collect();
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{number:016x}"),
        "parentSpanId": parent.map_or(String::new(), |parent| format!("{parent:016x}")),
        "name": name, "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": 1_790_000_000_250_000_000_u64,
        "attributes": attributes, "status": {}
    })
}

fn failed(mut span: Json, message: &str, events: Json) -> Json {
    span["status"] = json!({"code": 2, "message": message});
    span["events"] = events;
    span
}

fn exception(kind: &str, message: &str, stack: &str) -> Json {
    let text = |name: &str, text: &str| json!({"key": name, "value": {"stringValue": text}});
    json!({"name": "exception", "timeUnixNano": "1790000000100000000",
        "attributes": [text("exception.type", kind), text("exception.message", message), text("exception.stacktrace", stack)]})
}

fn request(spans: &[Json]) -> Vec<u8> {
    let service = json!([{"key": "service.name", "value": {"stringValue": "shop"}}]);
    json!({"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [{"scope": {"name": "an-sdk"}, "spans": spans}]}]})
        .to_string()
        .into_bytes()
}

#[track_caller]
fn read(mapped: &Mapped) -> Vec<Json> {
    let record = |text: &str| {
        Prepared::new(text.as_bytes(), RECORD_LIMIT).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
        serde_json::from_str(text).unwrap()
    };
    mapped.records.iter().map(Made::text).map(record).collect()
}

#[track_caller]
fn records(spans: &[Json]) -> Vec<Json> {
    let mapped = Mapper::new()
        .records(&request(spans), Encoding::Json, Signal::Traces)
        .unwrap();
    assert_eq!(mapped.refused, Vec::<String>::new());
    let all = read(&mapped);
    all.into_iter()
        .filter(|record| record["kind"] != "definition")
        .collect()
}

#[test]
fn conventions_as_pydantic_ai_sends_them() {
    let system = r#"{"role":"system","parts":[{"type":"text","content":"You refund."}]}"#;
    let asked = r#"{"role":"user","parts":[{"type":"text","content":"Refund A-7!"}]}"#;
    let thought = r#"{"role":"assistant","parts":[{"type":"thinking","content":"Look first."},{"type":"tool_call","id":"c1","name":"lookup","arguments":{"id":"A-7"}}]}"#;
    let answered =
        r#"{"role":"user","parts":[{"type":"tool_call_response","id":"c1","name":"lookup","result":"12.5"}]}"#;
    let call = |number: u8, input: String, output: &str| {
        let attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.agent.name": "refunds", "gen_ai.conversation.id": "conv-1",
            "gen_ai.provider.name": "p", "gen_ai.system": "p", "gen_ai.request.model": "m", "gen_ai.response.model": "m-1",
            "gen_ai.usage.input_tokens": 59, "gen_ai.usage.output_tokens": 13, "gen_ai.tool.definitions": "[{\"name\":\"lookup\"}]",
            "gen_ai.request.temperature": 0.2, "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.input.messages": input, "gen_ai.output.messages": format!("[{output}]"), "x.own": "7"});
        span(number, Some(1), "chat m", attributes)
    };
    let tool = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", "gen_ai.tool.call.id": "c2", "gen_ai.agent.name": "refunds",
        "gen_ai.tool.call.arguments": "{\"amount\":12.50}", "gen_ai.tool.call.result": "gateway returned 503", "pydantic_ai.tool.retry.attempt": 1});
    let events = json!([
        exception("ToolRetryError", "gateway returned 503", "Traceback …"),
        exception("ToolRetryError", "gateway returned 503", "Traceback …")
    ]);
    let spans = [
        call(2, format!("[{system},{asked}]"), thought),
        call(
            3,
            format!("[{system},{asked},{thought},{answered}]"),
            r#"{"role":"assistant","parts":[{"type":"text","content":"Sorry."}]}"#,
        ),
        failed(span(4, Some(1), "execute_tool refund", tool), "", events),
        span(
            1,
            None,
            "invoke_agent refunds",
            json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "refunds",
            "gen_ai.aggregated_usage.input_tokens": 118, "final_result": "Sorry.", "pydantic_ai.all_messages": format!("[{system},{asked},{thought},{answered}]")}),
        ),
    ];
    let mapped = Mapper::new()
        .records(&request(&spans), Encoding::Json, Signal::Traces)
        .unwrap();
    let all = read(&mapped);
    let defined: Vec<&str> = all
        .iter()
        .filter_map(|record| record["definition"]["text"].as_str())
        .collect();
    // The prompt and the tools, as often as they are named: the same records, which the log takes once.
    assert_eq!(
        defined,
        [
            "You refund.",
            "[{\"name\":\"lookup\"}]",
            "You refund.",
            "[{\"name\":\"lookup\"}]"
        ]
    );
    let all: Vec<&Json> = all.iter().filter(|record| record["kind"] != "definition").collect();
    let [first, second, tool, run] = all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(first["kind"], "model_call");
    assert_eq!(
        (&first["input"]["text"], &first["reasoning"]),
        (&json!("Refund A-7!"), &json!("Look first."))
    );
    assert_eq!(
        first["output"]["parsed"],
        json!({"tool_calls": [{"call": "c1", "name": "lookup", "arguments": {"id": "A-7"}}]})
    );
    assert_eq!(
        first["model"],
        json!({"provider": "p", "name": "m-1", "requested": "m", "parameters": {"temperature": 0.2}})
    );
    assert_eq!(first["usage"], json!({"input_tokens": 59, "output_tokens": 13}));
    assert_eq!(
        (&first["session"], &first["correlation"]),
        (&json!("conv-1"), &json!("0af7651916cd43dd8448eb211c80319c"))
    );
    assert_eq!(first["output"]["finish"], "stop");
    assert_eq!(
        (&first["time"], &first["duration_ms"]),
        (&json!("2026-09-21T14:13:20.000000000Z"), &json!(250))
    );
    assert_eq!(
        (&first["attributes"]["x.own"], &first["attributes"]["otel.scope"]),
        (&json!("7"), &json!("an-sdk"))
    );
    // Only what is new.
    assert_eq!(
        (&second["input"]["text"], &second["output"]["text"]),
        (&Json::Null, &json!("Sorry."))
    );
    assert!(!second.to_string().contains("Refund A-7!"), "{second}");
    assert!(second["attributes"].to_string().contains("12.5"), "{second}");
    assert_eq!(tool["tools"][0]["parameters"], json!({"amount": 12.50}));
    assert_eq!(
        (
            &tool["tools"][0]["call"],
            &tool["tools"][0]["attempt"],
            &tool["tools"][0]["status"]
        ),
        (&json!("c2"), &json!(1), &json!("failure"))
    );
    assert_eq!(tool["outcome"]["error"]["message"], "gateway returned 503");
    assert_eq!(
        (&run["kind"], &run["decision"]["name"], &run["output"]["text"]),
        (&json!("decision"), &json!("agent_run"), &json!("Sorry."))
    );
    assert_eq!(
        (&run["input"]["text"], &run["usage"]),
        (&json!("Refund A-7!"), &Json::Null)
    );
    for record in [first, second, tool] {
        assert_eq!(
            (&record["parent"], &record["agent"]["id"]),
            (&run["id"], &json!("refunds"))
        );
    }
}

#[test]
fn vercels_sdk_names_everything_otherwise() {
    let all = records(&[
        span(
            2,
            Some(1),
            "ai.generateText.doGenerate",
            json!({"ai.operationId": "ai.generateText.doGenerate", "ai.telemetry.functionId": "helper",
            "ai.telemetry.metadata.sessionId": "s-1", "ai.telemetry.metadata.userId": "u-1", "ai.model.id": "m", "ai.model.provider": "mock", "ai.usage.inputTokens": 5,
            "ai.prompt.messages": "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]", "ai.response.text": "hello", "ai.response.reasoning": "be kind",
            "ai.response.finishReason": "stop"}),
        ),
        failed(
            span(
                3,
                Some(1),
                "ai.toolCall",
                json!({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "pay", "ai.toolCall.id": "t1", "ai.toolCall.args": "{\"a\":1}"}),
            ),
            "no money",
            json!([exception("Error", "no money", "at pay")]),
        ),
        span(
            1,
            None,
            "ai.generateText",
            json!({"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "helper", "ai.prompt": "{\"prompt\":\"hi\"}", "ai.response.text": "hello", "ai.usage.inputTokens": 5}),
        ),
    ]);
    assert_eq!(
        all.iter()
            .map(|record| record["kind"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["model_call", "tool_call", "decision"]
    );
    assert_eq!(
        (
            &all[0]["input"]["text"],
            &all[0]["output"]["text"],
            &all[0]["reasoning"]
        ),
        (&json!("hi"), &json!("hello"), &json!("be kind"))
    );
    assert_eq!(
        (&all[0]["session"], &all[0]["agent"]["on_behalf_of"]["id"]),
        (&json!("s-1"), &json!("u-1"))
    );
    assert_eq!(
        (&all[1]["agent"]["id"], &all[1]["tools"][0]["parameters"]),
        (&json!("helper"), &json!({"a": 1}))
    );
    assert_eq!(
        all[1]["outcome"]["error"],
        json!({"type": "Error", "message": "no money", "stack": "at pay"})
    );
    // Tokens stand where the call is, and not once more where the run is.
    assert_eq!(
        (&all[0]["usage"]["input_tokens"], &all[2]["usage"]),
        (&json!(5), &Json::Null)
    );
}

#[test]
fn an_agent_is_found_above_and_a_handoff_is_one() {
    let spans = [
        span(
            4,
            Some(3),
            "generation",
            json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 7,
            "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "help",
            "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "done",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f", "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"x\":1}"}),
        ),
        span(
            5,
            Some(3),
            "handoff to human_desk",
            json!({"openinference.span.kind": "TOOL", "input.value": "triage", "output.value": "human_desk"}),
        ),
        failed(
            span(
                6,
                Some(3),
                "lookup",
                json!({"openinference.span.kind": "TOOL", "tool.name": "lookup", "tool.parameters": "{\"type\":\"object\"}", "input.value": "{\"id\":1}", "output.value": "fell back"}),
            ),
            "Error running tool (non-fatal): boom",
            json!([]),
        ),
        span(3, Some(2), "turn", json!({"openinference.span.kind": "CHAIN"})),
        span(
            2,
            None,
            "Triage",
            json!({"openinference.span.kind": "AGENT", "agent.name": "triage", "session.id": "s", "user.id": "u"}),
        ),
    ];
    let all = records(&spans);
    let agents: Vec<&str> = all
        .iter()
        .map(|record| record["agent"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["triage"; 5]);
    assert!(all.iter().all(|record| record["session"] == "s"), "{all:?}");
    assert_eq!(
        (&all[0]["input"]["text"], &all[0]["output"]["text"]),
        (&json!("help"), &json!("done"))
    );
    assert_eq!(
        all[0]["output"]["parsed"]["tool_calls"][0]["arguments"],
        json!({"x": 1})
    );
    assert_eq!(
        (&all[1]["kind"], &all[1]["handoff"]["to"]["id"]),
        (&json!("handoff"), &json!("human_desk"))
    );
    // The schema of a tool is not what it was given.
    assert_eq!(
        (&all[2]["tools"][0]["parameters"], &all[2]["tools"][0]["result"]),
        (&json!({"id": 1}), &json!("fell back"))
    );
    assert_eq!(
        all[2]["attributes"]["tool.parameters"],
        crate::record::digest(b"{\"type\":\"object\"}")
    );
    assert_eq!(
        all[2]["outcome"]["error"]["message"],
        "Error running tool (non-fatal): boom"
    );
    assert_eq!(all[3]["kind"], "step");
}

#[test]
fn what_was_cut_is_kept_as_text_and_flagged() {
    let messages = r#"[{"role":"user","content":"Where is my or"#;
    let spans = [
        span(
            1,
            None,
            "chat m",
            json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}),
        ),
        span(
            2,
            Some(1),
            "execute_tool f",
            json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "{\"a\":1,", "gen_ai.tool.call.result": "[so] it is"}),
        ),
    ];
    let mapped = Mapper::new()
        .records(&request(&spans), Encoding::Json, Signal::Traces)
        .unwrap();
    // It did send content.
    assert_eq!(mapped.without_content, Vec::<String>::new());
    let all = read(&mapped);
    assert_eq!(all[0]["attributes"]["gen_ai.input.messages"], messages);
    assert_eq!(all[0]["attributes"]["otel.broken"], json!(["gen_ai.input.messages"]));
    assert_eq!(all[1]["tools"][0]["parameters"], "{\"a\":1,");
    assert_eq!(all[1]["attributes"]["otel.broken"], json!(["tools.parameters"]));
}

#[test]
fn numbers_in_messages_stay_as_they_were_sent() {
    let call = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"pay","arguments":{"amount":12345678901234567890.10}}]}]"#;
    let answer = r#"[{"role":"tool","content":{"left":0.10}}]"#;
    let attributes =
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": answer, "gen_ai.output.messages": call});
    let mapped = Mapper::new()
        .records(
            &request(&[span(1, None, "chat m", attributes)]),
            Encoding::Json,
            Signal::Traces,
        )
        .unwrap();
    let text = mapped.records[0].text();
    assert!(
        text.contains(r#""arguments":{"amount":12345678901234567890.10}"#) && text.contains(r#"{"left":0.10}"#),
        "{text}"
    );
}

#[test]
fn of_many_attributes_the_last_of_each_name_counts() {
    for many in [3, 40, 20_000] {
        let pair = |name: String, value: Json| json!({"key": name, "value": value});
        let mut attributes: Vec<Json> = (0..many)
            .map(|place| pair(format!("x.{place}"), json!({"intValue": place})))
            .collect();
        attributes.push(pair("x.1".to_owned(), json!({"stringValue": "last"})));
        attributes.push(pair("x.2".to_owned(), json!({})));
        let mut one = span(1, None, "odd", json!({}));
        one["attributes"] = attributes.into();
        let record = records(&[one]).remove(0);
        let left = record["attributes"].as_object().unwrap();
        assert_eq!((left["x.0"].clone(), left["x.1"].clone()), (json!(0), json!("last")));
        // One that has no value in the end, and four of the mapper's own.
        assert_eq!(left.len(), many - 1 + 4);
    }
}

#[test]
fn what_comes_late_or_twice_is_the_same_record() {
    let child = span(
        2,
        Some(1),
        "execute_tool f",
        json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}),
    );
    let parent = span(
        1,
        None,
        "run",
        json!({"openinference.span.kind": "AGENT", "agent.name": "a"}),
    );
    let mapper = Mapper::new();
    let send = |spans: &[Json]| read(&mapper.records(&request(spans), Encoding::Json, Signal::Traces).unwrap());
    let early = send(std::slice::from_ref(&child));
    let run = send(std::slice::from_ref(&parent));
    let again = send(&[child]);
    assert_eq!((&early[0]["id"], &early[0]["parent"]), (&again[0]["id"], &run[0]["id"]));
    // Nothing was above it yet: the service stands for the agent, and the record says so.
    assert_eq!(
        (&early[0]["agent"]["id"], &early[0]["attributes"]["agent.assumed"]),
        (&json!("shop"), &json!(true))
    );
    assert_eq!(
        (&again[0]["agent"]["id"], &again[0]["attributes"]["agent.assumed"]),
        (&json!("a"), &Json::Null)
    );
}

#[test]
fn langchain_wraps_what_it_sends() {
    let all = records(&[
        span(
            1,
            None,
            "refund_agent",
            json!({"openinference.span.kind": "AGENT", "metadata": "{\"lc_agent_name\":\"refunds\",\"thread_id\":\"t\"}"}),
        ),
        failed(
            span(
                2,
                Some(1),
                "lookup",
                json!({"openinference.span.kind": "TOOL", "tool.name": "lookup", "input.value": "{\"args\":[],\"kwargs\":{\"id\":\"A\"}}",
            "output.value": "{\"type\":\"tool\",\"data\":{\"content\":\"{\\\"total\\\": 5}\",\"status\":\"success\"}}"}),
            ),
            "ValueError('no')Traceback (most recent call last):\n  File x",
            json!([]),
        ),
        span(
            3,
            Some(1),
            "retriever",
            json!({"openinference.span.kind": "RETRIEVER", "input.value": "policy", "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.content": "14 days", "retrieval.documents.0.document.score": 0.5, "retrieval.documents.1.document.content": "more"}),
        ),
        span(
            4,
            Some(1),
            "x.tool",
            json!({"traceloop.span.kind": "tool", "traceloop.entity.name": "x", "traceloop.entity.output": "5",
            "gen_ai.tool.call.arguments": "{\"input_str\":\"{'id': 1}\",\"inputs\":{\"id\":1}}"}),
        ),
    ]);
    assert!(
        all.iter()
            .all(|record| record["agent"]["id"] == "refunds" && record["session"] == "t"),
        "{all:?}"
    );
    assert_eq!(
        (&all[1]["tools"][0]["parameters"], &all[1]["tools"][0]["result"]),
        (&json!({"id": "A"}), &json!({"total": 5}))
    );
    assert_eq!(
        (
            &all[1]["outcome"]["error"]["message"],
            all[1]["outcome"]["error"]["stack"].as_str().unwrap().len()
        ),
        (&json!("ValueError('no')"), 43)
    );
    assert_eq!(
        all[2]["context"],
        json!([{"resource": "d1", "score": 0.5, "excerpt": "14 days"}, {"excerpt": "more"}])
    );
    assert_eq!(
        (&all[3]["tools"][0]["name"], &all[3]["tools"][0]["parameters"]),
        (&json!("x"), &json!({"id": 1}))
    );
}

#[test]
fn our_own_attributes_say_what_no_convention_has() {
    let all = records(&[span(
        1,
        None,
        "decide",
        json!({"auditdb.agent": "claims", "auditdb.policy.id": "limit", "auditdb.policy.version": "2", "auditdb.policy.effect": "deny",
        "auditdb.policy.field": "amount", "auditdb.policy.value": 120, "auditdb.policy.op": "gt", "auditdb.policy.threshold": 100, "auditdb.policy.met": true,
        "auditdb.decision": "reject", "auditdb.subject": "pii:c:1", "auditdb.class": "financial", "auditdb.region": "eu", "auditdb.human.id": "staff:1", "auditdb.human.did": "approved",
        "auditdb.access.system": "crm", "auditdb.access.operation": "read", "auditdb.purpose": "claim"}),
    )]);
    let record = &all[0];
    assert_eq!(record["kind"], "span");
    assert_eq!(
        record["policies"],
        json!([{"id": "limit", "version": "2", "effect": "deny", "conditions": [{"field": "amount", "value": 120, "op": "gt", "threshold": 100, "met": true}]}])
    );
    assert_eq!(
        (&record["decision"]["name"], &record["subjects"]),
        (&json!("reject"), &json!(["pii:c:1"]))
    );
    assert_eq!(
        (&record["class"], &record["region"], &record["human"]),
        (
            &json!("financial"),
            &json!("eu"),
            &json!({"id": "staff:1", "did": "approved"})
        )
    );
    assert_eq!(
        record["access"],
        json!([{"system": "crm", "operation": "read", "purpose": "claim"}])
    );
    let left: Vec<&String> = record["attributes"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["otel.digest", "otel.scope", "span.name"]);
}

#[test]
fn one_span_that_is_none_keeps_no_other_out() {
    let good = span(1, None, "chat m", json!({"gen_ai.operation.name": "chat"}));
    let mut no_trace = good.clone();
    no_trace["traceId"] = json!("00000000000000000000000000000000");
    let mut odd_time = good.clone();
    odd_time["startTimeUnixNano"] = json!("soon");
    let mapped = Mapper::new()
        .records(
            &request(&[no_trace, json!(7), odd_time, good]),
            Encoding::Json,
            Signal::Traces,
        )
        .unwrap();
    assert_eq!((mapped.records.len(), mapped.refused.len()), (1, 3), "{mapped:?}");
    for body in ["", "7", "{\"resourceSpans\":7}", "[]", "not json"] {
        assert!(
            Mapper::new()
                .records(body.as_bytes(), Encoding::Json, Signal::Traces)
                .is_err(),
            "{body}"
        );
    }
    // In protobuf: a request with a span that is cut, and one with nothing but its ids.
    let ids = [[0x0a, 16].as_slice(), &[1; 16], &[0x12, 8], &[2; 8]].concat();
    let field = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let body = field(
        0x0a,
        &field(0x12, &[field(0x12, &ids[..20]), field(0x12, &ids)].concat()),
    );
    let mapped = Mapper::new()
        .records(&body, Encoding::Protobuf, Signal::Traces)
        .unwrap();
    assert_eq!((read(&mapped).len(), mapped.refused.len()), (1, 1), "{mapped:?}");
    // The same as log records: they are none.
    let mapped = Mapper::new().records(&body, Encoding::Protobuf, Signal::Logs).unwrap();
    assert_eq!((mapped.refused.len(), mapped.passed_over), (2, 0), "{mapped:?}");
}

#[test]
fn messages_that_come_as_log_records_stand_below_their_span() {
    let body = json!({"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": [
        {"timeUnixNano": "1790000000000000000", "eventName": "gen_ai.user.message", "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0000000000000002",
            "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "hi"}}]}}},
        {"timeUnixNano": "1790000000000000000", "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.evaluation.result"}},
            {"key": "gen_ai.evaluation.score.label", "value": {"stringValue": "fail"}}], "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0000000000000002"},
        {"body": {"stringValue": "started"}}
    ]}]}]});
    let mapper = Mapper::new();
    let spans = request(&[span(
        2,
        None,
        "chat m",
        json!({"gen_ai.operation.name": "chat", "gen_ai.agent.name": "a", "gen_ai.conversation.id": "s"}),
    )]);
    let call = read(&mapper.records(&spans, Encoding::Json, Signal::Traces).unwrap()).remove(0);
    let mapped = mapper
        .records(body.to_string().as_bytes(), Encoding::Json, Signal::Logs)
        .unwrap();
    assert_eq!(mapped.passed_over, 1);
    let all = read(&mapped);
    assert_eq!(
        (
            &all[0]["kind"],
            &all[0]["input"]["text"],
            &all[0]["agent"]["id"],
            &all[0]["session"]
        ),
        (&json!("message"), &json!("hi"), &json!("a"), &json!("s"))
    );
    assert_eq!(
        (&all[1]["review"]["verdict"], &all[1]["links"][0]["id"]),
        (&json!("wrong"), &call["id"])
    );
    assert!(all.iter().all(|record| record["parent"] == call["id"]));
}
