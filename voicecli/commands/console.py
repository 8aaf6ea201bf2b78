"""What commands print and ask: messages on stderr, tables and data on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from voicecli.errors import VoiceCliError

PIPE_WIDTH = 200
"""Columns of a table that is not printed on a terminal, so that its cells are not folded."""


def print_note(text: str) -> None:
    """Print a line on stderr."""
    typer.echo(text, err=True)


def print_error(error: VoiceCliError) -> None:
    """Print on stderr what went wrong and what to do about it."""
    print_note(f"voicecli: {error.message}")
    if error.hint:
        print_note(f"hint: {error.hint}")


def confirm(question: str, hint: str, *, default: bool = False) -> bool:
    """Ask the user a yes-or-no question. Raise SettingsError with `hint` if stdin is not a terminal."""
    if not sys.stdin.isatty():
        raise SettingsError(f"cannot ask {question!r}: standard input is not a terminal", hint)
    return typer.confirm(question, default=default, err=True)


def table_console() -> Console:
    """Return a console on stdout: as wide as the terminal, or `PIPE_WIDTH` in a pipe."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def write_file(path: Path, text: str, option: str) -> None:
    """Write a file that `option` named. Raise SettingsError if that fails."""
    try:
        path.write_text(text, encoding="utf8")
    except OSError as error:
        reason = f"{path} cannot be written: {error.strerror}"
        raise SettingsError(reason, f"choose another file: {option} FILE") from error
