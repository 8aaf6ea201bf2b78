"""Cutting long recordings: every voiced frame is in exactly one part, none too long."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.files.cutting import JOINED_S, MARGIN_S, cut_at_pauses, first_part
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm

PAUSE_S, LONGEST_S = 0.7, 28.0
RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=12)


def frames(*runs: tuple[bool, float]) -> list[bool]:
    """Speech and silence by their seconds."""
    return [is_speech for is_speech, seconds in runs for _ in range(round(seconds / FRAME_S))]


def cut(voiced: list[bool], levels_db: list[float] | None = None) -> list[tuple[float, float]]:
    """Parts in seconds."""
    parts = cut_at_pauses(voiced, levels_db or [0.0] * len(voiced), PAUSE_S, LONGEST_S)
    return [(round(part.start * FRAME_S, 2), round(part.stop * FRAME_S, 2)) for part in parts]


@given(RUNS, st.integers(0, 100))
def test_no_speech_is_lost_doubled_or_too_long(runs: list[tuple[bool, int]], seed: int) -> None:
    voiced = [is_speech for is_speech, count in runs for _ in range(count)]
    levels_db = [-float((index * (seed + 7)) % 90) for index in range(len(voiced))]
    parts = cut_at_pauses(voiced, levels_db, PAUSE_S, LONGEST_S)
    covered = [index for part in parts for index in part]
    assert covered == sorted(set(covered))
    assert {index for index, is_speech in enumerate(voiced) if is_speech} <= set(covered)
    assert all(0 < len(part) * FRAME_S <= LONGEST_S for part in parts)


def test_silence_is_left_out_but_for_its_margins() -> None:
    assert cut(frames((False, 10))) == []
    assert cut(frames((False, 5), (True, 2), (False, 5))) == [(5 - MARGIN_S, 7 + MARGIN_S)]


def test_neighbours_are_joined_while_they_are_short() -> None:
    voiced = frames((True, 5), (False, 1), (True, 5), (False, 1), (True, 5))
    assert JOINED_S < 17
    assert cut(voiced) == [(0, 11.5), (11.5, 17)]


def test_a_long_pause_separates_short_neighbours() -> None:
    assert cut(frames((True, 2), (False, 4), (True, 2))) == [(0, 3), (5, 8)]


def test_speech_without_a_pause_is_cut_in_its_longest_gap() -> None:
    voiced = frames((True, 12), (False, 0.1), (True, 3), (False, 0.4), (True, 10), (False, 0.1), (True, 8))
    ((_, first), *_) = cut(voiced)
    assert 15.1 <= first < 15.5


def test_speech_without_a_gap_is_cut_where_it_is_quietest() -> None:
    voiced = frames((True, 40))
    levels_db = [-20.0] * len(voiced)
    levels_db[round(20 / FRAME_S)] = -50.0
    assert cut(voiced, levels_db) == [(0, 20), (20, 40)]


def sounding(*runs: tuple[float, float]) -> Pcm:
    """Noise of a level by its seconds."""
    noise = np.random.default_rng(1)
    return np.concatenate(
        [noise.normal(0, level, round(seconds * LISTEN_RATE_HZ)).astype(np.int16) for level, seconds in runs]
    )


def first_s(pcm: Pcm) -> float:
    return first_part(pcm) / LISTEN_RATE_HZ


def test_growing_speech_is_cut_in_the_longest_gap_even_if_a_shorter_one_is_as_quiet() -> None:
    pcm = sounding((2000, 10), (10, 0.1), (2000, 3), (10, 0.5), (2000, 4), (10, 0.1), (2000, 7.3))
    assert 13.1 <= first_s(pcm) <= 13.6


def test_a_gap_of_three_frames_is_found_and_no_word_beside_it_is_cut() -> None:
    assert 12.0 < first_s(sounding((2000, 12), (10, 0.06), (2000, 12.94))) < 12.06


def test_a_gap_in_the_first_third_is_too_soon() -> None:
    assert first_s(sounding((2000, 4), (0, 1), (2000, 9), (300, 0.5), (2000, 10.5))) > 14


@given(st.integers(50, 1400), st.integers(0, 3))
def test_a_first_part_is_whole_frames_and_leaves_something(frames: int, level: int) -> None:
    end = first_part(np.full(frames * FRAME_SAMPLES, level, np.int16))
    assert end % FRAME_SAMPLES == 0
    assert frames // 3 <= end / FRAME_SAMPLES < frames
