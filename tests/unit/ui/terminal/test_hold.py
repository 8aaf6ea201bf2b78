"""A held key, on terminals that tell of releases and on those that only repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.ui.terminal.hold import GAP_INTERVALS, MAX_GAP_S, MIN_GAP_S, TAP_S, UNKNOWN_GAP_S, Hold, Rhythm


@dataclass(frozen=True)
class Change:
    at_s: float
    held: bool


class Keyboard:
    """Plays presses to a `Hold` and calls it when it is due, as a loop does."""

    def __init__(self, hold: Hold | None = None) -> None:
        self.hold = hold or Hold()
        self.changes: list[Change] = []

    def wait(self, until_s: float) -> None:
        while (due_s := self.hold.due_s) is not None and due_s <= until_s:
            self._turn(self.hold.advance(due_s), due_s)

    def press(self, at_s: float) -> None:
        self.wait(at_s)
        self._turn(self.hold.press(at_s), at_s)

    def release(self, at_s: float) -> None:
        self.wait(at_s)
        self._turn(self.hold.release(at_s), at_s)

    def repeats(self, pressed_s: float, released_s: float, first_s: float, interval_s: float) -> None:
        """Press as a terminal without release events does: the character, again and again."""
        at_s = pressed_s
        self.press(at_s)
        at_s += first_s
        while at_s < released_s:
            self.press(at_s)
            at_s += interval_s

    def _turn(self, hold: Hold, at_s: float) -> None:
        if hold.held != self.hold.held:
            self.changes.append(Change(at_s, hold.held))
        self.hold = hold

    @property
    def held(self) -> list[bool]:
        return [change.held for change in self.changes]


def reported() -> Keyboard:
    return Keyboard(Hold(reports_releases=True))


FIRST_S = st.floats(0.2, 0.7)
INTERVAL_S = st.floats(0.015, 0.09)


@given(FIRST_S, INTERVAL_S, st.floats(0.8, 20))
def test_a_hold_lasts_from_the_press_until_the_repeats_cease(first_s: float, interval_s: float, for_s: float) -> None:
    keyboard = Keyboard()
    for at_s in (10.0, 50.0):
        keyboard.changes.clear()
        keyboard.repeats(at_s, at_s + for_s, first_s, interval_s)
        keyboard.wait(at_s + 30)
        begun, over = keyboard.changes
        assert begun == Change(at_s, True)
        assert at_s + for_s - interval_s <= over.at_s <= at_s + for_s + UNKNOWN_GAP_S + 0.01


@given(INTERVAL_S)
def test_the_pace_once_known_ends_a_hold_sooner(interval_s: float) -> None:
    keyboard = Keyboard()
    keyboard.repeats(1.0, 3.0, 0.5, interval_s)
    keyboard.wait(10)
    keyboard.repeats(20.0, 22.0, 0.5, interval_s)
    keyboard.wait(30)
    assert keyboard.changes[-1].at_s <= 22.0 + max(MIN_GAP_S, GAP_INTERVALS * interval_s) + 0.001


@given(st.lists(st.floats(1.0, 30.0), min_size=1, max_size=8))
def test_taps_begin_and_end_by_turns(pauses_s: list[float]) -> None:
    keyboard, at_s = Keyboard(), 5.0
    for pause_s in pauses_s:
        keyboard.press(at_s)
        at_s += pause_s
        keyboard.wait(at_s)
    assert keyboard.held == [index % 2 == 0 for index in range(len(pauses_s))]
    assert (keyboard.hold.phase == "tapped") == (len(pauses_s) % 2 == 1)


def test_holding_the_key_that_ends_a_tap_starts_nothing() -> None:
    keyboard = Keyboard()
    keyboard.press(1.0)
    keyboard.repeats(5.0, 8.0, 0.5, 0.03)
    keyboard.wait(20)
    assert keyboard.changes == [Change(1.0, True), Change(5.0, False)]
    keyboard.press(21.0)
    assert keyboard.held[-1]


def test_two_quick_taps_are_a_short_hold() -> None:
    keyboard = Keyboard()
    keyboard.press(1.0)
    keyboard.press(1.3)
    keyboard.wait(5.0)
    assert keyboard.held == [True, False]
    assert keyboard.changes[1].at_s == pytest.approx(1.3 + UNKNOWN_GAP_S)


@given(st.floats(0.8, 1.9), INTERVAL_S)
def test_a_keyboard_that_takes_its_time_is_learnt(first_s: float, interval_s: float) -> None:
    keyboard = Keyboard()
    keyboard.repeats(1.0, 5.0, first_s, interval_s)
    keyboard.wait(10)
    assert keyboard.held == [True, False, True, False]  # once the end of a tap seemed to come, and was taken back
    assert keyboard.changes[2].at_s == pytest.approx(1.0 + first_s + interval_s)
    keyboard.changes.clear()
    keyboard.repeats(20.0, 25.0, first_s, interval_s)
    keyboard.wait(40)
    assert keyboard.held == [True, False]


def test_before_it_is_due_nothing_changes() -> None:
    hold = Hold().press(1.0)
    assert hold.due_s is not None
    assert hold.advance(hold.due_s - 0.01) == hold
    assert Hold().advance(100.0) == Hold()


def test_keys_that_a_busy_program_reads_late_are_no_silence() -> None:
    keyboard = Keyboard()
    keyboard.repeats(1.0, 3.0, 0.5, 0.03)
    keyboard.hold = keyboard.hold.press(5.0)  # and `at` was not called in between
    assert keyboard.hold.phase == "repeating"


@given(st.floats(0.41, 0.55))
def test_a_link_that_stalls_is_learnt(stall_s: float) -> None:
    keyboard = Keyboard()

    def hold_with_a_stall(at_s: float) -> list[bool]:
        keyboard.changes.clear()
        keyboard.repeats(at_s, at_s + 1.0, 0.5, 0.03)
        for index in range(12):
            keyboard.press(keyboard.hold.last_at_s + (stall_s if index == 0 else 0.03))
        keyboard.wait(at_s + 20)
        return keyboard.held

    assert hold_with_a_stall(1.0) == [True, False, True, False]
    assert hold_with_a_stall(40.0) == [True, False]


@given(st.floats(TAP_S, 100))
def test_reported_releases_end_a_hold_at_once(for_s: float) -> None:
    keyboard = reported()
    keyboard.press(1.0)
    keyboard.release(1.0 + for_s)
    keyboard.wait(1000)
    assert keyboard.changes == [Change(1.0, True), Change(1.0 + for_s, False)]


def test_there_a_tap_begins_and_the_next_one_ends() -> None:
    keyboard = reported()
    for at_s in (1.0, 4.0):
        keyboard.press(at_s)
        keyboard.release(at_s + 0.1)
    assert keyboard.changes == [Change(1.0, True), Change(4.0, False)]
    assert keyboard.hold.phase == "up"


def test_a_release_that_was_lost_ends_with_the_next_one() -> None:
    keyboard = reported()
    keyboard.press(1.0)
    keyboard.press(9.0)
    keyboard.release(10.0)
    assert keyboard.changes == [Change(1.0, True), Change(10.0, False)]


def test_after_a_reset_the_key_counts_from_its_next_press() -> None:
    hold = Hold(reports_releases=True).press(1.0).reset()
    assert not hold.held
    assert not hold.release(5.0).held
    assert hold.press(6.0).held


@given(st.booleans(), st.lists(st.tuples(st.sampled_from(["press", "release", "wait"]), st.floats(0, 3)), max_size=60))
def test_in_the_end_the_key_is_up_or_tapped_and_never_changes_twice_in_a_row(
    tells: bool, steps: Iterable[tuple[str, float]]
) -> None:
    keyboard, at_s = Keyboard(Hold(reports_releases=tells)), 0.0
    for what, later_s in steps:
        at_s += later_s
        {"press": keyboard.press, "release": keyboard.release, "wait": keyboard.wait}[what](at_s)
    keyboard.wait(at_s + 10)
    keyboard.release(at_s + 10)
    assert keyboard.hold.phase in ("up", "tapped")
    assert keyboard.held == [index % 2 == 0 for index in range(len(keyboard.held))]


@given(st.lists(st.floats(0, 5), max_size=40))
def test_a_gap_is_within_its_bounds(intervals_s: list[float]) -> None:
    rhythm = Rhythm()
    for interval_s in intervals_s:
        rhythm = rhythm.with_interval(interval_s).with_first_repeat(interval_s)
    assert 0.1 < rhythm.gap_s <= MAX_GAP_S
    assert 0.75 <= rhythm.first_s <= 2.6
