"""A language model server whose answers take as long to say as a test needs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from types import TracebackType
from typing import Self

STORIES = (
    "The old lighthouse stands on a cliff above the bay, and every evening a woman lights the lamp for the ships.",
    "A good stew begins with onions that are fried slowly, then come the carrots, some garlic and a little meat.",
    "Trains were late in the whole region because of the storm, but by tomorrow morning most lines will run again.",
    "Bees tell each other where the flowers are by dancing, and the others follow the dance across the meadow.",
    "The river begins as a spring in the mountains, gathers many streams in the forest and is wide in the plain.",
)
"""Six to seven seconds each when spoken."""

TOKEN_S = 0.02


class Storyteller:
    """Speaks OpenAI's protocol, and tells its stories in turn whatever it is asked."""

    def __init__(self, stories: Sequence[str] = STORIES, times: int = 1) -> None:
        """Each answer is so many stories."""
        reported = cycle(stories)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._begin("application/json")
                self.wfile.write(
                    json.dumps(
                        {"data": [{"id": "story", "object": "model", "created": 0, "owned_by": "test"}]}
                    ).encode()
                )

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                warming = asked.get("max_tokens") == 1
                words = ["Hello."] if warming else " ".join(next(reported) for _ in range(times)).split(" ")
                self._begin("text/event-stream")
                for word in words:
                    self._stream({"delta": {"content": word + " "}, "finish_reason": None})
                    time.sleep(0 if warming else TOKEN_S)  # the pace of a small model
                self._stream({"delta": {}, "finish_reason": "stop"})
                self.wfile.write(b"data: [DONE]\n\n")

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # the answer was interrupted
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _begin(self, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()

            def _stream(self, choice: dict[str, object]) -> None:
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "story"}
                self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [{'index': 0, **choice}]})}\n\n".encode())
                self.wfile.flush()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
