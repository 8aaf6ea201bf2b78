from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.files.cutting import MARGIN_S
from voicecli.audio.files.rolling_cut import BLOCK_S, Part, RollingCut
from voicecli.types import FRAME_S, FRAME_SAMPLES

LONGEST_S = 28.0
AUDIO_CHUNKS = st.lists(st.tuples(st.booleans(), st.floats(0.02, 60)), min_size=1, max_size=12)


def parts_of(voiced: list[bool], step: int) -> list[Part]:
    """Each frame's samples are its number, modulo a prime below the loudest sample."""
    cut = RollingCut(0.7, LONGEST_S)
    found: list[Part] = []
    for at in range(0, len(voiced), step):
        some = voiced[at : at + step]
        numbers = (np.arange(at, at + len(some)) % 32749).astype(np.int16)
        found += cut.push(np.repeat(numbers[:, np.newaxis], FRAME_SAMPLES, axis=1), some)
    assert cut.heard_s == len(voiced) * FRAME_S
    return [*found, *cut.finish()]


def frames_of(audio_chunks: list[tuple[bool, float]]) -> list[bool]:
    return [is_speech for is_speech, seconds in audio_chunks for _ in range(max(1, round(seconds / FRAME_S)))]


@given(AUDIO_CHUNKS, st.sampled_from([50, 500, 7_001]))
def test_each_voiced_frame_is_in_one_part_and_each_part_where_it_says(
    audio_chunks: list[tuple[bool, float]], step: int
) -> None:
    voiced = frames_of(audio_chunks)
    seen: list[int] = []
    for part in parts_of(voiced, step):
        begin = round(part.begin_s / FRAME_S)
        frames = part.segment.pcm[::FRAME_SAMPLES]
        assert part.segment.audio_s <= LONGEST_S
        assert list(frames) == [(begin + at) % 32749 for at in range(len(frames))]
        assert part.begin_s <= part.segment.started_at_s < part.segment.ended_at_s
        seen += range(begin, begin + len(frames))
    assert len(seen) == len(set(seen))
    assert {index for index, is_speech in enumerate(voiced) if is_speech} <= set(seen)


def test_a_short_recording_is_left_whole_whatever_is_in_it() -> None:
    [part] = parts_of([False] * 500, 50)
    assert (part.begin_s, part.segment.audio_s) == (0, 10)


def test_nothing_is_no_part() -> None:
    assert parts_of([], 50) == []


def test_parts_come_before_the_end() -> None:
    cut = RollingCut(0.7, LONGEST_S)
    minute = frames_of([(True, 20), (False, 40)])
    found = [cut.push(np.zeros((len(minute), FRAME_SAMPLES), np.int16), minute) for _ in range(4)]
    assert [len(parts) for parts in found] == [0, 2, 0, 2]


def test_hours_of_silence_are_not_kept() -> None:
    cut = RollingCut(0.7, LONGEST_S)
    second = np.zeros((50, FRAME_SAMPLES), np.int16)
    cut.push(second, [True] * 50)
    found = [part for _ in range(3600) for part in cut.push(second, [False] * 50)]
    assert [part.begin_s for part in found] == [0]
    assert len(cut._frames) * FRAME_S < BLOCK_S


def test_a_margin_of_what_follows_is_kept() -> None:
    silence = round(BLOCK_S / FRAME_S)
    parts = parts_of([True, *[False] * silence, *[True] * 50], 500)
    assert parts[-1].segment.started_at_s - parts[-1].begin_s == MARGIN_S
