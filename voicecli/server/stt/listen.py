"""`WS /v1/listen`: the session protocol, docs/protocol.md."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

from fastapi import APIRouter, WebSocket

from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full
from voicecli.server.stt.protocol import (
    Failure,
    Partial,
    ProtocolError,
    Ready,
    Reply,
    SampleReader,
    Start,
    Stop,
    failure_of,
    parse_request,
)
from voicecli.server.stt.service import Outbox, Service
from voicecli.server.websocket import NORMAL, POLICY, Closed, Outgoing, close, serve_session

START_S = 10.0
"""Longest wait for the start message after the connection."""


class ListenSession:
    """One connection after its start message."""

    def __init__(self, service: Service, outbox: Outbox, start: Start) -> None:
        self._outbox = outbox
        self._reader = SampleReader(start.format)
        self._listener = service.listener(start, self._send)
        self.run, self.stop = self._listener.run, partial(self._listener.control, "stop")
        self._send(Ready(session=uuid.uuid4().hex, model=service.model, sample_rate_hz=start.sample_rate_hz))

    async def handle(self, message: str | bytes) -> None:
        """Handle audio or a command. Raise Closed at a stop, ProtocolError for an invalid message."""
        if isinstance(message, bytes):
            await self._listener.push_audio(self._reader.read(message))
            return
        request = parse_request(message)
        if isinstance(request, Start):
            raise ProtocolError("started", "this session has started", "one connection is one session")
        if isinstance(request, Stop):
            raise Closed(NORMAL)
        await self._listener.control(request.type)

    def report(self, error: VoiceCliError) -> None:
        """Send an error that ends no utterance."""
        self._send(failure_of(error))

    def _send(self, reply: Reply) -> None:
        self._outbox.put(reply.model_dump_json(), may_be_dropped=isinstance(reply, Partial))


def routes(service: Service) -> APIRouter:
    """Return the WebSocket route."""
    router = APIRouter()

    @router.websocket("/v1/listen")
    async def listen(websocket: WebSocket) -> None:
        outgoing = Outgoing(websocket, service.limits)

        async def converse() -> None:
            try:
                await _converse(service, websocket)
            except VoiceCliError as error:
                await outgoing.send(failure_of(error).model_dump_json())
                await close(websocket, service.limits, Closed(POLICY, error.message))

        async def on_full(full: Full) -> None:
            await outgoing.send(Failure(code="full", message=full.message, hint=full.hint).model_dump_json())

        await serve_session(websocket, service.sessions, service.limits, converse, on_full=on_full)

    return router


async def _converse(service: Service, websocket: WebSocket) -> None:
    try:
        async with asyncio.timeout(START_S):
            first = await websocket.receive()
    except TimeoutError:
        raise ProtocolError("not_started", f"no start came within {START_S:g} s") from None
    if first["type"] == "websocket.disconnect":
        return
    start = parse_request(first["text"]) if first.get("text") is not None else None
    if not isinstance(start, Start):
        raise ProtocolError("not_started", "the first message has to be a start", '{"type": "start"}, then audio')
    outbox = Outbox(websocket, service.limits)
    await service.run_session(outbox, ListenSession(service, outbox, start))
