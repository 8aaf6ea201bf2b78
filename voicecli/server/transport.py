"""A session over a WebSocket: what comes in, what goes out, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import Message

from voicecli.events import Clock
from voicecli.server.sessions import Limits

NORMAL, GOING_AWAY, UNSUPPORTED, POLICY, TRY_AGAIN = 1000, 1001, 1003, 1008, 1013
REASON_BYTES = 123
"""The longest reason that a close frame holds."""


class Closed(Exception):
    """The session is over."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Gone(Exception):
    """The client has left, or does not read; nothing can be told any more."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something to send."""

    text: str
    may_be_dropped: bool = False  # where the client reads too slowly


class Outbox:
    """Replies on their way, at most so many: a client that reads slowly loses partials first, then the session."""

    def __init__(self, websocket: WebSocket, limits: Limits) -> None:
        self._websocket = websocket
        self._limits = limits
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self._overflowed = asyncio.Event()

    def put(self, line: Line) -> None:
        """Never waits."""
        if self._lines.qsize() < self._limits.outbox:
            self._lines.put_nowait(line)
        elif not line.may_be_dropped:
            self._overflowed.set()

    def close(self) -> None:
        """Nothing follows."""
        self._lines.put_nowait(None)

    async def serve(self) -> None:
        """Send until closed and empty. Raises Gone."""
        while (line := await self._lines.get()) is not None:
            if self._overflowed.is_set():
                raise Gone
            try:
                async with asyncio.timeout(self._limits.send_s):
                    await self._websocket.send_text(line.text)
            except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: it is closed already
                raise Gone from error


class Allowance:
    """Messages that a client may send: a bucket that a second fills."""

    def __init__(self, per_s: int, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left, self._at_s = float(per_s), clock()

    def take(self) -> bool:
        """Whether one more is allowed."""
        now_s = self._clock()
        self._left = min(self._per_s, self._left + (now_s - self._at_s) * self._per_s) - 1
        self._at_s = now_s
        return self._left >= 0


LEAVING = Closed(GOING_AWAY, "the server is going away")


def never() -> bool:
    """A session of which nothing is under way."""
    return False


class Incoming:
    """What a client sends, for as long as it keeps to the limits."""

    def __init__(self, websocket: WebSocket, limits: Limits, leaving: asyncio.Event, clock: Clock) -> None:
        self._websocket = websocket
        self._limits = limits
        self._leaving = leaving
        self._clock = clock
        self._allowance = Allowance(limits.messages_per_s, clock)
        self._until_s = clock() + limits.session_s
        self._errors_left = limits.errors

    async def next(self, busy: Callable[[], bool] = never) -> str | bytes | None:
        """The next message; None when the server stops. While `busy` the client may be silent.

        Raises Closed, or Gone when the client has left.
        """
        receiving = asyncio.ensure_future(self._websocket.receive())
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            await self._wait(receiving, leaving, busy)
            if not receiving.done():
                return None
            message = content_of(receiving.result())
        finally:
            receiving.cancel()
            leaving.cancel()
        if not self._allowance.take():
            raise Closed(POLICY, f"more than {self._limits.messages_per_s} messages a second")
        return message

    async def _wait(
        self, receiving: asyncio.Future[Message], leaving: asyncio.Future[Literal[True]], busy: Callable[[], bool]
    ) -> None:
        limits, was_busy = self._limits, True
        while was_busy:  # silence counts from when nothing was under way any more, seen once in `idle_s`
            was_busy = busy()
            left_s = self._until_s - self._clock()
            done, _ = await asyncio.wait(
                (receiving, leaving), timeout=min(limits.idle_s, left_s), return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return
            if self._clock() >= self._until_s:
                raise Closed(POLICY, f"a session lasts {limits.session_s:g} s at most")
        raise Closed(POLICY, f"nothing came for {limits.idle_s:g} s")

    def misunderstood(self) -> None:
        """One message more that was answered by an error. Raises Closed after too many."""
        self._errors_left -= 1
        if not self._errors_left:
            raise Closed(POLICY, "too many messages that cannot be understood")


Take = Callable[[str | bytes], Awaitable[None]]
"""What a protocol does with a message; raises Closed where it ends the session."""


class Hearing(Protocol):
    """What a session is about: a Listener, or several one after the other."""

    async def run(self) -> None:
        """Until stop was said and all is told."""
        ...

    async def mark(self, said: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Session:
    """One client: its socket, its ear, and what ends it."""

    websocket: WebSocket
    outbox: Outbox
    limits: Limits
    leaving: asyncio.Event
    clock: Clock

    async def run(self, listener: Hearing, take: Take) -> None:
        """Until either side has had enough; the client is told all finals, then why it is over."""
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self.outbox.serve())
                hearing = tasks.create_task(listener.run())
                end = await self._receive(take)
                await listener.mark("stop")
                await hearing
                self.outbox.close()
                await sending
                await close(self.websocket, self.limits, end)
        except* (Gone, WebSocketDisconnect):
            pass

    async def _receive(self, take: Take) -> Closed:
        incoming = Incoming(self.websocket, self.limits, self.leaving, self.clock)
        try:
            while (message := await incoming.next()) is not None:
                await take(message)
            return LEAVING
        except Closed as end:
            return end


async def close(websocket: WebSocket, limits: Limits, end: Closed) -> None:
    """Say why it is over. Raises Gone."""
    try:
        async with asyncio.timeout(limits.send_s):
            await websocket.close(end.code, end.reason.encode()[:REASON_BYTES].decode(errors="ignore"))
    except (TimeoutError, RuntimeError, WebSocketDisconnect) as error:
        raise Gone from error


def content_of(message: Message) -> str | bytes:
    """Raises Gone where the client has left."""
    if message["type"] == "websocket.disconnect":
        raise Gone
    data: str | bytes | None = message.get("bytes")
    return data if data is not None else message["text"]
