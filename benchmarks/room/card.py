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
from voicecli.audio.playout import PlayoutSpeaker
from voicecli.audio.resample import Converter
from voicecli.events import Clock, Publish
from voicecli.settings.model import AudioSettings
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, TurnId

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


class RoomCard(PlayoutSpeaker):
    """Microphone and speaker at once, open inside the context. Everything belongs to the loop.

    What is read of the playout sounds `output_latency_s` later, and `played` is called as for a device; a
    frame arrives `input_latency_s` after its first sample. The room's delay is the air, and what devices do not report.
    """

    name = "room"

    def __init__(
        self, room: Room, audio: AudioSettings, clock: Clock, publish: Publish, played: Played | None = None
    ) -> None:
        super().__init__(SPEAKER_HZ)
        self._room = room
        self._latency_s = audio.output_latency_s
        self._input_s = max(FRAME_S, audio.input_latency_s)
        self._clock = clock
        self._publish = publish
        self._on_played = played
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
        self.record.gains.append((self.record.until_s, 0.0))
        super().begin(turn, held=held)

    def duck(self, db: float) -> None:
        if self.record.gains and self.record.gains[-1][1] == -math.inf < db:
            self.record.resumes_s.append(self.record.until_s)
        self.record.gains.append((self.record.until_s, db))
        super().duck(db)

    @property
    def _buffered_s(self) -> float:
        return self._latency_s

    async def _pump(self) -> None:
        while True:
            reads_at_s = self._opened_s + (len(self.record.blocks) + 1) * BLOCK_S
            await asyncio.sleep(max(0.0, reads_at_s - self._clock()))
            block = self._playout.read(round(BLOCK_S * SPEAKER_HZ))
            sounds_at_s = reads_at_s + self._latency_s
            self.record.blocks.append(block.pcm)
            self._echo.play(self._to_air.push(block.pcm))
            if self._on_played is not None:
                self._on_played(PlayedBlock(block.pcm, SPEAKER_HZ, sounds_at_s))
            for event in block.events(SPEAKER_HZ, sounds_at_s):
                self._publish(event)
