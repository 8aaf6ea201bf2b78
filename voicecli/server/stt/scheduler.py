"""Schedule the decodes of many sessions on one recognizer.

Finals come first, because somebody waits for them. Decodes in a first silence come next, because they may become
finals. Partials get the rest: a session has at most one request for a partial, the audio up to its turn is decoded, and
after each partial the recognizer pauses partials for as long as that one took. So partials never use more than half of
the recognizer, and become rarer the more sessions there are.
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

PARTIAL_PAUSE = 1.0
"""Pause after a partial, in multiples of the time that it took."""

BATCH_WITHIN_S = 0.05
"""On a GPU a final waits this long for others to be decoded in the same batch."""

BATCH_SIZE = 8
"""Finals in one batch: more gain little (SYSTRAN/faster-whisper#1192)."""


class Recognizer(Protocol):
    """A session's view of the one model."""

    name: str

    def transcribe(self, segment: SpeechSegment) -> Transcript: ...

    def draft(self, segment: SpeechSegment) -> Transcript: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Decodes finals of several sessions in one call, if their options are equal."""

    transcribe_all: Callable[[Sequence[SpeechSegment]], list[Transcript]]
    options: Hashable
    longest_s: float  # utterances; longer ones are decoded alone


class Urgency(IntEnum):
    """Queues in the order in which they are served."""

    FINAL = 0
    EAGER = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """A transcript, and how long it waited and took."""

    transcript: Transcript
    queued_s: float
    decode_s: float


@dataclass(slots=True, eq=False)
class Job:
    """A decode that a session awaits."""

    queue: DecodeQueueClient
    segment: SpeechSegment
    urgency: Urgency
    asked_at_s: float
    done: asyncio.Future[Decoded]

    def batches_with(self, other: Job) -> bool:
        """Return whether both can be decoded in one batch."""
        batch, others = self.queue.batch, other.queue.batch
        if batch is None or others is None or batch.options != others.options:
            return False
        return max(self.segment.audio_s, other.segment.audio_s) <= batch.longest_s


class DecodeObserver(Protocol):
    """Observes the scheduler."""

    def decoded(self, kind: str, queued_s: float, decode_s: float, audio_s: float) -> None:
        """Observe a decode of `audio_s` of sound; `kind` is final, eager or partial."""
        ...

    def dropped_partial(self) -> None:
        """Observe that a request for a partial was replaced by a newer one."""
        ...


@dataclass(frozen=True, slots=True)
class PartialRequest:
    """What to decode at a session's turn, and what to do with its draft."""

    so_far: Callable[[], SpeechSegment | None]
    on_transcript: Callable[[Transcript], None]


@dataclass(slots=True, eq=False)
class DecodeQueueClient:
    """One session's access to the scheduler."""

    scheduler: Scheduler
    recognizer: Recognizer
    batch: Batch | None = None  # None: finals are decoded one by one, which is as fast on a CPU
    partial: PartialRequest | None = None

    async def final(self, segment: SpeechSegment, urgency: Urgency = Urgency.FINAL) -> Decoded:
        """Return the transcript of a segment. Raise EngineError. Cancelling the call removes the job from the queue."""
        return await self.scheduler.decode(self, segment, urgency)

    def request_partial(
        self, so_far: Callable[[], SpeechSegment | None], on_transcript: Callable[[Transcript], None]
    ) -> None:
        """At this session's turn, decode the segment `so_far` returns and pass its draft to `on_transcript`."""
        if self.partial is not None:
            self.scheduler.observer.dropped_partial()
        self.partial = PartialRequest(so_far, on_transcript)
        self.scheduler.enqueue_partial(self)

    def cancel_partial(self) -> None:
        """Withdraw the request for a partial: the utterance or the session is over."""
        self.partial = None


@dataclass(slots=True, eq=False)
class Scheduler:
    """The queues of all sessions. Belongs to the event loop; `serve` does the work."""

    worker: Worker
    clock: Clock
    observer: DecodeObserver
    _jobs: tuple[deque[Job], deque[Job]] = field(default_factory=lambda: (deque(), deque()))
    _partials: deque[DecodeQueueClient] = field(default_factory=deque)  # in the order of requests; each client once
    _partials_paused_until_s: float = 0.0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self, recognizer: Recognizer, batch: Batch | None = None) -> DecodeQueueClient:
        """Return a client for one session; `recognizer` is its own view."""
        return DecodeQueueClient(self, recognizer, batch)

    @property
    def waiting(self) -> int:
        """The number of finals in the queue."""
        return len(self._jobs[Urgency.FINAL])

    async def decode(self, queue: DecodeQueueClient, segment: SpeechSegment, urgency: Urgency) -> Decoded:
        """Queue a decode and return its result. Raise EngineError."""
        done: asyncio.Future[Decoded] = asyncio.get_running_loop().create_future()
        job = Job(queue, segment, urgency, self.clock(), done)
        self._jobs[urgency].append(job)
        self._wake.set()
        return await done

    def promote(self, segment: SpeechSegment) -> None:
        """Move the eager decode of this segment, if it still waits, to the finals."""
        for job in self._jobs[Urgency.EAGER]:
            if job.segment is segment:
                self._jobs[Urgency.EAGER].remove(job)
                job.urgency = Urgency.FINAL
                self._jobs[Urgency.FINAL].append(job)
                return

    def enqueue_partial(self, queue: DecodeQueueClient) -> None:
        """Queue a client for a partial, unless it is queued."""
        if queue not in self._partials:
            self._partials.append(queue)
        self._wake.set()

    async def serve(self) -> None:
        """Decode until cancelled."""
        while True:
            if jobs := await self._next_jobs():
                await self._decode(jobs)
            elif (pause_s := self._partials_paused_until_s - self.clock()) <= 0 and self._partials:
                await self._decode_partial(self._partials.popleft())
            else:
                self._wake.clear()
                try:
                    async with asyncio.timeout(pause_s if self._partials else None):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _next_jobs(self) -> list[Job]:
        finals, eager = (self._awaited(urgency) for urgency in Urgency)
        if finals and finals[0].queue.batch is not None and len(finals) < BATCH_SIZE:
            await asyncio.sleep(BATCH_WITHIN_S)  # others may end at the same moment
            finals = self._awaited(Urgency.FINAL)
        if finals:
            batch = [finals[0], *(job for job in finals[1:] if job.batches_with(finals[0]))][:BATCH_SIZE]
        else:
            batch = eager[:1]
        for job in batch:
            self._jobs[job.urgency].remove(job)
        return batch

    def _awaited(self, urgency: Urgency) -> list[Job]:
        """Return the jobs that are still awaited; remove the others."""
        jobs = self._jobs[urgency]
        for job in [job for job in jobs if job.done.done()]:
            jobs.remove(job)
        return list(jobs)

    async def _decode(self, jobs: list[Job]) -> None:
        began_s, first = self.clock(), jobs[0].queue
        try:
            if first.batch is not None and len(jobs) > 1:
                segments = [job.segment for job in jobs]
                transcripts = await self.worker.run(first.batch.transcribe_all, segments)
            else:
                transcripts = [await self.worker.run(first.recognizer.transcribe, jobs[0].segment)]
        except VoiceCliError as error:
            for job in jobs:
                if not job.done.done():
                    job.done.set_exception(error)
            return
        took_s = self.clock() - began_s
        for job, transcript in zip(jobs, transcripts, strict=True):
            decoded = Decoded(transcript, began_s - job.asked_at_s, took_s)
            self.observer.decoded(job.urgency.name.lower(), decoded.queued_s, took_s, transcript.audio_s)
            if not job.done.done():
                job.done.set_result(decoded)

    async def _decode_partial(self, client: DecodeQueueClient) -> None:
        request = client.partial
        client.cancel_partial()
        segment = request.so_far() if request is not None else None
        if request is None or segment is None:
            return
        began_s = self.clock()
        try:
            transcript = await self.worker.run(client.recognizer.draft, segment)
        except VoiceCliError:
            return  # the final fails too, and reports it
        took_s = self.clock() - began_s
        self._partials_paused_until_s = self.clock() + PARTIAL_PAUSE * took_s
        self.observer.decoded("partial", 0.0, took_s, transcript.audio_s)
        request.on_transcript(transcript)
