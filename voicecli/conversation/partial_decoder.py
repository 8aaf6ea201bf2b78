"""Partial transcripts: the growing audio is decoded again and again while the user speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voicecli.engines.base import SpeechToText, Worker
from voicecli.events import Clock
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import SpeechSegment, Transcript

Decode = Callable[[SpeechSegment], Transcript]

EASE = 0.8
"""After a slow draft the expected time shrinks by this at each skipped chance, so that drafting is tried again."""


@dataclass(frozen=True, slots=True)
class PartialSchedule:
    """When drafts are worth their time."""

    interval_s: float  # between drafts in the middle of speech
    pause_s: float  # a draft in the middle of speech may take this long: then it is over when the final is wanted
    early_decode_s: (
        float  # a draft in a silence may take this long: then it is over before the user is known to be done
    )


class PartialDecoder:
    """Decodes the growing audio while the user speaks, and at once in the first silence, which may be the end.

    The latter decode is made as a final is: a recogniser that remembers it has the final when it is asked for.

    Finals come first. A decode cannot be stopped, so a draft begins only with the engine idle, and when the last one
    took no longer than this one may.
    """

    def __init__(
        self, stt: SpeechToText, worker: Worker, schedule: PartialSchedule, clock: Clock, *, careful: bool = False
    ) -> None:
        """`careful`: drafts are made as finals are, and hold no word that a final would withhold."""
        self._final, self._draft = stt.transcribe, stt.transcribe if careful else stt.draft
        self._worker = worker
        self._schedule = schedule
        self._clock = clock
        self._expected_s = 0.0
        self._early_pause: SpeechSegment | None = None
        self._early_paused = asyncio.Event()

    def decode_early(self, segment: SpeechSegment) -> None:
        """The user is silent: decode all that was said, now or as soon as the draft under way is over."""
        self._early_pause = segment
        self._early_paused.set()

    async def run(self, so_far: Callable[[], SpeechSegment | None], tell: Callable[[StablePrefix], None]) -> None:
        """Draft until cancelled, and tell after each decode what is known. Raises EngineError."""
        hypotheses = StablePrefix()
        self._take_early_pause()
        while True:
            chance = await self._next(so_far)
            if chance is None:
                continue
            transcript = await self._worker.run(self._timed, *chance)
            if transcript.text:
                hypotheses = hypotheses.with_hypothesis(transcript.text, transcript.settled)
            tell(hypotheses)

    async def _next(self, so_far: Callable[[], SpeechSegment | None]) -> tuple[Decode, SpeechSegment] | None:
        """What to decode at the next chance and how, if that is worth it."""
        try:
            async with asyncio.timeout(self._schedule.interval_s):
                await self._early_paused.wait()
            decode, segment, may_take_s = self._final, self._take_early_pause(), self._schedule.early_decode_s
        except TimeoutError:
            decode, segment, may_take_s = self._draft, so_far(), self._schedule.pause_s
        if segment is None or not self._worker.idle:
            return None
        if self._expected_s > may_take_s:
            self._expected_s *= EASE
            return None
        return decode, segment

    def _take_early_pause(self) -> SpeechSegment | None:
        segment, self._early_pause = self._early_pause, None
        self._early_paused.clear()
        return segment

    def _timed(self, decode: Decode, segment: SpeechSegment) -> Transcript:
        began_s = self._clock()
        try:
            return decode(segment)
        finally:
            self._expected_s = self._clock() - began_s
