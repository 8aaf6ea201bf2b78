"""Utterances are cut by counting frames."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.defaults import LISTEN
from voicecli.settings.model import ListenSettings
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, Segmenter, SegmenterEvent
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame


def frame(index: int) -> AudioFrame:
    return AudioFrame(np.full(FRAME_SAMPLES, index % 30000, np.int16), index * FRAME_S)


def segment(pattern: str, start_ms: float = LISTEN.start_ms) -> list[tuple[int, SegmenterEvent]]:
    """`pattern` has a letter a frame, s for speech; returns events with their frames, early pauses left out."""
    return [item for item in with_early_pauses(pattern, start_ms) if not isinstance(item[1], EarlyPause)]


def with_early_pauses(
    pattern: str, start_ms: float = LISTEN.start_ms, settings: ListenSettings = LISTEN
) -> list[tuple[int, SegmenterEvent]]:
    segmenter = Segmenter(settings)
    return [
        (index, heard)
        for index, letter in enumerate(pattern)
        for heard in segmenter.push(frame(index), letter == "s", start_ms)
    ]


def kinds(heard: list[tuple[int, SegmenterEvent]]) -> list[type[SegmenterEvent]]:
    return [type(item) for _, item in heard]


def test_an_utterance_starts_pauses_and_ends_by_the_settings() -> None:
    heard = segment("." * 50 + "s" * 50 + "." * 50)
    assert kinds(heard) == [Onset, Pause, Endpoint]
    (onset_at, _), (pause_at, _), (end_at, _) = heard
    assert onset_at == 50 + 6 - 1  # 120 ms of voice
    assert pause_at == 100 + 10 - 1  # 200 ms of silence
    assert end_at == 100 + 35 - 1  # 700 ms of silence


def test_the_segment_has_pre_roll_speech_and_the_pause_but_its_times_are_those_of_the_voice() -> None:
    heard = segment("." * 50 + "s" * 50 + "." * 50)
    pause, endpoint = heard[1][1], heard[2][1]
    assert isinstance(pause, Pause)
    assert isinstance(endpoint, Endpoint)
    assert pause.segment.pcm[0] == 30  # 400 ms before the first voiced frame
    assert len(pause.segment.pcm) == (20 + 50 + 10) * FRAME_SAMPLES
    assert pause.segment.started_at_s == 50 * FRAME_S
    assert pause.segment.ended_at_s == endpoint.ended_at_s == 100 * FRAME_S


def test_a_early_pause_comes_before_the_pause_and_has_the_same_speech() -> None:
    heard = with_early_pauses("." * 50 + "s" * 50 + "." * 50)
    assert kinds(heard) == [Onset, EarlyPause, Pause, Endpoint]
    (at, early_pause), (_, pause) = heard[1:3]
    assert at == 100 + 4 - 1  # 80 ms of silence
    assert isinstance(early_pause, EarlyPause)
    assert isinstance(pause, Pause)
    assert early_pause.segment.ended_at_s == pause.segment.ended_at_s
    assert early_pause.segment.started_at_s == pause.segment.started_at_s
    assert len(early_pause.segment.pcm) == (20 + 50 + 4) * FRAME_SAMPLES


def test_each_short_silence_inside_speech_is_one_early_pause() -> None:
    assert kinds(with_early_pauses("s" * 20 + "...." + "s" * 20 + "......" + "s" * 20)) == [
        Onset,
        EarlyPause,
        EarlyPause,
    ]
    assert kinds(with_early_pauses("s" * 20 + "..." + "s" * 20)) == [Onset]


def test_early_pauses_can_be_turned_off() -> None:
    settings = LISTEN.model_copy(update={"early_decode_ms": 0})
    assert kinds(with_early_pauses("s" * 50 + "." * 50, settings=settings)) == [Onset, Pause, Endpoint]


def test_going_on_after_a_pause_resumes_the_same_utterance() -> None:
    heard = segment("s" * 50 + "." * 20 + "s" * 50 + "." * 50)
    assert kinds(heard) == [Onset, Pause, Resume, Pause, Endpoint]
    last = heard[3][1]
    assert isinstance(last, Pause)
    assert len(last.segment.pcm) == (50 + 20 + 50 + 10) * FRAME_SAMPLES


def test_one_loud_frame_does_not_end_a_pause() -> None:
    assert kinds(segment("s" * 50 + "." * 15 + "s" + "." * 30)) == [Onset, Pause, Endpoint]


def test_a_click_is_no_utterance() -> None:
    assert segment("." * 20 + "sss" + "." * 60 + "s" + "." * 60) == []


def test_speech_over_an_answer_needs_more_voice() -> None:
    assert segment("s" * 10 + "." * 50, start_ms=240) == []
    assert kinds(segment("s" * 12 + "." * 50, start_ms=240)) == [Onset, Pause, Endpoint]


def test_too_little_voice_is_dropped() -> None:
    assert kinds(segment("s" * 7 + "." * 50)) == [Onset, Pause, Dropped]


@given(st.lists(st.tuples(st.sampled_from("s."), st.integers(1, 60)), max_size=20))
def test_whatever_comes_utterances_are_well_formed(runs: list[tuple[str, int]]) -> None:
    heard = kinds(segment("".join(letter * count for letter, count in runs) + "." * 60))
    follows: dict[type[SegmenterEvent] | None, set[type[SegmenterEvent]]] = {
        None: {Onset},
        Onset: {Pause},
        Pause: {Resume, Endpoint, Dropped},
        Resume: {Pause},
        Endpoint: {Onset},
        Dropped: {Onset},
    }
    for before, after in itertools.pairwise([None, *heard]):
        assert after in follows[before]
    assert not heard or heard[-1] in (Endpoint, Dropped)


def ends_at(pattern: str, waits_ms: dict[int, float]) -> list[tuple[int, SegmenterEvent]]:
    """As `segment`; `waits_ms` holds the wait that is set after a frame."""
    segmenter = Segmenter(LISTEN)
    found: list[tuple[int, SegmenterEvent]] = []
    for index, letter in enumerate(pattern):
        found += [(index, heard) for heard in segmenter.push(frame(index), letter == "s", LISTEN.start_ms)]
        if index in waits_ms:
            segmenter.wait_until(waits_ms[index])
    return [item for item in found if not isinstance(item[1], EarlyPause)]


def test_the_wait_can_be_set_in_a_pause() -> None:
    pattern = "s" * 50 + "." * 80
    assert ends_at(pattern, {62: 400})[-1] == (50 + 20 - 1, Endpoint(50 * FRAME_S))
    assert ends_at(pattern, {62: 1200})[-1] == (50 + 60 - 1, Endpoint(50 * FRAME_S))
    assert ends_at(pattern, {62: 1200, 70: 500})[-1] == (50 + 25 - 1, Endpoint(50 * FRAME_S))


def test_a_wait_that_is_over_when_it_is_set_ends_at_the_next_silent_frame() -> None:
    assert ends_at("s" * 50 + "." * 80, {75: 400})[-1][0] == 76
    assert kinds(ends_at("s" * 50 + "." * 26 + "s" * 20, {75: 400})) == [Onset, Pause, Resume]  # voice: not now


def test_a_wait_counts_in_its_own_pause_alone() -> None:
    pattern = "s" * 50 + "." * 15 + "s" * 50 + "." * 60
    found = ends_at(pattern, {30: 220, 62: 400, 80: 240})
    assert kinds(found) == [Onset, Pause, Resume, Pause, Endpoint]
    assert found[-1][0] == 115 + 35 - 1


def test_a_resume_tells_how_long_the_pause_was() -> None:
    (resume,) = (item for _, item in segment("s" * 50 + "." * 20 + "s" * 50 + "." * 50) if isinstance(item, Resume))
    assert resume.silence_ms == 20 * FRAME_S * 1000
