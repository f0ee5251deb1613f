"""A client of MCP that does one of each, and prints what it got."""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation


async def use(read, write):
    async with ClientSession(read, write, client_info=Implementation(name="refund-bot", version="3.1")) as session:
        await session.initialize()
        tools = await session.list_tools()
        print(sorted(tool.name for tool in tools.tools))
        if sys.argv[1] == "everything":
            print((await session.call_tool("echo", {"message": "hello"})).content)
            return
        for name, arguments in (("add", {"a": 2, "b": 3}), ("fail", {}), ("slow", {}), ("unknown", {})):
            result = await session.call_tool(name, arguments)
            print(name, result.isError, result.content)
        print(await session.read_resource("note://today"))
        print(await session.get_prompt("review", {"case": "A-7"}))
        await session.send_ping()
        await session.list_tools()


async def main():
    if sys.argv[1] == "http":
        async with streamable_http_client(sys.argv[2]) as (read, write, _):
            await use(read, write)
    else:
        async with stdio_client(StdioServerParameters(command=sys.argv[2], args=sys.argv[3:])) as (read, write):
            await use(read, write)


asyncio.run(main())
