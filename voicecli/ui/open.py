"""Choose the screen for this process."""

from __future__ import annotations

import sys
from pathlib import Path

from voicecli.errors import SettingsError
from voicecli.events import Clock
from voicecli.ui.screen import Look, Screen, ScreenKind


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
