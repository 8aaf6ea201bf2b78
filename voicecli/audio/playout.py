"""The buffer between the loop and the sound card: turn-tagged, so that nothing stale can sound.

The loop writes (`begin`, `add`, `release`, `finish`, `flush`), the device's callback reads (`read`). There is no lock:
each attribute that both sides touch is replaced in one store, and the queue is a deque with one writer and one reader.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.types import Pcm, TurnId

FADE_S = 0.005
"""A flushed answer ends in a fade this long: a cut at an arbitrary sample clicks (remsky/Kokoro-FastAPI#463)."""

RAMP_S = 0.01
"""Length of a change of volume."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read gave, and what is worth telling."""

    pcm: Pcm  # (n,), zeros where nothing sounds
    began: TurnId | None = None  # the first sample of this turn is in `pcm` ...
    began_at: int = 0  # ... at this index
    underrun_samples: int = 0  # length of a silence inside an answer that ended in this block
    underrun: TurnId | None = None


@dataclass(slots=True)
class _Sounding:
    """The chunk under the needle."""

    turn: TurnId
    pcm: Pcm
    position: int = 0


class Playout:
    """Samples of at most one live turn, at the rate of the device."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._queue: deque[tuple[TurnId, Pcm]] = deque()
        self._live: tuple[TurnId | None, bool] = (None, False)  # turn that may sound, held
        self._begun: TurnId | None = None
        self._queued = 0  # samples of the begun turn; the loop's side
        self._finished: TurnId | None = None
        self._played: tuple[TurnId | None, int] = (None, 0)  # the callback's side
        self._needle: _Sounding | None = None
        self._gap = 0
        self._wanted_gain = 1.0  # the loop's side
        self._gain = 1.0  # the callback's: follows what is wanted by a ramp

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """From the next read on only `turn` may sound; while held it is silent."""
        self._begun, self._queued = turn, 0
        self._wanted_gain = 1.0
        self._live = (turn, held)

    def add(self, turn: TurnId, pcm: Pcm) -> None:
        """Queue samples of the live turn, shape (n,) at `rate_hz`; samples of any other are dropped."""
        if turn == self._live[0] and len(pcm):
            self._finished = None
            self._queue.append((turn, pcm))
            self._queued += len(pcm)

    def release(self, turn: TurnId) -> None:
        """Let a held turn sound."""
        if turn == self._live[0]:
            self._live = (turn, False)

    def duck(self, db: float) -> None:
        """The live turn sounds at `db` from now on, 0 being full volume; at -inf it waits, silent, where it is."""
        self._wanted_gain = 10 ** (db / 20)

    def finish(self, turn: TurnId) -> None:
        """Nothing more will be added to `turn` for now: silence after it is not starvation."""
        self._finished = turn

    def flush(self) -> None:
        """Nothing more sounds."""
        self._live = (None, False)

    @property
    def played(self) -> int:
        """Samples of the begun turn that were read."""
        turn, count = self._played
        return count if turn is not None and turn == self._begun else 0

    @property
    def lead(self) -> int:
        """Samples of the live turn that were added and not read."""
        return max(0, self._queued - self.played) if self._live[0] is not None else 0

    def read(self, samples: int) -> Reading:
        """The next block for the device, shape (samples,). Called by the device's thread alone."""
        out = np.zeros(samples, np.int16)
        turn, held = self._live
        filled = stale = self._fade_stale(out, turn)
        began: tuple[TurnId, int] | None = None
        underrun = 0
        gains = self._gains(samples, turn)
        end = int(np.count_nonzero(gains))
        held = held or not end
        while not held and filled < end and self._next(turn):
            needle = self._needle
            assert needle is not None
            if self._played[0] != needle.turn:
                self._played, self._gap = (needle.turn, 0), 0
                began = (needle.turn, filled)
            underrun, self._gap = underrun + self._gap, 0
            filled += self._copy(needle, out[filled:end])
        if turn is not None and not held and turn == self._played[0] and turn != self._finished:
            self._gap += end - filled
        out[stale:filled] = out[stale:filled] * gains[stale:filled]
        if began:
            return Reading(out, *began)
        return Reading(out, underrun_samples=underrun, underrun=turn if underrun else None)

    def _gains(self, samples: int, turn: TurnId | None) -> NDArray[np.float64]:
        """Volume of each sample, shape (samples,): a ramp to what is wanted, then that. Zeros come last, if at all."""
        wanted = self._wanted_gain
        if turn != self._played[0]:  # nothing of it has sounded yet, so nothing can click
            self._gain = wanted
        step = 1 / (RAMP_S * self.rate_hz)
        way = step * np.arange(1, samples + 1)
        rising = wanted > self._gain
        gains: NDArray[np.float64] = (
            np.minimum(self._gain + way, wanted) if rising else np.maximum(self._gain - way, wanted)
        )
        self._gain = float(gains[-1]) if samples else self._gain
        return gains

    def _next(self, turn: TurnId | None) -> bool:
        """Put the needle on samples of `turn`; False when there are none. What may no longer sound is dropped.

        The loop may begin a turn while a block is read: what it adds then is for the next block.
        """
        while self._needle is None:
            if not self._queue:
                return False
            owner, pcm = self._queue[0]
            if owner != turn and owner == self._live[0]:
                return False
            self._queue.popleft()
            if owner == turn:
                self._needle = _Sounding(owner, pcm)
        return True

    def _copy(self, needle: _Sounding, out: Pcm) -> int:
        part = needle.pcm[needle.position : needle.position + len(out)]
        out[: len(part)] = part
        needle.position += len(part)
        self._played = (needle.turn, self._played[1] + len(part))
        if needle.position == len(needle.pcm):
            self._needle = None
        return len(part)

    def _fade_stale(self, out: Pcm, turn: TurnId | None) -> int:
        """End a chunk that may no longer sound in a short fade; returns the samples used."""
        needle = self._needle
        if needle is None or needle.turn == turn:
            return 0
        self._needle = None
        tail = needle.pcm[needle.position : needle.position + min(len(out), round(FADE_S * self.rate_hz))]
        out[: len(tail)] = tail * np.linspace(self._gain, 0, len(tail), dtype=np.float32)
        return len(tail)
