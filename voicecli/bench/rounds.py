"""Take samples: alternate between arms, and time each call. Pure except for the clock."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with the current step, the number of items done, and their total."""

FEW = 6
"""With fewer samples a median varies by chance."""


def in_turns(arms: Sequence[T], turn: int) -> list[T]:
    """Return all arms, another one first in each turn, so that none always finds the caches of the same other one."""
    first = turn % len(arms)
    return [*arms[first:], *arms[:first]]


def timed(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """Return the result of a call, and its duration in seconds."""
    began_s = time.perf_counter()
    result = call(*args, **kwargs)
    return result, time.perf_counter() - began_s


def few(count: int, what: str) -> tuple[str, ...]:
    """Return a doubt if there are too few samples."""
    return (f"only {count} {what}: a median of so few varies by chance",) if count < FEW else ()


async def measured(call: Awaitable[T]) -> tuple[T, float]:
    """Return the result of an awaitable, and its duration in seconds."""
    began_s = time.perf_counter()
    result = await call
    return result, time.perf_counter() - began_s
