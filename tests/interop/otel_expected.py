"""What the records of each agent of agents/ have to be, member by member. See otel.py.

All agents do the same: they look an order up, search the house's rules where the SDK has a search, try a refund that fails, try
it again, and answer.
"""

import json

ASKED = "Refund order A-7, please."
ORDER = {"order_id": "A-7", "total": 12.5}
FAILED = "payment gateway returned 503"
NO_REFUND = "The refund could not be issued."
RULES = ["Refunds within 14 days.", "Never more than was paid."]


class Recorded:
    """The records of a run, and how they are held against what is expected."""

    def __init__(self, check, records):
        self.check = check
        self.all = [record for record in records if record["kind"] not in ("system", "definition")]
        self.definitions = [record["definition"] for record in records if record["kind"] == "definition"]
        self.by_id = {record["id"]: record for record in self.all}
        check("each record once", (len(self.by_id), [r["seq"] for r in records if "conflict" in r]), (len(self.all), []))

    def of(self, kind):
        """Those of a kind, in the order in which they began."""
        return sorted((record for record in self.all if record["kind"] == kind), key=lambda record: (record["time"], record["seq"]))

    def kinds(self, **expected):
        self.check("kinds", {kind: len(self.of(kind)) for kind in {record["kind"] for record in self.all}}, expected)

    def whose(self, agents, session="thread-1", user="customer-9"):
        self.check("agents", {record["agent"]["id"] for record in self.all}, set(agents))
        self.check("versions", {record["agent"].get("version") for record in self.all}, {"3.1"})
        self.check("none is assumed", [record for record in self.all if "agent.assumed" in record["attributes"]], [])
        self.check("one session", {record.get("session") for record in self.all}, {session})
        self.check("one user", {record["agent"].get("on_behalf_of", {}).get("id") for record in self.all}, {user})
        self.check("one chain", {(record["correlation"], record["trace"]["id"] == record["correlation"]) for record in self.all}, {(self.all[0]["correlation"], True)})
        roots = [record for record in self.all if "parent" not in record]
        self.check("one root, and all parents are there", (len(roots), {record["parent"] in self.by_id for record in self.all if "parent" in record}), (1, {True}))

    def above(self, record, kind):
        """The nearest of that kind above a record."""
        while record and record["kind"] != kind:
            record = self.by_id.get(record.get("parent"))
        return record

    def defined(self, *prompts, tools):
        """What is repeated with each call is defined once, and each call names it."""
        texts = [definition["text"] for definition in self.definitions]
        self.check("definitions, once", len(texts), len(set(texts)))
        self.check("prompts", [d["text"] for d in self.definitions if d["type"] == "prompt"], list(prompts))
        named = [d for d in self.definitions if d["id"] == tools]
        self.check("the tools, once", ["issue_refund" in definition["text"] for definition in named], [True])
        lines = [json.dumps(record) for record in self.all]
        self.check("prompts stand in no record", [line for line in lines if any(prompt in line for prompt in prompts)], [])

    def tools(self, *expected):
        """Calls of tools: name, call, parameters, result, status."""
        found = [(record["tools"], record["outcome"]["status"]) for record in self.of("tool_call")]
        self.check("one tool a record", {len(tools) for tools, _ in found}, {1})
        shape = [(t["name"], t.get("call"), t["parameters"], t.get("result"), t["status"]) for (t,), _ in found]
        self.check("tools", shape, list(expected))
        self.check("outcomes are the tools'", [status for _, status in found], [call[-1] for call in expected])
        self.check("errors where they failed", ["error" in tool for (tool,), _ in found], [call[-1] == "failure" for call in expected])
        self.check("errors of outcomes are the tools'", [tool.get("error") for (tool,), _ in found], [r["outcome"].get("error") for r in self.of("tool_call")])

    def calls(self, *expected, models, tokens):
        """Calls of models: what was asked, what was said, which calls of tools it wants."""
        found = self.of("model_call")
        wants = lambda record: [(call["call"], call["name"], call["arguments"]) for call in record["output"].get("parsed", {}).get("tool_calls", [])]
        shape = [(record["input"].get("text"), record["output"].get("text"), wants(record)) for record in found]
        self.check("what models were asked and said, only what is new", shape, list(expected))
        self.check("models", [(record["model"]["provider"], record["model"]["name"]) for record in found], models)
        self.check("tokens", [record["usage"] for record in found], tokens)
        self.check("tokens at calls alone", [record["kind"] for record in self.all if "usage" in record and record["kind"] != "model_call"], [])
        self.check("each names its prompt", {"digest" in record["input"].get("prompt", {}) for record in found}, {True})


def openai_agents(check, records):
    run = Recorded(check, records)
    # Two runs in the one that the SDK calls after the trace; a step around all, and one a turn.
    run.kinds(model_call=6, tool_call=3, retrieval=1, handoff=1, decision=3, step=7)
    run.whose(["refund_agent", "human_desk", "Agent workflow"])
    run.defined("You refund orders.", "You hand over to people.", tools="llm.tools")
    fallback = "An error occurred while running the tool. Please try again."
    # The SDK does not say which call of the model a tool's execution answers.
    run.tools(
        ("lookup_order", None, {"order_id": "A-7"}, ORDER, "success"),
        ("issue_refund", None, {"order_id": "A-7", "amount": 12.5}, fallback, "failure"),
        ("issue_refund", None, {"order_id": "A-7", "amount": 12.0}, fallback, "failure"),
    )
    errors = [record["outcome"]["error"]["message"] for record in run.of("tool_call") if "error" in record["outcome"]]
    check("what failed is said", ["issue_refund" in error for error in errors], [True, True])
    once = {"input_tokens": 50, "output_tokens": 9, "cache_read_tokens": 10, "cache_write_tokens": 0, "reasoning_tokens": 3}
    run.calls(
        (ASKED, None, [("c1", "lookup_order", {"order_id": "A-7"})]),
        (None, None, [("c2", "search_policies", {"query": "refunds"})]),
        (None, None, [("c3", "issue_refund", {"order_id": "A-7", "amount": 12.5})]),
        (None, None, [("c4", "issue_refund", {"order_id": "A-7", "amount": 12.0})]),
        (None, None, [("c5", "transfer_to_human_desk", None)]),
        (None, "A person will call you.", []),
        models=[("openai", "fake-model-1-2026")] * 5 + [("openai", "fake-model-2")],
        tokens=[once] * 5 + [{"input_tokens": 70, "output_tokens": 6}],
    )
    check("reasoning", [record.get("reasoning") for record in run.of("model_call")], ["The order has to be known first."] + [None] * 5)
    (found,) = run.of("retrieval")
    check("what was searched", found["input"]["text"], "refunds")
    shape = [{"system": "search_policies", "resource": f"p-{place + 1}", "score": score, "excerpt": RULES[place]} for place, score in enumerate([0.9, 0.7])]
    check("what was found, and not once more", (found["context"], "output" in found, "output.value" in found["attributes"]), (shape, False, False))
    (handoff,) = run.of("handoff")
    check("who hands over to whom", (handoff["agent"]["id"], handoff["handoff"]["to"]), ("refund_agent", {"type": "agent", "id": "human_desk"}))
    whose = [(record["agent"]["id"], run.above(record, "decision")["agent"]["id"]) for record in run.all if record["kind"] != "decision"]
    check("each is below the run of its agent", {agent == above for agent, above in whose}, {True})


def langchain(check, records):
    run = Recorded(check, records)
    # A step a node of the graph: five of the model, four of the tools.
    run.kinds(model_call=5, tool_call=4, retrieval=1, decision=1, step=9)
    run.whose(["refund_agent"])
    run.defined("You refund orders.", tools="llm.tools")
    run.tools(
        ("lookup_order", "c1", {"order_id": "A-7"}, ORDER, "success"),
        ("search_policies", "c2", {"query": "refunds"}, "\n\n".join(RULES), "success"),
        ("issue_refund", "c3", {"order_id": "A-7", "amount": 12.5}, None, "failure"),
        # This error LangChain told the model as what the tool said, and the span is no failed one.
        ("issue_refund", "c4", {"order_id": "A-7", "amount": 12.0}, FAILED, "failure"),
    )
    errors = [record["outcome"]["error"] for record in run.of("tool_call") if "error" in record["outcome"]]
    check("what failed is said", [error["message"] for error in errors], [FAILED, FAILED])
    check("its type and stack", (errors[0]["type"], errors[0]["stack"].startswith("Traceback")), ("RuntimeError", True))
    run.calls(
        (ASKED, None, [("c1", "lookup_order", {"order_id": "A-7"})]),
        (None, None, [("c2", "search_policies", {"query": "refunds"})]),
        (None, None, [("c3", "issue_refund", {"order_id": "A-7", "amount": 12.5})]),
        (None, None, [("c4", "issue_refund", {"order_id": "A-7", "amount": 12.0})]),
        (None, NO_REFUND, []),
        models=[("fake", "fake-model-1")] * 5,
        tokens=[{"input_tokens": 50, "output_tokens": 9}] * 5,
    )
    (found,) = run.of("retrieval")
    check("what was searched", found["input"]["text"], "refunds")
    shape = [{"system": "policies", "resource": f"p-{place + 1}", "excerpt": rule} for place, rule in enumerate(RULES)]
    check("what was found, and not once more", (found["context"], "output" in found, "output.value" in found["attributes"]), (shape, False, False))
    check("by which tool", run.above(found, "tool_call")["tools"][0]["name"], "search_policies")
    (decision,) = run.of("decision")
    check("what was asked and said", (decision["input"]["text"], decision["output"]), (ASKED, {"text": NO_REFUND}))
    messages = [len(step["attributes"]["input.value"]["messages"]) for step in run.of("step") if step["attributes"]["span.name"] == "model"]
    check("steps have only what is new of the conversation", messages, [1] * 5)


def vercel(check, records):
    run = Recorded(check, records)
    run.kinds(model_call=5, tool_call=4, decision=1)
    run.whose(["refund_agent"])
    run.defined("You refund orders.", tools="ai.prompt.tools")
    run.tools(
        ("lookup_order", "c1", {"order_id": "A-7"}, ORDER, "success"),
        ("search_policies", "c2", {"query": "refunds"}, [{"id": "p-1", "content": RULES[0]}], "success"),
        ("issue_refund", "c3", {"order_id": "A-7", "amount": 12.5}, None, "failure"),
        ("issue_refund", "c4", {"order_id": "A-7", "amount": 12}, None, "failure"),
    )
    errors = [record["outcome"]["error"] for record in run.of("tool_call") if "error" in record["outcome"]]
    check("what failed is said", [(error["type"], error["message"], "at " in error["stack"]) for error in errors], [("Error", FAILED, True)] * 2)
    once = {"input_tokens": 50, "output_tokens": 9, "cache_read_tokens": 10, "cache_write_tokens": 0, "reasoning_tokens": 3}
    run.calls(
        (ASKED, None, [("c1", "lookup_order", {"order_id": "A-7"})]),
        (None, None, [("c2", "search_policies", {"query": "refunds"})]),
        (None, None, [("c3", "issue_refund", {"order_id": "A-7", "amount": 12.5})]),
        (None, None, [("c4", "issue_refund", {"order_id": "A-7", "amount": 12})]),
        (None, NO_REFUND, []),
        models=[("fake", "fake-model-1")] * 5,
        tokens=[once] * 5,
    )
    check("reasoning", [record.get("reasoning") for record in run.of("model_call")], ["The order has to be known first."] + [None] * 4)
    check("how each ended", [record["output"]["finish"] for record in run.of("model_call")], ["tool-calls"] * 4 + ["stop"])
    (decision,) = run.of("decision")
    check("what was asked and said", (decision["input"]["text"], decision["output"]), (ASKED, {"text": NO_REFUND}))
    check("all is below the run", {record.get("parent") for record in run.all}, {decision["id"], None})
    check("what is the user's own stays", {record["attributes"]["ai.telemetry.metadata.tariff"] for record in run.all}, {"gold"})


def pydantic_ai(check, records):
    run = Recorded(check, records)
    run.kinds(model_call=4, tool_call=3, decision=1)
    (decision,) = run.of("decision")
    run.whose(["refund_agent"], session=decision["session"], user=None)
    check("the prompt, once", [d["text"] for d in run.definitions if d.get("type") == "prompt"], ["You refund orders."])
    check("parents", {record.get("parent") for record in run.all}, {decision["id"], None})
    check("what was asked and said", (decision["input"]["text"], decision["output"]["text"]), (ASKED, NO_REFUND))
    run.tools(
        ("lookup_order", "c1", {"order_id": "A-7"}, ORDER, "success"),
        ("issue_refund", "c2", {"order_id": "A-7", "amount": 12.5}, FAILED, "failure"),
        ("issue_refund", "c3", {"order_id": "A-7", "amount": 12.0}, FAILED, "failure"),
    )
    check("attempts", [record["tools"][0].get("attempt") for record in run.of("tool_call")], [None, 1, 2])
    errors = [record["outcome"]["error"] for record in run.of("tool_call") if "error" in record["outcome"]]
    check("what failed is said", [("503" in e["message"], bool(e["type"]), "Traceback" in e["stack"]) for e in errors], [(True, True, True)] * 2)
    calls = run.of("model_call")
    run.calls(
        (ASKED, None, [("c1", "lookup_order", {"order_id": "A-7"})]),
        (None, None, [("c2", "issue_refund", {"order_id": "A-7", "amount": 12.5})]),
        (None, None, [("c3", "issue_refund", {"order_id": "A-7", "amount": 12.0})]),
        (None, NO_REFUND, []),
        models=[("function", "fake-model-1")] * 4,
        tokens=[record["usage"] for record in calls],
    )
    check("tokens", {bool(record["usage"]["input_tokens"]) and bool(record["usage"]["output_tokens"]) for record in calls}, {True})
    check("reasoning", [record.get("reasoning") for record in calls], ["The order has to be known first."] + [None] * 3)
