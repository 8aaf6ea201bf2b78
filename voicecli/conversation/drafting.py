"""Partial transcripts: the growing audio is decoded again and again while the user speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecli.conversation.partials import Hypotheses
from voicecli.engines.base import SpeechToText, Worker
from voicecli.events import Clock
from voicecli.types import SpeechSegment, Transcript

EASE = 0.8
"""After a slow draft the expected time shrinks by this at each skipped chance, so that drafting is tried again."""


class Drafter:
    """Decodes the growing audio while the user speaks.

    Finals come first. A decode cannot be stopped, so a draft begins only in the middle of speech, with the engine idle,
    and when the last one took no longer than it takes to notice a pause: then it is over when the final is wanted.
    """

    def __init__(self, stt: SpeechToText, worker: Worker, interval_s: float, pause_s: float, clock: Clock) -> None:
        self._stt = stt
        self._worker = worker
        self._interval_s = interval_s
        self._pause_s = pause_s
        self._clock = clock
        self._expected_s = 0.0

    async def run(self, so_far: Callable[[], SpeechSegment | None], tell: Callable[[Hypotheses], None]) -> None:
        """Draft every interval until cancelled. Raises EngineError."""
        hypotheses = Hypotheses()
        while True:
            await asyncio.sleep(self._interval_s)
            segment = so_far()
            if segment is None or not self._worker.idle:
                continue
            if self._expected_s > self._pause_s:
                self._expected_s *= EASE
                continue
            transcript = await self._worker.run(self._timed, segment)
            if transcript.text:
                hypotheses = hypotheses.heard(transcript.text)
                tell(hypotheses)

    def _timed(self, segment: SpeechSegment) -> Transcript:
        began_s = self._clock()
        try:
            return self._stt.draft(segment)
        finally:
            self._expected_s = self._clock() - began_s
