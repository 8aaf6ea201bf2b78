"""An event loop on which no real time passes: it jumps to the next timer. The product reads no other clock."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(AssertionError):
    """Every task waits and no timer is set: on a real loop the program would hang."""


class JumpingSelector(selectors.DefaultSelector):
    """Does not wait: adds the time-out to its own clock."""

    def __init__(self, began_s: float) -> None:
        super().__init__()
        self.now_s = began_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing will ever happen")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual seconds."""

    def __init__(self, began_s: float) -> None:
        self._jumping = JumpingSelector(began_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, T], began_s: float = 1000.0) -> T:
    """`asyncio.run` in virtual time, which begins at `began_s`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(began_s)) as runner:
        return runner.run(main)
