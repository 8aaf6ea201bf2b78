"""`WS /v1/realtime?intent=transcription`: the part of OpenAI's Realtime API that transcribes, docs/compatibility.md."""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from dataclasses import dataclass, replace

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from voicecli.audio.resample import Converter
from voicecli.errors import VoiceCliError
from voicecli.server.pcm import SampleReader
from voicecli.server.sessions import Full
from voicecli.server.stt.listening import Listener
from voicecli.server.stt.protocol import ProtocolError
from voicecli.server.stt.realtime_items import Events, Items
from voicecli.server.stt.realtime_session import Append, Clear, Commit, Config, Update, described, event_of, updated
from voicecli.server.stt.service import Service
from voicecli.server.transport import POLICY, TRY_AGAIN, UNSUPPORTED, Closed, Gone, Line, Outbox, Session
from voicecli.types import LISTEN_RATE_HZ, Pcm

SUBPROTOCOL = "realtime"
FLAT_SUBPROTOCOL, FLAT_HEADER = "openai-beta.realtime-v1", "realtime=v1"
"""How clients of the older shape say so: browsers cannot send the header `OpenAI-Beta`."""

SHORTEST_S = 0.1
"""The least that a client may commit; OpenAI's own limit."""

LONGEST_S = 120.0
"""The most that a client may append before it commits, without turn detection: the default of
`listen.max_utterance_s`, which is what there is with it."""

MOST_WAITING = 8
"""Utterances that a client may commit while none of them has its words."""


@dataclass(slots=True, eq=False)
class RealtimeListener:
    """What hears one stretch of the session, over which its settings stay the same."""

    listener: Listener
    items: Items
    commits: int = 0


class Buffer:
    """What was appended since the last commit, where the client says what an utterance is."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._parts: list[Pcm] = []
        self._converter = Converter(rate_hz, LISTEN_RATE_HZ)

    @property
    def audio_s(self) -> float:
        return sum(map(len, self._parts)) / LISTEN_RATE_HZ

    def append(self, pcm: Pcm) -> None:
        """Samples at the client's rate, shape (n,)."""
        self._parts.append(self._converter.push(pcm))

    def take(self) -> Pcm:
        """All of it at 16 kHz, shape (n,); the buffer is empty then."""
        pcm: Pcm = np.concatenate([*self._parts, self._converter.finish()])
        self._parts, self._converter = [], Converter(self._rate_hz, LISTEN_RATE_HZ)
        return pcm


class Realtime:
    """One connection. A change of settings is a new ear, which hears when the one before it has told all."""

    def __init__(self, service: Service, events: Events) -> None:
        self._service = service
        self._events = events
        self._errors_left = service.limits.errors
        self._heard_s = 0.0
        self._listen_state: asyncio.Queue[RealtimeListener | None] = asyncio.Queue()
        self._speech_input: RealtimeListener | None = None
        self._set(Config())
        events.say(f"{self._kind}.created", session=self._described())

    async def run(self) -> None:
        """Until stop was said and the last utterance has its words."""
        while (speech_input := await self._listen_state.get()) is not None:
            await speech_input.listener.run()

    async def mark(self, said: str) -> None:
        """stop alone."""
        await self._leave_speech_input()
        self._listen_state.put_nowait(None)

    async def take(self, message: str | bytes) -> None:
        """Raises Closed for what is no text, and after too many errors."""
        if isinstance(message, bytes):
            raise Closed(UNSUPPORTED, "events come as text; audio is base64 in input_audio_buffer.append")
        try:
            await self._take(message)
        except VoiceCliError as error:
            code = error.code if isinstance(error, ProtocolError) else "invalid_value"
            self._events.error(code, f"{error.message} ({error.hint})" if error.hint else error.message)
            self._errors_left -= 1
            if not self._errors_left:
                raise Closed(POLICY, "too many events that cannot be understood") from None

    async def _take(self, text: str) -> None:
        match event_of(text):
            case Update() as update:
                await self._update(update)
            case Append(audio=audio):
                await self._append(audio)
            case Commit():
                await self._commit()
            case Clear():
                self._buffer = Buffer(self._config.format.rate)
                self._reader = SampleReader("s16le")
                if self._speech_input is not None:
                    await self._speech_input.listener.mark("forget")
                self._events.say("input_audio_buffer.cleared")

    async def _update(self, update: Update) -> None:
        config = updated(self._config, update.session)
        self._service.make_queue_client(config.start())  # which says what it cannot do
        self._events.flat = update.type == "transcription_session.update"
        if config != self._config:
            await self._leave_speech_input()
            self._set(config)
        self._events.say(f"{self._kind}.updated", session=self._described())

    async def _append(self, audio: str) -> None:
        try:
            pcm = self._reader.read(base64.b64decode(audio, validate=True))
        except binascii.Error as error:
            raise ProtocolError("invalid_audio", f"audio is no base64: {error}") from error
        audio_s = len(pcm) / self._config.format.rate
        if self._config.turn_detection is not None:
            speech_input = self._listen_state_own()
            self._heard_s += audio_s
            await speech_input.listener.push_audio(pcm)
        elif self._buffer.audio_s + audio_s > LONGEST_S:
            hint = "commit sooner, or set turn_detection"
            raise ProtocolError("input_audio_buffer_full", f"the buffer takes {LONGEST_S:g} s at most", hint)
        else:
            self._buffer.append(pcm)

    async def _commit(self) -> None:
        speech_input = self._listen_state_own()
        if self._config.turn_detection is not None:
            await speech_input.listener.mark("flush")
            return
        if self._buffer.audio_s < SHORTEST_S:
            message = f"the buffer holds {self._buffer.audio_s:.2f} s, and {SHORTEST_S:g} s are needed"
            raise ProtocolError("input_audio_buffer_commit_empty", message)
        if speech_input.commits - speech_input.items.answered >= MOST_WAITING:
            raise ProtocolError("too_many_commits", f"{MOST_WAITING} commits wait for their words", "wait for one")
        speech_input.commits += 1
        pcm = self._buffer.take()
        self._heard_s += len(pcm) / LISTEN_RATE_HZ
        await speech_input.listener.whole(pcm)

    def _listen_state_own(self) -> RealtimeListener:
        if self._speech_input is None:
            start, service = self._config.start(), self._service
            items = Items(self._events, self._heard_s)
            detectors = replace(service.make_detectors(start), quiet_s=None)  # a client that is late is not silent
            listener = Listener(
                detectors, service.make_queue_client(start), start.sample_rate_hz, service.clock, items.tell
            )
            self._speech_input = RealtimeListener(listener, items)
            self._listen_state.put_nowait(self._speech_input)
        return self._speech_input

    async def _leave_speech_input(self) -> None:
        if self._speech_input is not None:
            await self._speech_input.listener.mark("stop")
            self._speech_input = None

    def _set(self, config: Config) -> None:
        self._config = config
        self._speech_input = None
        self._buffer = Buffer(config.format.rate)
        self._reader = SampleReader("s16le")

    @property
    def _kind(self) -> str:
        return "transcription_session" if self._events.flat else "session"

    def _described(self) -> dict[str, object]:
        model = self._service.model.split()[0]
        return described(self._config, f"sess_{self._events.session}", model, flat=self._events.flat)


def routes(service: Service) -> APIRouter:
    """The one WebSocket."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        flat = FLAT_SUBPROTOCOL in offered or websocket.headers.get("openai-beta") == FLAT_HEADER
        outbox = Outbox(websocket, service.limits)
        events = Events(uuid.uuid4().hex[:16], lambda text: outbox.put(Line(text)), flat=flat)
        try:
            with service.sessions.one():
                talk = Realtime(service, events)
                session = Session(websocket, outbox, service.limits, service.sessions.leaving, service.clock)
                await session.run(talk, talk.take)
        except Full as full:
            await refuse(websocket, events, outbox, full)

    return router


async def refuse(websocket: WebSocket, events: Events, outbox: Outbox, full: Full) -> None:
    """Say why, and close; a client that has left is not told."""
    events.error("full", f"{full.message} ({full.hint})")
    outbox.close()
    try:
        await outbox.serve()
        await websocket.close(TRY_AGAIN, full.message)
    except (Gone, RuntimeError, WebSocketDisconnect):
        pass
