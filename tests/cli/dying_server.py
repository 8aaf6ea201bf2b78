"""A scripted server of OpenAI's chat protocol, as a program: it can be killed in the middle of an answer.

    python dying_server.py PORT WORDS...

Each word is a token. After a word `STALL` it says no more and keeps the connection. It prints a line when it listens
and one with the last question when it is asked.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    words: tuple[str, ...] = ()

    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": [{"id": "scripted", "object": "model"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        warming = request["max_tokens"] == 1
        if not warming:
            self.asked(request["messages"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in ("Hello",) if warming else self.words:
            if word == "STALL":
                threading.Event().wait()
            self._chunk("data: " + json.dumps(_part(f"{word} ")) + "\n\n")
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def asked(self, messages: list[dict[str, str]]) -> None:
        print(messages[-1]["content"], flush=True)

    def _chunk(self, text: str) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text.encode()))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None: ...


def _part(text: str) -> dict[str, object]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


if __name__ == "__main__":
    Handler.words = tuple(sys.argv[2:])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
