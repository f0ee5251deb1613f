#!/usr/bin/env python3
"""Real clients and servers of MCP with the proxy between them: mcp.py AUDITDB_BINARY

The records are held member by member against what the client did. Client and server are those of the SDKs from PyPI and npm; what
cannot be installed is skipped, and named. Exit codes: 0 all as it should be (or skipped), 1 not.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from otel import FAILED, check, python_with, run, say  # noqa: E402

EVERYTHING = "@modelcontextprotocol/server-everything@2026.8.31"


def records_of(binary, db):
    check("verify", run(binary, "verify", db)[0], 0)
    records = [json.loads(line) for line in run(binary, "export", db)[1].splitlines()]
    return [r for r in records if r["kind"] not in ("system", "definition")], [r for r in records if r["kind"] == "definition"]


def held(records, definitions, what):
    """What the client in agents/mcp_client.py did with the server in agents/mcp_server.py."""
    by_name = {}
    for record in records:
        tools = record.get("tools")
        by_name.setdefault(tools[0]["name"] if tools else record["context"][0]["resource"], []).append(record)
    check(f"{what}: what was done", sorted((name, len(all_)) for name, all_ in by_name.items()), [("add", 1), ("fail", 1), ("note://today", 1), ("review", 1), ("slow", 1), ("unknown", 1)])
    check(f"{what}: agents", {(r["agent"]["id"], r["agent"]["version"]) for r in records}, {("refund-bot", "3.1")})
    check(f"{what}: one session", len({r["session"] for r in records}), 1)
    add = by_name["add"][0]
    check(f"{what}: a tool that works", (add["kind"], add["tools"][0]["system"], add["tools"][0]["parameters"], add["outcome"]["status"]), ("tool_call", "refunds-server", {"a": 2, "b": 3}, "success"))
    check(f"{what}: its result", add["tools"][0]["result"]["content"][0]["text"], "5")
    fail = by_name["fail"][0]
    check(f"{what}: a tool that fails", (fail["outcome"]["status"], fail["tools"][0]["status"], "503" in fail["outcome"]["error"]["message"]), ("failure", "failure", True))
    check(f"{what}: a tool that there is not", by_name["unknown"][0]["outcome"]["status"], "failure")
    slow = by_name["slow"][0]
    check(f"{what}: how long it took", 300 <= slow["duration_ms"] < 3000, True)
    note = by_name["note://today"][0]
    check(f"{what}: a resource", (note["kind"], note["access"][0]["operation"], note["output"]["parsed"]["contents"][0]["text"]), ("retrieval", "read", "Pay on Friday."))
    prompt = by_name["review"][0]
    check(f"{what}: a prompt", (prompt["input"]["prompt"]["id"], prompt["input"]["variables"]), ("review", {"case": "A-7"}))
    check(f"{what}: tools are defined once", sorted(d["definition"]["id"] for d in definitions), ["refunds-server/add", "refunds-server/fail", "refunds-server/slow"])
    check(f"{what}: none is missing", sorted(r["source"]["number"] for r in records), list(range(1, 7)))


def stdio(binary, python, at, *options):
    what = " ".join(("stdio",) + options)
    db = f"{at}/stdio{len(options)}"
    check("auditdb init", run(binary, "init", db)[0], 0)
    proxied = [binary, "mcp-proxy", db, *options, "--", python, f"{HERE}/agents/mcp_server.py", "stdio"]
    direct = run(python, f"{HERE}/agents/mcp_client.py", "stdio", python, f"{HERE}/agents/mcp_server.py", "stdio")
    code, out, err = run(python, f"{HERE}/agents/mcp_client.py", "stdio", *proxied)
    check(f"{what}: the client sees no difference", (code, out), (direct[0], direct[1]))
    if code:
        say(err[-2000:])
    held(*records_of(binary, db), what)


def http(binary, python, at):
    db = f"{at}/http"
    check("auditdb init", run(binary, "init", db)[0], 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([python, f"{HERE}/agents/mcp_server.py", "http", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        url = f"http://127.0.0.1:{port}/mcp"
        direct = run(python, f"{HERE}/agents/mcp_client.py", "http", url)
        proxy = subprocess.Popen([binary, "mcp-proxy", db, "--url", url, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        address = proxy.stderr.readline().strip().removeprefix("listening on ")
        code, out, err = run(python, f"{HERE}/agents/mcp_client.py", "http", address)
        proxy.send_signal(signal.SIGTERM)
        rest = proxy.communicate(timeout=60)
        check("http: the proxy ended", (proxy.returncode, rest), (0, ("", "")))
        check("http: the client sees no difference", (code, out), (direct[0], direct[1]))
        if code:
            say(err[-2000:])
    finally:
        server.kill()
        server.wait()
    held(*records_of(binary, db), "http")


def everything(binary, python, at):
    """The protocol's own test server, which does all that a server can."""
    place = f"{HERE}/.venv/everything"
    server = f"{place}/node_modules/.bin/mcp-server-everything"
    if not os.path.exists(server):
        try:
            code, _, err = run("npm", "install", "--prefix", place, "--no-audit", "--no-fund", "--save-exact", EVERYTHING)
        except FileNotFoundError:
            code, err = 1, "there is no npm"
        if code != 0 or not os.path.exists(server):
            say(f"skipped: {EVERYTHING}: {err[-300:]}")
            return
    db = f"{at}/everything"
    check("auditdb init", run(binary, "init", db)[0], 0)
    code, out, err = run(python, f"{HERE}/agents/mcp_client.py", "everything", binary, "mcp-proxy", db, "--", server, "stdio")
    check("everything: the client is content", code, 0)
    if code:
        say(err[-2000:])
    records, definitions = records_of(binary, db)
    said = {record["tools"][0]["name"]: record["tools"][0] for record in records if record["kind"] == "tool_call"}
    check("everything: echo", said.get("echo", {}).get("parameters"), {"message": "hello"})
    check("everything: its tools are defined", len(definitions) >= 5, True)


def latency(binary, python, at):
    """What the proxy adds, where the fsync runs behind the answer."""
    db = f"{at}/latency"
    check("auditdb init", run(binary, "init", db)[0], 0)
    server = [python, f"{HERE}/agents/mcp_echo.py"]
    client = f"{HERE}/agents/mcp_pings.py"
    code, direct, err = run(python, client, *server)
    check("latency: without the proxy", code, 0)
    code, through, err = run(python, client, binary, "mcp-proxy", db, "--answer", "at-once", "--", *server)
    check("latency: through the proxy", (code, err), (0, ""))
    direct, through = json.loads(direct), json.loads(through)
    added = {name: round(through[name] - direct[name], 3) for name in direct}
    say(f"a call takes (ms): without the proxy {direct}, through it {through}; added {added}")
    records = [r for r in records_of(binary, db)[0] if r["kind"] == "tool_call"]
    check("latency: all are recorded", len(records), 2000)


def main():
    if len(sys.argv) != 2:
        say(__doc__)
        return 2
    binary = os.path.abspath(sys.argv[1])
    python, why = python_with("mcp", "mcp==1.26.0")
    if not python:
        say(f"skipped: mcp: {why}")
        return 0
    version = run(python, "-m", "pip", "show", "mcp")[1]
    say(f"mcp {re.search('Version: (.*)', version)[1]}")
    with tempfile.TemporaryDirectory() as at:
        stdio(binary, python, at)
        stdio(binary, python, at, "--answer", "at-once")
        http(binary, python, at)
        everything(binary, python, at)
        latency(binary, python, at)
    say("not as it should be" if FAILED else "as it should be")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
