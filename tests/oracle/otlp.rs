//! Any bytes as an export request of OTLP: what comes out of it is always a record that the log takes, and each span has one.

use auditdb::Database;
use auditdb::ingest::otlp::{Encoding, Made, Mapped, Mapper, Signal};
use serde_json::{Value, json};

/// Names that mean something, so that the fuzzer need not find them.
const NAMES: &[&str] = &[
    "gen_ai.operation.name",
    "openinference.span.kind",
    "traceloop.span.kind",
    "ai.operationId",
    "gen_ai.agent.name",
    "metadata",
    "session.id",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.name",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "input.value",
    "output.value",
    "llm.input_messages.0.message.role",
    "llm.input_messages.0.message.content",
    "llm.input_messages.1.message.role",
    "llm.tools.0.tool.json_schema",
    "llm.invocation_parameters",
    "tool.parameters",
    "ai.prompt",
    "ai.response.toolCalls",
    "retrieval.documents.0.document.content",
    "gen_ai.usage.input_tokens",
    "error.type",
    "auditdb.policy.id",
    "auditdb.policy.op",
    "auditdb.policy.field",
    "auditdb.subject",
    "auditdb.class",
    "auditdb.human.did",
    "auditdb.access.system",
    "service.name",
    "event.name",
];

/// Values that mean something in one place or another.
const VALUES: &[&str] = &[
    "chat",
    "execute_tool",
    "invoke_agent",
    "retrieval",
    "AGENT",
    "LLM",
    "TOOL",
    "RETRIEVER",
    "GUARDRAIL",
    "EVALUATOR",
    "workflow",
    "ai.toolCall",
    "auditdb",
    "unknown",
    r#"[{"role":"user","parts":[{"type":"text","content":"x"}]}]"#,
    r#"{"kwargs":{"a":1,"a":2}}"#,
    r#"{"type":"tool","data":{"content":"5"}}"#,
    r#"{"messages":[{"type":"ai","data":{}},{"type":"tool","data":{"content":[]}}],"a":1e400}"#,
    r#"[{"name":"f","args":{"a":1,"a":2},"id":"c","type":"tool_call"}]"#,
    r#"{"documents":[{"id":"d"}],"instructions":"x","tools":[],"a":{"b":1,"b":2}}"#,
    r#"{"system":"s","prompt":"p"}"#,
    "gen_ai.evaluation.result",
    "gen_ai.choice",
];

/// As it stands, as protobuf and as JSON, and as what it says to make of the names above.
pub(crate) fn request(data: &[u8]) {
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        for signal in [Signal::Traces, Signal::Logs] {
            if let Ok(mapped) = Mapper::new().records(data, encoding, signal) {
                are_taken(&mapped);
            }
        }
    }
    let mut bytes = data.iter().copied();
    let (mut spans, mut attributes) = (Vec::new(), Vec::new());
    while let (Some(name), Some(value)) = (bytes.next(), bytes.next()) {
        let name = NAMES[usize::from(name) % NAMES.len()];
        let value = match value {
            0..=127 => json!({"stringValue": VALUES[usize::from(value) % VALUES.len()]}),
            128..=159 => json!({"intValue": i64::from(value) - 140}),
            160..=175 => json!({"doubleValue": f64::from(value) / 7.0}),
            176..=191 => json!({"boolValue": value % 2 == 0}),
            192..=207 => json!({"arrayValue": {"values": [{"stringValue": "x"}, {}]}}),
            _ => {
                let taken: Vec<u8> = bytes.by_ref().take(usize::from(value % 16)).collect();
                json!({"stringValue": String::from_utf8_lossy(&taken)})
            }
        };
        attributes.push(json!({"key": name, "value": value}));
        if attributes.len() == 6 {
            spans.push(span(spans.len(), std::mem::take(&mut attributes)));
        }
    }
    spans.push(span(spans.len(), attributes));
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let mapped = Mapper::new().records(body.as_bytes(), Encoding::Json, Signal::Traces);
    let mapped = mapped.expect("it is a request");
    assert_eq!(mapped.refused, Vec::<String>::new());
    let defines = |made: &&Made| made.text().contains(r#""kind":"definition""#);
    let definitions = mapped.records.iter().filter(defines).count();
    assert_eq!(mapped.records.len() - definitions, spans.len());
    are_taken(&mapped);
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": spans}]}]}).to_string();
    let mapped = Mapper::new().records(body.as_bytes(), Encoding::Json, Signal::Logs);
    are_taken(&mapped.expect("it is a request"));
}

fn span(number: usize, attributes: Vec<Value>) -> Value {
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{:016x}", number + 1),
        "parentSpanId": format!("{number:016x}"), "name": "handoff to x".get(number % 12..).unwrap_or_default(),
        "startTimeUnixNano": "1790000000000000000", "attributes": attributes, "status": {"code": number % 3},
    })
}

fn are_taken(mapped: &Mapped) {
    let db = Database::in_memory();
    for text in mapped.records.iter().map(Made::text) {
        if let Err(error) = db.append_json(text) {
            panic!("{error}: {text}");
        }
    }
}
