"""The buffer under the sound card never invents, reorders or revives samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicecli.audio.playout import Playout
from voicecli.types import Pcm, TurnId

RATE_HZ = 1000
ONE, TWO = TurnId(1), TurnId(2)


def tone(value: int, samples: int) -> Pcm:
    return np.full(samples, value, np.int16)


def playing(turn: TurnId = ONE, *, held: bool = False) -> Playout:
    playout = Playout(RATE_HZ)
    playout.begin(turn, held=held)
    return playout


def test_chunks_of_the_live_turn_sound_in_order_and_then_silence() -> None:
    playout = playing()
    playout.add(ONE, tone(1, 3))
    playout.add(ONE, tone(2, 3))
    assert playout.read(4).pcm.tolist() == [1, 1, 1, 2]
    assert playout.read(4).pcm.tolist() == [2, 2, 0, 0]
    assert (playout.played, playout.lead) == (6, 0)


def test_the_first_sample_of_a_turn_is_reported_once() -> None:
    playout = playing()
    assert playout.read(5).began is None
    playout.add(ONE, tone(1, 8))
    reading = playout.read(5)
    assert (reading.began, reading.began_at) == (ONE, 0)
    assert playout.read(5).began is None


def test_a_held_turn_queues_and_is_silent_until_released() -> None:
    playout = playing(held=True)
    playout.add(ONE, tone(1, 4))
    assert not playout.read(4).pcm.any()
    playout.release(TWO)
    assert not playout.read(4).pcm.any()
    playout.release(ONE)
    assert playout.read(4).pcm.tolist() == [1, 1, 1, 1]


def test_a_flush_fades_what_sounds_and_nothing_of_it_comes_back() -> None:
    playout = playing()
    playout.add(ONE, tone(100, 50))
    playout.read(10)
    playout.flush()
    faded = playout.read(10).pcm.tolist()
    assert faded[:5] == sorted(faded[:5], reverse=True)
    assert faded[0] == 100
    assert not any(faded[5:])
    playout.add(ONE, tone(100, 50))
    playout.begin(TWO, held=False)
    assert not playout.read(10).pcm.any()


def test_a_chunk_of_a_dead_turn_never_sounds() -> None:
    playout = playing(ONE)
    playout.begin(TWO, held=False)
    playout.add(ONE, tone(1, 10))
    playout.add(TWO, tone(2, 3))
    assert playout.read(5).pcm.tolist() == [2, 2, 2, 0, 0]


def test_what_was_heard_can_still_be_asked_after_a_flush() -> None:
    playout = playing()
    playout.add(ONE, tone(1, 50))
    playout.read(20)
    playout.flush()
    assert (playout.played, playout.lead) == (20, 0)


def test_a_gap_inside_an_answer_is_reported_when_it_ends() -> None:
    playout = playing()
    playout.add(ONE, tone(1, 5))
    playout.read(10)
    playout.read(10)
    playout.add(ONE, tone(1, 20))
    reading = playout.read(10)
    assert (reading.underrun, reading.underrun_samples) == (ONE, 15)


def test_an_answer_may_wait_for_what_is_not_its_own_and_go_on() -> None:
    playout = playing()
    playout.add(ONE, tone(1, 5))
    playout.finish(ONE)
    playout.read(10)
    playout.add(ONE, tone(1, 5))
    assert playout.read(10).underrun is None
    playout.read(10)
    playout.add(ONE, tone(1, 5))
    underrun = playout.read(10)
    assert (underrun.underrun, underrun.underrun_samples) == (ONE, 15)


def test_silence_before_and_after_an_answer_is_no_gap() -> None:
    playout = playing()
    playout.read(10)
    playout.add(ONE, tone(1, 5))
    playout.finish(ONE)
    readings = [playout.read(10), playout.read(10)]
    playout.begin(TWO, held=False)
    playout.add(TWO, tone(1, 5))
    readings.append(playout.read(10))
    assert all(reading.underrun is None for reading in readings)


def test_a_ducked_answer_gets_softer_by_a_ramp_and_as_loud_again() -> None:
    playout = playing()
    playout.add(ONE, tone(1000, 200))
    playout.read(10)
    playout.duck(-20)
    falling = playout.read(30).pcm.tolist()
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) > 5
    assert falling[-1] == 100
    playout.duck(0)
    rising = playout.read(30).pcm.tolist()
    assert rising == sorted(rising)
    assert rising[-1] == 1000


def test_a_paused_answer_waits_where_it_is_and_starves_nobody() -> None:
    playout = playing()
    playout.add(ONE, tone(1000, 100))
    playout.read(10)
    playout.duck(-math.inf)
    assert not playout.read(50).pcm[10:].any()
    assert not playout.read(500).pcm.any()
    played = playout.played
    assert 15 <= played <= 20
    playout.duck(0)
    reading = playout.read(500)
    assert np.count_nonzero(reading.pcm) == 100 - played
    assert reading.underrun is None


def test_a_new_answer_begins_at_full_volume() -> None:
    playout = playing()
    playout.add(ONE, tone(1000, 100))
    playout.duck(-math.inf)
    playout.read(50)
    playout.begin(TWO, held=False)
    playout.add(TWO, tone(1000, 5))
    assert playout.read(5).pcm.tolist() == [1000] * 5


volume = st.one_of(
    st.tuples(st.just("duck"), st.sampled_from([0.0, -6.0, -20.0, -math.inf])),
    st.tuples(st.just("read"), st.integers(0, 40)),
)


@given(st.lists(volume, max_size=40))
def test_no_sample_is_lost_or_repeated_by_a_change_of_volume(steps: list[tuple[str, float]]) -> None:
    playout = playing()
    playout.add(ONE, tone(1000, 300))
    sounded = 0
    for verb, number in steps:
        if verb == "duck":
            playout.duck(number)
        else:
            sounded += int(np.count_nonzero(playout.read(int(number)).pcm))
    assert playout.played == sounded
    playout.duck(0)
    assert sounded + np.count_nonzero(playout.read(400).pcm) == 300


step = st.one_of(
    st.tuples(st.just("begin"), st.integers(1, 4)),
    st.tuples(st.just("add"), st.integers(1, 4)),
    st.tuples(st.just("read"), st.integers(1, 30)),
    st.tuples(st.just("release"), st.integers(1, 4)),
    st.tuples(st.just("flush"), st.just(0)),
)


@given(st.lists(step, max_size=60))
def test_only_the_live_turn_sounds_whatever_happens(steps: list[tuple[str, int]]) -> None:
    playout = Playout(RATE_HZ)
    live, fading = 0, 0
    for verb, number in steps:
        match verb:
            case "begin":
                live, fading = number, 5
                playout.begin(TurnId(number), held=False)
            case "add":
                playout.add(TurnId(number), tone(1000 * number, 7))
            case "release":
                playout.release(TurnId(number))
            case "flush":
                live, fading = 0, 5
                playout.flush()
            case "read":
                pcm = playout.read(number).pcm
                assert len(pcm) == number
                stale = [value for value in pcm.tolist()[fading:] if value not in (0, 1000 * live)]
                assert not stale
                fading = max(0, fading - number)


class Interrupted(Playout):
    """The loop begins turn TWO and adds to it while a block is being read, as threads may."""

    def _gains(self, samples: int, turn: TurnId | None) -> NDArray[np.float64]:
        if self._live[0] != TWO:
            self.begin(TWO, held=False)
            self.add(TWO, tone(7, 3))
        return super()._gains(samples, turn)


@pytest.mark.parametrize("before", [None, ONE])
def test_a_turn_that_begins_while_a_block_is_read_loses_nothing(before: TurnId | None) -> None:
    playout = Interrupted(RATE_HZ)
    if before is not None:
        playout.begin(before, held=False)
    assert not playout.read(4).pcm.any()
    assert playout.lead == 3
    assert playout.read(4).pcm.tolist() == [7, 7, 7, 0]
    assert playout.lead == 0


def test_what_an_older_turn_left_is_dropped_while_a_newer_one_is_begun() -> None:
    playout = Interrupted(RATE_HZ)
    playout.begin(ONE, held=True)
    playout.add(ONE, tone(1, 3))
    playout.read(4)
    assert playout.read(4).pcm.tolist() == [7, 7, 7, 0]
