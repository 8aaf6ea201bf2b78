"""One recogniser, many sessions: who is next.

A final is what somebody waits for, so finals come first. A decode in a first silence may become a final, so it comes
next. Partials are the load that can give way: a session has one wish for a partial at most, what it has
said by the time it is its turn is what is decoded, and after each the recogniser rests from partials for as long as it
took. So partials never take more than half of it, and fewer come the more sessions there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from voicecli.engines.base import Worker
from voicecli.errors import VoiceCliError
from voicecli.events import Clock
from voicecli.types import SpeechSegment, Transcript

REST = 1.0
"""Time without partials after one, in multiples of what it took."""

BATCH_WITHIN_S = 0.05
"""On a GPU a final waits so long for others to be decoded with it ..."""

BATCH_MOST = 8
"""... of which there are so many at most: more gain little (SYSTRAN/faster-whisper#1192)."""


class Recogniser(Protocol):
    """What a session decodes with: its own view on the one model."""

    name: str

    def transcribe(self, segment: SpeechSegment) -> Transcript: ...

    def draft(self, segment: SpeechSegment) -> Transcript: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """How finals of several sessions are decoded in one go, and which: those that wish the same."""

    transcribe_all: Callable[[Sequence[SpeechSegment]], list[Transcript]]
    options: Hashable
    longest_s: float  # of an utterance; longer ones are decoded by themselves


class Urgency(IntEnum):
    FINAL = 0
    EAGER = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    transcript: Transcript
    queued_s: float
    decode_s: float


@dataclass(slots=True, eq=False)
class Job:
    """A decode that somebody awaits."""

    queue: DecodeQueueClient
    segment: SpeechSegment
    urgency: Urgency
    asked_at_s: float
    done: asyncio.Future[Decoded]

    def goes_with(self, other: Job) -> bool:
        """Whether both can be decoded in one go."""
        mine, yours = self.queue.together, other.queue.together
        if mine is None or yours is None or mine.options != yours.options:
            return False
        return max(self.segment.audio_s, other.segment.audio_s) <= mine.longest_s


class Watch(Protocol):
    """Is told what the scheduler does."""

    def decoded(self, decoded: Decoded, kind: str) -> None: ...

    def dropped_partial(self) -> None: ...


@dataclass(slots=True, eq=False)
class DecodeQueueClient:
    """One session's way to the recogniser."""

    scheduler: Scheduler
    recogniser: Recogniser
    together: Batch | None = None  # None: one by one, which is as quick on a processor
    wanted: Callable[[], SpeechSegment | None] | None = None
    reported: Callable[[Transcript], None] | None = None

    async def final(self, segment: SpeechSegment, urgency: Urgency = Urgency.FINAL) -> Decoded:
        """Raises EngineError; a cancelled wait is forgotten by the queue."""
        return await self.scheduler.decode(self, segment, urgency)

    def want_partial(self, so_far: Callable[[], SpeechSegment | None], tell: Callable[[Transcript], None]) -> None:
        """When it is this session's turn, decode what it has said by then and tell."""
        if self.wanted is not None:
            self.scheduler.watch.dropped_partial()
        self.wanted, self.reported = so_far, tell
        self.scheduler.wants_partial(self)

    def want_none(self) -> None:
        """The utterance is over, or the session."""
        self.wanted = self.reported = None


@dataclass(slots=True, eq=False)
class Scheduler:
    """Belongs to the loop. `serve` does the work."""

    worker: Worker
    clock: Clock
    watch: Watch
    _jobs: tuple[deque[Job], deque[Job]] = field(default_factory=lambda: (deque(), deque()))
    _partials: deque[DecodeQueueClient] = field(default_factory=deque)  # in the order of asking; a desk is in it once
    _rests_until_s: float = 0.0  # from partials
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def queue(self, recogniser: Recogniser, together: Batch | None = None) -> DecodeQueueClient:
        """For one session; `recogniser` is its own view."""
        return DecodeQueueClient(self, recogniser, together)

    @property
    def waiting(self) -> int:
        """Finals in the queue."""
        return len(self._jobs[Urgency.FINAL])

    async def decode(self, queue: DecodeQueueClient, segment: SpeechSegment, urgency: Urgency) -> Decoded:
        """Wait for the turn and the decode. Raises EngineError."""
        done: asyncio.Future[Decoded] = asyncio.get_running_loop().create_future()
        job = Job(queue, segment, urgency, self.clock(), done)
        self._jobs[urgency].append(job)
        self._woken.set()
        return await done

    def hurry(self, segment: SpeechSegment) -> None:
        """The decode of this segment, if it still waits, is of a final."""
        for job in self._jobs[Urgency.EAGER]:
            if job.segment is segment:
                self._jobs[Urgency.EAGER].remove(job)
                job.urgency = Urgency.FINAL
                self._jobs[Urgency.FINAL].append(job)
                return

    def wants_partial(self, queue: DecodeQueueClient) -> None:
        """Put the desk in the line, unless it stands there."""
        if queue not in self._partials:
            self._partials.append(queue)
        self._woken.set()

    async def serve(self) -> None:
        """Decode until cancelled."""
        while True:
            if jobs := await self._next_jobs():
                await self._decode(jobs)
            elif (rest_s := self._rests_until_s - self.clock()) <= 0 and self._partials:
                await self._draft(self._partials.popleft())
            else:
                self._woken.clear()
                try:
                    async with asyncio.timeout(rest_s if self._partials else None):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def _next_jobs(self) -> list[Job]:
        finals, eager = (self._awaited(urgency) for urgency in Urgency)
        if finals and finals[0].queue.together is not None and len(finals) < BATCH_MOST:
            await asyncio.sleep(BATCH_WITHIN_S)  # others may end at the same moment
            finals = self._awaited(Urgency.FINAL)
        if finals:
            taken = [finals[0], *(job for job in finals[1:] if job.goes_with(finals[0]))][:BATCH_MOST]
        else:
            taken = eager[:1]
        for job in taken:
            self._jobs[job.urgency].remove(job)
        return taken

    def _awaited(self, urgency: Urgency) -> list[Job]:
        """Jobs that somebody still waits for; the others are forgotten."""
        jobs = self._jobs[urgency]
        for job in [job for job in jobs if job.done.done()]:
            jobs.remove(job)
        return list(jobs)

    async def _decode(self, jobs: list[Job]) -> None:
        began_s, first = self.clock(), jobs[0].queue
        try:
            if first.together is not None and len(jobs) > 1:
                segments = [job.segment for job in jobs]
                transcripts = await self.worker.run(first.together.transcribe_all, segments)
            else:
                transcripts = [await self.worker.run(first.recogniser.transcribe, jobs[0].segment)]
        except VoiceCliError as error:
            for job in jobs:
                if not job.done.done():
                    job.done.set_exception(error)
            return
        took_s = self.clock() - began_s
        for job, transcript in zip(jobs, transcripts, strict=True):
            decoded = Decoded(transcript, began_s - job.asked_at_s, took_s)
            self.watch.decoded(decoded, job.urgency.name.lower())
            if not job.done.done():
                job.done.set_result(decoded)

    async def _draft(self, queue: DecodeQueueClient) -> None:
        wanted, tell = queue.wanted, queue.reported
        queue.want_none()
        segment = wanted() if wanted is not None else None
        if segment is None or tell is None:
            return
        began_s = self.clock()
        try:
            transcript = await self.worker.run(queue.recogniser.draft, segment)
        except VoiceCliError:
            return  # the final will fail too, and says so
        took_s = self.clock() - began_s
        self._rests_until_s = self.clock() + REST * took_s
        self.watch.decoded(Decoded(transcript, 0.0, took_s), "partial")
        tell(transcript)
