"""One session: samples in, utterances out. It knows no transport.

The ear is the conversation's own: gate, segmenter, end-of-turn model. Each utterance has exactly one end: a final, or a
failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voicecli.audio.resample import Framer
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.conversation.end_of_turn import Endpointing
from voicecli.engines.base import EndOfTurn, Worker
from voicecli.events import Clock
from voicecli.server.stt.finals import Finals, Speech
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
"""Of 20 ms that may wait to be heard. A client that sends faster than that is slowed down by its connection."""

SILENCE = np.zeros(FRAME_SAMPLES, np.int16)

Tell = Callable[[Reply], None]


@dataclass(frozen=True, slots=True)
class SessionDetectors:
    """What a session hears with; all but the model is its own."""

    gate: VoiceActivityDetector
    segmenter: Segmenter
    bounds: EndpointBounds | None  # of the wait for an end; None: the segmenter's own silence is the end
    turn: EndOfTurn | None
    turn_worker: Worker
    start_ms: float  # voiced time that makes an utterance
    partial_s: float  # audio between two wishes for a partial; infinite for none
    quiet_s: float | None = None  # a client that sends nothing for so long is silent; None: only its audio tells


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a client says between two samples."""

    said: str  # flush, cancel, forget or stop


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An utterance in one go, at LISTEN_RATE_HZ."""

    pcm: Pcm


class Listener:
    """Belongs to the loop. `run` hears what `feed` is given until `stop` is said."""

    def __init__(
        self, detectors: SessionDetectors, queue: DecodeQueueClient, rate_hz: int, clock: Clock, tell: Tell
    ) -> None:
        self._detectors, self._segmenter = detectors, detectors.segmenter
        self._queue = queue
        self._framer = Framer(rate_hz)
        self._clock = clock
        self._tell = tell
        self._arriving: asyncio.Queue[Pcm | Mark | Whole] = asyncio.Queue(BACKLOG_FRAMES)
        self._endpointing = Endpointing(
            detectors.turn, detectors.turn_worker, detectors.bounds, self._segmenter.wait_until, clock, lambda _: None
        )
        self._utterance = TurnId(0)
        self._hypotheses = StablePrefix()
        self._heard_s = 0.0  # of the session's audio
        self._partial_due_s = 0.0

    async def push_audio(self, pcm: Pcm) -> None:
        """Samples at the client's rate, shape (n,). Waits while too many are waiting to be heard."""
        for frame in self._framer.push(pcm):
            await self._arriving.put(frame)

    async def whole(self, pcm: Pcm) -> None:
        """Samples at 16 kHz, shape (n,), that are one utterance, whatever is in them: one final."""
        await self._arriving.put(Whole(pcm))

    async def mark(self, said: str) -> None:
        """flush: what is being said is over. forget: it is of no interest. cancel: nor is what has no final yet.
        stop: nothing more comes."""
        await self._arriving.put(Mark(said))

    async def run(self) -> None:
        """Until stop was said and the last final told."""
        try:
            await self._run()
        finally:
            self._queue.want_none()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:  # which ends when the last final is told
            self._tasks = tasks
            self._finals = Finals(self._queue, self._clock, self._tell, tasks)
            while True:
                match await self._next():
                    case Mark("stop"):
                        break
                    case Mark("flush"):
                        self._flush()
                    case Mark("silence"):
                        self._flush(asked=False)
                    case Mark("forget"):
                        self._forget()
                    case Mark():
                        self._finals.cancel()
                        self._forget()
                    case Whole(pcm):
                        await self._hear_whole(pcm)
                    case frame:
                        self._hear(frame)
                        await asyncio.sleep(0)  # a client that sends minutes at once shares the loop with the others
            self._flush(asked=False)

    async def _next(self) -> Pcm | Mark | Whole:
        try:
            async with asyncio.timeout(self._detectors.quiet_s if self._segmenter.is_open else None):
                return await self._arriving.get()
        except TimeoutError:
            return Mark("silence")

    def _hear(self, pcm: Pcm) -> None:
        frame = AudioFrame(pcm, self._heard_s)
        self._heard_s += FRAME_S
        self._finals.arrived(self._heard_s)
        for heard in self._segmenter.push(frame, self._detectors.gate.is_speech(frame), self._detectors.start_ms):
            self._take(heard)
        if self._segmenter.is_open and self._heard_s >= self._partial_due_s:
            self._partial_due_s = self._heard_s + self._detectors.partial_s
            self._queue.want_partial(lambda: self._segmenter.so_far, self._show)

    async def _hear_whole(self, pcm: Pcm) -> None:
        self._flush(asked=False)
        began_s, voiced_ms = self._heard_s, 0.0
        for frame in Framer(LISTEN_RATE_HZ).push(pcm):
            voiced_ms += 1000 * FRAME_S * self._detectors.gate.is_speech(AudioFrame(frame, self._heard_s))
            self._heard_s += FRAME_S
            await asyncio.sleep(0)
        self._finals.arrived(self._heard_s)
        self._utterance = TurnId(self._utterance + 1)
        self._tell(SpeechEnded(utterance=self._utterance, at_s=round(self._heard_s, 3)))
        if voiced_ms < self._detectors.start_ms:
            self._finals.nothing(self._utterance, "no speech")
            return
        segment = SpeechSegment(pcm, began_s, self._heard_s)
        self._finals.prepare(Speech(self._utterance, segment, self._heard_s))
        self._finals.give()

    def _flush(self, *, asked: bool = True) -> None:
        """Silence is what ends an utterance, so give it some that takes no time."""
        if asked and not self._segmenter.is_open:
            self._tell(Failure(code="nothing_to_flush", message="nothing is being said"))
        while self._segmenter.is_open:
            for heard in self._segmenter.push(AudioFrame(SILENCE, self._heard_s), False, self._detectors.start_ms):
                self._take(heard)
            self._segmenter.wait_until(0)

    def _forget(self) -> None:
        if self._segmenter.is_open:
            self._segmenter.reset()
            self._endpointing.cancel()
            self._finals.forget()
            self._finals.nothing(self._utterance, "cancelled")

    def _take(self, heard: SegmenterEvent) -> None:
        match heard:
            case Onset(started_at_s):
                self._endpointing.on_speech_started(started_at_s)
                self._utterance = TurnId(self._utterance + 1)
                self._hypotheses = StablePrefix()
                self._partial_due_s = self._heard_s + self._detectors.partial_s
                self._tell(SpeechStarted(utterance=self._utterance, at_s=round(max(0.0, started_at_s), 3)))
            case EarlyPause(segment):
                self._finals.prepare(Speech(self._utterance, segment, self._heard_s))
            case Pause(segment):
                self._queue.want_none()
                speech = Speech(self._utterance, segment, self._heard_s)
                self._finals.prepare(speech, self._endpointing.set_transcript)
                self._endpointing.on_pause(self._utterance, segment, self._tasks)
            case Resume(silence_ms):
                self._endpointing.on_resume(silence_ms)
                self._finals.forget()
            case Endpoint(ended_at_s):
                self._endpointing.on_endpoint(ended_at_s)
                self._tell(SpeechEnded(utterance=self._utterance, at_s=round(ended_at_s, 3)))
                self._finals.give()
            case Dropped():  # pragma: no branch
                self._endpointing.cancel()
                self._finals.forget()
                self._queue.want_none()
                self._finals.nothing(self._utterance, "too short")

    def _show(self, transcript: Transcript) -> None:
        if not transcript.text or not self._segmenter.is_open:
            return
        before = self._hypotheses
        self._hypotheses = before.with_hypothesis(transcript.text, transcript.settled)
        if self._hypotheses != before:
            stable, unstable = self._hypotheses.stable, self._hypotheses.unstable
            self._tell(Partial(utterance=self._utterance, stable=stable, unstable=unstable))
