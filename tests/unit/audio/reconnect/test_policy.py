from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.reconnect.policy import (
    FIRST_S,
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    MICROPHONE_STALL_S,
    ReconnectPolicy,
    SleepDetector,
    has_stalled,
)

STEP_S = 0.1


def test_a_device_that_was_lost_is_tried_at_once_then_ever_later_up_to_a_bound() -> None:
    policy = ReconnectPolicy()
    policy.on_opened(10.0, wanted=True)
    policy.on_lost(11.0)
    waits, now_s = [], 11.0
    for _ in range(6):
        began_s = now_s
        while policy.next_attempt(now_s, is_idle=False) is None:
            now_s += FIRST_WAIT_S
        waits.append(now_s - began_s)
        policy.on_failed(now_s)
    assert waits == [0, 0.25, 0.5, 1.0, 2.0, 2.0]


def test_a_working_device_is_kept() -> None:
    policy = ReconnectPolicy()
    policy.on_opened(0.0, wanted=True)
    assert policy.condition == "ok"
    assert policy.next_attempt(1e6, is_idle=True) is None


def test_a_fallback_device_is_replaced_only_between_turns() -> None:
    policy = ReconnectPolicy()
    policy.on_opened(0.0, wanted=False)
    assert policy.condition == "fallback"
    assert policy.next_attempt(LONGEST_WAIT_S, is_idle=False) is None
    assert policy.next_attempt(LONGEST_WAIT_S, is_idle=True) == "wanted"
    policy.on_failed(LONGEST_WAIT_S)
    assert policy.next_attempt(LONGEST_WAIT_S, is_idle=True) is None


@given(st.lists(st.tuples(st.sampled_from(["lost", "wanted", "other", "failed", "tick"]), st.booleans()), max_size=200))
def test_whatever_happens_it_is_tried_within_two_seconds_and_never_needlessly(history: list[tuple[str, bool]]) -> None:
    policy, now_s, untried_s = ReconnectPolicy(), 100.0, 0.0
    for happens, is_idle in history:
        now_s += STEP_S
        match happens:
            case "lost":
                policy.on_lost(now_s)
            case "wanted" | "other":
                policy.on_opened(now_s, wanted=happens == "wanted")
            case "failed" if policy.next_attempt(now_s, is_idle=is_idle):
                policy.on_failed(now_s)
            case _:
                pass
        attempt = policy.next_attempt(now_s, is_idle=is_idle)
        assert attempt in (None, {"ok": None, "fallback": "wanted", "unavailable": "any"}[policy.condition])
        assert attempt is None or policy.condition == "unavailable" or is_idle
        untried_s = untried_s + STEP_S if attempt is None and policy.condition == "unavailable" else 0.0
        assert untried_s <= LONGEST_WAIT_S + STEP_S


@pytest.mark.parametrize(
    ("idle_s", "open_s", "gone"),
    [
        (math.inf, 0.0, True),
        (1.9, 1.9, False),
        (FIRST_S + 0.1, FIRST_S + 0.1, True),
        (1.1, 60.0, True),
        (0.9, 60.0, False),
    ],
)
def test_a_stream_stalls(idle_s: float, open_s: float, gone: bool) -> None:
    assert has_stalled(idle_s, open_s, MICROPHONE_STALL_S) is gone


@pytest.mark.parametrize(
    ("after_s", "wall_after_s", "woke"),
    [(0.1, 0.1, False), (0.1, 600.0, True), (0.1, -600.0, True), (4.0, 4.0, True), (1.0, 1.2, False)],
)
def test_a_sleep_shows_in_either_clock(after_s: float, wall_after_s: float, woke: bool) -> None:
    sleep_detector = SleepDetector()
    assert not sleep_detector.has_slept(50.0, 1e9)
    assert sleep_detector.has_slept(50.0 + after_s, 1e9 + wall_after_s) is woke
    assert not sleep_detector.has_slept(50.1 + after_s, 1e9 + 0.1 + wall_after_s)
