"""Handle SIGINT, SIGTERM and SIGHUP: the first signal ends the run in order, the second one by force."""

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
"""Time limit of an orderly end, which takes about 50 ms. After it, a native call must be blocking."""


def stop_soon(task: asyncio.Task[Any], restore_terminal: Callable[[], object]) -> None:
    """Cancel the task on the first call; exit the process on the second one, or if a native call blocks.

    Call `restore_terminal` before the process exits.
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
    """Call `stop` on the loop after SIGINT or SIGTERM, and after SIGHUP unless it is ignored (nohup).

    Use it in the task that `stop` ends.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def hung_up() -> None:
        discard_output(*(fd for fd in (1, 2) if stat.S_ISCHR(os.fstat(fd).st_mode)))  # keep files and pipes
        if not task.cancelling():  # the key reader, which ends with its terminal, may already have called it
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
    """Redirect file descriptors to /dev/null, because writing to a closed terminal would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for fd in fds:
        os.dup2(nowhere, fd)
    os.close(nowhere)
