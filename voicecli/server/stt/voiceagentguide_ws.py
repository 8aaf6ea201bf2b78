"""`WS /ws`: samples in, plain text out. The wire of VoiceAgentGuide's server, so that its clients work unchanged.

There a frame was an utterance. Here an utterance may also come in small frames; the server's own gate finds its end.
"""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from voicecli.server.pcm import SampleReader
from voicecli.server.sessions import Full
from voicecli.server.stt.listening import Listener
from voicecli.server.stt.protocol import Failure, Final, Reply, Start
from voicecli.server.stt.service import Service
from voicecli.server.transport import TRY_AGAIN, UNSUPPORTED, Closed, Line, Outbox, Session
from voicecli.types import LISTEN_RATE_HZ

WHOLE_S = 1.0
"""A frame this long is an utterance of its own and has one answer, as it always had. Who streams sends shorter ones."""


class VoiceAgentGuideSession:
    """One connection."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._reader = SampleReader("s16le")
        self.listener: Listener | None = None

    def tell(self, reply: Reply) -> None:
        """Texts alone, and what went wrong where a text would be."""
        match reply:
            case Final(text=text):
                self._outbox.put(Line(text))
            case Failure(utterance=int(), message=message):
                self._outbox.put(Line(f"ERROR: {message}"))
            case _:
                pass

    async def take(self, message: str | bytes) -> None:
        """Raises Closed for a text."""
        assert self.listener is not None
        if isinstance(message, str):
            raise Closed(UNSUPPORTED, "binary frames of s16le mono 16 kHz PCM are expected; /v1/listen takes messages")
        pcm = self._reader.read(message)
        if len(pcm) < WHOLE_S * LISTEN_RATE_HZ:
            await self.listener.push_audio(pcm)
        else:
            await self.listener.whole(pcm)


def routes(service: Service) -> APIRouter:
    """The seed's one WebSocket."""
    router = APIRouter()

    @router.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            with service.sessions.one():
                outbox = Outbox(websocket, service.limits)
                seed = VoiceAgentGuideSession(outbox)
                seed.listener = service.listener(Start(endpoint="silence", partials=False), seed.tell)
                session = Session(websocket, outbox, service.limits, service.sessions.leaving, service.clock)
                await session.run(seed.listener, seed.take)
        except Full as full:
            await websocket.close(TRY_AGAIN, full.message)

    return router
