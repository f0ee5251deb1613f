"""A server of MCP that answers at once: what is measured is what lies between."""

import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"content": [{"type": "text", "text": "done"}]}}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
