"""Require a level of speech that the echo of the assistant's voice does not reach. Pure.

What the echo canceller leaves of the playback is quieter than the playback; a person at the microphone seldom is. The
threshold follows the playback and outlasts it, because a room reverberates and devices report too short a latency.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from voicecli.audio.speech_input import VoiceActivityDetector, level_db
from voicecli.types import AudioFrame, Pcm

SILENCE_DB = -70.0
"""Playback below this level is silence: resampled silence is a few units off zero."""

FIRST_MARGIN_DB = 12.0
"""Distance of the threshold below the playback at first, while room and canceller are unknown."""

ECHO_KNOWN_S = 1.3
"""Duration of playback after which the level of the echo in the microphone is known."""

LOUD_DB = -30.0
"""Level of playback from which its echo is measured: under quieter playback a microphone hears other things."""

ECHO_AGE_S = 0.7
"""Least age of the frames in which the echo is measured: later ones may be the user, who wants to interrupt."""

ABOVE_ECHO_DB = 6.0
"""Distance of the threshold above the loudest echo so far, while the canceller learns the room. In the first two
seconds of sound it removed 5 to 29 dB (in the rooms of tests/unit/audio/echo/test_canceller.py)."""

MARGIN_DB = 30.0
"""Distance of the threshold below the playback afterwards. Room and canceller together take away 45 dB and more. A
voice over the assistant's comes out 1 to 6 dB weaker than it went in, and has to exceed the threshold."""

LEARNING_S = 2.5
"""Duration of speech after which the canceller knows the room. In 80 trials in eight simulated rooms no echo passed for
speech; after 2 s two of 48 did."""

READY_LEARNING_S = 0.6
"""The same for the ready sound, which contains all frequencies at once. In 30 answers of 4 s after it, in six simulated
rooms, one echo passed for 80 ms of speech, and each of 24 voices over an answer was heard within 0.3 s."""

HOLD_S = 0.25
"""How long the threshold stays up after a sound, for buffers that a device does not report, Bluetooth above all."""

FALL_DB_PER_S = 120.0
"""Then it falls like the sound in a furnished room, which loses 60 dB in half a second."""


class EchoLevelGate:
    """Computes the threshold from what was played and when. All times are of one clock."""

    def __init__(self, learning_s: float = LEARNING_S) -> None:
        """`learning_s` is the duration of playback after which the canceller knows the room."""
        self._learning_s = learning_s
        self.reset()

    def reset(self) -> None:
        """Forget the room: another device is in use."""
        self._sounds: deque[tuple[float, float]] = deque()  # end, level; each is louder than all later ones
        self._played_s = 0.0
        self._echoes: deque[tuple[float, float]] = deque()  # time, level over the playback; too recent to count
        self._echo_db: float | None = None  # the loudest echo so far, over the level of the playback

    def played(self, pcm: Pcm, at_s: float, until_s: float) -> None:
        """Add playback, shape (n,), that the loudspeaker emits from `at_s` to `until_s`. Call this in order of time."""
        level = level_db(pcm)
        if level < SILENCE_DB:
            return
        self._played_s += until_s - at_s
        while self._sounds and self._sounds[-1][1] <= level:
            self._sounds.pop()
        self._sounds.append((until_s, level))

    def threshold_db(self, at_s: float) -> float:
        """Return the level that a sound captured at `at_s` has to reach, in dB relative to full scale."""
        playing_db = self._playing_db(at_s)
        if self._played_s >= self._learning_s:
            return playing_db - MARGIN_DB
        if self._played_s < ECHO_KNOWN_S or self._echo_db is None:
            return playing_db - FIRST_MARGIN_DB
        return playing_db + self._echo_db + ABOVE_ECHO_DB

    def captured(self, pcm: Pcm, at_s: float) -> None:
        """Add a frame of the microphone, shape (n,), from before the canceller."""
        if self._played_s >= self._learning_s:
            return
        playing_db = self._playing_db(at_s)
        if playing_db > LOUD_DB:
            self._echoes.append((at_s, level_db(pcm) - playing_db))
        while self._echoes and self._echoes[0][0] < at_s - ECHO_AGE_S:
            echo_db = self._echoes.popleft()[1]
            self._echo_db = echo_db if self._echo_db is None else max(self._echo_db, echo_db)

    def _playing_db(self, at_s: float) -> float:
        while self._sounds and self._residual_db(at_s, *self._sounds[0]) < SILENCE_DB:
            self._sounds.popleft()
        return max((self._residual_db(at_s, *sound) for sound in self._sounds), default=-np.inf)

    @staticmethod
    def _residual_db(at_s: float, until_s: float, level: float) -> float:
        return level - FALL_DB_PER_S * max(0.0, at_s - until_s - HOLD_S)


class EchoAwareDetector:
    """A voice activity detector that rejects the echo of the assistant's voice, as of `EchoCanceller.is_echo`."""

    def __init__(self, vad: VoiceActivityDetector, is_echo: Callable[[AudioFrame], bool]) -> None:
        self._vad = vad
        self._is_echo = is_echo
        self.may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        """Classify a frame. The inner detector gets every frame, since it keeps state."""
        speech = self._vad.is_speech(frame)
        not_echo = (speech or self._vad.may_be_speech) and not self._is_echo(frame)
        self.may_be_speech = self._vad.may_be_speech and not_echo
        return speech and not_echo
