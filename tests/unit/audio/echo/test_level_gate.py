"""The threshold for interruptions follows the playback and outlasts it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.echo.level_gate import (
    ABOVE_ECHO_DB,
    ECHO_AGE_S,
    ECHO_KNOWN_S,
    FALL_DB_PER_S,
    FIRST_MARGIN_DB,
    HOLD_S,
    LEARNING_S,
    MARGIN_DB,
    EchoAwareDetector,
    EchoLevelGate,
)
from voicecli.types import FRAME_SAMPLES, AudioFrame, Pcm


def at_db(level: float, samples: int = 100) -> Pcm:
    return np.full(samples, round(32768 * 10 ** (level / 20)), np.int16)


def experienced() -> EchoLevelGate:
    """Return a gate that knows the room, and whose last sound is long over."""
    gate = EchoLevelGate()
    gate.played(at_db(-20), 0.0, LEARNING_S)
    gate.threshold_db(50.0)
    return gate


def test_before_anything_sounds_everything_may_be_heard() -> None:
    gate = EchoLevelGate()
    gate.played(np.zeros(100, np.int16), 0.0, 0.1)
    assert gate.threshold_db(0.1) == -np.inf


def test_the_threshold_is_highest_at_first_then_above_the_echo_and_at_last_far_below() -> None:
    gate = EchoLevelGate()
    gate.captured(at_db(-10), 0.0)  # nothing sounds yet, so this is no echo
    gate.played(at_db(-20), 0.0, ECHO_KNOWN_S - 0.01)
    gate.captured(at_db(-50), 0.1)
    gate.captured(at_db(-55), 0.2)
    assert gate.threshold_db(0.3) == pytest.approx(-20 - FIRST_MARGIN_DB, abs=0.1)
    gate.played(at_db(-20), ECHO_KNOWN_S, ECHO_KNOWN_S + 0.02)
    gate.captured(at_db(-15), 0.21 + ECHO_AGE_S)  # too new to be counted: it may be the user's
    assert gate.threshold_db(1.3) == pytest.approx(-50 + ABOVE_ECHO_DB, abs=0.2)
    gate.played(at_db(-20), 1.4, LEARNING_S + 2.0)
    gate.captured(at_db(-15), 3.0)
    assert gate.threshold_db(3.0) == pytest.approx(-20 - MARGIN_DB, abs=0.1)


def test_quiet_playback_tells_nothing_of_the_echo() -> None:
    gate = EchoLevelGate()
    gate.played(at_db(-50), 0.0, ECHO_KNOWN_S + 0.1)
    for at_s in (0.1, 0.2, 1.3):
        gate.captured(at_db(-30), at_s)
    assert gate.threshold_db(1.3) == pytest.approx(-50 - FIRST_MARGIN_DB, abs=0.2)


def test_the_bar_outlives_the_sound_and_then_falls() -> None:
    gate = experienced()
    gate.played(at_db(-20), 100.0, 101.0)
    threshold_db = -20 - MARGIN_DB
    assert gate.threshold_db(101.0 + HOLD_S) == pytest.approx(threshold_db, abs=0.1)
    assert gate.threshold_db(101.1 + HOLD_S) == pytest.approx(threshold_db - 0.1 * FALL_DB_PER_S, abs=0.1)
    assert gate.threshold_db(103.0) == -np.inf


sounds = st.lists(st.tuples(st.floats(-60, -1), st.floats(0.01, 0.5), st.floats(0, 1)), max_size=20)


@given(sounds, st.floats(0, 3))
def test_the_loudest_sound_that_lingers_sets_the_bar(
    given_sounds: list[tuple[float, float, float]], wait_s: float
) -> None:
    gate, played, now_s = experienced(), [], 100.0
    for level, length_s, pause_s in given_sounds:
        gate.played(at_db(level), now_s, now_s + length_s)
        now_s += length_s
        played.append((level, now_s))
        now_s += pause_s
    now_s += wait_s
    left = [level - FALL_DB_PER_S * max(0.0, now_s - end_s - HOLD_S) for level, end_s in played]
    expected_db = max([level for level in left if level > -69], default=None)
    if expected_db is not None:
        assert gate.threshold_db(now_s) == pytest.approx(expected_db - MARGIN_DB, abs=0.5)


class Counting:
    def __init__(self) -> None:
        self.frames = 0
        self.may_be_speech = True

    def is_speech(self, frame: AudioFrame) -> bool:
        self.frames += 1
        return True


def test_an_echo_is_not_speech_and_the_inner_detector_gets_every_frame() -> None:
    inner = Counting()
    vad = EchoAwareDetector(inner, lambda frame: frame.captured_at_s == 0)
    echo, voice = (AudioFrame(at_db(-20, FRAME_SAMPLES), at_s) for at_s in (0.0, 1.0))
    assert [(vad.is_speech(frame), vad.may_be_speech) for frame in (voice, echo, voice)] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert inner.frames == 3
