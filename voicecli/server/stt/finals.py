"""The finals of a session.

What was said is decoded in the first silence. If nothing voiced follows, that is the final; it need only be awaited.
The scheduler decodes a session's finals in the order in which they were said, so they are told in that order too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voicecli.errors import VoiceCliError
from voicecli.events import Clock
from voicecli.server.stt.protocol import Final, Reply, Timings, failure_of
from voicecli.server.stt.scheduler import Decoded, DecodeQueueClient, Urgency
from voicecli.types import SpeechSegment, Transcript, TurnId

Known = Callable[[TurnId, Transcript], None]


@dataclass(frozen=True, slots=True)
class Speech:
    """All that was said of an utterance, up to a silence."""

    utterance: TurnId
    segment: SpeechSegment
    until_s: float  # the session's audio at its last sample

    @property
    def begin_s(self) -> float:
        """Of its first sample, which comes before the first voiced one."""
        return self.until_s - self.segment.audio_s


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decode that is the final unless the speaker goes on."""

    speech: Speech
    decoding: asyncio.Task[Decoded | VoiceCliError]


class Finals:
    """Belongs to the loop; its tasks are the session's."""

    def __init__(
        self, queue: DecodeQueueClient, clock: Clock, tell: Callable[[Reply], None], tasks: asyncio.TaskGroup
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._tell = tell
        self._tasks = tasks
        self._prepared: Prepared | None = None
        self._given: dict[TurnId, asyncio.Task[None]] = {}
        self._arrived_s, self._arrived_at_s = 0.0, 0.0  # the session's audio, and when it had come that far

    def arrived(self, audio_s: float) -> None:
        """So much of the session's audio is here now."""
        self._arrived_s, self._arrived_at_s = audio_s, self._clock()

    def prepare(self, speech: Speech, know: Known | None = None) -> None:
        """Decode what was said in case it was all; `know` is told the words."""
        same = self._prepared is not None and self._prepared.speech.segment.ended_at_s == speech.segment.ended_at_s
        if not same:
            self.forget()
            self._prepared = Prepared(speech, self._tasks.create_task(self._decode(speech.segment)))
        if know is not None and self._prepared is not None:
            self._prepared.decoding.add_done_callback(lambda task: tell_words(speech.utterance, task, know))

    def forget(self) -> None:
        """It was not all."""
        if self._prepared is not None:
            self._prepared.decoding.cancel()
            self._prepared = None

    def give(self) -> None:
        """It was: what was prepared is the final."""
        prepared, self._prepared = self._prepared, None
        assert prepared is not None, "an utterance ends in a pause"
        self._queue.scheduler.hurry(prepared.speech.segment)
        utterance = prepared.speech.utterance
        self._given[utterance] = self._tasks.create_task(self._finish(prepared), name=f"final {utterance}")

    def nothing(self, utterance: TurnId, reason: str) -> None:
        """The utterance ends without words."""
        timings = Timings(queue_ms=0, decode_ms=0, after_end_ms=0)
        self._tell(Final(utterance=utterance, text="", language="", audio_s=0, reason=reason, timings=timings))

    def cancel(self) -> None:
        """Whatever is not told yet ends without words."""
        self.forget()
        for utterance, task in self._given.items():
            task.cancel()
            self.nothing(utterance, "cancelled")
        self._given.clear()

    async def _decode(self, segment: SpeechSegment) -> Decoded | VoiceCliError:
        try:
            return await self._queue.final(segment, Urgency.EAGER)
        except VoiceCliError as error:
            return error  # told with the utterance that it ends, if it does end one

    async def _finish(self, prepared: Prepared) -> None:
        found = await prepared.decoding
        utterance = prepared.speech.utterance
        del self._given[utterance]
        if isinstance(found, VoiceCliError):
            self._tell(failure_of(found, utterance))
        else:
            self._tell(self._final(prepared.speech, found))

    def _final(self, speech: Speech, found: Decoded) -> Final:
        transcript = found.transcript
        since_s = self._clock() - self._arrived_at_s + self._arrived_s - speech.segment.ended_at_s
        return Final(
            utterance=speech.utterance,
            text=transcript.text,
            language=transcript.language,
            audio_s=round(transcript.audio_s, 3),
            reason=transcript.reason,
            timings=Timings(
                queue_ms=round(found.queued_s * 1000),
                decode_ms=round(found.decode_s * 1000),
                after_end_ms=max(0, round(since_s * 1000)),
            ),
        )


def tell_words(utterance: TurnId, task: asyncio.Task[Decoded | VoiceCliError], know: Known) -> None:
    """What a decode found, if it found anything."""
    if not task.cancelled() and isinstance(found := task.result(), Decoded):
        know(utterance, found.transcript)
