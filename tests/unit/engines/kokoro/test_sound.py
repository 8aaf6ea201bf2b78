"""Laws of trimming: however sound is cut into parts, what is kept is the same, whole and without clicks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicecli.engines.kokoro.sound import (
    HEAD_STEPS,
    RATE_HZ,
    STEP_SAMPLES,
    TAIL_STEPS,
    Audio,
    Trimmer,
    pause_samples,
    to_pcm,
    trim,
)

PEAK = 0.5


def noise(samples: int, level: float, seed: int = 1) -> Audio:
    return np.random.default_rng(seed).uniform(-level, level, samples).astype(np.float32)


def steps(levels: list[float]) -> Audio:
    """One 5 ms step of noise for each level."""
    return np.concatenate([np.zeros(0, np.float32), *(noise(STEP_SAMPLES, x, i) for i, x in enumerate(levels))])


def in_parts(audio: Audio, cuts: list[int]) -> Audio:
    trimmer = Trimmer(PEAK)
    parts = np.split(audio, sorted(min(cut, len(audio)) for cut in cuts))
    return np.concatenate([*(trimmer.push(part) for part in parts), trimmer.finish()])


levels = st.lists(st.sampled_from([0.0, 0.001, 0.1, PEAK]), max_size=40)
cuts = st.lists(st.integers(0, 40 * STEP_SAMPLES), max_size=8)


@given(levels, cuts)
def test_parts_give_what_the_whole_gives(pattern: list[float], at: list[int]) -> None:
    audio = steps(pattern)
    np.testing.assert_array_equal(in_parts(audio, at), in_parts(audio, []))


@given(levels)
def test_nothing_loud_is_lost_and_little_silence_stays(pattern: list[float]) -> None:
    kept = in_parts(steps(pattern), [])
    loud = [i for i, level in enumerate(pattern) if level >= 0.1]
    if not loud:
        assert not len(kept)
        return
    first, last = max(0, loud[0] - HEAD_STEPS), min(len(pattern), loud[-1] + 1 + TAIL_STEPS)
    assert len(kept) == (last - first) * STEP_SAMPLES


@given(levels)
def test_both_ends_fade_to_zero(pattern: list[float]) -> None:
    kept = in_parts(steps(pattern), [])
    assert not np.any(kept[:1])
    assert not np.any(kept[-1:])


def test_sound_comes_before_the_end_is_known() -> None:
    trimmer = Trimmer(PEAK)
    early = trimmer.push(np.concatenate([np.zeros(RATE_HZ // 4, np.float32), noise(RATE_HZ, PEAK)]))
    assert len(early) > 0.9 * RATE_HZ


def test_a_pause_inside_is_kept() -> None:
    audio = np.concatenate([noise(4800, PEAK), np.zeros(4800, np.float32), noise(4800, PEAK)])
    assert len(trim(audio)) == len(audio)


@pytest.mark.parametrize(
    ("text", "expected_s"), [("Yes.", 0.22), ("“Yes!”", 0.22), ("well,", 0.09), ("and so", 0.0), ("", 0.0)]
)
def test_the_pause_follows_from_the_last_mark(text: str, expected_s: float) -> None:
    assert pause_samples(text) == round(expected_s * RATE_HZ)


def test_too_loud_is_clipped_not_wrapped() -> None:
    loud: NDArray[np.float32] = np.array([-1.5, -1, 0, 1, 1.5], np.float32)
    assert to_pcm(loud).tolist() == [-32768, -32767, 0, 32767, 32767]
