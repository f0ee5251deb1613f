"""Agents of the OpenAI Agents SDK, whose models answer out of this file: a retrieval, a tool that works, one that fails and is
tried again, then another agent takes over and answers."""

import json
import sys

import httpx2
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_trace_processors
from openai import AsyncOpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "refunds", "service.version": "3.1"}))
# All in one batch, however slow the machine is: of those above it a span of this SDK knows nothing.
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1] + "/v1/traces"), schedule_delay_millis=60_000))
set_trace_processors([])  # Nothing goes to OpenAI.
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider, tool_span_kinds={"search_policies": "RETRIEVER"})


def calls(call, name, **arguments):
    return {"type": "function_call", "id": f"fc_{call}", "call_id": call, "name": name, "arguments": json.dumps(arguments), "status": "completed"}


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "The order has to be known first."}]}
TURNS = [
    [THOUGHT, calls("c1", "lookup_order", order_id="A-7")],
    [calls("c2", "search_policies", query="refunds")],
    [calls("c3", "issue_refund", order_id="A-7", amount=12.5)],
    [calls("c4", "issue_refund", order_id="A-7", amount=12.0)],
    [calls("c5", "transfer_to_human_desk")],
]
turns = iter(TURNS)


def answer(request):
    """What OpenAI's service would answer, by either of its interfaces."""
    if request.url.path.endswith("/responses"):
        usage = {"input_tokens": 50, "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 0}, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 59}
        asked = json.loads(request.content)
        return httpx2.Response(200, json={
            "id": "resp_1", "object": "response", "created_at": 1790000000, "status": "completed", "model": "fake-model-1-2026", "output": next(turns),
            "parallel_tool_calls": False, "tool_choice": "auto", "instructions": asked["instructions"], "tools": asked["tools"], "usage": usage})
    said = {"role": "assistant", "content": "A person will call you."}
    return httpx2.Response(200, json={
        "id": "chat_1", "object": "chat.completion", "created": 1790000000, "model": "fake-model-2", "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
        "usage": {"prompt_tokens": 70, "completion_tokens": 6, "total_tokens": 76}})


@function_tool
def lookup_order(order_id: str) -> str:
    return json.dumps({"order_id": order_id, "total": 12.5})


@function_tool
def search_policies(query: str) -> str:
    """Find what the house's rules say."""
    return json.dumps([{"id": "p-1", "content": "Refunds within 14 days.", "score": 0.9}, {"id": "p-2", "content": "Never more than was paid.", "score": 0.7}])


@function_tool
def issue_refund(order_id: str, amount: float) -> str:
    raise RuntimeError("payment gateway returned 503")


client = AsyncOpenAI(api_key="none", http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
desk = Agent(name="human_desk", instructions="You hand over to people.", model=OpenAIChatCompletionsModel("fake-model-2", client))
agent = Agent(name="refund_agent", instructions="You refund orders.", tools=[lookup_order, search_policies, issue_refund], handoffs=[desk], model=OpenAIResponsesModel("fake-model-1", client))
with using_attributes(session_id="thread-1", user_id="customer-9"):
    print(Runner.run_sync(agent, "Refund order A-7, please.").final_output)
provider.shutdown()
