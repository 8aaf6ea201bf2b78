"""`WS /v1/listen`: the session protocol, docs/protocol.md."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from voicecli.errors import VoiceCliError
from voicecli.server.access import ANSWERED_SUBPROTOCOL
from voicecli.server.pcm import SampleReader
from voicecli.server.sessions import Full
from voicecli.server.stt.listening import Listener
from voicecli.server.stt.protocol import (
    Failure,
    Partial,
    ProtocolError,
    Ready,
    Reply,
    Start,
    Stop,
    failure_of,
    request_of,
)
from voicecli.server.stt.service import Service
from voicecli.server.transport import NORMAL, POLICY, TRY_AGAIN, Closed, Line, Outbox, Session

START_S = 10.0
"""A client that has connected says within this time what it wants."""


class Listen:
    """One connection, from its start on."""

    def __init__(self, outbox: Outbox, reader: SampleReader, most_errors: int) -> None:
        self._outbox = outbox
        self._reader = reader
        self._errors_left = most_errors
        self.listener: Listener | None = None

    def tell(self, reply: Reply) -> None:
        """On its way."""
        self._outbox.put(Line(reply.model_dump_json(), may_be_dropped=isinstance(reply, Partial)))

    async def take(self, message: str | bytes) -> None:
        """Raises Closed at a stop, and after too many errors."""
        assert self.listener is not None
        if isinstance(message, bytes):
            await self.listener.push_audio(self._reader.read(message))
            return
        try:
            request = request_of(message)
            if isinstance(request, Start):
                raise ProtocolError("started", "this session has started", "one connection is one session")
        except ProtocolError as error:
            self.tell(failure_of(error))
            self._errors_left -= 1
            if not self._errors_left:
                raise Closed(POLICY, "too many messages that cannot be understood") from None
            return
        if isinstance(request, Stop):
            raise Closed(NORMAL)
        await self.listener.mark(request.type)


def routes(service: Service) -> APIRouter:
    """The session protocol's one WebSocket."""
    router = APIRouter()

    @router.websocket("/v1/listen")
    async def listen(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(ANSWERED_SUBPROTOCOL if ANSWERED_SUBPROTOCOL in offered else None)
        try:
            with service.sessions.one():
                await converse(service, websocket)
        except Full as full:
            await refuse(websocket, Failure(code="full", message=full.message, hint=full.hint), TRY_AGAIN)
        except VoiceCliError as error:
            await refuse(websocket, failure_of(error), POLICY)
        except WebSocketDisconnect:
            pass

    return router


async def converse(service: Service, websocket: WebSocket) -> None:
    """Raises ProtocolError where the first message is no start, and what `Service.listener` raises."""
    import asyncio

    try:
        async with asyncio.timeout(START_S):
            first = await websocket.receive()
    except TimeoutError:
        raise ProtocolError("not_started", f"no start came within {START_S:g} s") from None
    if first["type"] == "websocket.disconnect":
        return
    start = request_of(first["text"]) if first.get("text") is not None else None
    if not isinstance(start, Start):
        raise ProtocolError("not_started", "the first message has to be a start", '{"type": "start"}, then audio')
    outbox = Outbox(websocket, service.limits)
    listen = Listen(outbox, SampleReader(start.format), service.limits.errors)
    listen.listener = service.listener(start, listen.tell)
    listen.tell(Ready(session=uuid.uuid4().hex, model=service.model, sample_rate_hz=start.sample_rate_hz))
    session = Session(websocket, outbox, service.limits, service.sessions.leaving, service.clock)
    await session.run(listen.listener, listen.take)


async def refuse(websocket: WebSocket, failure: Failure, code: int) -> None:
    """Say why, and close; a client that has left is not told."""
    try:
        await websocket.send_text(failure.model_dump_json())
        await websocket.close(code, failure.message.encode()[:123].decode(errors="ignore"))
    except (RuntimeError, WebSocketDisconnect):
        pass
