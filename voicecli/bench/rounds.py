"""How samples are taken: arms in turns, each call with its time, warm-ups apart. Pure but for the clock."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""What is being done, and how much of how much of it is."""

FEW = 6
"""Below so many samples a median moves by chance."""


def in_turns(arms: Sequence[T], turn: int) -> list[T]:
    """All of them; another comes first each time, so that none always finds the caches as the same one left them."""
    first = turn % len(arms)
    return [*arms[first:], *arms[:first]]


def timed(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What it returns, and the seconds that it took."""
    began_s = time.perf_counter()
    result = call(*args, **kwargs)
    return result, time.perf_counter() - began_s


def few(count: int, what: str) -> tuple[str, ...]:
    """A doubt where there is little to go by."""
    return (f"only {count} {what}: a median of so few moves by chance",) if count < FEW else ()


async def measured(call: Awaitable[T]) -> tuple[T, float]:
    """The same for what is awaited."""
    began_s = time.perf_counter()
    result = await call
    return result, time.perf_counter() - began_s
