"""What the protocols of the speech-to-text server share: engines, limits, and WebSocket sessions around a Listener."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import WebSocket, WebSocketDisconnect

from voicecli.errors import VoiceCliError
from voicecli.events import Clock
from voicecli.server.sessions import Limits, Metrics, Sessions
from voicecli.server.stt.listening import Listener, SendReply, SessionDetectors
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import DecodeQueueClient, Scheduler
from voicecli.server.websocket import SERVER_STOPPING, Closed, Gone, Incoming, Outgoing, close


class Outbox:
    """Bounded queue of replies: a client that reads slowly loses partials first, then the session."""

    def __init__(self, websocket: WebSocket, limits: Limits) -> None:
        self.websocket = websocket
        self._limits = limits
        self._replies: asyncio.Queue[str | None] = asyncio.Queue()
        self._overflowed = asyncio.Event()

    def put(self, reply: str, *, may_be_dropped: bool = False) -> None:
        """Queue a reply without waiting; `may_be_dropped`: discard it if the queue is full."""
        if self._replies.qsize() < self._limits.outbox:
            self._replies.put_nowait(reply)
        elif not may_be_dropped:
            self._overflowed.set()

    def close(self) -> None:
        """End `serve` after the replies that are queued."""
        self._replies.put_nowait(None)

    async def serve(self) -> None:
        """Send until closed and empty. Raise Gone if the client has left or reads too slowly."""
        outgoing = Outgoing(self.websocket, self._limits)
        while (reply := await self._replies.get()) is not None:
            if self._overflowed.is_set():
                raise Gone
            await outgoing.send(reply)


class SessionHandler(Protocol):
    """One client's protocol on top of one or more Listeners."""

    async def run(self) -> None:
        """Run until `stop` was called and all finals are sent."""
        ...

    async def stop(self) -> None:
        """End the current utterance; no more audio comes."""
        ...

    async def handle(self, message: str | bytes) -> None:
        """Handle a message. Raise VoiceCliError if it is invalid, Closed if it ends the session."""
        ...

    def report(self, error: VoiceCliError) -> None:
        """Send an error that ends no utterance."""
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """The engines and limits behind all protocols of one server."""

    scheduler: Scheduler
    make_queue_client: Callable[[Start], DecodeQueueClient]  # raises VoiceCliError if the recognizer lacks a feature
    make_detectors: Callable[[Start], SessionDetectors]
    sessions: Sessions
    limits: Limits
    metrics: Metrics
    clock: Clock
    model: str
    languages: tuple[str, ...] = ("en",)  # ISO 639-1, that clients may ask for

    def listener(self, start: Start, send: SendReply) -> Listener:
        """Return a Listener for one session. Raise VoiceCliError as `make_queue_client` does."""
        detectors, queue = self.make_detectors(start), self.make_queue_client(start)
        return Listener(detectors, queue, start.sample_rate_hz, self.clock, send)

    async def run_session(self, outbox: Outbox, handler: SessionHandler) -> None:
        """Pass messages to `handler` until either side ends the session; send all finals, then the reason."""
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(outbox.serve())
                listening = tasks.create_task(handler.run())
                end = await self._receive(outbox.websocket, handler)
                await handler.stop()
                await listening
                outbox.close()
                await sending
                await close(outbox.websocket, self.limits, end)
        except* (Gone, WebSocketDisconnect):
            pass

    async def _receive(self, websocket: WebSocket, handler: SessionHandler) -> Closed:
        incoming = Incoming(websocket, self.limits, self.sessions.stopping, self.clock)
        try:
            while (message := await incoming.next()) is not None:
                try:
                    await handler.handle(message)
                except VoiceCliError as error:
                    handler.report(error)
                    incoming.count_error()
            return SERVER_STOPPING
        except Closed as end:
            return end
