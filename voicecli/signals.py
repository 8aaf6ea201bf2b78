"""Ctrl-C and a polite kill: the first one ends a run in order, the next one by force."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voicecli.errors import INTERRUPTED_EXIT_CODE

FORCE_AFTER_S = 0.8
"""An orderly end takes some 50 ms; if it has not come by then, a native call is in its way."""


def stop_soon(task: asyncio.Task[Any], leave: Callable[[], object]) -> None:
    """The first call cancels the task, the second one, or a hanging native call, ends the program.

    `leave` gives the terminal back before that.
    """

    def force() -> None:
        leave()
        os._exit(INTERRUPTED_EXIT_CODE)

    if task.cancelling():
        force()
    task.cancel()
    asyncio.get_running_loop().call_later(FORCE_AFTER_S, force)


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM both call `stop`, on the loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
