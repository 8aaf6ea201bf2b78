"""A WebSocket server that plays a script: it fails on a message that is not in it, and on what is left of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from voicecli.server.stt.protocol import Ready

READY = Ready(session="s", model="scripted", sample_rate_hz=16_000)


@dataclass(frozen=True, slots=True)
class Expect:
    """A message of the client: fields of a JSON object, or the samples themselves."""

    message: dict[str, Any] | bytes


@dataclass(frozen=True, slots=True)
class Close:
    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """The connection is gone without a good-bye."""


Step = Expect | Close | Break | BaseModel | str | bytes
START = Expect({"type": "start"})


@dataclass(slots=True)
class Scripted:
    """What the server saw."""

    steps: list[Step]
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.path = connection.request.path
        self.headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
        while self.steps:
            match self.steps[0]:
                case Expect(message=bytes() as samples):
                    assert await connection.recv() == samples
                case Expect(message=dict() as fields):
                    said = json.loads(await connection.recv())
                    assert fields.items() <= said.items(), said
                case Close(code, reason):
                    await connection.close(code, reason)
                case Break():
                    connection.transport.abort()
                case BaseModel() as reply:
                    await connection.send(reply.model_dump_json())
                case str() | bytes() as message:
                    await connection.send(message)
            self.steps.pop(0)
        try:
            unexpected = await connection.recv()
        except ConnectionClosed:
            return
        raise AssertionError(f"not in the script: {unexpected!r}")


@asynccontextmanager
async def scripted(
    *steps: Step, refuse: Callable[[ServerConnection, Request], Response | None] | None = None
) -> AsyncIterator[tuple[str, Scripted]]:
    """Its URL, and what it saw."""
    script = Scripted(list(steps))
    failures: list[AssertionError] = []

    async def handle(connection: ServerConnection) -> None:
        try:
            await script.play(connection)
        except AssertionError as error:
            failures.append(error)
            raise

    async with serve(handle, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}", script
    if failures:
        raise failures[0]
    assert not script.steps, f"left of the script: {script.steps}"
