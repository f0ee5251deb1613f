//! What SDKs really send (`tests/interop/otel.py` runs them), each trait of theirs by itself.

use super::*;

fn defined(spans: &[Json]) -> Vec<Json> {
    let mapped = Mapper::new().records(&request(spans), Encoding::Json, Signal::Traces);
    let all = read(&mapped.unwrap()).into_iter();
    all.map(|record| record["definition"].clone())
        .filter(|definition| !definition.is_null())
        .collect()
}

#[test]
fn the_responses_of_openai_agents_begin_at_one_and_say_the_prompt_with_the_settings() {
    let call = json!({"openinference.span.kind": "LLM", "llm.system": "openai", "llm.provider": "openai", "agent.name": "a",
        "input.value": "[{\"role\":\"user\",\"content\":\"Help!\"}]", "output.value": "{\"id\":\"resp\"}",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "Help!",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.tools.0.tool.json_schema": "{\"name\": \"f\"}",
        "llm.invocation_parameters": "{\"temperature\": 0.20, \"instructions\": \"Be kind.\", \"tools\": [{\"name\": \"f\"}]}"});
    let spans = [span(1, None, "response", call)];
    let record = records(&spans).remove(0);
    assert_eq!(record["input"]["text"], "Help!");
    // The whole answer once more is no text that the model gave.
    assert_eq!(
        (
            &record["output"]["text"],
            &record["output"]["parsed"]["tool_calls"][0]["name"]
        ),
        (&Json::Null, &json!("f"))
    );
    let defined = defined(&spans);
    let texts: Vec<&str> = defined.iter().map(|of| of["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Be kind.", "[{\"name\":\"f\"}]", "[{\"name\":\"f\"}]"]);
    let parameters = &record["model"]["parameters"];
    assert_eq!(
        (
            &parameters["temperature"],
            &parameters["instructions"],
            &parameters["tools"]
        ),
        (&json!(0.2), &defined[0]["digest"], &defined[1]["digest"])
    );
    assert_eq!(record["attributes"]["llm.tools"], defined[1]["digest"]);
    // Both names say the same: neither stands among the rest.
    assert_eq!(
        (&record["model"]["provider"], &record["attributes"]["llm.system"]),
        (&json!("openai"), &Json::Null)
    );
}

#[test]
fn a_handoff_says_itself_who_gives_away() {
    let attributes = json!({"openinference.span.kind": "TOOL", "input.value": "triage", "output.value": "desk"});
    let record = records(&[span(2, Some(1), "handoff to desk", attributes)]).remove(0);
    assert_eq!(
        (&record["agent"]["id"], &record["handoff"]["to"]["id"]),
        (&json!("triage"), &json!("desk"))
    );
    let left = record["attributes"].as_object().unwrap();
    assert!(
        !left
            .keys()
            .any(|name| name.contains("value") || name.contains("assumed")),
        "{left:?}"
    );
}

#[test]
fn a_tool_of_langchain_is_told_its_call_by_the_step_above() {
    let step = |number: u8, calls: &str| {
        let attributes = json!({"openinference.span.kind": "CHAIN", "input.value": calls});
        span(number, None, "tools", attributes)
    };
    let tool = |number: u8, parent: u8, output: &str| {
        let attributes = json!({"openinference.span.kind": "TOOL", "tool.name": "lookup", "input.value": "A-7", "output.value": output});
        span(number, Some(parent), "lookup", attributes)
    };
    let said = r#"{"type":"tool","data":{"content":"no such order","tool_call_id":"c9","status":"error"}}"#;
    let all = records(&[
        tool(1, 2, "found"),
        step(
            2,
            r#"[{"name":"lookup","args":{"id":"A-7"},"id":"c1","type":"tool_call"}]"#,
        ),
        // Of two calls nobody says which it is, and another tool's is not its own.
        tool(3, 4, said),
        step(
            4,
            r#"[{"name":"lookup","args":{"id":"A"},"id":"c1"},{"name":"lookup","args":{"id":"B"},"id":"c2"}]"#,
        ),
        tool(5, 6, "found"),
        step(6, r#"[{"name":"refund","args":{"id":"A"},"id":"c1"}]"#),
    ]);
    let tools: Vec<&Json> = [0, 2, 4].iter().map(|place: &usize| &all[*place]["tools"][0]).collect();
    assert_eq!(
        (&tools[0]["call"], &tools[0]["parameters"]),
        (&json!("c1"), &json!({"id": "A-7"}))
    );
    assert_eq!(
        (&tools[1]["call"], &tools[1]["parameters"]),
        (&json!("c9"), &json!("A-7"))
    );
    assert_eq!(
        (&tools[2]["call"], &tools[2]["parameters"]),
        (&Json::Null, &json!("A-7"))
    );
    // The span is no failed one, but what the tool said is that it failed.
    assert_eq!(
        (&all[2]["outcome"], &tools[1]["status"]),
        (
            &json!({"status": "failure", "error": {"message": "no such order"}}),
            &json!("failure")
        )
    );
}

#[test]
fn the_conversation_of_langchain_is_kept_once() {
    let messages = r#"{"type":"human","data":{"content":"Help!"}},{"type":"ai","data":{"content":"","tool_calls":[]}},{"type":"tool","data":{"content":"5"}}"#;
    let all = records(&[
        span(
            2,
            Some(1),
            "model",
            json!({"openinference.span.kind": "CHAIN", "llm.input_messages.0.message.role": "user",
            "input.value": format!("{{\"messages\": [{messages}], \"budget\": 1.50}}")}),
        ),
        span(
            3,
            Some(1),
            "plan",
            json!({"openinference.span.kind": "CHAIN", "input.value": "{\"messages\":[{\"type\":\"human\",\"data\":{\"content\":\"Help!\"}}]}"}),
        ),
        span(
            1,
            None,
            "agent",
            json!({"openinference.span.kind": "AGENT", "llm.input_messages.0.message.role": "user",
            "input.value": "{\"messages\":[{\"role\":\"user\",\"content\":\"Help!\"}]}",
            "output.value": format!("{{\"messages\":[{messages},{{\"type\":\"ai\",\"data\":{{\"content\":\"Done.\"}}}}]}}")}),
        ),
    ]);
    let new = r#"{"messages":[{"type":"tool","data":{"content":"5"}}],"budget":1.50}"#;
    assert_eq!(
        all[0]["attributes"]["input.value"],
        serde_json::from_str::<Json>(new).unwrap()
    );
    assert_eq!(all[0]["attributes"]["llm.input_messages.0.message.role"], Json::Null);
    // Nothing was said before: all is new.
    assert_eq!(
        all[1]["attributes"]["input.value"]["messages"][0]["data"]["content"],
        "Help!"
    );
    assert_eq!(
        (&all[2]["input"]["text"], &all[2]["output"]),
        (&json!("Help!"), &json!({"text": "Done."}))
    );
}

#[test]
fn documents_have_their_ids_out_of_the_result() {
    let attributes = json!({"openinference.span.kind": "RETRIEVER", "input.value": "{\"query\": \"rules\"}", "metadata": "{\"ls_retriever_name\":\"wiki\"}",
        "retrieval.documents.0.document.content": "14 days", "retrieval.documents.1.document.content": "more",
        "output.value": "{\"documents\":[{\"id\":\"d1\",\"page_content\":\"14 days\"},{\"page_content\":\"more\"}]}"});
    let record = records(&[span(1, None, "wiki", attributes)]).remove(0);
    assert_eq!(record["input"]["text"], "rules");
    let found =
        json!([{"system": "wiki", "resource": "d1", "excerpt": "14 days"}, {"system": "wiki", "excerpt": "more"}]);
    assert_eq!(
        (&record["context"], &record["attributes"]["output.value"]),
        (&found, &Json::Null)
    );
}

#[test]
fn vercels_calls_of_tools_and_prompts_are_unfolded() {
    let all = records(&[
        span(
            2,
            Some(1),
            "ai.generateText.doGenerate",
            json!({"ai.operationId": "ai.generateText.doGenerate", "ai.response.finishReason": "tool-calls",
            "gen_ai.response.finish_reasons": ["tool-calls"], "ai.usage.inputTokens": 5, "gen_ai.usage.input_tokens": 5,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 2, "ai.usage.outputTokenDetails.reasoningTokens": 3,
            "ai.response.toolCalls": "[{\"toolCallId\":\"c1\",\"toolName\":\"pay\",\"input\":\"{\\\"a\\\":1}\"}]"}),
        ),
        span(
            1,
            None,
            "ai.generateText",
            json!({"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "payer",
            "ai.prompt": "{\"system\":\"Be kind.\",\"prompt\":\"Pay!\"}"}),
        ),
    ]);
    assert_eq!(
        all[0]["output"],
        json!({"parsed": {"tool_calls": [{"call": "c1", "name": "pay", "arguments": {"a": 1}}]}, "finish": "tool-calls"})
    );
    assert_eq!(
        all[0]["usage"],
        json!({"input_tokens": 5, "cache_write_tokens": 2, "reasoning_tokens": 3})
    );
    let left = all[0]["attributes"].as_object().unwrap();
    assert!(
        !left.keys().any(|name| name.contains("usage") || name.contains("inish")),
        "{left:?}"
    );
    assert_eq!(all[1]["input"]["text"], "Pay!");
    assert!(
        all[1]["input"]["prompt"]["digest"].is_string() && !all[1].to_string().contains("Be kind."),
        "{}",
        all[1]
    );
}

#[test]
fn what_is_deeper_than_a_record_may_be_stays_a_text() {
    let deep = format!("{}1{}", "[".repeat(61), "]".repeat(61));
    let said = format!(r#"[{{"role":"assistant","parts":[{{"type":"tool_call","name":"f","arguments":{deep}}}]}}]"#);
    let made = format!(r#"[{{"name":"f","args":{deep}}}]"#);
    let all = records(&[
        span(
            1,
            None,
            "chat m",
            json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": said, "gen_ai.input.messages": format!(r#"[{{"role":"tool","content":{deep}}}]"#)}),
        ),
        span(
            2,
            Some(3),
            "f",
            json!({"openinference.span.kind": "TOOL", "input.value": "5"}),
        ),
        span(
            3,
            None,
            "tools",
            json!({"openinference.span.kind": "CHAIN", "input.value": made}),
        ),
        span(
            4,
            None,
            "chat m",
            json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": format!("{{\"a\":{deep}}}"), "ai.response.toolCalls": made}),
        ),
    ]);
    assert_eq!(all[0]["output"]["parsed"]["tool_calls"][0]["arguments"], deep);
    assert!(all[0]["attributes"]["messages"][0].as_str().unwrap().contains(&deep));
    assert_eq!(all[1]["tools"][0]["parameters"], "5");
    assert_eq!(
        (
            &all[3]["model"]["parameters"]["llm.invocation_parameters"],
            &all[3]["output"]["parsed"]["tool_calls"][0]["arguments"]
        ),
        (&json!(format!("{{\"a\":{deep}}}")), &json!(deep))
    );
}

#[test]
fn who_sends_no_content_is_told_once_how_to() {
    let call = |number: u8, agent: &str, more: Json| {
        let mut attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.agent.name": agent});
        attributes
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        span(number, None, "chat m", attributes)
    };
    let mapper = Mapper::new();
    let told = |spans: &[Json]| {
        mapper
            .records(&request(spans), Encoding::Json, Signal::Traces)
            .unwrap()
            .without_content
    };
    let first = told(&[
        call(1, "quiet", json!({})),
        call(2, "quiet", json!({})),
        call(
            3,
            "loud",
            json!({"gen_ai.output.messages": "[{\"role\":\"assistant\",\"content\":\"hi\"}]"}),
        ),
        call(4, "embedder", json!({"gen_ai.operation.name": "embeddings"})),
        call(5, "traced", json!({"traceloop.workflow.name": "w"})),
    ]);
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(
        first[0].contains("quiet") && first[0].ends_with("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"),
        "{first:?}"
    );
    assert!(first[1].ends_with("TRACELOOP_TRACE_CONTENT=true"), "{first:?}");
    assert_eq!(told(&[call(6, "quiet", json!({}))]), Vec::<String>::new());
}

#[test]
fn a_span_that_is_not_known_is_looked_for_among_records() {
    let parent = span(
        1,
        Some(9),
        "run",
        json!({"openinference.span.kind": "AGENT", "agent.name": "a"}),
    );
    let root = span(9, None, "root", json!({"x": 1, "session.id": "s"}));
    let child = span(2, Some(1), "f", json!({"openinference.span.kind": "TOOL"}));
    let send = |spans: &[Json], recorded: Recorded<'_>| {
        let (body, encoding, signal) = (&request(spans), Encoding::Json, Signal::Traces);
        let (sent, mut all) = (Sent { body, encoding, signal }, Vec::new());
        let mapped = Mapper::new().records_beside(&sent, recorded, &mut |part| all.extend(part));
        mapped.unwrap();
        all
    };
    let before = send(&[parent, root], &|_| None);
    let by_id = |id: &str| {
        let found = before.iter().find(|made| made.id() == id);
        found.map(|made| made.text().to_owned())
    };
    let found: Json = serde_json::from_str(send(std::slice::from_ref(&child), &by_id)[0].text()).unwrap();
    assert_eq!((&found["agent"]["id"], &found["session"]), (&json!("a"), &json!("s")));
    let alone: Json = serde_json::from_str(send(&[child], &|_| None)[0].text()).unwrap();
    assert_eq!(
        (&alone["agent"]["id"], &alone["session"]),
        (&json!("shop"), &Json::Null)
    );
    // Whatever was found above it: it was made of the same bytes.
    assert_eq!(found["attributes"]["otel.digest"], alone["attributes"]["otel.digest"]);
    assert_ne!(found["attributes"]["otel.digest"], Json::Null);
}
