"""A session without a socket: scripted words, a gate that takes every sound for speech, no threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import ParamSpec, TypeVar

import numpy as np

from tests.defaults import LISTEN
from voicecli.errors import EngineError
from voicecli.server.stt.listening import Listener, SessionDetectors
from voicecli.server.stt.protocol import Failure, Final, Reply
from voicecli.server.stt.scheduler import Scheduler
from voicecli.turns.segmenter import Segmenter
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, Transcript

P = ParamSpec("P")
T = TypeVar("T")


def sound(seconds: float, value: int = 1000) -> Pcm:
    """Voiced, to the gate below; its value says what a recognizer hears."""
    return np.full(round(seconds * LISTEN_RATE_HZ), value, np.int16)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * LISTEN_RATE_HZ), np.int16)


class AnySound:
    may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        return bool(frame.pcm.any())


class Inline:
    """A worker that works at once; a call may be given a length in the loop's time."""

    idle = True

    def __init__(self, took_s: float = 0.0) -> None:
        self.took_s = took_s

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(self.took_s)
        return call(*args, **kwargs)


class Hearing:
    """A recognizer that hears the loudest sample as a number; -1 cannot be decoded."""

    name = "hearing"

    def __init__(self) -> None:
        self.decodes: list[tuple[str, str]] = []

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        return self._heard("final", segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        return self._heard("draft", segment)

    def _heard(self, kind: str, segment: SpeechSegment) -> Transcript:
        if segment.pcm.min() < 0:
            raise EngineError("it broke", "mend it")
        text = str(segment.pcm.max())
        self.decodes.append((kind, text))
        return Transcript(text, "en", segment.audio_s)


class RecordingObserver:
    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.dropped = 0

    def decoded(self, kind: str, queued_s: float, decode_s: float, audio_s: float) -> None:
        self.kinds.append(kind)

    def dropped_partial(self) -> None:
        self.dropped += 1


class Stage:
    """One scheduler and any number of sessions on it."""

    def __init__(self, took_s: float = 0.0) -> None:
        self.clock = asyncio.get_running_loop().time
        self.observer = RecordingObserver()
        self.recognizer = Hearing()
        self.scheduler = Scheduler(Inline(took_s), self.clock, self.observer)

    def session(self, partial_s: float = 0.5, rate_hz: int = LISTEN_RATE_HZ) -> tuple[Listener, list[Reply]]:
        detectors = SessionDetectors(
            AnySound(), Segmenter(LISTEN), None, None, Inline(), start_ms=LISTEN.start_ms, partial_s=partial_s
        )
        replies: list[Reply] = []
        return Listener(detectors, self.scheduler.client(self.recognizer), rate_hz, self.clock, replies.append), replies


async def hold(stage: Stage, listener: Listener, script: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a session from its start to its stop, while `script` plays the client."""
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(stage.scheduler.serve())
        hearing = tasks.create_task(listener.run())
        await script()
        await listener.control("stop")
        await hearing
        serving.cancel()


async def say(listener: Listener, *parts: Pcm) -> None:
    """At real pace, frame by frame."""
    pcm = np.concatenate(parts)
    for at in range(0, len(pcm), FRAME_SAMPLES):
        await listener.push_audio(pcm[at : at + FRAME_SAMPLES])
        await asyncio.sleep(FRAME_SAMPLES / LISTEN_RATE_HZ)


def ends(replies: list[Reply]) -> list[tuple[int, str]]:
    """The terminal replies: whose, and the text or what went wrong."""
    reported: list[tuple[int, str]] = []
    for reply in replies:
        if isinstance(reply, Final):
            reported.append((reply.utterance, reply.text or f"({reply.reason})"))
        elif isinstance(reply, Failure) and reply.utterance is not None:
            reported.append((reply.utterance, reply.message))
    return reported
