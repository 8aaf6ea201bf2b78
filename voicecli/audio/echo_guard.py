"""How loud must a sound be to be somebody else's, while the assistant can be heard. Pure.

What the echo canceller leaves of the assistant's voice is quieter than it; a person at the microphone seldom is.
The bar follows the playback, and outlives it: a room goes on sounding, and a device tells its latency too short.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from voicecli.audio.ear import SpeechGate, level_db
from voicecli.types import AudioFrame, Pcm

SILENCE_DB = -70.0
"""Playback below this is no sound: resampled silence has a few units."""

LEARNING_MARGIN_DB = 12.0
"""So far below the playback lies the bar while the canceller learns the room: it took 5 to 29 dB in the first two
seconds of sound (tests/unit/test_echo.py's rooms), and the room itself at least 10."""

MARGIN_DB = 40.0
"""So far below it lies afterwards. Room and canceller together take 45 dB and more; a voice that talks over the
assistant comes out 3 to 14 dB weaker than it went in, and has to stay above."""

LEARNING_S = 3.0
"""Sound after which the canceller knows the room."""

HOLD_S = 0.25
"""The bar stays up this long after a sound: buffers that a device does not tell of, Bluetooth above all."""

FALL_DB_PER_S = 120.0
"""Then it falls as a furnished room does, which loses 60 dB in half a second."""


class EchoGuard:
    """The bar, as a function of what was played and when. All times are of one clock."""

    def __init__(self) -> None:
        self._sounds: deque[tuple[float, float]] = deque()  # end, level; levels above what the later ones leave
        self._heard_s = 0.0

    def sounded(self, pcm: Pcm, at_s: float, until_s: float) -> None:
        """Playback, shape (n,), that leaves the loudspeaker from `at_s` to `until_s`; in the order of time."""
        level = level_db(pcm)
        if level < SILENCE_DB:
            return
        self._heard_s += until_s - at_s
        while self._sounds and self._sounds[-1][1] <= level:
            self._sounds.pop()
        self._sounds.append((until_s, level))

    def needed_db(self, at_s: float) -> float:
        """Level that a sound which is captured at `at_s` has to reach, dB relative to full scale."""
        margin_db = LEARNING_MARGIN_DB if self._heard_s < LEARNING_S else MARGIN_DB
        while self._sounds and self._left_db(at_s, *self._sounds[0]) < SILENCE_DB:
            self._sounds.popleft()
        return max((self._left_db(at_s, *sound) for sound in self._sounds), default=-np.inf) - margin_db

    @staticmethod
    def _left_db(at_s: float, until_s: float, level: float) -> float:
        return level - FALL_DB_PER_S * max(0.0, at_s - until_s - HOLD_S)


class Bar(Protocol):
    """Level that a sound has to reach."""

    def needed_db(self, at_s: float) -> float: ...


class GuardedGate:
    """A gate that also asks whether the frame is loud enough to be somebody else's."""

    def __init__(self, gate: SpeechGate, bar: Bar) -> None:
        self._gate = gate
        self._bar = bar

    def is_speech(self, frame: AudioFrame) -> bool:
        """The inner gate hears every frame, for it remembers."""
        return self._gate.is_speech(frame) and level_db(frame.pcm) >= self._bar.needed_db(frame.captured_at_s)
