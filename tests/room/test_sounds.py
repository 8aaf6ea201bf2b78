"""What is heard besides the assistant: true edges of a voice, true levels of noises."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.room.sounds import NEAR_DB, cough, fan, keyboard, to_level, voiced_clip
from voicecli.audio.speech_input import level_db
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm


class LateGate:
    """Takes a sound for speech when it has lasted for `late` frames."""

    may_be_speech = False

    def __init__(self, late: int) -> None:
        self._late = late
        self._loud = 0

    def is_speech(self, frame: AudioFrame) -> bool:
        self._loud = self._loud + 1 if np.abs(frame.pcm).max() > 500 else 0
        return self._loud > self._late


def recording(before_s: float, voice_s: float) -> Pcm:
    """A voice between two silences, with a little noise throughout."""
    noise = np.random.default_rng(0)
    silence, voice = (round(length_s * LISTEN_RATE_HZ) for length_s in (before_s, voice_s))
    parts = (noise.normal(0, 5, silence), noise.normal(0, 2000, voice), noise.normal(0, 5, silence))
    return np.concatenate(parts).astype(np.int16)


@pytest.mark.parametrize("late", [0, 4])
def test_a_clip_begins_and_ends_with_the_voice_however_late_the_gate_is(late: int) -> None:
    clip = voiced_clip("one", recording(1.0, 2.0), LateGate(late))
    assert clip is not None
    assert clip.voiced_s == pytest.approx(2.0, abs=2 * FRAME_SAMPLES / LISTEN_RATE_HZ)
    assert len(clip.pcm) == round(clip.voiced_s * LISTEN_RATE_HZ)
    assert level_db(clip.pcm) == pytest.approx(NEAR_DB, abs=0.2)


def test_a_recording_without_speech_is_no_clip() -> None:
    assert voiced_clip("none", np.zeros(LISTEN_RATE_HZ, np.int16), LateGate(0)) is None


def test_a_level_is_reached_from_either_side() -> None:
    sound = recording(0.0, 1.0)
    for level in (-60.0, -30.0):
        assert level_db(to_level(sound, level)) == pytest.approx(level, abs=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_a_cough_is_short_and_as_loud_as_a_voice(seed: int) -> None:
    burst = cough(seed)
    assert 0.3 < len(burst) / LISTEN_RATE_HZ < 0.5
    assert level_db(burst) == pytest.approx(NEAR_DB, abs=1)
    assert level_db(burst[: len(burst) // 2]) > level_db(burst[len(burst) // 2 :]) + 6


def test_typing_is_clicks_and_a_fan_is_steady() -> None:
    frames_db = {
        name: [level_db(frame) for frame in sound[: len(sound) // 320 * 320].reshape(-1, 320)]
        for name, sound in (("keyboard", keyboard(0, 5.0)), ("fan", fan(0, 5.0)))
    }
    assert np.ptp(frames_db["keyboard"]) > 30
    assert np.std(frames_db["fan"]) < 3
