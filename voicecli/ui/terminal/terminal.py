"""A terminal that belongs to the live screen: its modes, on and off again, and a way out that never blocks.

    alternate screen, no cursor, no line wrap    what is drawn touches nothing that was there before
    keys one by one                              ui/keys.py
    bracketed paste                              pasted text commands nothing
    reports of the mouse                         where they are wished for

All are taken back on every way out, and while the program is suspended.
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
from voicecli.ui.terminal.painter import TOGETHER_OFF

WRAP_ON, WRAP_OFF = "\x1b[?7h", "\x1b[?7l"
"""DECAWM. A terminal that has become narrower, or takes a sign for wider than we do, then cuts the line."""


def console_of(theme: Theme) -> Console:
    """Standard output as a terminal that is never waited for."""
    return Console(file=Outlet(sys.stdout.fileno()), no_color=True if theme == "none" else None)


class Terminal:
    """A context: inside, the terminal is the live screen's."""

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
            modes.callback(self.write, TOGETHER_OFF + MOUSE_OFF * self._mouse + PASTE_OFF + WRAP_ON)
            self.write(WRAP_OFF + PASTE_ON + MOUSE_ON * self._mouse)
            self._modes = modes.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._modes.close()

    @property
    def busy(self) -> bool:
        """Whether it has not taken yet what was written: it is no use to draw more."""
        return self._outlet is not None and self._outlet.busy

    def write(self, order: str) -> None:
        """Something for the terminal itself."""
        self._console.file.write(order)
        self._console.file.flush()

    def drain(self) -> None:
        """Wait until all is shown, as far as the terminal goes on taking it."""
        if self._outlet is not None:
            self._outlet.drain()

    @contextmanager
    def on_loop(self, leaving: Callable[[], None], resumed: Callable[[], None]) -> Iterator[None]:
        """What waits is sent when the terminal takes it; the two are called before and after a suspension."""
        loop = asyncio.get_running_loop()
        with ExitStack() as exits:
            if self._outlet is not None:
                exits.enter_context(self._outlet.on_loop())
            loop.add_signal_handler(signal.SIGTSTP, self._suspend, leaving, resumed)
            exits.callback(loop.remove_signal_handler, signal.SIGTSTP)
            yield

    def _suspend(self, leaving: Callable[[], None], resumed: Callable[[], None]) -> None:
        """The shell gets its terminal; the keyboard never asks for this, another process may."""
        leaving()
        self._modes.close()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()
        resumed()
