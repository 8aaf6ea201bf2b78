"""Calls that take virtual time."""

from __future__ import annotations

import asyncio
import time

import pytest

from voicecli.replay import virtual_time
from voicecli.replay.virtual_time import CallClock, TimedWorker


def test_a_result_comes_as_late_as_its_call_really_took_and_the_call_sees_time_pass() -> None:
    clock = CallClock()

    def call() -> float:
        began_s = clock()
        while time.perf_counter() < real_s + 0.01:
            pass
        clock.spend(2.0)
        return clock() - began_s

    async def main() -> tuple[float, float]:
        worker = TimedWorker(clock.last_call_s, clock.call)
        began_s = clock()
        inside_s = await worker.run(call)
        return inside_s, clock() - began_s

    real_s = time.perf_counter()
    inside_s, outside_s = virtual_time.run(main())
    assert 2.005 < inside_s <= outside_s < 3


def test_calls_go_in_order_and_what_nobody_awaits_any_longer_is_skipped() -> None:
    made: list[str] = []
    idle: list[bool] = []

    async def main() -> float:
        worker = TimedWorker(lambda name: 1.0)
        began_s = asyncio.get_running_loop().time()
        first, second, third = (asyncio.create_task(worker.run(made.append, name)) for name in ("a", "b", "c"))
        await asyncio.sleep(0.5)
        idle.append(worker.idle)
        first.cancel()
        second.cancel()
        await third
        idle.append(worker.idle)
        return asyncio.get_running_loop().time() - began_s

    assert virtual_time.run(main()) == pytest.approx(2)
    assert made == ["a", "c"]
    assert idle == [False, True]


def test_a_failure_takes_its_time_too() -> None:
    async def main() -> float:
        worker = TimedWorker(lambda text: 1.0)
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(ValueError, match="invalid literal"):
            await worker.run(int, "one")
        return asyncio.get_running_loop().time() - began_s

    assert virtual_time.run(main()) == pytest.approx(1)
