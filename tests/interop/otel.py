#!/usr/bin/env python3
"""Real agents' spans as records: otel.py AUDITDB_BINARY

Agents of real SDKs run with models that need no network, and send their spans to `auditdb serve`. The records are held member by
member against what the agent did. What cannot be installed is skipped, and named. Exit codes: 0 all
as it should be (or skipped), 1 not.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FAILED = []


def say(what):
    print(what, flush=True)


def check(what, found, expected):
    if found != expected:
        FAILED.append(what)
        say(f"NOT AS IT SHOULD BE: {what}: {found!r} and not {expected!r}")


def run(*command, timeout=600):
    done = subprocess.run(command, capture_output=True, timeout=timeout)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def python_with(name, *packages):
    """A Python with these packages; or None and why not."""
    venv = f"{HERE}/.venv/{name}"
    if not os.path.exists(f"{venv}/installed"):
        if run(sys.executable, "-m", "venv", "--clear", venv)[0] != 0:
            return None, "no virtual environment can be made"
        code, _, err = run(f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *packages)
        if code != 0:
            return None, err[-300:]
        open(f"{venv}/installed", "w").close()
    return f"{venv}/bin/python", None


def served(binary, python, script, at):
    """Runs an agent that sends to a server, and gives the records of what it sent, and the definitions."""
    db = f"{at}/db"
    check("auditdb init", run(binary, "init", db)[0], 0)
    server = subprocess.Popen([binary, "serve", db, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = server.stderr.readline().strip().removeprefix("listening on ")
    code, _, err = run(python, f"{HERE}/agents/{script}", address)
    check(f"{script} ran, and its SDK had nothing to complain of", (code, err), (0, ""))
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=60)
    check("auditdb serve ended", (server.returncode, err), (0, ""))
    say(out.strip())
    check("verify", run(binary, "verify", db)[0], 0)
    records = [json.loads(line) for line in run(binary, "export", db)[1].splitlines()]
    return [record for record in records if record["kind"] not in ("system", "definition")], [r for r in records if r["kind"] == "definition"]


def pydantic_ai(binary, at):
    python, why = python_with("pydantic-ai", "pydantic-ai-slim==2.68.0", "opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2")
    if not python:
        say(f"skipped: pydantic-ai: {why}")
        return
    say("pydantic-ai 2.68.0")
    records, definitions = served(binary, python, "pydantic_refunds.py", at)
    kinds = [record["kind"] for record in records]
    check("kinds", sorted(kinds), sorted(["model_call", "tool_call"] * 3 + ["model_call", "decision"]))
    prompts = [d["definition"]["text"] for d in definitions if d["definition"].get("type") == "prompt"]
    check("the prompt, once", prompts, ["You refund orders."])
    check("agents", {record["agent"]["id"] for record in records}, {"refund_agent"})
    check("versions", {record["agent"].get("version") for record in records}, {"3.1"})
    check("one conversation", len({record.get("session") for record in records}), 1)
    run_ = next(record for record in records if record["kind"] == "decision")
    check("parents", {record.get("parent") for record in records if record is not run_}, {run_["id"]})
    check("what was asked and said", (run_["input"]["text"], run_["output"]["text"]), ("Refund order A-7, please.", "The refund could not be issued."))
    tools = {record["tools"][0]["call"]: record for record in records if record["kind"] == "tool_call"}
    found = tools["c1"]["tools"][0]
    check("a tool that works", (found["name"], found["parameters"], found["result"], found["status"]), ("lookup_order", {"order_id": "A-7"}, {"order_id": "A-7", "total": 12.5}, "success"))
    for call, amount, attempt in (("c2", 12.5, 1), ("c3", 12.0, 2)):
        found = tools[call]["tools"][0]
        check(f"a tool that fails, {call}", (found["parameters"]["amount"], found["attempt"], found["status"]), (amount, attempt, "failure"))
        error = tools[call]["outcome"]["error"]
        check(f"its error, {call}", ("503" in error["message"], bool(error["type"]), "Traceback" in error["stack"]), (True, True, True))
    calls = sorted((record for record in records if record["kind"] == "model_call"), key=lambda record: record["time"])
    check("the first call", (calls[0]["input"]["text"], calls[0]["reasoning"]), ("Refund order A-7, please.", "The order has to be known first."))
    check("what a call asks for", calls[1]["output"]["parsed"]["tool_calls"][0]["call"], "c2")
    check("the last call says only what is new", ("text" in calls[3]["input"], calls[3]["output"]["text"]), (False, "The refund could not be issued."))
    check("models", {(record["model"]["name"], record["model"]["provider"]) for record in calls}, {("fake-model-1", "function")})
    check("tokens stand at the calls alone", ([bool(record["usage"]["input_tokens"]) for record in calls], "usage" in run_), ([True] * 4, False))


def main():
    if len(sys.argv) != 2:
        say(__doc__)
        return 2
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as at:
        pydantic_ai(binary, f"{at}/pydantic-ai")
    say("not as it should be" if FAILED else "as it should be")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
