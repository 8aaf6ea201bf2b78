"""An utterance at its limit: it ends between two words where it can, and what follows loses nothing."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.defaults import LISTEN
from tests.unit.turns.test_segmenter import frame, kinds, with_early_pauses
from voicecli.turns.segmenter import OVERTIME_S, Dropped, Endpoint, Onset, Pause, Segmenter, SegmenterEvent
from voicecli.types import FRAME_S

SHORT = LISTEN.model_copy(update={"max_utterance_s": 4.0})
LIMIT, OVERTIME, PRE_ROLL, END = 200, round(OVERTIME_S / FRAME_S), 20, 35  # in frames


def limited(pattern: str) -> list[tuple[int, SegmenterEvent]]:
    return [
        item for item in with_early_pauses(pattern, settings=SHORT) if isinstance(item[1], Onset | Pause | Endpoint)
    ]


def utterances(pattern: str) -> list[range]:
    """Frames of each utterance at its end. Frames are recognized by their sound."""
    found: list[range] = []
    latest: Pause | None = None
    for _, heard in with_early_pauses(pattern, settings=SHORT):
        if isinstance(heard, Pause):
            latest = heard
        elif isinstance(heard, Endpoint | Dropped):
            assert latest is not None
            indexes = latest.segment.pcm[::320].tolist()
            assert indexes == list(range(indexes[0], indexes[-1] + 1))
            found.append(range(indexes[0], indexes[-1] + 1))
    return found


def test_the_limit_waits_for_a_gap_between_two_words() -> None:
    (_, onset), (_, pause), (at, end), *_ = limited("s" * 250 + "." * 6 + "s" * 50 + "." * 50)
    assert isinstance(onset, Onset)
    assert isinstance(pause, Pause)
    assert at == 250 + 4 - 1  # 80 ms of silence
    assert end == Endpoint(250 * FRAME_S, 4.0)


def test_a_silence_inside_a_word_is_not_the_end() -> None:
    assert limited("s" * 220 + "..." + "s" * 60 + "." * 10)[-1][0] == 220 + 3 + 60 + 4 - 1


def test_a_pause_that_lasts_beyond_the_limit_ends_there() -> None:
    heard = limited("s" * (LIMIT - 15) + "." * 60)
    assert heard[-1] == (LIMIT - 1, Endpoint((LIMIT - 15) * FRAME_S, 4.0))


def test_one_loud_frame_in_that_pause_puts_the_end_off() -> None:
    assert limited("s" * (LIMIT - 15) + "." * 14 + "s" + "." * 60)[-1][0] == LIMIT


def test_speech_without_a_gap_is_closed_in_the_end_and_what_follows_is_an_utterance() -> None:
    heard = limited("s" * 550 + "." * 50)
    assert kinds(heard) == [Onset, Pause, Endpoint, Onset, Pause, Endpoint]
    assert heard[2] == (LIMIT + OVERTIME - 1, Endpoint((LIMIT + OVERTIME) * FRAME_S, 4.0))
    assert heard[-1][1] == Endpoint(550 * FRAME_S)


def test_a_forced_end_gives_the_next_utterance_its_pre_roll_and_a_gap_gives_only_silence() -> None:
    forced, after_forced = utterances("s" * 700 + "." * 50)
    assert forced.stop - after_forced.start == PRE_ROLL
    gentle, after_gap = utterances("s" * 250 + "." * 6 + "s" * 50 + "." * 50)
    assert (gentle.stop, after_gap.start) == (254, 250)


WORDS = st.lists(st.tuples(st.integers(6, 90), st.integers(0, 9)), min_size=1, max_size=25)


@settings(deadline=None)
@given(WORDS)
def test_a_continuous_stream_keeps_each_frame(words: list[tuple[int, int]]) -> None:
    """The stream has no pause, so nothing but the limit ends an utterance in it."""
    pattern = "".join("s" * voiced + "." * silent for voiced, silent in words) + "s" * 20 + "." * 60
    found = utterances(pattern)
    assert found[0].start == 0
    assert found[-1].stop >= pattern.rindex("s") + 1
    for before, after in itertools.pairwise(found):
        assert before.stop - PRE_ROLL <= after.start <= before.stop  # none is lost, none but pre-roll is doubled
        doubled = pattern[after.start : before.stop]
        assert "s" not in doubled or len(before) >= LIMIT + OVERTIME
        assert LIMIT <= len(before) <= LIMIT + OVERTIME


@pytest.mark.parametrize(("silence", "expected"), [(10, 2), (END + 5, 1)])
def test_who_was_cut_short_goes_on_without_having_to_interrupt(silence: int, expected: int) -> None:
    """While an answer may sound, speech has to last longer, or does not count at all; not for one who was not done."""
    segmenter, onsets = Segmenter(SHORT), 0
    needed_ms = float(LISTEN.start_ms)
    for index, letter in enumerate("s" * 220 + "." * silence + "s" * 8 + "." * 50):
        heard = kinds([(index, item) for item in segmenter.push(frame(index), letter == "s", needed_ms)])
        onsets += heard.count(Onset)
        needed_ms = math.inf if Endpoint in heard else needed_ms
    assert onsets == expected


def test_too_little_voice_is_dropped_at_the_limit_too() -> None:
    sparse = SHORT.model_copy(update={"min_speech_ms": 5000})
    heard = kinds(with_early_pauses("s" * 210 + "." * 4, settings=sparse))
    assert heard[-1] is Dropped
