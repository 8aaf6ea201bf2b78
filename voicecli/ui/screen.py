"""What the three screens have in common, and which one is taken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from voicecli.errors import SettingsError
from voicecli.events import Clock, Event

ScreenKind = Literal["auto", "live", "plain", "jsonl"]
Theme = Literal["auto", "light", "dark", "none"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the user wishes of the live screen."""

    theme: Theme = "auto"
    mouse: bool = False  # the wheel comes as reports of the mouse, which takes its buttons from the terminal


@dataclass(frozen=True, slots=True)
class Controls:
    """What a user can do to a conversation. All return at once."""

    set_muted: Callable[[bool], None]
    interrupt: Callable[[], None]
    ask: Callable[[str], None]  # a typed question, or a command that begins with a slash
    quit: Callable[[], None]
    repeat: Callable[[str], None] = lambda _: None  # say this earlier answer again, if nothing else is going on


class Screen(Protocol):
    """Shows events, and turns keys or lines into `Controls`. Used as a context: the terminal is its own inside."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, event: Event) -> None:
        """Take note of an event. Returns at once; call it on the loop's thread."""
        ...

    async def run(self, controls: Controls) -> None:
        """Redraw and read the user's input until cancelled. Quitting goes through `controls.quit`."""
        ...


def open_screen(kind: ScreenKind, clock: Clock, log_path: Path, look: Look | None = None) -> Screen:
    """The screen for this process: `auto` is live where both ends are a terminal that can draw, plain otherwise.

    Raises SettingsError where a live one was asked for and cannot be drawn.
    """
    if kind == "live" and not is_drawable():
        raise SettingsError(
            "the live screen needs a terminal that can move its cursor, for keys and for output, and TERM that says so",
            "--ui plain prints lines",
        )
    if kind == "jsonl":
        from voicecli.ui.jsonl import JsonlScreen

        return JsonlScreen(sys.stdout, input_fd())
    if kind == "live" or (kind == "auto" and is_drawable()):
        from voicecli.ui.live import LiveScreen

        return LiveScreen(clock, log_path, look=look)
    from voicecli.ui.plain import PlainScreen

    one_terminal = sys.stdout.isatty() and sys.stderr is not None and sys.stderr.isatty()
    return PlainScreen(sys.stdout, input_fd(), log_path if one_terminal else None)


def is_drawable() -> bool:
    """Whether stdin and stdout are a terminal with cursor movement."""
    from rich.console import Console

    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and not Console().is_dumb_terminal


def input_fd() -> int | None:
    """File descriptor of stdin; None when the process was started without one."""
    return None if sys.stdin is None else sys.stdin.fileno()
