"""The buffer between the event loop and the sound card: tagged by turn, so that nothing stale can sound.

The loop writes (`begin`, `add`, `release`, `finish`, `flush`), the device's callback reads (`read`). There is no lock:
each attribute that both sides touch is replaced in one store, and the queue is a deque with one writer and one reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.resample import Converter
from voicecli.events import Audible, Event, PlaybackUnderrun
from voicecli.types import Pcm, PlaybackChunk, TurnId

FADE_S = 0.005
"""Length of the fade that ends a flushed answer: a cut at an arbitrary sample clicks (remsky/Kokoro-FastAPI#463)."""

RAMP_S = 0.01
"""Duration of a change of volume."""


@dataclass(frozen=True, slots=True)
class PlayoutBlock:
    """The samples of one read, and what they begin or end."""

    pcm: Pcm  # (n,), zeros where nothing sounds
    began: TurnId | None = None  # the turn whose first sample is in `pcm` ...
    began_at: int = 0  # ... at this index
    underrun_samples: int = 0  # length of a silence inside an answer that ended in this block
    underrun: TurnId | None = None

    def events(self, rate_hz: int, heard_at_s: float) -> Iterator[Event]:
        """Yield what to publish about a block whose first sample is heard at `heard_at_s`."""
        if self.began is not None:
            yield Audible(at_s=heard_at_s + self.began_at / rate_hz, turn=self.began)
        if self.underrun is not None:
            yield PlaybackUnderrun(at_s=heard_at_s, turn=self.underrun, gap_s=self.underrun_samples / rate_hz)


@dataclass(slots=True)
class _CurrentChunk:
    """The chunk that is being read."""

    turn: TurnId
    pcm: Pcm
    position: int = 0


class Playout:
    """Samples of at most one live turn, at the rate of the device."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._queue: deque[tuple[TurnId, Pcm]] = deque()
        self._live: tuple[TurnId | None, bool] = (None, False)  # the turn that may sound, and whether it is held
        self._begun: TurnId | None = None
        self._queued = 0  # samples of the begun turn; written by the loop
        self._finished: TurnId | None = None
        self._played: tuple[TurnId | None, int] = (None, 0)  # written by the callback
        self._chunk: _CurrentChunk | None = None
        self._gap = 0
        self._target_gain = 1.0  # written by the loop
        self._gain = 1.0  # written by the callback: approaches the target in a ramp

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """Let only `turn` sound from the next read on; while held it is silent."""
        self._begun, self._queued = turn, 0
        self._target_gain = 1.0
        self._live = (turn, held)

    def add(self, turn: TurnId, pcm: Pcm) -> None:
        """Queue samples of the live turn, shape (n,) at `rate_hz`; drop samples of any other."""
        if turn == self._live[0] and len(pcm):
            self._finished = None
            self._queue.append((turn, pcm))
            self._queued += len(pcm)

    def release(self, turn: TurnId) -> None:
        """Let a held turn sound."""
        if turn == self._live[0]:
            self._live = (turn, False)

    def duck(self, db: float) -> None:
        """Set the volume of the live turn: 0 dB is full volume; at -inf it waits, silent, where it is."""
        self._target_gain = 10 ** (db / 20)

    def finish(self, turn: TurnId) -> None:
        """Note that nothing is added to `turn` for now: silence after it is not an underrun."""
        self._finished = turn

    def flush(self) -> None:
        """Let nothing sound any more."""
        self._live = (None, False)

    @property
    def played(self) -> int:
        """Samples of the begun turn that were read."""
        turn, count = self._played
        return count if turn is not None and turn == self._begun else 0

    @property
    def lead(self) -> int:
        """Samples of the live turn that were added and not read yet."""
        return max(0, self._queued - self.played) if self._live[0] is not None else 0

    def read(self, samples: int) -> PlayoutBlock:
        """Return the next block for the device, shape (samples,). Only the device's thread may call this."""
        out = np.zeros(samples, np.int16)
        turn, held = self._live
        filled = stale = self._fade_stale(out, turn)
        began: tuple[TurnId, int] | None = None
        underrun = 0
        gains = self._gains(samples, turn)
        end = int(np.count_nonzero(gains))
        held = held or not end
        while not held and filled < end and (chunk := self._next_chunk(turn)):
            if self._played[0] != chunk.turn:
                self._played, self._gap = (chunk.turn, 0), 0
                began = (chunk.turn, filled)
            underrun, self._gap = underrun + self._gap, 0
            filled += self._copy(chunk, out[filled:end])
        if turn is not None and not held and turn == self._played[0] and turn != self._finished:
            self._gap += end - filled
        out[stale:filled] = out[stale:filled] * gains[stale:filled]
        if began:
            return PlayoutBlock(out, *began)
        return PlayoutBlock(out, underrun_samples=underrun, underrun=turn if underrun else None)

    def _gains(self, samples: int, turn: TurnId | None) -> NDArray[np.float64]:
        """Return the gain of each sample, shape (samples,): a ramp to the target, then the target. Zeros come last."""
        target = self._target_gain
        if turn != self._played[0]:  # nothing of it has sounded yet, so nothing can click
            self._gain = target
        step = 1 / (RAMP_S * self.rate_hz)
        ramp = step * np.arange(1, samples + 1)
        rising = target > self._gain
        gains: NDArray[np.float64] = (
            np.minimum(self._gain + ramp, target) if rising else np.maximum(self._gain - ramp, target)
        )
        self._gain = float(gains[-1]) if samples else self._gain
        return gains

    def _next_chunk(self, turn: TurnId | None) -> _CurrentChunk | None:
        """Return a chunk of `turn` that is not read to its end, if there is one. Drop chunks that may not sound.

        The loop may begin a turn while a block is read: what it adds then is for the next block.
        """
        while self._chunk is None:
            if not self._queue:
                return None
            owner, pcm = self._queue[0]
            if owner != turn and owner == self._live[0]:
                return None
            self._queue.popleft()
            if owner == turn:
                self._chunk = _CurrentChunk(owner, pcm)
        return self._chunk

    def _copy(self, chunk: _CurrentChunk, out: Pcm) -> int:
        part = chunk.pcm[chunk.position : chunk.position + len(out)]
        out[: len(part)] = part
        chunk.position += len(part)
        self._played = (chunk.turn, self._played[1] + len(part))
        if chunk.position == len(chunk.pcm):
            self._chunk = None
        return len(part)

    def _fade_stale(self, out: Pcm, turn: TurnId | None) -> int:
        """End a chunk that may no longer sound in a short fade, and return the number of samples used."""
        chunk = self._chunk
        if chunk is None or chunk.turn == turn:
            return 0
        self._chunk = None
        tail = chunk.pcm[chunk.position : chunk.position + min(len(out), round(FADE_S * self.rate_hz))]
        out[: len(tail)] = tail * np.linspace(self._gain, 0, len(tail), dtype=np.float32)
        return len(tail)


class PlayoutSpeaker:
    """The methods of a `Speaker` that only need a playout. The device of a subclass reads `_playout`."""

    def __init__(self, rate_hz: int) -> None:
        self._playout = Playout(rate_hz)
        self._live: TurnId | None = None
        self._converter: Converter | None = None  # of the live turn

    @property
    def _buffered_s(self) -> float:
        """Seconds of sound that the device itself buffers."""
        return 0.0

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._live, self._converter = turn, None
        self._playout.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        if chunk.turn != self._live:
            return
        if self._converter is None:
            self._converter = Converter(chunk.sample_rate_hz, self._playout.rate_hz)
        self._playout.add(chunk.turn, self._converter.push(chunk.pcm))

    def release(self, turn: TurnId) -> None:
        self._playout.release(turn)

    def duck(self, db: float) -> None:
        self._playout.duck(db)

    def finish(self, turn: TurnId) -> None:
        if turn == self._live and self._converter is not None:
            self._playout.add(turn, self._converter.finish())
            self._converter = None
        self._playout.finish(turn)

    def flush(self) -> None:
        self._live = None
        self._playout.flush()

    async def drained(self) -> None:
        """Wait for what the device buffers, too."""
        while self._playout.lead:  # noqa: ASYNC110 - playback takes its time, and no event ends it
            await asyncio.sleep(max(0.001, self.lead_s()))
        await asyncio.sleep(self._buffered_s)

    def heard_s(self) -> float:
        """Return the seconds that were heard. What the device still buffers is not counted."""
        buffered_s = self._buffered_s if self._playout.lead else 0.0
        return max(0.0, self._playout.played / self._playout.rate_hz - buffered_s)

    def lead_s(self) -> float:
        return self._playout.lead / self._playout.rate_hz
