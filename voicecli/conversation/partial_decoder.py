"""Partial transcripts: decode the growing audio again and again while the user speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from voicecli.engines.base import SpeechToText, Worker
from voicecli.events import Clock
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import SpeechSegment, Transcript

Decode = Callable[[SpeechSegment], Transcript]
SoFar = Callable[[], SpeechSegment | None]
"""Returns what has been said of the utterance under way; None in a pause and between utterances."""

EASE = 0.8
"""After a slow decode, the expected time shrinks by this factor at each skipped chance, so that decoding is retried."""


@dataclass(frozen=True, slots=True)
class PartialSchedule:
    """When a partial decode is worth its time."""

    interval_s: float  # between decodes in the middle of speech
    pause_s: float  # the longest decode in the middle of speech: it must be over when the final is needed
    early_decode_s: float  # the longest decode in an early pause: it must be over before the endpoint


class PartialDecoder:
    """Decodes the growing audio while the user speaks, and at once in an early pause, which may be the end.

    In an early pause it decodes as for a final transcript: a recognizer that caches it has the final when it is needed.

    Finals come first. A decode cannot be stopped, so a partial begins only while the engine is idle, and when the last
    one took no longer than this one may.
    """

    def __init__(
        self, stt: SpeechToText, worker: Worker, schedule: PartialSchedule, clock: Clock, *, careful: bool = False
    ) -> None:
        """`careful`: decode partials as finals, so that they contain no word that a final would withhold."""
        self._final, self._draft = stt.transcribe, stt.transcribe if careful else stt.draft
        self._worker = worker
        self._schedule = schedule
        self._clock = clock
        self._expected_s = 0.0
        self._early: SpeechSegment | None = None
        self._has_early = asyncio.Event()

    def decode_early(self, segment: SpeechSegment) -> None:
        """Decode all that was said, now or as soon as the decode under way is over."""
        self._early = segment
        self._has_early.set()

    async def partials(self, so_far: SoFar) -> AsyncGenerator[StablePrefix, None]:
        """Yield what is known after each decode, without end. Raise EngineError."""
        words = StablePrefix()
        self._pop_early()
        while True:
            chance = await self._next(so_far)
            if chance is None:
                continue
            transcript = await self._worker.run(self._timed, *chance)
            if transcript.text:
                words = words.with_hypothesis(transcript.text, transcript.settled)
            yield words

    async def _next(self, so_far: SoFar) -> tuple[Decode, SpeechSegment] | None:
        """Wait for the next chance; return what to decode and how, if it is worth it."""
        try:
            async with asyncio.timeout(self._schedule.interval_s):
                await self._has_early.wait()
            decode, segment, limit_s = self._final, self._pop_early(), self._schedule.early_decode_s
        except TimeoutError:
            decode, segment, limit_s = self._draft, so_far(), self._schedule.pause_s
        if segment is None or not self._worker.idle:
            return None
        if self._expected_s > limit_s:
            self._expected_s *= EASE
            return None
        return decode, segment

    def _pop_early(self) -> SpeechSegment | None:
        segment, self._early = self._early, None
        self._has_early.clear()
        return segment

    def _timed(self, decode: Decode, segment: SpeechSegment) -> Transcript:
        began_s = self._clock()
        try:
            return decode(segment)
        finally:
            self._expected_s = self._clock() - began_s
