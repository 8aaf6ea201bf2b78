"""A program that is stopped from outside, `kill -TSTP`, gives the terminal back and takes it again when it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def suspendable(fd: int, leave: Callable[[], object], back: Callable[[], object]) -> Iterator[None]:
    """On the running loop. `leave` is called before the stop, `back` after it; the modes of `fd` are put back."""

    def stop() -> None:
        modes = termios.tcgetattr(fd)
        leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        termios.tcsetattr(fd, termios.TCSADRAIN, modes)
        back()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)
