"""An agent of LangChain with a model that answers out of this file: a retrieval, a tool that works, one that fails and is tried
again, then an answer."""

import sys

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import ToolException, create_retriever_tool, tool
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "refunds", "service.version": "3.1"}))
# All in one batch, however slow the machine is: of those above it a span of this SDK knows nothing.
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1] + "/v1/traces"), schedule_delay_millis=60_000))
LangChainInstrumentor().instrument(tracer_provider=provider)


class ChatFake(GenericFakeChatModel):
    model: str = "fake-model-1"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[{"type": "function", "function": {"name": each.name, "description": each.description}} for each in tools])


def says(text, *calls):
    calls = [{"id": call, "name": name, "args": arguments} for call, name, arguments in calls]
    return AIMessage(text, tool_calls=calls, usage_metadata={"input_tokens": 50, "output_tokens": 9, "total_tokens": 59})


class Policies(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [
            Document(id="p-1", page_content="Refunds within 14 days.", metadata={"version": "7"}),
            Document(id="p-2", page_content="Never more than was paid."),
        ]


@tool
def lookup_order(order_id: str) -> dict:
    """Find an order."""
    return {"order_id": order_id, "total": 12.5}


@tool
def issue_refund(order_id: str, amount: float) -> str:
    """Pay money back."""
    # One kind of error LangChain tells the model itself, so that the tool's span says nothing of it.
    raise (RuntimeError if amount > 12 else ToolException)("payment gateway returned 503")


issue_refund.handle_tool_error = True


@wrap_tool_call
def tell_the_model(request, handler):
    try:
        return handler(request)
    except RuntimeError as error:
        return ToolMessage(f"It failed: {error}", tool_call_id=request.tool_call["id"], status="error")


turns = iter([
    says("", ("c1", "lookup_order", {"order_id": "A-7"})),
    says("", ("c2", "search_policies", {"query": "refunds"})),
    says("", ("c3", "issue_refund", {"order_id": "A-7", "amount": 12.5})),
    says("", ("c4", "issue_refund", {"order_id": "A-7", "amount": 12.0})),
    says("The refund could not be issued."),
])
search = create_retriever_tool(Policies(), "search_policies", "Find what the house's rules say.")
agent = create_agent(ChatFake(messages=turns), [lookup_order, search, issue_refund], system_prompt="You refund orders.", name="refund_agent", middleware=[tell_the_model])
done = agent.invoke({"messages": [{"role": "user", "content": "Refund order A-7, please."}]}, {"metadata": {"session_id": "thread-1", "user_id": "customer-9"}})
print(done["messages"][-1].content)
provider.shutdown()
