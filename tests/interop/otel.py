#!/usr/bin/env python3
"""Real agents' spans as records: otel.py AUDITDB_BINARY

Agents of real SDKs run with models that need no network, and send their spans to `auditdb serve`. The records are held member by
member against what the agent did (otel_expected.py). What cannot be installed is skipped, and named. Exit codes: 0 all
as it should be (or skipped), 1 not.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import otel_expected

HERE = os.path.dirname(os.path.abspath(__file__))
FAILED = []


def say(what):
    print(what, flush=True)


def check(what, found, expected):
    if found != expected:
        FAILED.append(what)
        say(f"NOT AS IT SHOULD BE: {what}: {found!r} and not {expected!r}")


def run(*command, timeout=600, **more):
    done = subprocess.run(command, capture_output=True, timeout=timeout, env={**os.environ, **more})
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


def node_with(name, script, *packages):
    """A script beside these packages, as Node wants it; or None and why not."""
    at = f"{HERE}/.venv/{name}"
    if not os.path.exists(f"{at}/installed"):
        os.makedirs(at, exist_ok=True)
        try:
            code, _, err = run("npm", "install", "--prefix", at, "--no-audit", "--no-fund", "--save-exact", *packages)
        except FileNotFoundError:
            return None, "there is no npm"
        if code != 0:
            return None, err[-300:]
        open(f"{at}/installed", "w").close()
    return shutil.copy(f"{HERE}/agents/{script}", at), None


def served(binary, command, at, said="", **more):
    """Runs an agent that sends to a server, and gives the records that are there then. What the server says is this."""
    db = f"{at}/db"
    check("auditdb init", run(binary, "init", db)[0], 0)
    server = subprocess.Popen([binary, "serve", db, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = server.stderr.readline().strip().removeprefix("listening on ")
    code, _, err = run(*command, address, **more)
    check(f"{os.path.basename(command[-1])} ran, and its SDK had nothing to complain of", (code, err), (0, ""))
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=60)
    check("auditdb serve ended, and what it had to complain of", (server.returncode, err), (0, said))
    say(out.strip())
    check("verify", run(binary, "verify", db)[0], 0)
    return [json.loads(line) for line in run(binary, "export", db)[1].splitlines()]


PYTHON = ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"]
NODE = ["@opentelemetry/api@1.9.1", "@opentelemetry/exporter-trace-otlp-http@0.223.1", "@opentelemetry/resources@2.12.1", "@opentelemetry/sdk-trace-node@2.12.1"]
# Name, program, what the records have to be, packages.
AGENTS = [
    ("pydantic-ai", "pydantic_refunds.py", otel_expected.pydantic_ai, ["pydantic-ai-slim==2.68.0", *PYTHON]),
    ("openai-agents", "openai_refunds.py", otel_expected.openai_agents, ["openai-agents==0.24.0", "openai==3.57.0", "openinference-instrumentation-openai-agents==2.6.0", *PYTHON]),
    ("langchain", "langchain_refunds.py", otel_expected.langchain, ["langchain==1.4.7", "langgraph==1.2.22", "langchain-core==1.8.3", "openinference-instrumentation-langchain==0.1.80", *PYTHON]),
    ("vercel", "vercel_refunds.mjs", otel_expected.vercel, ["ai@6.0.326", "zod@4.6.7", *NODE]),
]

# What an agent is told to keep to itself, and what the server says of it then.
HIDING = {
    "langchain": (
        "agent refund_agent sends no content, only that it called a model: set OPENINFERENCE_HIDE_INPUTS=false and OPENINFERENCE_HIDE_OUTPUTS=false\n",
        {"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"},
    ),
}


def recorded(binary, at, name, script, expected, packages):
    """One agent: its packages, its run, its records."""
    if script.endswith(".py"):
        python, why = python_with(name, *packages)
        command = [python, f"{HERE}/agents/{script}"]
    else:
        copy, why = node_with(name, script, *packages)
        command = ["node", copy]
    if why is not None:
        say(f"skipped: {name}: {why}")
        return
    say(f"{name}: {packages[0]}")
    try:
        expected(lambda what, *both: check(f"{name}: {what}", *both), served(binary, command, at))
        if name in HIDING:
            expected_said, more = HIDING[name]
            calls = [record for record in served(binary, command, f"{at}-hidden", expected_said, **more) if record["kind"] == "model_call"]
            check(f"{name}: what is hidden is said once, and nothing leaks", (len(calls), otel_expected.ASKED in json.dumps(calls)), (5, False))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        check(f"{name}: members that are looked at are there", f"{type(error).__name__}: {error}", "all of them")


def main():
    if len(sys.argv) != 2:
        say(__doc__)
        return 2
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as at:
        for name, *agent in AGENTS:
            recorded(binary, f"{at}/{name}", name, *agent)
    say("not as it should be" if FAILED else "as it should be")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
