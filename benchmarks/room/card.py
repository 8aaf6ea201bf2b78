"""A simulated sound card: our own playout with a loudspeaker and a microphone in a simulated room."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from benchmarks.room.acoustics import Echo, Room, Signal, Timeline
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.playout import Playout, Reading
from voicecli.audio.resample import Converter
from voicecli.events import Audible, Clock, PlaybackUnderrun, Publish
from voicecli.settings.model import AudioSettings
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, PlaybackChunk, TurnId

SPEAKER_HZ = 48_000
BLOCK_S = 0.02


@dataclass(slots=True)
class Record:
    """What the loudspeaker played, and at which gain. Times are those at which it sounds."""

    began_s: float  # the first sample
    rate_hz: int = SPEAKER_HZ
    blocks: list[Pcm] = field(default_factory=list, repr=False)
    gains: list[tuple[float, float]] = field(default_factory=list)  # from when on, dB; -inf: the answer waits, silent
    resumes_s: list[float] = field(default_factory=list)  # an answer that waited goes on

    @property
    def until_s(self) -> float:
        """Return when the last block ends."""
        return self.began_s + len(self.blocks) * BLOCK_S


class RoomCard:
    """Microphone and speaker at once, open inside the context. Everything belongs to the loop.

    What is read of the playout sounds `output_latency_s` later, and `played` is called as for a device; a
    frame arrives `input_latency_s` after its first sample. The room's delay is the air, and what devices do not report.
    """

    name = "room"

    def __init__(
        self, room: Room, audio: AudioSettings, clock: Clock, publish: Publish, played: Played | None = None
    ) -> None:
        self._room = room
        self._latency_s = audio.output_latency_s
        self._input_s = max(FRAME_S, audio.input_latency_s)
        self._clock = clock
        self._publish = publish
        self._played = played
        self._playout = Playout(SPEAKER_HZ)
        self._converter: Converter | None = None  # of the live turn
        self._live: TurnId | None = None
        self._background: Callable[[int, int], Signal] | None = None
        self._captured = 0  # samples that were given out

    async def __aenter__(self) -> Self:
        self._opened_s = self._clock()
        self.record = Record(self._opened_s + BLOCK_S + self._latency_s)
        self._echo = Echo(self._room, BLOCK_S + self._latency_s)
        self._near = Timeline()
        self._to_air = Converter(SPEAKER_HZ, LISTEN_RATE_HZ)
        self._stack = contextlib.AsyncExitStack()
        await self._stack.__aenter__()
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._stack.callback(tasks.create_task(self._pump(), name="loudspeaker").cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def sound(self, pcm: Pcm, at_s: float) -> None:
        """Play `pcm`, shape (n,) at 16 kHz, in the room so that it reaches the microphone from `at_s` on."""
        self._near.add(round((at_s - self._opened_s) * LISTEN_RATE_HZ), pcm.astype(np.float64))

    def background(self, pcm: Pcm | None) -> None:
        """Repeat `pcm`, shape (n,) at 16 kHz, in the room from now on; None for silence."""
        if pcm is None:
            self._background = None
            return
        noise = pcm.astype(np.float64)
        self._background = lambda first, last: noise[np.arange(first, last) % len(noise)]

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames of a microphone whose clock is slower by the room's drift; a second call continues the first."""
        while True:
            first, self._captured = self._captured, self._captured + FRAME_SAMPLES
            captured_at_s = self._opened_s + first / LISTEN_RATE_HZ * self._room.drift
            await asyncio.sleep(max(0.0, captured_at_s + self._input_s - self._clock()))
            heard = self._echo.capture(first, FRAME_SAMPLES) + self._near.read(first, first + FRAME_SAMPLES)
            if self._background is not None:
                heard += self._background(first, first + FRAME_SAMPLES)
            yield AudioFrame(np.clip(np.rint(heard), -32768, 32767).astype(np.int16), captured_at_s)

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._live, self._converter = turn, None
        self.record.gains.append((self.record.until_s, 0.0))
        self._playout.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        if chunk.turn != self._live:
            return
        if self._converter is None:
            self._converter = Converter(chunk.sample_rate_hz, SPEAKER_HZ)
        self._playout.add(chunk.turn, self._converter.push(chunk.pcm))

    def release(self, turn: TurnId) -> None:
        self._playout.release(turn)

    def finish(self, turn: TurnId) -> None:
        if turn == self._live and self._converter is not None:
            self._playout.add(turn, self._converter.finish())
            self._converter = None
        self._playout.finish(turn)

    def flush(self) -> None:
        self._live = None
        self._playout.flush()

    def duck(self, db: float) -> None:
        if self.record.gains and self.record.gains[-1][1] == -math.inf < db:
            self.record.resumes_s.append(self.record.until_s)
        self.record.gains.append((self.record.until_s, db))
        self._playout.duck(db)

    async def drained(self) -> None:
        while self._playout.lead:  # noqa: ASYNC110 - playing takes the time that it takes
            await asyncio.sleep(max(BLOCK_S, self.lead_s()))
        await asyncio.sleep(self._latency_s)

    def heard_s(self) -> float:
        held_back_s = self._latency_s if self._playout.lead else 0.0
        return max(0.0, self._playout.played / SPEAKER_HZ - held_back_s)

    def lead_s(self) -> float:
        return self._playout.lead / SPEAKER_HZ

    async def _pump(self) -> None:
        while True:
            reads_at_s = self._opened_s + (len(self.record.blocks) + 1) * BLOCK_S
            await asyncio.sleep(max(0.0, reads_at_s - self._clock()))
            reading = self._playout.read(round(BLOCK_S * SPEAKER_HZ))
            sounds_at_s = reads_at_s + self._latency_s
            self.record.blocks.append(reading.pcm)
            self._echo.play(self._to_air.push(reading.pcm))
            if self._played is not None:
                self._played(PlayedBlock(reading.pcm, SPEAKER_HZ, sounds_at_s))
            self._publish_changes(reading, sounds_at_s)

    def _publish_changes(self, reading: Reading, sounds_at_s: float) -> None:
        if reading.began is not None:
            at_s = sounds_at_s + reading.began_at / SPEAKER_HZ
            self._publish(Audible(at_s=at_s, turn=reading.began))
        if reading.underrun is not None:
            gap_s = reading.underrun_samples / SPEAKER_HZ
            self._publish(PlaybackUnderrun(at_s=sounds_at_s, turn=reading.underrun, gap_s=gap_s))
