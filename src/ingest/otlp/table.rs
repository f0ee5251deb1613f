//! The mapping of attributes to a record's members, as data: who adds a dialect adds names here and nothing elsewhere. The names
//! are those of the GenAI conventions of OpenTelemetry (semantic-conventions-genai 0.1.0 and the older ones of
//! semantic-conventions up to 1.41), OpenInference, Traceloop's OpenLLMetry, Vercel's AI SDK, google-adk and pydantic-ai, as
//! these send them, and `auditdb.*` for what no convention has.
//!
//! `/a/b` is the member `b` of the object in the attribute `a`, which may be JSON in a string. The first that is there counts.

use crate::record::DefinitionType;

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    /// A whole run of an agent, or of a part of one.
    Run,
    /// A call of a model.
    Call,
    /// The execution of a tool.
    Tool,
    /// Something was looked up for the model.
    Retrieval,
    /// Another agent or a person goes on.
    Handoff,
    /// Something was checked, and let through or not.
    Guardrail,
    /// What came out was judged.
    Evaluation,
    /// Nothing by itself: a step on the way.
    Step,
    /// No rule knows it: something that is no agent's, or an agent's in a dialect that is not here.
    Other,
}

/// What a span is, by the value of an attribute; the first that fits.
pub(super) const KINDS: &[(&str, &str, Is)] = &[
    ("gen_ai.operation.name", "chat", Is::Call),
    ("gen_ai.operation.name", "text_completion", Is::Call),
    ("gen_ai.operation.name", "generate_content", Is::Call),
    ("gen_ai.operation.name", "embeddings", Is::Call),
    ("gen_ai.operation.name", "fetch_response", Is::Call),
    ("gen_ai.operation.name", "execute_tool", Is::Tool),
    ("gen_ai.operation.name", "retrieval", Is::Retrieval),
    ("gen_ai.operation.name", "vector_db_retrieve", Is::Retrieval),
    ("gen_ai.operation.name", "search_memory", Is::Retrieval),
    ("gen_ai.operation.name", "invoke_agent", Is::Run),
    ("gen_ai.operation.name", "invoke_workflow", Is::Run),
    ("gen_ai.operation.name", "execute_task", Is::Step),
    ("gen_ai.operation.name", "create_agent", Is::Step),
    ("openinference.span.kind", "AGENT", Is::Run),
    ("openinference.span.kind", "LLM", Is::Call),
    ("openinference.span.kind", "EMBEDDING", Is::Call),
    ("openinference.span.kind", "TOOL", Is::Tool),
    ("openinference.span.kind", "RETRIEVER", Is::Retrieval),
    ("openinference.span.kind", "RERANKER", Is::Retrieval),
    ("openinference.span.kind", "GUARDRAIL", Is::Guardrail),
    ("openinference.span.kind", "EVALUATOR", Is::Evaluation),
    ("openinference.span.kind", "CHAIN", Is::Step),
    ("ai.operationId", "ai.generateText", Is::Run),
    ("ai.operationId", "ai.streamText", Is::Run),
    ("ai.operationId", "ai.generateObject", Is::Run),
    ("ai.operationId", "ai.streamObject", Is::Run),
    ("ai.operationId", "ai.generateText.doGenerate", Is::Call),
    ("ai.operationId", "ai.streamText.doStream", Is::Call),
    ("ai.operationId", "ai.generateObject.doGenerate", Is::Call),
    ("ai.operationId", "ai.streamObject.doStream", Is::Call),
    ("ai.operationId", "ai.embed.doEmbed", Is::Call),
    ("ai.operationId", "ai.embedMany.doEmbed", Is::Call),
    ("ai.operationId", "ai.toolCall", Is::Tool),
    ("traceloop.span.kind", "workflow", Is::Run),
    ("traceloop.span.kind", "agent", Is::Run),
    ("traceloop.span.kind", "tool", Is::Tool),
    ("traceloop.span.kind", "task", Is::Step),
    ("llm.request.type", "chat", Is::Call),
    ("llm.request.type", "completion", Is::Call),
    ("llm.request.type", "embedding", Is::Call),
];

/// What a span is, by the beginning of its name, where no attribute says it.
pub(super) const NAMES: &[(&str, Is)] = &[
    ("execute_tool ", Is::Tool),
    ("running tool", Is::Tool),
    ("invoke_agent ", Is::Run),
    ("agent run", Is::Run),
    ("chat ", Is::Call),
];

/// By what a dialect is known.
pub(super) enum Mark {
    /// The beginning of the instrumentation's name.
    Scope(&'static str),
    /// The beginning of the name of an attribute.
    Attribute(&'static str),
}

/// What makes a dialect's SDK send what was asked and said.
pub(super) const CONTENT: &[(Mark, &str)] = &[
    (
        Mark::Scope("pydantic-ai"),
        "InstrumentationSettings(include_content=True)",
    ),
    (
        Mark::Scope("gcp.vertex.agent"),
        "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=true",
    ),
    (
        Mark::Scope("openinference."),
        "OPENINFERENCE_HIDE_INPUTS=false and OPENINFERENCE_HIDE_OUTPUTS=false",
    ),
    (Mark::Attribute("traceloop."), "TRACELOOP_TRACE_CONTENT=true"),
    (
        Mark::Attribute("ai.operationId"),
        "recordInputs and recordOutputs in experimental_telemetry",
    ),
];
pub(super) const CONTENT_ELSE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true";

/// Calls of models that take no message.
pub(super) const WITHOUT_MESSAGES: &[(&str, &str)] = &[
    ("gen_ai.operation.name", "embeddings"),
    ("openinference.span.kind", "EMBEDDING"),
    ("ai.operationId", "ai.embed.doEmbed"),
    ("ai.operationId", "ai.embedMany.doEmbed"),
    ("llm.request.type", "embedding"),
];
/// What stands where an SDK hides a content.
pub(super) const HIDDEN: &str = "__REDACTED__";

pub(super) const AGENT: &[&str] = &[
    "auditdb.agent",
    "gen_ai.agent.name",
    "agent_name",
    "agent.name",
    "ai.telemetry.functionId",
    "/metadata/lc_agent_name",
    "traceloop.association.properties.lc_agent_name",
    "traceloop.workflow.name",
    "gen_ai.workflow.name",
];
pub(super) const AGENT_VERSION: &[&str] = &["gen_ai.agent.version", "service.version"];
pub(super) const ENVIRONMENT: &[&str] = &["deployment.environment.name", "deployment.environment"];
pub(super) const SESSION: &[&str] = &[
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.threadId",
    "ai.telemetry.metadata.chatId",
    "langfuse.session.id",
    "/metadata/session_id",
    "/metadata/thread_id",
    "gcp.vertex.agent.session_id",
    "/traceloop.entity.input/metadata/session_id",
];
pub(super) const MODEL: &[&str] = &[
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "ai.response.model",
    "ai.model.id",
    "model_name",
    "embedding.model_name",
    "traceloop.association.properties.ls_model_name",
];
pub(super) const MODEL_REQUESTED: &[&str] = &["gen_ai.request.model", "ai.model.id"];
pub(super) const PROVIDER: &[&str] = &[
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.system",
    "ai.model.provider",
];
pub(super) const FINISH: &[&str] = &[
    "gen_ai.response.finish_reasons",
    "ai.response.finishReason",
    "llm.finish_reason",
];
pub(super) const TOOL: &[&str] = &[
    "gen_ai.tool.name",
    "tool.name",
    "ai.toolCall.name",
    "mcp.tool.name",
    "traceloop.entity.name",
];
pub(super) const TOOL_CALL: &[&str] = &["gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id"];
/// Where a step above a tool lists the call that it makes.
pub(super) const CALLS_MADE: &str = "input.value";
/// `tool.parameters` is not among them: that is the schema, and not what the tool was given.
pub(super) const PARAMETERS: &[&str] = &[
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "ai.toolCall.args",
    "ai.toolCall.input",
    "gcp.vertex.agent.tool_call_args",
    "input.value",
    "traceloop.entity.input",
];
/// Members of the parameters that hold the parameters proper, where a framework puts its own around them.
pub(super) const WRAPPED_PARAMETERS: &[&str] = &["kwargs", "inputs"];
pub(super) const RESULT: &[&str] = &[
    "gen_ai.tool.call.result",
    "tool_response",
    "ai.toolCall.result",
    "ai.toolCall.output",
    "gcp.vertex.agent.tool_response",
    "output.value",
    "traceloop.entity.output",
];
pub(super) const ATTEMPT: &[&str] = &["pydantic_ai.tool.retry.attempt", "gen_ai.tool.call.attempt"];
/// What an agent was asked, and what it said in the end.
pub(super) const INPUT: &[&str] = &["ai.prompt", "input.value", "traceloop.entity.input"];
pub(super) const OUTPUT: &[&str] = &[
    "final_result",
    "ai.response.text",
    "output.value",
    "traceloop.entity.output",
];
pub(super) const OBJECT: &[&str] = &["ai.response.object"];
pub(super) const REASONING: &[&str] = &["ai.response.reasoning"];
/// Lists of the tools that a model asks for, where they stand apart from what it said.
pub(super) const CALLS: &[&str] = &["ai.response.toolCalls"];
/// Lists of messages: what went into a call, what came out, and what an agent was told once and for all.
pub(super) const MESSAGES_IN: &[&str] = &[
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "events",
    "all_messages_events",
];
pub(super) const MESSAGES_OUT: &[&str] = &["gen_ai.output.messages"];
pub(super) const MESSAGES_ALL: &[&str] = &["pydantic_ai.all_messages"];
/// What a step was given: the whole conversation as far as it had come.
pub(super) const STATES: &[&str] = &["input.value"];
/// Where in all messages those of this turn begin.
pub(super) const NEW_FROM: &[&str] = &["pydantic_ai.new_message_index"];
pub(super) const INSTRUCTIONS: &[&str] = &["gen_ai.system_instructions"];
/// Messages as attributes of their own, numbered: `NAME.0.role`.
pub(super) const NUMBERED_IN: &[&str] = &["llm.input_messages", "gen_ai.prompt"];
pub(super) const NUMBERED_OUT: &[&str] = &["llm.output_messages", "gen_ai.completion"];
pub(super) const DOCUMENTS: &[&str] = &["gen_ai.retrieval.documents"];
pub(super) const NUMBERED_DOCUMENTS: &[&str] = &["retrieval.documents", "reranker.output_documents"];
/// The object with the list of `documents` that were found, each with its `id`.
pub(super) const DOCUMENTS_IN_RESULT: &str = "output.value";
pub(super) const RETRIEVAL_QUERY: &[&str] = &["gen_ai.retrieval.query.text", "input.value"];
/// Where it was looked up; last the name of what looked.
pub(super) const DATA_SOURCE: &[&str] = &[
    "gen_ai.data_source.id",
    "db.collection.name",
    "db.namespace",
    "/metadata/ls_retriever_name",
    "tool.name",
];
pub(super) const ERROR_TYPE: &[&str] = &["error.type"];
/// Who an agent acts for.
pub(super) const USER: &[&str] = &[
    "user.id",
    "enduser.id",
    "ai.telemetry.metadata.userId",
    "/metadata/user_id",
];

/// Tokens of one call. Totals of whole runs have other names in some dialects and the same in others, so only calls have them.
pub(super) const INPUT_TOKENS: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
];
pub(super) const OUTPUT_TOKENS: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
];
pub(super) const CACHE_READ_TOKENS: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.cachedInputTokens",
];
pub(super) const CACHE_WRITE_TOKENS: &[&str] = &[
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
];
pub(super) const REASONING_TOKENS: &[&str] = &[
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "ai.usage.reasoningTokens",
];

/// What each call says again, word for word: it is kept once, as a definition, and named by its digest.
pub(super) const REPEATED: &[(&str, DefinitionType)] = &[
    ("gen_ai.tool.definitions", DefinitionType::Tool),
    ("ai.prompt.tools", DefinitionType::Tool),
    ("tool.parameters", DefinitionType::Tool),
    ("model_request_parameters", DefinitionType::Schema),
    ("logfire.json_schema", DefinitionType::Schema),
];
/// The same as attributes of their own, numbered: `NAME.0.REST`.
pub(super) const REPEATED_NUMBERED: &[(&str, &str, DefinitionType)] =
    &[("llm.tools", "tool.json_schema", DefinitionType::Tool)];

/// The settings of a model's call, and what a record calls them.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("gen_ai.request.temperature", "temperature"),
    ("gen_ai.request.top_p", "top_p"),
    ("gen_ai.request.top_k", "top_k"),
    ("gen_ai.request.max_tokens", "max_tokens"),
    ("gen_ai.request.seed", "seed"),
    ("gen_ai.request.frequency_penalty", "frequency_penalty"),
    ("gen_ai.request.presence_penalty", "presence_penalty"),
    ("gen_ai.request.stop_sequences", "stop_sequences"),
    ("ai.settings.temperature", "temperature"),
    ("ai.settings.maxOutputTokens", "max_tokens"),
    ("ai.settings.topP", "top_p"),
];
/// Objects of settings, of which each member is one.
pub(super) const SETTINGS_TOGETHER: &[&str] = &["llm.invocation_parameters"];
/// What among settings each call says again: it is a definition too.
pub(super) const REPEATED_SETTINGS: &[(&str, &str, DefinitionType)] = &[
    ("instructions", "system", DefinitionType::Prompt),
    ("tools", "llm.tools", DefinitionType::Tool),
];
