"""Cutting long recordings: every voiced frame is in exactly one part, none too long."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.files.cutting import (
    BLOCK_S,
    JOINED_S,
    MARGIN_S,
    Part,
    RollingCut,
    cut_at_pauses,
    first_part,
)
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm

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


def test_neighbors_are_joined_while_they_are_short() -> None:
    voiced = frames((True, 5), (False, 1), (True, 5), (False, 1), (True, 5))
    assert JOINED_S < 17
    assert cut(voiced) == [(0, 11.5), (11.5, 17)]


def test_a_long_pause_separates_short_neighbors() -> None:
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


class MarkedSpeech:
    """Calls a frame speech if its first sample is odd."""

    may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        return bool(frame.pcm[0] % 2)


def marked(voiced: list[bool]) -> Pcm:
    """Return frames whose samples encode their number and whether they are speech."""
    numbers = (np.arange(len(voiced)) % 16_381 * 2 + np.array(voiced, bool)).astype(np.int16)
    return np.repeat(numbers, FRAME_SAMPLES)


def rolling_cut() -> RollingCut:
    return RollingCut(MarkedSpeech(), PAUSE_S, LONGEST_S)


def parts_of(voiced: list[bool], block: int) -> list[Part]:
    """Cut a recording that arrives in blocks of so many samples."""
    cut, pcm = rolling_cut(), marked(voiced)
    found = [part for at in range(0, len(pcm), block) for part in cut.push(pcm[at : at + block])]
    assert cut.heard_s == len(voiced) * FRAME_S
    return [*found, *cut.finish()]


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.02, 60)), min_size=1, max_size=12),
    st.sampled_from([16_000, 160_001, 7_001 * FRAME_SAMPLES]),
)
def test_each_voiced_frame_is_in_one_part_and_each_part_where_it_says(
    runs: list[tuple[bool, float]], block: int
) -> None:
    voiced = [is_speech for is_speech, seconds in runs for _ in range(max(1, round(seconds / FRAME_S)))]
    found: list[int] = []
    for part in parts_of(voiced, block):
        begin = round(part.begin_s / FRAME_S)
        numbers = part.segment.pcm[::FRAME_SAMPLES] // 2
        assert part.segment.audio_s <= LONGEST_S
        assert list(numbers) == [(begin + at) % 16_381 for at in range(len(numbers))]
        assert part.begin_s <= part.segment.started_at_s < part.segment.ended_at_s
        found += range(begin, begin + len(numbers))
    assert len(found) == len(set(found))
    assert {index for index, is_speech in enumerate(voiced) if is_speech} <= set(found)


def test_a_short_recording_is_one_part_whatever_is_in_it() -> None:
    [part] = parts_of([False] * 500, 16_000)
    assert (part.begin_s, part.segment.audio_s) == (0, 10)


def test_an_incomplete_last_frame_is_padded() -> None:
    cut = rolling_cut()
    assert cut.push(np.ones(FRAME_SAMPLES + 1, np.int16)) == []
    [part] = cut.finish()
    assert (len(part.segment.pcm), int(part.segment.pcm.sum())) == (2 * FRAME_SAMPLES, FRAME_SAMPLES + 1)


def test_an_empty_recording_has_no_parts() -> None:
    assert parts_of([], 16_000) == []


def test_parts_come_before_the_end() -> None:
    cut, minute = rolling_cut(), marked(frames((True, 20), (False, 40)))
    assert [len(cut.push(minute)) for _ in range(4)] == [0, 2, 0, 2]


def test_hours_of_silence_are_not_kept() -> None:
    cut = rolling_cut()
    cut.push(marked([True] * 50))
    found = [part for _ in range(3600) for part in cut.push(marked([False] * 50))]
    assert [part.begin_s for part in found] == [0]
    assert len(cut._frames) * FRAME_S < BLOCK_S


def test_a_margin_before_what_follows_is_kept() -> None:
    silence = round(BLOCK_S / FRAME_S)
    parts = parts_of([True, *[False] * silence, *[True] * 50], 160_000)
    assert parts[-1].segment.started_at_s - parts[-1].begin_s == MARGIN_S
