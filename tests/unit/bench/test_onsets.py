"""When something begins in a recording of both sides of a virtual card."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.bench.onsets import cuts_in, first_lasting, found_at_s, loud_times, voice_to_voice_s
from voicecli.bench.room import STEP_S
from voicecli.types import LISTEN_RATE_HZ, Pcm

RATE = LISTEN_RATE_HZ


def noise(seconds: float, level: float = 3000.0, seed: int = 0) -> Pcm:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.int16)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.int16)


@pytest.mark.parametrize("at_s", [0.0, 0.35, 1.2])
def test_what_was_played_is_found_to_the_millisecond_whatever_else_is_heard(at_s: float) -> None:
    played = noise(1.5)
    air = np.concatenate([silence(at_s), played, silence(0.5)]) + noise(at_s + 2.0, 1500.0, seed=1)
    assert found_at_s(air.astype(np.int16), played) == pytest.approx(at_s, abs=0.001)


def test_the_wait_ends_with_the_first_audible_sound_not_with_a_click_or_a_whisper() -> None:
    speaker = np.concatenate([silence(2.5), noise(0.01), silence(0.19), noise(0.3, 60.0), noise(1.0)])
    loud = loud_times(speaker, 100.0)
    assert voice_to_voice_s(loud, 101.9) == pytest.approx(1.1, abs=STEP_S)
    assert first_lasting(loud, 100.0, 102.9) is None


def test_without_an_answer_there_is_no_wait() -> None:
    assert voice_to_voice_s(loud_times(silence(2.0), 0.0), 0.5) is None


def test_an_answer_into_the_last_words_cuts_in_and_one_just_behind_them_does_not() -> None:
    loud = loud_times(np.concatenate([silence(1.0), noise(1.0)]), 50.0)
    assert cuts_in(loud, 50.0, 51.5)
    assert not cuts_in(loud, 50.0, 51.02)


def test_the_end_of_the_last_answer_is_no_cut_in() -> None:
    assert not cuts_in(loud_times(np.concatenate([noise(0.15), silence(2.0)]), 50.0), 50.0, 52.0)
