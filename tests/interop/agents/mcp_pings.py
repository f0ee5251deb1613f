"""Calls a tool 2,000 times, one after the other, and prints how long a call takes in milliseconds."""

import json
import subprocess
import sys
import time

server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
took = []
for number in range(2000):
    call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "ping", "arguments": {"n": number}}}
    line = json.dumps(call).encode() + b"\n"
    begin = time.perf_counter()
    server.stdin.write(line)
    server.stdin.flush()
    assert json.loads(server.stdout.readline())["id"] == number
    took.append((time.perf_counter() - begin) * 1000)
    time.sleep(0.001)
server.stdin.close()
assert server.wait(timeout=30) == 0
took.sort()
print(json.dumps({"p50": took[1000], "p99": took[1980]}))
