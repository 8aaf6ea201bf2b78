"""One thread for one blocking engine; its calls are awaited on the loop. Satisfies `base.Worker`."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ThreadWorker:
    """Runs calls in order on one daemon thread.

    A thread cannot be stopped, so a call that nobody awaits any longer is skipped if it has not begun, and its result
    is dropped if it has. The thread is a daemon: Ctrl-C never waits for a decode.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._pending = 0
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.put(None)

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits; asked on the loop, so it cannot change before the caller's next await."""
        return self._pending == 0

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `call(...)` on the worker's thread; its exception is raised here."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(outcome: T | None, error: BaseException | None) -> None:
            self._pending -= 1
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(outcome)  # type: ignore[arg-type]

        def work() -> None:
            outcome, error = None, None
            if not future.cancelled():
                try:
                    outcome = call(*args, **kwargs)
                except BaseException as caught:  # handed to whoever awaits
                    error = caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome, error)

        self._pending += 1
        self._calls.put(work)
        return await future

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
