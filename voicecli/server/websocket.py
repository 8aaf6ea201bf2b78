"""WebSocket sessions: receiving within limits, sending with a timeout, and closing with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import Message

from voicecli.events import Clock
from voicecli.server.access import ANSWERED_SUBPROTOCOL
from voicecli.server.sessions import Full, Limits, Sessions

NORMAL, GOING_AWAY, UNSUPPORTED, POLICY, TRY_AGAIN = 1000, 1001, 1003, 1008, 1013
"""Close codes."""

REASON_BYTES = 123
"""The longest reason that fits into a close frame."""


class Closed(Exception):
    """The session is over; `code` and `reason` are sent in the close frame."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Gone(Exception):
    """The client has disconnected or does not read; nothing can be sent any more."""


SERVER_STOPPING = Closed(GOING_AWAY, "the server is going away")


async def serve_session(
    websocket: WebSocket,
    sessions: Sessions,
    limits: Limits,
    converse: Callable[[], Awaitable[None]],
    *,
    on_full: Callable[[Full], Awaitable[None]] | None = None,
    subprotocol: str = ANSWERED_SUBPROTOCOL,
) -> None:
    """Accept a connection and run `converse` in a session slot; if the server is full, `on_full`, and close with 1013.

    `subprotocol` is answered if the client offers it: a browser does so beside its key.
    """
    await websocket.accept(subprotocol if subprotocol in websocket.scope.get("subprotocols", []) else None)
    try:
        try:
            with sessions.slot():
                await converse()
        except Full as full:
            if on_full is not None:
                await on_full(full)
            await close(websocket, limits, Closed(TRY_AGAIN, full.message))
    except* (Gone, WebSocketDisconnect):
        pass


async def close(websocket: WebSocket, limits: Limits, end: Closed) -> None:
    """Close with the code and reason of `end`. Raise Gone if the client has left."""
    try:
        async with asyncio.timeout(limits.send_s):
            await websocket.close(end.code, end.reason.encode()[:REASON_BYTES].decode(errors="ignore"))
    except (TimeoutError, RuntimeError, WebSocketDisconnect) as error:
        raise Gone from error


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The sending side of a connection."""

    websocket: WebSocket
    limits: Limits

    async def send(self, frame: str | bytes) -> None:
        """Send a text or binary frame. Raise Gone if the client has left or does not read."""
        try:
            async with asyncio.timeout(self.limits.send_s):
                if isinstance(frame, str):
                    await self.websocket.send_text(frame)
                else:
                    await self.websocket.send_bytes(frame)
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: it is closed already
            raise Gone from error


class RateLimit:
    """Token bucket for the messages of a client; it holds one second's worth."""

    def __init__(self, per_s: int, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left, self._updated_at_s = float(per_s), clock()

    def allow(self) -> bool:
        """Count one message; return False if it exceeds the rate."""
        now_s = self._clock()
        self._left = min(self._per_s, self._left + (now_s - self._updated_at_s) * self._per_s) - 1
        self._updated_at_s = now_s
        return self._left >= 0


def never() -> bool:
    """Return False: the session has no work under way."""
    return False


class Incoming:
    """The receiving side of a connection; it ends the session when the client exceeds a limit."""

    def __init__(self, websocket: WebSocket, limits: Limits, stopping: asyncio.Event, clock: Clock) -> None:
        self._websocket = websocket
        self._limits = limits
        self._stopping = stopping
        self._clock = clock
        self._rate = RateLimit(limits.messages_per_s, clock)
        self._until_s = clock() + limits.session_s
        self._errors_left = limits.errors

    async def next(self, busy: Callable[[], bool] = never) -> str | bytes | None:
        """Return the next message, or None when the server stops. While `busy` the client may be silent.

        Raise Closed if a limit is exceeded, Gone if the client has left.
        """
        receiving = asyncio.ensure_future(self._websocket.receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await self._wait(receiving, stopping, busy)
            if not receiving.done():
                return None
            message = _content(receiving.result())
        finally:
            receiving.cancel()
            stopping.cancel()
        if not self._rate.allow():
            raise Closed(POLICY, f"more than {self._limits.messages_per_s} messages a second")
        return message

    async def _wait(
        self, receiving: asyncio.Future[Message], stopping: asyncio.Future[Literal[True]], busy: Callable[[], bool]
    ) -> None:
        limits, was_busy = self._limits, True
        while was_busy:  # the idle time starts when the work is done, which is checked once per `idle_s`
            was_busy = busy()
            left_s = self._until_s - self._clock()
            done, _ = await asyncio.wait(
                (receiving, stopping), timeout=min(limits.idle_s, left_s), return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return
            if self._clock() >= self._until_s:
                raise Closed(POLICY, f"a session lasts {limits.session_s:g} s at most")
        raise Closed(POLICY, f"nothing came for {limits.idle_s:g} s")

    def count_error(self) -> None:
        """Count a message that was answered with an error. Raise Closed if there were too many."""
        self._errors_left -= 1
        if not self._errors_left:
            raise Closed(POLICY, "too many messages that cannot be understood")


def _content(message: Message) -> str | bytes:
    """Return the content of an ASGI message. Raise Gone if the client has left."""
    if message["type"] == "websocket.disconnect":
        raise Gone
    data: str | bytes | None = message.get("bytes")
    return data if data is not None else message["text"]
