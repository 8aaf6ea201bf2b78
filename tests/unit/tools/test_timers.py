"""Timers, and the clock, by a wall clock that a test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.errors import ToolError
from voicecli.replay import virtual_time
from voicecli.tools.clock import MAX_TIMERS, POLL_S, Timers, current_time, duration, local_now, ring_text

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Wall:
    """Goes with the loop, and may jump as the clock of a machine that has slept."""

    def __init__(self) -> None:
        self.jumped_s = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time() - 1000 + self.jumped_s)


Act = Callable[[Timers, Wall], Awaitable[None]]


def hold(act: Act) -> list[tuple[str, float]]:
    """What rang, and when."""
    rang: list[tuple[str, float]] = []

    async def run() -> None:
        wall = Wall()
        async with asyncio.TaskGroup() as tasks:
            timers = Timers(wall, lambda text: rang.append((text, asyncio.get_running_loop().time() - 1000)), tasks)
            await act(timers, wall)
            timers.close()

    virtual_time.run(run())
    return rang


def test_a_timer_rings_when_it_is_due() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        assert timers.set(300, "tea") == "The timer 'tea' is set for 5 minutes and rings at 12:05."
        await asyncio.sleep(100)
        assert timers.remaining() == "tea: 3 minutes 20 seconds left"
        await asyncio.sleep(300)
        assert timers.remaining() == "No timer is running."

    ((text, at_s),) = hold(act)
    assert text == "Your tea timer is done."
    assert at_s == pytest.approx(300, abs=0.01)


def test_several_run_side_by_side_and_the_next_is_reported_first() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        timers.set(90, "eggs")
        timers.set(30, "")
        assert timers.remaining().splitlines() == [
            "30 seconds timer: 30 seconds left",
            "eggs: 1 minute 30 seconds left",
        ]
        await asyncio.sleep(120)

    assert [text for text, _ in hold(act)] == ["Your 30 seconds timer is done.", "Your eggs timer is done."]


def test_one_that_ends_while_the_machine_sleeps_rings_after_it() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        timers.set(3600, "cake")
        await asyncio.sleep(60)
        wall.jumped_s = 7200
        await asyncio.sleep(POLL_S)

    assert [text for text, _ in hold(act)] == ["Your cake timer is done."]


def test_a_cancelled_timer_does_not_ring() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        timers.set(10, "tea")
        assert timers.cancel("") == "The timer 'tea' is cancelled."
        await asyncio.sleep(20)

    assert hold(act) == []


def test_which_one_is_cancelled_goes_by_its_name() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        with pytest.raises(ToolError, match="No timer"):
            timers.cancel("tea")
        timers.set(10, "Tea")
        timers.set(10, "eggs")
        with pytest.raises(ToolError, match="Which one"):
            timers.cancel("")
        with pytest.raises(ToolError, match="None is called 'cake'"):
            timers.cancel("cake")
        timers.cancel("the tea timer")
        await asyncio.sleep(20)

    assert [text for text, _ in hold(act)] == ["Your eggs timer is done."]


@pytest.mark.parametrize("seconds", [0, 0.2, -5, 25 * 3600])
def test_no_timer_is_that_short_or_long(seconds: float) -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        with pytest.raises(ToolError, match="24 hours"):
            timers.set(seconds, "")

    hold(act)


def test_there_is_an_end_to_them() -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        for _ in range(MAX_TIMERS):
            timers.set(10, "")
        with pytest.raises(ToolError, match="maximum"):
            timers.set(10, "")

    assert hold(act) == []


@pytest.mark.parametrize("label", ["", "timer", "my timer", "the Rice timer", "rice"])
def test_the_only_timer_is_cancelled_however_it_is_called(label: str) -> None:
    async def act(timers: Timers, wall: Wall) -> None:
        assert timers.set(60, "rice") == "The timer 'rice' is set for 1 minute and rings at 12:01."
        assert timers.cancel(label) == "The timer 'rice' is cancelled."
        assert timers.set(60, "") == "The timer is set for 1 minute and rings at 12:01."

    assert hold(act) == []


@given(st.integers(1, 24 * 3600))
def test_a_duration_is_reported_whole(seconds: int) -> None:
    factors = {"hour": 3600, "minute": 60, "second": 1}
    words = duration(seconds).split()
    assert sum(int(n) * factors[unit.removesuffix("s")] for n, unit in zip(*[iter(words)] * 2, strict=True)) == seconds


def test_words_of_a_timer() -> None:
    assert duration(0) == "0 seconds"
    assert duration(3661) == "1 hour 1 minute 1 second"
    assert ring_text("Tea Timer") == "Your Tea Timer is done."


def test_the_time_is_reported_here_and_elsewhere() -> None:
    berlin = datetime(2026, 3, 4, 9, 5, tzinfo=timezone(timedelta(hours=1), "CET"))
    assert current_time(lambda: berlin, "") == "It is 09:05 on Wednesday, 4 March 2026."
    assert current_time(lambda: berlin, "Here") == "It is 09:05 on Wednesday, 4 March 2026."
    assert current_time(lambda: berlin, "Asia/Tokyo") == "In Asia/Tokyo it is 17:05 on Wednesday, 4 March 2026."
    assert current_time(lambda: berlin, "New York") == "In New York it is 03:05 on Wednesday, 4 March 2026."
    assert local_now().tzinfo is not None


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("Tokio", "Perhaps Asia/Tokyo"),
        ("Europe/Berlim", "Europe/Berlin"),
        ("qqq", "nearest large city"),
        ("../etc", "not known"),
        ("Europe", "not known"),
    ],
)
def test_an_unknown_place_gets_the_nearest(place: str, part: str) -> None:
    with pytest.raises(ToolError, match=part):
        current_time(lambda: NOON, place)
