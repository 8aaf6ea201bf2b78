"""`WS /ws`: samples in, plain text out, as VoiceAgentGuide's server does, so that its clients work unchanged.

There a frame was an utterance. Here an utterance may also come in small frames; the voice activity detector finds its
end.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, WebSocket

from voicecli.errors import VoiceCliError
from voicecli.server.stt.protocol import Failure, Final, Reply, SampleReader, Start
from voicecli.server.stt.service import Outbox, Service
from voicecli.server.websocket import UNSUPPORTED, Closed, serve_session
from voicecli.types import LISTEN_RATE_HZ

WHOLE_UTTERANCE_S = 1.0
"""A frame at least this long is an utterance of its own and has one answer. Streaming clients send shorter frames."""


class VoiceAgentGuideSession:
    """One connection."""

    def __init__(self, service: Service, outbox: Outbox) -> None:
        self._outbox = outbox
        self._reader = SampleReader("s16le")
        self._listener = service.listener(Start(endpoint="silence", partials=False), self._send)
        self.run, self.stop = self._listener.run, partial(self._listener.control, "stop")

    async def handle(self, message: str | bytes) -> None:
        """Handle audio. Raise Closed for a text frame."""
        if isinstance(message, str):
            raise Closed(UNSUPPORTED, "binary frames of s16le mono 16 kHz PCM are expected; /v1/listen takes messages")
        pcm = self._reader.read(message)
        if len(pcm) < WHOLE_UTTERANCE_S * LISTEN_RATE_HZ:
            await self._listener.push_audio(pcm)
        else:
            await self._listener.push_utterance(pcm)

    def report(self, error: VoiceCliError) -> None:
        """Send an error in place of a text."""
        self._outbox.put(f"ERROR: {error.message}")

    def _send(self, reply: Reply) -> None:
        match reply:
            case Final(text=text):
                self._outbox.put(text)
            case Failure(utterance=int(), message=message):
                self._outbox.put(f"ERROR: {message}")
            case _:
                pass


def routes(service: Service) -> APIRouter:
    """Return the WebSocket route."""
    router = APIRouter()

    @router.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        async def converse() -> None:
            outbox = Outbox(websocket, service.limits)
            await service.run_session(outbox, VoiceAgentGuideSession(service, outbox))

        await serve_session(websocket, service.sessions, service.limits, converse)

    return router
