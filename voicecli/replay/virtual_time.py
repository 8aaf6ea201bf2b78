"""Virtual time: an event loop that jumps to its next timer, and blocking calls on it."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CallClock:
    """The loop's clock; inside a call it also advances by `timer` and by the seconds that the call spends.

    The loop's own time stands still during a call, but code that measures inside the call must see time pass.
    `last_call_s` is how long the loop then has to wait for the result.
    """

    def __init__(self, timer: Callable[[], float] = time.perf_counter) -> None:
        self._timer = timer
        self._began_s: float | None = None
        self._spent_s = 0.0
        self._took_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self._so_far_s()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Time what runs inside."""
        self._began_s, self._spent_s = self._timer(), 0.0
        try:
            yield
        finally:
            self._took_s, self._began_s = self._so_far_s(), None

    def spend(self, seconds: float) -> None:
        """Add seconds to the current call, because its result was cached or its latency is fixed."""
        self._spent_s += seconds

    def last_call_s(self, *args: object) -> float:
        """Return the seconds of the last call. Arguments are ignored."""
        return self._took_s

    def _so_far_s(self) -> float:
        return 0.0 if self._began_s is None else self._timer() - self._began_s + self._spent_s


@dataclass
class Job:
    """A call that is queued or running."""

    call: Callable[[], object]
    args: tuple[object, ...]
    answer: asyncio.Future[object]


class TimedWorker:
    """A `base.Worker` in virtual time: calls run one after another, as on a thread.

    Each call is made at once, and its result arrives after its latency. A running call cannot be cancelled; a queued
    one is skipped.
    """

    def __init__(
        self, took_s: Callable[..., float], around: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """Run each call inside `around()`; then call `took_s` with its arguments for its latency."""
        self._took_s = took_s
        self._around = around
        self._waiting: deque[Job] = deque()
        self._running = False

    @property
    def idle(self) -> bool:
        return not self._running and not self._waiting

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Job(lambda: call(*args, **kwargs), args, answer))  # type: ignore[arg-type]
        if not self._running:
            self._begin()
        return await answer

    def _begin(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            if job.answer.cancelled():
                continue
            self._running = True
            try:
                with self._around():
                    result, error = job.call(), None
            except Exception as caught:
                result, error = None, caught
            asyncio.get_running_loop().call_later(self._took_s(*job.args), self._end, job, result, error)
            return

    def _end(self, job: Job, result: object, error: Exception | None) -> None:
        self._running = False
        if job.answer.cancelled():
            pass
        elif error is not None:
            job.answer.set_exception(error)
        else:
            job.answer.set_result(result)
        self._begin()


class NothingScheduled(AssertionError):
    """Raised if every task waits and no timer is set: on a real loop the program would hang."""


class JumpingSelector(selectors.DefaultSelector):
    """A selector that does not wait but adds the timeout to its clock."""

    def __init__(self, began_s: float) -> None:
        super().__init__()
        self.now_s = began_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingScheduled("every task waits and no timer is set")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is virtual."""

    def __init__(self, began_s: float) -> None:
        self._jumping = JumpingSelector(began_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, T], began_s: float = 1000.0) -> T:
    """Run a coroutine like `asyncio.run`, in virtual time that begins at `began_s`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(began_s)) as runner:
        return runner.run(main)
