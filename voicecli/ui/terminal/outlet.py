"""Output to a terminal that never makes its writer wait.

A terminal that is not read - a stalled SSH link, a stopped tmux client - takes some kilobytes and then blocks whoever
writes. The loop that draws is the loop that carries the sound, so what is not taken at once is kept and sent later; who
draws asks first whether there is still something to send.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SAFE_BYTES = 256
"""What a terminal takes without blocking when it says that it can be written to (WAKEUP_CHARS of Linux' n_tty)."""

PATIENCE_S = 2.0
"""How long the last words wait for a terminal that takes nothing."""


class Outlet(io.StringIO):
    """Text that is collected, and sent by `flush` as far as the terminal takes it."""

    def __init__(self, fd: int) -> None:
        """Writes to the terminal of `fd`, which keeps its own modes: blocking is a mode of whoever shares it."""
        super().__init__(newline="")
        try:
            self._fd = os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            self._most_bytes = 65_536
        except OSError:  # another user's terminal, as after `su`
            self._fd = os.dup(fd)
            self._most_bytes = SAFE_BYTES
        self._waiting = bytearray()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = False

    @property
    def busy(self) -> bool:
        """Whether the terminal has not taken all yet."""
        return bool(self._waiting)

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """Hand over what was written; returns at once. A terminal that is gone takes everything."""
        self._waiting += self.getvalue().encode("utf-8", errors="replace")
        self.seek(0)
        self.truncate()
        self._send()

    @contextmanager
    def on_loop(self) -> Iterator[None]:
        """Send what waits as soon as the terminal takes it, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._watch()
        try:
            yield
        finally:
            if self._watched:
                self._loop.remove_writer(self._fd)
            self._loop, self._watched = None, False

    def drain(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until all is taken, or nothing was for so long."""
        self.flush()
        while self._waiting and select.select([], [self._fd], [], patience_s)[1]:
            self._send()

    def close(self) -> None:
        """Without waiting; what was not taken is lost."""
        if not self.closed:
            with suppress(OSError):
                os.close(self._fd)
        super().close()

    def _send(self) -> None:
        try:
            while self._waiting and select.select([], [self._fd], [], 0)[1]:
                del self._waiting[: os.write(self._fd, self._waiting[: self._most_bytes])]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()
        self._watch()

    def _watch(self) -> None:
        if self._loop is None or self._watched == self.busy:
            return
        self._watched = self.busy
        if self._watched:
            self._loop.add_writer(self._fd, self._send)
        else:
            self._loop.remove_writer(self._fd)
