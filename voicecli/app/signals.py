"""Ctrl-C, a polite kill and a terminal that closes: the first ends a run in order, another Ctrl-C or kill by force."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voicecli.errors import INTERRUPTED_EXIT_CODE

FORCE_AFTER_S = 0.8
"""An orderly end takes some 50 ms; if it has not come by then, a native call is in its way."""


def stop_soon(task: asyncio.Task[Any], restore_terminal: Callable[[], object]) -> None:
    """The first call cancels the task, the second one, or a hanging native call, ends the program.

    `leave` gives the terminal back before that.
    """

    def force() -> None:
        restore_terminal()
        os._exit(INTERRUPTED_EXIT_CODE)

    if task.cancelling():
        force()
    task.cancel()
    asyncio.get_running_loop().call_later(FORCE_AFTER_S, force)


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM both call `stop`, on the loop; so does SIGHUP, where nobody has the program outlast it.

    To be used by the task that `stop` ends.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def hung_up() -> None:
        discard_output(*(fd for fd in (1, 2) if stat.S_ISCHR(os.fstat(fd).st_mode)))  # files and pipes stay
        if not task.cancelling():  # the keys, which end with their terminal, may have said so before
            stop()

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop}
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        handlers[signal.SIGHUP] = hung_up
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def discard_output(*fds: int) -> None:
    """What cannot be written any more would fail whoever still writes there."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for fd in fds:
        os.dup2(nowhere, fd)
    os.close(nowhere)
