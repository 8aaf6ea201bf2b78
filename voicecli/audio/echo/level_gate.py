"""How loud must a sound be to be somebody else's, while the assistant can be heard. Pure.

What the echo canceller leaves of the assistant's voice is quieter than it; a person at the microphone seldom is.
The bar follows the playback, and outlives it: a room goes on sounding, and a device tells its latency too short.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from voicecli.audio.speech_input import VoiceActivityDetector, level_db
from voicecli.types import AudioFrame, Pcm

SILENCE_DB = -70.0
"""Playback below this is no sound: resampled silence has a few units."""

FIRST_MARGIN_DB = 12.0
"""So far below the playback lies the bar at the very first, when nothing is known of the room and the canceller."""

ECHO_KNOWN_S = 1.3
"""Sound after which the loudness of the echo in the microphone is known, from loud playback ..."""

LOUD_DB = -30.0
"""... which this is at least: under quieter playback a microphone hears other things ..."""

ECHO_AGE_S = 0.7
"""... from frames that are older than this: the latest may already be the user's, who wants to interrupt."""

ABOVE_ECHO_DB = 6.0
"""So far above the loudest echo yet lies the bar then, while the canceller learns the room: in the first two seconds of
sound it took 5 to 29 dB (the rooms of tests/unit/audio/echo/test_canceller.py)."""

MARGIN_DB = 30.0
"""So far below it lies afterwards. Room and canceller together take 45 dB and more; a voice that talks over the
assistant comes out 1 to 6 dB weaker than it went in, and has to stay above."""

LEARNING_S = 2.5
"""Speech after which the canceller knows the room. In 80 trials in eight simulated rooms no echo passed for speech, at
2 s two of 48 did."""

READY_LEARNING_S = 0.6
"""The same for the ready sound, which has all frequencies at once. In 30 answers of 4 s after it, in six simulated
rooms, one echo was taken for 80 ms of speech, and each of 24 voices over an answer was heard within 0.3 s."""

HOLD_S = 0.25
"""The bar stays up this long after a sound: buffers that a device does not tell of, Bluetooth above all."""

FALL_DB_PER_S = 120.0
"""Then it falls as a furnished room does, which loses 60 dB in half a second."""


class EchoLevelGate:
    """The bar, as a function of what was played and when. All times are of one clock."""

    def __init__(self, learning_s: float = LEARNING_S) -> None:
        """`learning_s`: sound after which the canceller knows the room."""
        self._learning_s = learning_s
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the room: another device is in it."""
        self._sounds: deque[tuple[float, float]] = deque()  # end, level; levels above what the later ones leave
        self._heard_s = 0.0
        self._echoes: deque[tuple[float, float]] = deque()  # time, level over that of the playback; not counted yet
        self._echo_db: float | None = None  # the loudest echo yet, over the level of the playback

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
        playing_db = self._playing_db(at_s)
        if self._heard_s >= self._learning_s:
            return playing_db - MARGIN_DB
        if self._heard_s < ECHO_KNOWN_S or self._echo_db is None:
            return playing_db - FIRST_MARGIN_DB
        return playing_db + self._echo_db + ABOVE_ECHO_DB

    def captured(self, pcm: Pcm, at_s: float) -> None:
        """A frame of the microphone, shape (n,), as it was before the canceller."""
        if self._heard_s >= self._learning_s:
            return
        playing_db = self._playing_db(at_s)
        if playing_db > LOUD_DB:
            self._echoes.append((at_s, level_db(pcm) - playing_db))
        while self._echoes and self._echoes[0][0] < at_s - ECHO_AGE_S:
            echo_db = self._echoes.popleft()[1]
            self._echo_db = echo_db if self._echo_db is None else max(self._echo_db, echo_db)

    def _playing_db(self, at_s: float) -> float:
        while self._sounds and self._left_db(at_s, *self._sounds[0]) < SILENCE_DB:
            self._sounds.popleft()
        return max((self._left_db(at_s, *sound) for sound in self._sounds), default=-np.inf)

    @staticmethod
    def _left_db(at_s: float, until_s: float, level: float) -> float:
        return level - FALL_DB_PER_S * max(0.0, at_s - until_s - HOLD_S)


class LevelThreshold(Protocol):
    """Level that a sound has to reach."""

    def needed_db(self, at_s: float) -> float: ...


class PlaybackMatch(Protocol):
    """Whether what is heard is the playback itself."""

    def is_playback(self) -> bool: ...


class EchoAwareDetector:
    """A gate that also asks whether the frame is loud enough to be somebody else's, and is not the playback itself."""

    def __init__(self, gate: VoiceActivityDetector, bar: LevelThreshold, echo: PlaybackMatch) -> None:
        self._gate = gate
        self._bar = bar
        self._echo = echo
        self.may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        """The inner gate hears every frame, for it remembers."""
        speech = self._gate.is_speech(frame)
        foreign = (
            (speech or self._gate.may_be_speech)
            and level_db(frame.pcm) >= self._bar.needed_db(frame.captured_at_s)
            and not self._echo.is_playback()
        )
        self.may_be_speech = self._gate.may_be_speech and foreign
        return speech and foreign
