"""One session: samples in, utterances out, independent of the transport.

Voice activity detector, segmenter and end-of-turn model are those of the conversation. Each utterance has exactly one
end: a final or a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voicecli.audio.resample import Framer
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.conversation.end_of_turn import Endpointing
from voicecli.engines.base import EndOfTurn, Worker
from voicecli.events import Clock
from voicecli.server.stt.finals import Finals, UtteranceAudio
from voicecli.server.stt.protocol import Failure, Partial, Reply, SpeechEnded, SpeechStarted
from voicecli.server.stt.scheduler import DecodeQueueClient
from voicecli.turns.endpoint import EndpointBounds
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, Segmenter, SegmenterEvent
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import (
    FRAME_S,
    FRAME_SAMPLES,
    LISTEN_RATE_HZ,
    AudioFrame,
    Pcm,
    SpeechSegment,
    Transcript,
    TurnId,
)

BACKLOG_FRAMES = 500
"""Frames of 20 ms that may wait to be processed. A client that sends faster is slowed down by its connection."""

SILENCE = np.zeros(FRAME_SAMPLES, np.int16)

SendReply = Callable[[Reply], None]

Control = Literal["flush", "forget", "cancel", "stop"]
"""flush: end the current utterance. forget: discard it. cancel: discard it and all finals not yet sent. stop: end the
current utterance and the session."""


@dataclass(frozen=True, slots=True)
class SessionDetectors:
    """The detectors of one session; only the end-of-turn model and its worker are shared."""

    vad: VoiceActivityDetector
    segmenter: Segmenter
    bounds: EndpointBounds | None  # of the wait for the end of a turn; None: the segmenter's fixed silence ends it
    turn: EndOfTurn | None
    turn_worker: Worker
    start_ms: float  # voiced time that starts an utterance
    partial_s: float  # audio between two requests for a partial; infinite for none
    quiet_s: float | None = None  # a client that sends nothing for this long is silent; None: only audio counts


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the client, or "silence": nothing came for `quiet_s`."""

    name: Control | Literal["silence"]


@dataclass(frozen=True, slots=True, eq=False)
class WholeUtterance:
    """A complete utterance, at LISTEN_RATE_HZ."""

    pcm: Pcm


class Listener:
    """Turns the audio of one session into replies. Belongs to the event loop; `run` processes what is pushed."""

    def __init__(
        self, detectors: SessionDetectors, queue: DecodeQueueClient, rate_hz: int, clock: Clock, send: SendReply
    ) -> None:
        self._detectors, self._segmenter = detectors, detectors.segmenter
        self._queue = queue
        self._framer = Framer(rate_hz)
        self._clock = clock
        self._send = send
        self._inputs: asyncio.Queue[Pcm | Command | WholeUtterance] = asyncio.Queue(BACKLOG_FRAMES)
        self._endpointing = Endpointing(
            detectors.turn, detectors.turn_worker, detectors.bounds, self._segmenter.wait_until, clock, lambda _: None
        )
        self._utterance = TurnId(0)
        self._prefix = StablePrefix()
        self._audio_s = 0.0  # of the session so far
        self._partial_due_s = 0.0

    async def push_audio(self, pcm: Pcm) -> None:
        """Queue samples at the client's rate, shape (n,). Wait while the backlog is full."""
        for frame in self._framer.push(pcm):
            await self._inputs.put(frame)

    async def push_utterance(self, pcm: Pcm) -> None:
        """Queue samples at 16 kHz, shape (n,), that are one utterance whatever they contain: one final."""
        await self._inputs.put(WholeUtterance(pcm))

    async def control(self, command: Control) -> None:
        """Queue a command behind the audio that was pushed before."""
        await self._inputs.put(Command(command))

    async def run(self) -> None:
        """Process the queue until "stop" and the last final."""
        try:
            await self._run()
        finally:
            self._queue.cancel_partial()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:  # ends when the last final is sent
            self._tasks = tasks
            self._finals = Finals(self._queue, self._clock, self._send, tasks)
            while True:
                match await self._next():
                    case Command("stop"):
                        break
                    case Command(name):
                        self._execute(name)
                    case WholeUtterance(pcm):
                        await self._process_utterance(pcm)
                    case frame:
                        self._process_frame(frame)
                        await asyncio.sleep(0)  # a client that sends minutes at once shares the loop with the others
            self._flush()

    def _execute(self, command: Control | Literal["silence"]) -> None:
        if command == "flush" and not self._segmenter.is_open:
            self._send(Failure(code="nothing_to_flush", message="nothing is being said"))
        if command in ("flush", "silence"):
            self._flush()
            return
        if command == "cancel":
            self._finals.cancel()
        self._forget()

    async def _next(self) -> Pcm | Command | WholeUtterance:
        try:
            async with asyncio.timeout(self._detectors.quiet_s if self._segmenter.is_open else None):
                return await self._inputs.get()
        except TimeoutError:
            return Command("silence")

    def _process_frame(self, pcm: Pcm) -> None:
        frame = AudioFrame(pcm, self._audio_s)
        self._audio_s += FRAME_S
        self._finals.audio_arrived(self._audio_s)
        self._segment(frame, self._detectors.vad.is_speech(frame))
        if self._segmenter.is_open and self._audio_s >= self._partial_due_s:
            self._partial_due_s = self._audio_s + self._detectors.partial_s
            self._queue.request_partial(lambda: self._segmenter.so_far, self._on_partial)

    async def _process_utterance(self, pcm: Pcm) -> None:
        self._flush()
        began_s, voiced_ms = self._audio_s, 0.0
        for frame in Framer(LISTEN_RATE_HZ).push(pcm):
            voiced_ms += 1000 * FRAME_S * self._detectors.vad.is_speech(AudioFrame(frame, self._audio_s))
            self._audio_s += FRAME_S
            await asyncio.sleep(0)
        self._finals.audio_arrived(self._audio_s)
        self._utterance = TurnId(self._utterance + 1)
        self._send(SpeechEnded(utterance=self._utterance, at_s=round(self._audio_s, 3)))
        if voiced_ms < self._detectors.start_ms:
            self._finals.send_empty(self._utterance, "no speech")
            return
        self._finals.prepare(UtteranceAudio(self._utterance, SpeechSegment(pcm, began_s, self._audio_s)))
        self._finals.commit()

    def _flush(self) -> None:
        """Push silence, which takes no time, until the utterance ends."""
        while self._segmenter.is_open:
            self._segment(AudioFrame(SILENCE, self._audio_s), is_speech=False)
            self._segmenter.wait_until(0)

    def _forget(self) -> None:
        if self._segmenter.is_open:
            self._segmenter.reset()
            self._endpointing.cancel()
            self._finals.discard()
            self._finals.send_empty(self._utterance, "cancelled")

    def _segment(self, frame: AudioFrame, is_speech: bool) -> None:
        for event in self._segmenter.push(frame, is_speech, self._detectors.start_ms):
            self._on_segmenter_event(event)

    def _on_segmenter_event(self, event: SegmenterEvent) -> None:
        match event:
            case Onset(started_at_s):
                self._endpointing.on_speech_started(started_at_s)
                self._utterance = TurnId(self._utterance + 1)
                self._prefix = StablePrefix()
                self._partial_due_s = self._audio_s + self._detectors.partial_s
                self._send(SpeechStarted(utterance=self._utterance, at_s=round(max(0.0, started_at_s), 3)))
            case EarlyPause(segment):
                self._finals.prepare(UtteranceAudio(self._utterance, segment))
            case Pause(segment):
                self._queue.cancel_partial()
                self._finals.prepare(UtteranceAudio(self._utterance, segment), self._endpointing.set_transcript)
                self._endpointing.on_pause(self._utterance, segment, self._tasks)
            case Resume(silence_ms):
                self._endpointing.on_resume(silence_ms)
                self._finals.discard()
            case Endpoint(ended_at_s):
                self._endpointing.on_endpoint(ended_at_s)
                self._send(SpeechEnded(utterance=self._utterance, at_s=round(ended_at_s, 3)))
                self._finals.commit()
            case Dropped():  # pragma: no branch
                self._endpointing.cancel()
                self._finals.discard()
                self._queue.cancel_partial()
                self._finals.send_empty(self._utterance, "too short")

    def _on_partial(self, transcript: Transcript) -> None:
        if not transcript.text or not self._segmenter.is_open:
            return
        before = self._prefix
        self._prefix = before.with_hypothesis(transcript.text, transcript.settled)
        if self._prefix != before:
            stable, unstable = self._prefix.stable, self._prefix.unstable
            self._send(Partial(utterance=self._utterance, stable=stable, unstable=unstable))
