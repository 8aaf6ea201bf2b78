"""A text-to-speech server with voices from a script, on a port of its own; its worker steps on command."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from voicecli.engines.base import Worker
from voicecli.engines.current_voice import VoiceCalibration
from voicecli.errors import SettingsError
from voicecli.events import Clock
from voicecli.server.serving import Bind, QuietServer, listen
from voicecli.server.sessions import Limits, Metrics, Sessions
from voicecli.server.tts.app import create_app
from voicecli.server.tts.speech import SpeechService
from voicecli.types import AudioChunk, KnownVoice, Pcm

P = ParamSpec("P")
T = TypeVar("T")

RATE_HZ = 24_000
WORD_S = 0.25
"""Speech of the fake voice: seconds a word; a word is an audio chunk."""

TONE = (8000 * np.sin(np.arange(round(WORD_S * RATE_HZ)) * 2 * np.pi * 440 / RATE_HZ)).astype(np.int16)


@dataclass
class FakeVoice:
    """Its level tells which voice it is."""

    model: FakeVoices
    voice: str
    language: str
    sample_rate_hz: int = RATE_HZ
    streams: bool = True
    name: str = "fake"

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        self.model.said.append((self.voice, text))
        words = [] if "unsayable" in text else text.split()
        for index, word in enumerate(words):
            if word.startswith("crash"):
                raise RuntimeError("the voice broke")
            yield AudioChunk(self.model.pcm, (index + 1) / len(words), (WORD_S,))


@dataclass
class FakeVoices:
    """Two voices; any other is an error."""

    model: str = "fake"
    pcm: Pcm = field(default_factory=TONE.copy)
    said: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, float, str]] = field(default_factory=list)
    learnt: list[str] = field(default_factory=lambda: ["anna"])

    def known_voices(self) -> Sequence[KnownVoice]:
        return [KnownVoice("anna", "en-us"), KnownVoice("bert", "es")]

    def preparing(self, voice: str) -> Iterator[int]:
        yield from (1, 2)
        self.learnt.append(voice)

    def speaking(self, voice: str, speed: float, language_code: str = "") -> FakeVoice:
        languages = {known.name: known.language for known in self.known_voices()}
        if voice not in languages:
            raise SettingsError(f"there is no voice {voice!r}", "nearest: anna")
        self.asked.append((voice, speed, language_code))
        return FakeVoice(self, voice, languages[voice], streams=voice in self.learnt)


class SteppedWorker:
    """Does as many calls as the test allows, in order. Satisfies `base.Worker`."""

    def __init__(self, steps: int = 0) -> None:
        self._allowed = asyncio.Semaphore(steps)
        self.waiting = 0
        self.done = 0

    @property
    def idle(self) -> bool:
        return not self.waiting

    def allow(self, steps: int) -> None:
        for _ in range(steps):
            self._allowed.release()

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.waiting += 1
        await asyncio.sleep(0)  # a call on a thread is never done at once
        try:
            await self._allowed.acquire()
        finally:
            self.waiting -= 1
        self.done += 1
        return call(*args, **kwargs)


@dataclass
class Stage:
    """What a test has in hands."""

    voices: FakeVoices
    worker: Worker
    sessions: Sessions
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def socket(self, path: str) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None)


@asynccontextmanager
async def on_port(app: ASGIApp) -> AsyncIterator[int]:
    """Serve on a free port while inside."""
    with listen(Bind("127.0.0.1", 0)) as listening:
        listening.listen()  # who comes before the server is up waits
        server = QuietServer(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            yield listening.getsockname()[1]
            server.should_exit = True


def on_stage(
    play: Callable[[Stage], Coroutine[Any, Any, None]],
    steps: int = 1000,
    most: int = 8,
    clock: Clock = time.monotonic,
    limits: Limits | None = None,
) -> None:
    """Run a test against a server whose worker does `steps` calls of itself."""

    async def main() -> None:
        voices, worker, sessions = FakeVoices(), SteppedWorker(steps), Sessions(most, Metrics())
        speech = SpeechService(voices, worker, "anna", 1.0, clock, VoiceCalibration(voices, worker))
        async with on_port(create_app(speech, sessions, limits or Limits())) as port:
            await play(Stage(voices, worker, sessions, port))

    asyncio.run(main())


def stepped(stage: Stage) -> SteppedWorker:
    assert isinstance(stage.worker, SteppedWorker)
    return stage.worker


async def say(socket: ClientConnection, *texts: str, end: bool = True) -> None:
    for text in texts:
        await socket.send(json.dumps({"type": "text", "text": text}))
    if end:
        await socket.send(json.dumps({"type": "end"}))


async def hear(socket: ClientConnection, *until: str) -> tuple[list[dict[str, Any]], int]:
    """Messages up to one whose type is in `until`, and the samples that came between them."""
    messages: list[dict[str, Any]] = []
    samples = 0
    async with asyncio.timeout(20):
        while not messages or messages[-1]["type"] not in until:
            frame = await socket.recv()
            if isinstance(frame, bytes):
                samples += len(frame) // 2
            else:
                messages.append(json.loads(frame))
    return messages, samples


def types(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]
