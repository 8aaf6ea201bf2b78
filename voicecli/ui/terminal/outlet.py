"""Output to a terminal that never blocks, and native stderr output moved to a log file.

A terminal that is not read, such as a stalled SSH link or a stopped tmux client, accepts a few kilobytes and then
blocks the writer. Drawing and sound share one loop, so text that is not accepted at once is buffered and sent later;
`busy` tells whether there is still something to send.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

SAFE_BYTES = 256
"""Bytes that a writable terminal accepts without blocking (WAKEUP_CHARS of Linux' n_tty)."""

DRAIN_TIMEOUT_S = 2.0
"""How long the last output waits for a terminal that accepts nothing."""

STDERR_FD = 2


class Outlet(io.StringIO):
    """A text buffer that `flush` sends as far as the terminal accepts it."""

    def __init__(self, fd: int) -> None:
        """Open the terminal of `fd` a second time: non-blocking mode would affect all users of a shared descriptor."""
        super().__init__(newline="")
        try:
            self._fd = os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            self._max_bytes = 65_536
        except OSError:  # another user's terminal, as after `su`
            self._fd = os.dup(fd)
            self._max_bytes = SAFE_BYTES
        self._waiting = bytearray()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = False

    @property
    def busy(self) -> bool:
        """Whether the terminal has not accepted everything yet."""
        return bool(self._waiting)

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """Send the buffer and return at once. Output to a closed terminal is dropped."""
        self._waiting += self.getvalue().encode("utf-8", errors="replace")
        self.seek(0)
        self.truncate()
        self._send()

    @contextmanager
    def on_loop(self) -> Iterator[None]:
        """Send buffered output on the running loop as soon as the terminal accepts it."""
        self._loop = asyncio.get_running_loop()
        self._watch()
        try:
            yield
        finally:
            if self._watched:
                self._loop.remove_writer(self._fd)
            self._loop, self._watched = None, False

    def drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> None:
        """Wait until everything is sent, or the terminal accepts nothing for `timeout_s`."""
        self.flush()
        while self._waiting and select.select([], [self._fd], [], timeout_s)[1]:
            self._send()

    def close(self) -> None:
        """Close without waiting; unsent output is lost."""
        if not self.closed:
            with suppress(OSError):
                os.close(self._fd)
        super().close()

    def _send(self) -> None:
        try:
            while self._waiting and select.select([], [self._fd], [], 0)[1]:
                del self._waiting[: os.write(self._fd, self._waiting[: self._max_bytes])]
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


@contextmanager
def stderr_to(path: Path) -> Iterator[None]:
    """Append everything written to file descriptor 2 to `path`, and restore it afterwards.

    ALSA, JACK and model libraries write to it directly, not through Python.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    saved = os.dup(STDERR_FD)
    try:
        with path.open("ab") as log:
            os.dup2(log.fileno(), STDERR_FD)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, STDERR_FD)
        os.close(saved)


@contextmanager
def own_stderr(log_path: Path) -> Iterator[TextIO]:
    """Yield a stderr for the program alone: on a terminal, output of libraries goes to `log_path` meanwhile."""
    if not sys.stderr.isatty():
        yield sys.stderr
        return
    with open(os.dup(STDERR_FD), "w", encoding="utf8", buffering=1) as own, stderr_to(log_path):
        yield own
