"""Utterances that a key begins and ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.defaults import LISTEN
from tests.unit.turns.test_segmenter import frame
from voicecli.settings.model import ListenSettings
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, Segmenter, SegmenterEvent
from voicecli.types import FRAME_S, FRAME_SAMPLES


def held(pattern: str, settings: ListenSettings = LISTEN) -> list[tuple[int, SegmenterEvent]]:
    """A letter a frame, s for speech; < and > press the key and let it go. Gives what was heard, and when."""
    segmenter, index, found = Segmenter(settings), 0, []
    for letter in pattern:
        if letter == "<":
            segmenter.hold()
        elif letter == ">":
            found += [(index, heard) for heard in segmenter.end_now()]
        else:
            found += [(index, heard) for heard in segmenter.push(frame(index), letter == "s", LISTEN.start_ms)]
            index += 1
    return found


def kinds(pattern: str) -> list[type[SegmenterEvent]]:
    return [type(heard) for _, heard in held(pattern) if not isinstance(heard, EarlyPause)]


def test_an_utterance_begins_with_the_first_frame_and_ends_with_the_key() -> None:
    (begun, onset), (over, pause), (ended, endpoint) = held("<" + "s" * 30 + ">")
    assert (begun, over, ended) == (0, 30, 30)
    assert onset == Onset(0.0)
    assert isinstance(pause, Pause)
    assert len(pause.segment.pcm) == 30 * FRAME_SAMPLES
    assert isinstance(endpoint, Endpoint)
    assert endpoint.ended_at_s == pytest.approx(30 * FRAME_S)


def test_silence_is_a_pause_and_no_end() -> None:
    assert kinds("<" + "s" * 20 + "." * 200 + "s" * 20 + ">") == [Onset, Pause, Resume, Pause, Endpoint]


def test_in_a_pause_the_key_ends_what_was_prepared() -> None:
    heard = held("<" + "s" * 20 + "." * 20 + ">")
    assert [type(one) for _, one in heard] == [Onset, EarlyPause, Pause, Endpoint]
    at, endpoint = heard[-1]
    assert at == 40
    assert isinstance(endpoint, Endpoint)
    assert endpoint.ended_at_s == pytest.approx(20 * FRAME_S)


def test_a_silence_before_the_first_word_is_no_pause() -> None:
    assert kinds("<" + "." * 100 + "s" * 20 + ">") == [Onset, Pause, Endpoint]


def test_without_any_voice_it_was_nothing() -> None:
    assert [heard for _, heard in held("<" + "." * 100 + ">")] == [Onset(0.0), Dropped("no voice")]


def test_a_key_that_was_up_before_a_frame_came_was_nothing() -> None:
    assert kinds("<>") == kinds("><>") == kinds("...<>..." + "." * 60) == []


def test_of_the_utterance_before_nothing_is_left() -> None:
    heard = held("<" + "s" * 30 + "><" + "s" * 10 + ">")
    last = [one for _, one in heard if isinstance(one, Pause)][-1]
    assert len(last.segment.pcm) == 10 * FRAME_SAMPLES


def test_nor_of_what_was_heard_before_the_key() -> None:
    (pause,) = [one for _, one in held("......<ssssssssss>") if isinstance(one, Pause)]
    assert len(pause.segment.pcm) == 10 * FRAME_SAMPLES


def test_after_the_key_utterances_are_cut_by_silence_again() -> None:
    assert kinds("<sss>" + "." * 60 + "s" * 20 + "." * 60)[3:] == [Onset, Pause, Endpoint]


def test_the_limit_holds_and_what_is_said_after_it_is_not_lost() -> None:
    short = LISTEN.model_copy(update={"max_utterance_s": 2.0})
    heard = held("<" + "s" * 98 + "....." + "s" * 60 + "." * 100 + ">", short)
    assert [type(one) for _, one in heard if not isinstance(one, EarlyPause)] == [
        *(Onset, Pause, Endpoint),
        *(Onset, Pause, Endpoint),
    ]
    ends = [one for _, one in heard if isinstance(one, Endpoint)]
    assert ends[0].limit_s == 2.0
    (again,) = [one for _, one in heard if isinstance(one, Onset)][1:]
    assert again.goes_on


@given(st.text("s.", min_size=1, max_size=300))
def test_between_press_and_release_there_is_one_utterance_and_it_ends_with_the_key(pattern: str) -> None:
    heard = [(at, one) for at, one in held(f"<{pattern}>") if not isinstance(one, EarlyPause)]
    assert heard[0] == (0, Onset(0.0))
    at, last = heard[-1]
    assert at == len(pattern)
    assert isinstance(last, Endpoint if "s" in pattern else Dropped)
    inner = [type(one) for _, one in heard[1:-1]]
    assert inner == [Pause if index % 2 == 0 else Resume for index in range(len(inner))]
    assert ("s" in pattern) == (bool(inner) and inner[-1] is Pause)
