"""Chat servers whose every word is scripted: OpenAI's protocol and Ollama's, over real sockets.

They are strict: a path that was not scripted fails the test that used it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from voicecli.settings.model import LlmSettings

MODELS = {"/v1/models": {"data": [{"id": "small", "object": "model", "created": 0, "owned_by": "test"}]}}
TAGS = {
    "/api/tags": {"models": [{"model": "llama3.2:latest", "name": "llama3.2:latest"}]},
    "/api/ps": {"models": []},
}
CHAT_PATHS = ("/v1/chat/completions", "/api/chat")


def llm_settings(**changes: Any) -> LlmSettings:
    defaults: dict[str, Any] = {
        "backend": "auto", "url": "", "model": "", "api_key": "", "ollama_url": "http://127.0.0.1:11434",
        "keep_alive": "30m", "threads": 0, "gpu_layers": 0,
        "context_tokens": 1024, "max_answer_tokens": 24, "temperature": 0.0, "repeat_penalty": 0.0,
        "seed": -1, "system_prompt": "", "place": "", "prefill": True,
        "timeout_s": 30.0, "first_token_timeout_s": 15.0, "upgrade": "ask", "fallback": "embedded",
    }  # fmt: skip
    return LlmSettings(**(defaults | changes))


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Refusal:
    """An answer that is no stream."""

    status: int
    body: Any


@dataclass
class ChatServer:
    """`chats` are the answers to chat requests in their order; a list is streamed, and None in it stops the stream."""

    chats: list[Refusal | Sequence[str | None]]
    pages: Mapping[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # the client hung up in mid-stream
    port: int = 0

    @property
    def chat_bodies(self) -> list[Any]:
        return [request.body for request in self.requests if request.path in CHAT_PATHS]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            request = await _read(reader)
            self.requests.append(request)
            if request.path in self.pages:
                _write_page(writer, 200, self.pages[request.path])
            elif request.path not in CHAT_PATHS or not self.chats:
                self.unexpected.append(request.path)
                _write_page(writer, 404, {"error": "not scripted"})
            elif isinstance(chat := self.chats.pop(0), Refusal):
                _write_page(writer, chat.status, chat.body)
            else:
                await self._stream(chat, reader, writer)
            await writer.drain()
        finally:
            writer.close()

    async def _stream(
        self, lines: Sequence[str | None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for line in lines:
            if line is None:
                await writer.drain()
                assert await reader.read() == b""  # ends when the client hangs up, not before
                self.left.set()
                return
            chunk = line.encode()
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
        writer.write(b"0\r\n\r\n")


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split()[1], headers, json.loads(body) if body else None)


def _write_page(writer: asyncio.StreamWriter, status: int, page: Any) -> None:
    body = page.encode() if isinstance(page, str) else json.dumps(page).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@asynccontextmanager
async def chat_server(
    *chats: Refusal | Sequence[str | None], pages: Mapping[str, Any] | None = None
) -> AsyncIterator[ChatServer]:
    """A running server; at the end every scripted answer must have been asked for, and nothing else."""
    script = ChatServer(list(chats), pages or {})
    server = await asyncio.start_server(script.answer, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    async with server:
        yield script
    assert not script.unexpected
    assert not script.chats


def openai_delta(finish_reason: str | None = None, **delta: str) -> str:
    """One server-sent event of a streamed completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "small", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


def openai_answer(*words: str) -> list[str | None]:
    return [
        openai_delta(role="assistant", content=""),
        *(openai_delta(content=word) for word in words),
        "data: [DONE]\n\n",
    ]


def ollama_part(text: str, *, done: bool = False, done_reason: str | None = None, **message: str) -> str:
    """One line of Ollama's stream."""
    part = {"model": "llama3.2", "message": {"role": "assistant", "content": text, **message}, "done": done}
    if done_reason is not None:
        part["done_reason"] = done_reason
    return json.dumps(part) + "\n"


def ollama_answer(*words: str) -> list[str | None]:
    return [*(ollama_part(word) for word in words), ollama_part("", done=True)]
