"""A server of MCP: a tool that works, one that fails, one that takes its time, a resource and a prompt."""

import sys
import time

from mcp.server.fastmcp import FastMCP

server = FastMCP("refunds-server", port=int(sys.argv[2]) if sys.argv[1] == "http" else 8000, log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> str:
    return str(a + b)


@server.tool()
def fail() -> str:
    raise ValueError("payment gateway returned 503")


@server.tool()
def slow() -> str:
    time.sleep(0.3)
    return "done"


@server.resource("note://today")
def today() -> str:
    return "Pay on Friday."


@server.prompt()
def review(case: str) -> str:
    return f"Review the case {case}."


server.run(transport="stdio" if sys.argv[1] == "stdio" else "streamable-http")
