"""Arms alternate, and calls are timed."""

from __future__ import annotations

import asyncio
import time

from voicecli.bench.rounds import FEW, few, in_turns, measured, timed


def test_another_arm_comes_first_each_time_and_none_is_left_out() -> None:
    turns = [in_turns(("a", "b", "c"), turn) for turn in range(4)]
    assert turns == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_a_call_is_timed_and_its_result_kept() -> None:
    def busy(until_s: float, *, word: str) -> str:
        while time.perf_counter() < until_s:
            pass
        return word

    result, took_s = timed(busy, time.perf_counter() + 0.02, word="done")
    assert result == "done"
    assert took_s >= 0.019


def test_what_is_awaited_is_timed() -> None:
    async def scene() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        loop.call_later(0.02, future.set_result, "done")
        return await measured(future)

    result, took_s = asyncio.run(scene())
    assert result == "done"
    assert took_s >= 0.015


def test_few_samples_are_a_doubt() -> None:
    assert few(FEW, "questions") == ()
    assert few(FEW - 1, "questions") == (f"only {FEW - 1} questions: a median of so few varies by chance",)
