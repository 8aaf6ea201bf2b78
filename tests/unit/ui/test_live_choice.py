"""Which screen a process gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from voicecli.ui.jsonl import JsonlScreen
from voicecli.ui.live import LiveScreen
from voicecli.ui.open import input_fd, is_drawable, open_screen
from voicecli.ui.plain import PlainScreen
from voicecli.ui.screen import ScreenKind


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """The program's end of a pseudo-terminal."""
    person, program = os.openpty()
    with open(program, "w", encoding="utf-8") as stream:
        yield stream
    os.close(person)


@pytest.fixture
def piped(tmp_path: Path) -> Iterator[TextIO]:
    with (tmp_path / "out").open("w", encoding="utf-8") as stream:
        yield stream


def attach(monkeypatch: pytest.MonkeyPatch, stdin: TextIO | None, stdout: TextIO, term: str = "xterm") -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("TERM", term)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("auto", LiveScreen), ("live", LiveScreen), ("plain", PlainScreen), ("jsonl", JsonlScreen)],
)
def test_at_a_terminal(
    kind: ScreenKind, expected: type, terminal: TextIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    attach(monkeypatch, terminal, terminal)
    assert isinstance(open_screen(kind, lambda: 0.0, tmp_path / "log"), expected)


def test_auto_is_plain_where_a_screen_cannot_be_drawn(
    terminal: TextIO, piped: TextIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for stdin, stdout, term in [
        (terminal, piped, "xterm"),
        (piped, terminal, "xterm"),
        (None, terminal, "xterm"),
        (terminal, terminal, "dumb"),
    ]:
        attach(monkeypatch, stdin, stdout, term)
        assert not is_drawable()
        assert isinstance(open_screen("auto", lambda: 0.0, tmp_path / "log"), PlainScreen)


def test_a_process_without_stdin_has_no_input(monkeypatch: pytest.MonkeyPatch, piped: TextIO) -> None:
    attach(monkeypatch, None, piped)
    assert input_fd() is None
