"""Preparing answers in pauses: what it gained and cost, and when it is not worth it."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ui.turns import ONE, started
from voicecli.events import Event, NothingHeard, SpeechEnded, SpeechPaused, SpeechResumed, Transcribed
from voicecli.turns.speculation import PAUSES_KEPT, Speculation


def paused(at_s: float, *, preparing: bool = True) -> Event:
    return SpeechPaused(at_s=at_s, turn=ONE, ended_at_s=at_s - 0.2, preparing=preparing)


def resumed(at_s: float) -> Event:
    return SpeechResumed(at_s=at_s, turn=ONE)


def ended(at_s: float) -> Event:
    return SpeechEnded(at_s=at_s, turn=ONE, ended_at_s=at_s - 0.7)


def transcribed(at_s: float) -> Event:
    return Transcribed(at_s=at_s, turn=ONE, text="Hi.", language="en", audio_s=1.0)


def folded(*events: Event) -> Speculation:
    return reduce(Speculation.apply, events, Speculation())


def test_hits_misses_and_waste_are_counted() -> None:
    seen = folded(started(), paused(1), resumed(1.4), paused(2), transcribed(2.2), ended(2.5))
    assert (seen.hits, seen.misses) == (1, 1)
    assert seen.wasted_s == pytest.approx(0.4)
    assert seen.decode_s == pytest.approx(0.2)


def test_what_was_no_speech_was_prepared_for_nothing() -> None:
    seen = folded(paused(1), NothingHeard(at_s=1.3, turn=ONE, reason="too short"))
    assert (seen.hits, seen.misses) == (0, 1)
    assert seen.wasted_s == pytest.approx(0.3)


def test_a_pause_without_preparation_is_neither_hit_nor_miss() -> None:
    seen = folded(paused(1, preparing=False), resumed(1.4), paused(2, preparing=False), ended(2.5), transcribed(4.5))
    assert (seen.hits, seen.misses, seen.wasted_s) == (0, 0, 0)
    assert seen.ends == (False, True)
    assert seen.decode_s == pytest.approx(2.0), "it began at the end of speech"


def test_events_outside_a_pause_change_nothing() -> None:
    assert folded(resumed(1), ended(2), transcribed(3), NothingHeard(at_s=4, turn=ONE, reason="")) == Speculation()


def test_a_quick_machine_always_prepares() -> None:
    seen = Speculation(decode_s=0.3, ends=(False,) * PAUSES_KEPT)
    assert seen.is_worthwhile(0.5)


def test_a_slow_machine_prepares_for_those_who_rarely_pause() -> None:
    assert Speculation(decode_s=2.0, ends=(True,) * PAUSES_KEPT).is_worthwhile(0.5)
    assert not Speculation(decode_s=2.0, ends=(False,) * PAUSES_KEPT).is_worthwhile(0.5)


def test_old_pauses_are_forgotten() -> None:
    events = [event for i in range(20) for event in (paused(i), resumed(i + 0.5))]
    assert len(folded(*events).ends) == PAUSES_KEPT


@given(st.floats(0, 10), st.floats(0.1, 2), st.lists(st.booleans(), max_size=PAUSES_KEPT))
def test_one_more_true_end_never_speaks_against_it(decode_s: float, wait_s: float, ends: list[bool]) -> None:
    before = Speculation(decode_s=decode_s, ends=tuple(ends))
    after = Speculation(decode_s=decode_s, ends=(*ends, True))
    assert after.is_worthwhile(wait_s) or not before.is_worthwhile(wait_s)
