"""Worker threads: one for the blocking calls of an engine, awaited on the event loop, and one with its own loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ThreadWorker:
    """Runs calls in order on one daemon thread. Implements `base.Worker`.

    A thread cannot be stopped, so a call that is no longer awaited is skipped if it has not begun, and its result is
    dropped if it has. The thread is a daemon: Ctrl-C never waits for a decode.
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
        """Whether no call is running or waiting. On the loop it cannot change before the caller's next await."""
        return self._pending == 0

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `call(...)` on the worker's thread. Raise what it raises."""
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
                except BaseException as caught:  # raised to the caller
                    error = caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome, error)

        self._pending += 1
        self._calls.put(work)
        return await future

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


class LoopThread:
    """An event loop on a daemon thread, for synchronous callers of network code."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        if left := asyncio.all_tasks(self._loop):  # their callers were interrupted
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Block until `work` is done. Raise what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
