"""A scripted server of OpenAI's chat protocol, as a program: it asks for a tool, and answers with what that gives.

    python calling_server.py PORT TOOL ARGUMENTS

It prints a line when it listens, and one with the roles of the messages of each request that is no warming.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    tool = arguments = ""

    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": [{"id": "scripted", "object": "model"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        last = request["messages"][-1]
        offered = [tool["function"]["name"] for tool in request.get("tools", ())]
        if request["max_tokens"] > 1:
            print(" ".join(message["role"] for message in request["messages"]), flush=True)
        if last["role"] == "tool":
            deltas: list[dict[str, object]] = [{"content": f"{word} "} for word in answer(last["content"]).split()]
        elif last["content"].startswith("How are you"):
            deltas = [{"content": "Fine, thank you."}]
        elif self.tool in offered:
            call = {"index": 0, "id": "c1", "type": "function"}
            half = len(self.arguments) // 2
            deltas = [
                {"tool_calls": [{**call, "function": {"name": self.tool, "arguments": self.arguments[:half]}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": self.arguments[half:]}}]},
            ]
        else:
            deltas = [{"content": "I have no such tool."}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
            self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None: ...


def answer(result: str) -> str:
    """What a model would make of the time server's result; other results are read out."""
    try:
        reported = json.loads(result)
        return f"In {reported['timezone'].split('/')[-1]} it is {reported['day_of_week']}."
    except (ValueError, KeyError, TypeError):
        return result


if __name__ == "__main__":
    Handler.tool, Handler.arguments = sys.argv[2], sys.argv[3]
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
