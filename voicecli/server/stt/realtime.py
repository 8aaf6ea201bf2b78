"""`WS /v1/realtime?intent=transcription`: the transcription part of OpenAI's Realtime API, docs/compatibility.md."""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from dataclasses import dataclass, replace

import numpy as np
from fastapi import APIRouter, WebSocket

from voicecli.audio.resample import Converter
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full
from voicecli.server.stt.listening import Listener
from voicecli.server.stt.protocol import ProtocolError, SampleReader
from voicecli.server.stt.realtime_events import (
    Append,
    Clear,
    Commit,
    Config,
    Events,
    Items,
    Update,
    parse_event,
    session_object,
    updated,
)
from voicecli.server.stt.service import Outbox, Service
from voicecli.server.websocket import UNSUPPORTED, Closed, serve_session
from voicecli.types import LISTEN_RATE_HZ, Pcm

SUBPROTOCOL = "realtime"
FLAT_SUBPROTOCOL, FLAT_HEADER = "openai-beta.realtime-v1", "realtime=v1"
"""How clients ask for the older format: browsers cannot send the header `OpenAI-Beta`."""

MIN_COMMIT_S = 0.1
"""The shortest utterance that a client may commit; OpenAI's own limit."""

MAX_BUFFER_S = 120.0
"""The longest utterance without turn detection: the default of `listen.max_utterance_s`, the limit with it."""

MAX_PENDING_COMMITS = 8
"""Utterances that a client may commit before the first of them has its transcript."""


@dataclass(slots=True, eq=False)
class ListenerRun:
    """A Listener, for as long as the settings of the session stay the same."""

    listener: Listener
    items: Items
    commits: int = 0


class Buffer:
    """The audio since the last commit, if the client commits each utterance."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._parts: list[Pcm] = []
        self._converter = Converter(rate_hz, LISTEN_RATE_HZ)

    @property
    def audio_s(self) -> float:
        return sum(map(len, self._parts)) / LISTEN_RATE_HZ

    def append(self, pcm: Pcm) -> None:
        """Append samples at the client's rate, shape (n,)."""
        self._parts.append(self._converter.push(pcm))

    def pop(self) -> Pcm:
        """Return all samples at 16 kHz, shape (n,), and empty the buffer."""
        pcm: Pcm = np.concatenate([*self._parts, self._converter.finish()])
        self._parts, self._converter = [], Converter(self._rate_hz, LISTEN_RATE_HZ)
        return pcm


class RealtimeSession:
    """One connection. New settings mean a new Listener, which starts when the one before has sent all its finals."""

    def __init__(self, service: Service, events: Events) -> None:
        self._service = service
        self._events = events
        self._audio_s = 0.0
        self._run: ListenerRun | None = None
        self._runs: asyncio.Queue[ListenerRun | None] = asyncio.Queue()
        self._apply(Config())
        events.emit(f"{self._kind}.created", session=self._session_object())

    async def run(self) -> None:
        """Run the Listeners one after the other until `stop` and the last final."""
        while (run := await self._runs.get()) is not None:
            await run.listener.run()

    async def stop(self) -> None:
        """End the current utterance and the session."""
        await self._stop_listener()
        self._runs.put_nowait(None)

    async def handle(self, message: str | bytes) -> None:
        """Handle an event. Raise Closed for a binary frame, VoiceCliError if the event is invalid."""
        if isinstance(message, bytes):
            raise Closed(UNSUPPORTED, "events come as text; audio is base64 in input_audio_buffer.append")
        match parse_event(message):
            case Update() as update:
                await self._update(update)
            case Append(audio=audio):
                await self._append(audio)
            case Commit():
                await self._commit()
            case Clear():
                self._clear_buffer()
                if self._run is not None:
                    await self._run.listener.control("forget")
                self._events.emit("input_audio_buffer.cleared")

    def report(self, error: VoiceCliError) -> None:
        """Send an error event."""
        code = error.code if isinstance(error, ProtocolError) else "invalid_value"
        self._events.error(code, f"{error.message} ({error.hint})" if error.hint else error.message)

    async def _update(self, update: Update) -> None:
        config = updated(self._config, update.session)
        self._service.make_queue_client(config.start())  # raises if the recognizer cannot do it
        self._events.flat = update.type == "transcription_session.update"
        if config != self._config:
            await self._stop_listener()
            self._apply(config)
        self._events.emit(f"{self._kind}.updated", session=self._session_object())

    async def _append(self, audio: str) -> None:
        try:
            pcm = self._reader.read(base64.b64decode(audio, validate=True))
        except binascii.Error as error:
            raise ProtocolError("invalid_audio", f"audio is not valid base64: {error}") from error
        audio_s = len(pcm) / self._config.format.rate
        if self._config.turn_detection is not None:
            run = self._current_run()
            self._audio_s += audio_s
            await run.listener.push_audio(pcm)
        elif self._buffer.audio_s + audio_s > MAX_BUFFER_S:
            hint = "commit sooner, or set turn_detection"
            raise ProtocolError("input_audio_buffer_full", f"the buffer takes {MAX_BUFFER_S:g} s at most", hint)
        else:
            self._buffer.append(pcm)

    async def _commit(self) -> None:
        run = self._current_run()
        if self._config.turn_detection is not None:
            await run.listener.control("flush")
            return
        if self._buffer.audio_s < MIN_COMMIT_S:
            message = f"the buffer holds {self._buffer.audio_s:.2f} s, and {MIN_COMMIT_S:g} s are needed"
            raise ProtocolError("input_audio_buffer_commit_empty", message)
        if run.commits - run.items.answered >= MAX_PENDING_COMMITS:
            message = f"{MAX_PENDING_COMMITS} commits wait for their transcripts"
            raise ProtocolError("too_many_commits", message, "wait for one")
        run.commits += 1
        pcm = self._buffer.pop()
        self._audio_s += len(pcm) / LISTEN_RATE_HZ
        await run.listener.push_utterance(pcm)

    def _current_run(self) -> ListenerRun:
        if self._run is None:
            start, service = self._config.start(), self._service
            items = Items(self._events, self._audio_s)
            detectors = replace(service.make_detectors(start), quiet_s=None)  # a client that is late is not silent
            queue = service.make_queue_client(start)
            self._run = ListenerRun(Listener(detectors, queue, start.sample_rate_hz, service.clock, items.send), items)
            self._runs.put_nowait(self._run)
        return self._run

    async def _stop_listener(self) -> None:
        if self._run is not None:
            await self._run.listener.control("stop")
            self._run = None

    def _apply(self, config: Config) -> None:
        self._config = config
        self._run = None
        self._clear_buffer()

    def _clear_buffer(self) -> None:
        self._buffer = Buffer(self._config.format.rate)
        self._reader = SampleReader("s16le")

    @property
    def _kind(self) -> str:
        return "transcription_session" if self._events.flat else "session"

    def _session_object(self) -> dict[str, object]:
        model = self._service.model.split()[0]
        return session_object(self._config, f"sess_{self._events.session}", model, flat=self._events.flat)


def routes(service: Service) -> APIRouter:
    """Return the WebSocket route."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols", [])
        flat = FLAT_SUBPROTOCOL in offered or websocket.headers.get("openai-beta") == FLAT_HEADER
        outbox = Outbox(websocket, service.limits)
        events = Events(uuid.uuid4().hex[:16], outbox.put, flat=flat)

        async def converse() -> None:
            await service.run_session(outbox, RealtimeSession(service, events))

        async def on_full(full: Full) -> None:
            events.error("full", f"{full.message} ({full.hint})")
            outbox.close()
            await outbox.serve()

        await serve_session(
            websocket, service.sessions, service.limits, converse, on_full=on_full, subprotocol=SUBPROTOCOL
        )

    return router
