"""The live screen on a pseudo-terminal whose output is drawn by pyte."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
from rich.console import Console

from voicecli.events import Event
from voicecli.ui.live import LiveScreen
from voicecli.ui.screen import Controls, Look
from voicecli.ui.terminal.keys import Key
from voicecli.ui.terminal.outlet import Outlet

READ_BYTES = 65_536


class Glass:
    """The user's end of a pseudo-terminal, with its output drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.person, self.program = os.openpty()
        os.set_blocking(self.person, False)
        self.raw = b""
        self.screen = pyte.Screen(width, height)
        self._write = pyte.ByteStream(self.screen).feed
        self.resize(width, height)

    def close(self) -> None:
        self.hang_up()
        os.close(self.program)

    def hang_up(self) -> None:
        """Close the window."""
        if self.person >= 0:
            os.close(self.person)
            self.person = -1

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.program, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)

    def look(self) -> int:
        """Draw the output so far and return its number of bytes."""
        try:
            raw = os.read(self.person, READ_BYTES)
        except BlockingIOError:
            return 0
        self.raw += raw
        self._write(raw)
        return len(raw)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.lines()) + "\n"


class Stage:
    """A live screen driven by events and keys."""

    def __init__(self, glass: Glass, log_path: Path, look: Look, color_system: str | None) -> None:
        self.glass = glass
        self.outlet = Outlet(glass.program)
        self.console = Console(
            file=self.outlet,
            width=glass.screen.columns,
            height=glass.screen.lines,
            force_terminal=True,
            color_system=color_system or "256",  # type: ignore[arg-type]
            legacy_windows=False,
            no_color=color_system is None,
            _environ={"TERM": "xterm-256color"},
        )
        self.now_s = 0.0
        self.done: list[object] = []
        self.live = LiveScreen(lambda: self.now_s, log_path, self.console, glass.program, look)
        self._controls = Controls(
            set_muted=lambda muted: self.done.append(("muted", muted)),
            interrupt=lambda: self.done.append("interrupt"),
            ask=lambda text: self.done.append(("ask", text)),
            quit=lambda: self.done.append("quit"),
            repeat=lambda text: self.done.append(("repeat", text)),
        )

    def show(self, *events: Event) -> None:
        for event in events:
            self.live.show(event)

    def press(self, *keys: Key) -> None:
        for key in keys:
            self.live.handle_key(key, self._controls)

    def text(self) -> str:
        """Return the text on the screen after all output is drawn."""
        self.live.draw()
        self.settle()
        self.live.draw()  # the frame that had to wait
        self.settle()
        return self.glass.text()

    def settle(self) -> None:
        """Read until no output is left."""
        while self.glass.look() or self.outlet.busy:
            self.outlet.flush()


@contextmanager
def on_stage(
    width: int, height: int, log_path: Path, look: Look | None = None, color_system: str | None = "256"
) -> Iterator[Stage]:
    """Yield a running live screen of this size; without a `color_system` it acts as with NO_COLOR."""
    glass = Glass(width, height)
    stage = Stage(glass, log_path, look or Look(), color_system)
    try:
        with stage.live:
            yield stage
            stage.settle()
    finally:
        stage.settle()
        stage.outlet.close()
        glass.close()
