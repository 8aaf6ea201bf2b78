"""Choose the screen for this process."""

from __future__ import annotations

import sys
from pathlib import Path

from voicecli.errors import SettingsError
from voicecli.events import Clock
from voicecli.ui.screen import Look, Screen, ScreenKind


def open_screen(kind: ScreenKind, clock: Clock, log_path: Path, look: Look | None = None) -> Screen:
    """Return the screen for this process.

    `auto` is live if stdin and stdout are a terminal with cursor movement, plain otherwise.
    Raise SettingsError if `live` cannot be drawn.
    """
    if kind == "live" and not is_drawable():
        raise SettingsError(
            "the live screen needs a terminal with cursor movement for input and output, and TERM set accordingly",
            "Use --ui plain to print lines.",
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
    """Return whether stdin and stdout are a terminal with cursor movement."""
    from rich.console import Console

    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and not Console().is_dumb_terminal


def input_fd() -> int | None:
    """Return the file descriptor of stdin; None if the process was started without one."""
    return None if sys.stdin is None else sys.stdin.fileno()
