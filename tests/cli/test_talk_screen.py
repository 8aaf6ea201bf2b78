"""`voicecli talk` on a terminal as a user has it: what stands there, and what is left of it afterwards."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_faults import kept, server
from tests.screens.glass import Glass

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

WAIT_S = 60.0

CODE = ("Look:\n\n```python\nprint('hello')\n```\n\nThat", "is", "all.")


START = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""The terminal becomes that of the session, as it is in a shell: a program there is notified when it closes."""


class Seen:
    """The program on its terminal."""

    def __init__(self, glass: Glass, process: subprocess.Popen[bytes]) -> None:
        self.glass, self.process = glass, process

    def until(self, text: str) -> str:
        """What stands there once `text` does."""
        deadline_s = time.monotonic() + WAIT_S
        while text not in self.glass.text():
            remaining_s = deadline_s - time.monotonic()
            assert remaining_s > 0, f"no {text!r} on the screen:\n{self.glass.text()}"
            if select.select([self.glass.person], [], [], remaining_s)[0]:
                self.glass.look()
        return self.glass.text()

    def left(self) -> str:
        """What was printed after the screen was gone."""
        while self.glass.look():
            pass
        return self.glass.raw.rpartition(b"\x1b[?1049l")[2].decode()

    def type(self, text: str) -> None:
        os.write(self.glass.person, text.encode())


@contextmanager
def seen(width: int, height: int, port: int, *more: str, **environ: str) -> Iterator[Seen]:
    """Without a sound card, so questions are typed."""
    glass = Glass(width, height)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    arguments = ("talk", "--offline", "--llm-url", f"http://127.0.0.1:{port}/v1", *more)
    history = {} if "VOICECLI_HISTORY_FILE" in environ else {"VOICECLI_HISTORY_ENABLED": "false"}
    with subprocess.Popen(
        [sys.executable, "-c", START, "-m", "voicecli", *arguments],
        stdin=glass.program,
        stdout=glass.program,
        stderr=glass.program,
        env={**env, "TERM": "xterm-256color", "XDG_RUNTIME_DIR": "/nonexistent", **history, **environ},
        start_new_session=True,
    ) as process:
        try:
            yield Seen(glass, process)
        finally:
            process.kill()
            glass.close()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48)])
def test_a_typed_conversation(width: int, height: int) -> None:
    with server(0, *CODE) as (_, port), seen(width, height, port) as program:
        before = termios.tcgetattr(program.glass.program)
        program.type("\x1b]11;rgb:ffff/ffff/ffff\x1b\\")
        program.until("● Ready")
        program.type("How do I greet?\r")
        shown = program.until("That is all.")
        assert "❯ How do I greet?" in shown
        assert "print('hello')" in shown
        assert "```" not in program.until("● Ready")
        program.glass.resize(40, 12)
        program.until("enter send   ctrl-c quit")
        program.type("\x04")
        assert program.process.wait(WAIT_S) == 0
        assert "How do I greet?" in program.left()
        assert termios.tcgetattr(program.glass.program) == before


def test_without_colors_nothing_is_coloured_and_all_is_there() -> None:
    with server(0, *CODE) as (_, port), seen(80, 24, port, NO_COLOR="1") as program:
        program.until("● Ready")
        program.type("How do I greet?\r")
        program.until("That is all.")
        cells = [cell for row in program.glass.screen.buffer.values() for cell in row.values()]
        assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
        assert any(cell.bold for cell in cells)


def test_a_terminal_that_is_not_read_stops_neither_the_program_nor_its_end() -> None:
    """Nobody looks while it loads, is asked and answers; then all is there."""
    with server(0, *CODE) as (asked, port), seen(80, 24, port) as program:
        program.type("tOne?\r")
        assert asked.line() == "One?"
        program.until("That is all.")
        program.type("\x04")
        assert program.process.wait(WAIT_S) == 0


@pytest.mark.parametrize("ui", ["live", "plain", "jsonl"])
def test_what_was_said_is_kept_when_the_terminal_closes_in_mid_answer(ui: str, tmp_path: Path) -> None:
    history, log = tmp_path / "history.db", tmp_path / "log"
    reported = {"VOICECLI_HISTORY_FILE": str(history), "VOICECLI_LOG_FILE": str(log)}
    with server(0, "Once", "upon", "STALL") as (asked, port), seen(80, 24, port, "--ui", ui, **reported) as program:
        program.type("Tell me a story.\n" if ui != "live" else "tTell me a story.\r")
        assert asked.line() == "Tell me a story."
        program.until("Once upon" if ui == "live" else "Tell me a story.")
        program.glass.hang_up()
        assert program.process.wait(WAIT_S) in (0, 130)  # the keys have ended first, or the signal came
    assert [(question, outcome) for question, _, outcome in kept(history)] == [("Tell me a story.", "interrupted")]
