"""The terminal of the live screen: its modes, on and off again, and output that never blocks.

    alternate screen, no cursor, no line wrap    drawing leaves the earlier content alone
    keys one by one                              ui/terminal/keys.py
    bracketed paste                              pasted text runs no commands
    mouse events                                 if configured

All are switched off at the end, after errors, and while the program is suspended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console

from voicecli.ui.screen import Theme
from voicecli.ui.terminal.keys import MOUSE_OFF, MOUSE_ON, PASTE_OFF, PASTE_ON, cbreak
from voicecli.ui.terminal.outlet import Outlet
from voicecli.ui.terminal.painter import SYNC_OFF

WRAP_ON, WRAP_OFF = "\x1b[?7h", "\x1b[?7l"
"""DECAWM off: a terminal that has become narrower, or draws a character wider than expected, cuts the line."""


def console_of(theme: Theme) -> Console:
    """Return a console on standard output that never blocks."""
    return Console(file=Outlet(sys.stdout.fileno()), no_color=True if theme == "none" else None)


class Terminal:
    """A context manager: inside, the live screen owns the terminal."""

    def __init__(self, console: Console, keys_fd: int, *, mouse: bool) -> None:
        self._console = console
        self._outlet = console.file if isinstance(console.file, Outlet) else None
        self._keys_fd = keys_fd
        self._mouse = mouse
        self._modes = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as modes:
            modes.enter_context(cbreak(self._keys_fd))
            modes.callback(self.drain)
            modes.enter_context(self._console.screen())
            modes.callback(self.write, SYNC_OFF + MOUSE_OFF * self._mouse + PASTE_OFF + WRAP_ON)
            self.write(WRAP_OFF + PASTE_ON + MOUSE_ON * self._mouse)
            self._modes = modes.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._modes.close()

    @property
    def busy(self) -> bool:
        """Whether earlier output is still unsent, so that drawing more is useless."""
        return self._outlet is not None and self._outlet.busy

    def write(self, sequence: str) -> None:
        """Send a control sequence at once."""
        self._console.file.write(sequence)
        self._console.file.flush()

    def drain(self) -> None:
        """Wait until all output is sent, as long as the terminal accepts some."""
        if self._outlet is not None:
            self._outlet.drain()

    @contextmanager
    def on_loop(self, leaving: Callable[[], None], resumed: Callable[[], None]) -> Iterator[None]:
        """Send buffered output on the running loop; call `leaving` before a suspension and `resumed` after it."""
        loop = asyncio.get_running_loop()
        with ExitStack() as exits:
            if self._outlet is not None:
                exits.enter_context(self._outlet.on_loop())
            loop.add_signal_handler(signal.SIGTSTP, self._suspend, leaving, resumed)
            exits.callback(loop.remove_signal_handler, signal.SIGTSTP)
            yield

    def _suspend(self, leaving: Callable[[], None], resumed: Callable[[], None]) -> None:
        """Give the terminal back to the shell and stop. Another process asked for it; Ctrl-Z is off."""
        leaving()
        self._modes.close()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()
        resumed()
