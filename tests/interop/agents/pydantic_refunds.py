"""An agent of pydantic-ai with a model of its own: one tool that works, one that fails twice, then an answer."""

import sys

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings

provider = TracerProvider(resource=Resource.create({"service.name": "refunds", "service.version": "3.1"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1] + "/v1/traces")))
Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))

TURNS = [
    [ThinkingPart("The order has to be known first."), ToolCallPart("lookup_order", {"order_id": "A-7"}, tool_call_id="c1")],
    [ToolCallPart("issue_refund", {"order_id": "A-7", "amount": 12.5}, tool_call_id="c2")],
    [ToolCallPart("issue_refund", {"order_id": "A-7", "amount": 12.0}, tool_call_id="c3")],
    [TextPart("The refund could not be issued.")],
]
said = iter(TURNS)
model = FunctionModel(lambda messages, info: ModelResponse(parts=next(said)), model_name="fake-model-1")
agent = Agent(model, name="refund_agent", system_prompt="You refund orders.", retries=3)


@agent.tool_plain
def lookup_order(order_id: str) -> dict:
    return {"order_id": order_id, "total": 12.5}


@agent.tool_plain
def issue_refund(order_id: str, amount: float) -> str:
    raise ModelRetry("payment gateway returned 503")


print(agent.run_sync("Refund order A-7, please.").output)
provider.shutdown()
