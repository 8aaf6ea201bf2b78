"""Modes of a terminal: on while the screen is up, off on every way out; the wheel."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.screens.glass import Glass, Stage, on_stage
from tests.screens.scenes import HERE, long_talk
from voicecli.errors import SettingsError
from voicecli.ui.dialogue import WHEEL_LINES, scroll
from voicecli.ui.open import open_screen
from voicecli.ui.screen import Controls, Look
from voicecli.ui.terminal.terminal import console_of

MODES = re.compile(rb"\x1b\[\?(\d+)([hl])")

LEFT_ON = {7: True, 25: True}
"""Line wrap and the cursor; all else is off where nobody asked for it."""


def modes(raw: bytes) -> dict[int, bool]:
    """Each mode that was ever set, as it is in the end."""
    return {int(number): state == b"h" for number, state in MODES.findall(raw)}


@pytest.mark.parametrize("mouse", [True, False])
def test_each_terminal_mode_is_reset(mouse: bool, tmp_path: Path) -> None:
    with on_stage(80, 24, tmp_path / "log", Look(mouse=mouse)) as stage:
        stage.show(HERE)
        stage.text()
        inside = modes(stage.glass.raw)
        assert inside[1049]
        assert (1000 in inside, 1006 in inside) == (mouse, mouse)
        assert not inside[7]
    assert {number for number, is_on in modes(stage.glass.raw).items() if is_on} == set(LEFT_ON)


def test_a_crash_takes_the_modes_back_too(tmp_path: Path) -> None:
    stages: list[Stage] = []

    def crash() -> None:
        with on_stage(80, 24, tmp_path / "log", Look(mouse=True)) as stage:
            stage.show(HERE)
            stages.append(stage)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert {number for number, is_on in modes(stages[0].glass.raw).items() if is_on} == set(LEFT_ON)


SUSPENDED = """
import asyncio, sys
from pathlib import Path
from tests.screens.scenes import HERE
from voicecli.ui.open import open_screen
from voicecli.ui.screen import Controls, Look

async def main():
    stop = asyncio.Event()
    controls = Controls(lambda muted: None, lambda: None, lambda text: None, stop.set)
    screen.show(HERE)
    running = asyncio.create_task(screen.run(controls))
    await stop.wait()
    running.cancel()

with open_screen("live", lambda: 0.0, Path(sys.argv[1]), Look(mouse=True)) as screen:
    asyncio.run(main())
"""


def until(glass: Glass, mark: bytes, since: int) -> int:
    """Read until `mark` has come; returns how much was read by then."""
    os.set_blocking(glass.person, True)
    while mark not in glass.raw[since:]:
        assert glass.look()
    return len(glass.raw)


def test_a_suspended_program_leaves_the_terminal_to_others_and_comes_back(tmp_path: Path) -> None:
    glass = Glass(80, 24)
    with subprocess.Popen(
        [sys.executable, "-c", SUSPENDED, str(tmp_path / "log")],
        stdin=glass.program,
        stdout=glass.program,
        env={**os.environ, "TERM": "xterm-256color"},
    ) as process:
        try:
            read = until(glass, b"\x1b]11;?", 0)
            process.send_signal(signal.SIGTSTP)
            assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
            read = until(glass, b"\x1b[?1049l", read)
            assert {number for number, is_on in modes(glass.raw).items() if is_on} == set(LEFT_ON)
            process.send_signal(signal.SIGCONT)
            read = until(glass, b"Say something.", until(glass, b"\x1b[?1006h", read))
            os.write(glass.person, b"q")
            until(glass, b"\x1b[?1049l", read)
            assert process.wait() == 0
        finally:
            process.kill()
            glass.close()


def test_the_wheel_scrolls_while_one_types_too(tmp_path: Path) -> None:
    with on_stage(80, 24, tmp_path / "log", Look(mouse=True)) as stage:
        stage.show(HERE, *long_talk())
        newest = stage.text()
        stage.press("t", "wheel-up")
        assert stage.live.line is not None
        back = stage.text()
        assert "Question 20?" in newest
        assert "Answer 20." not in back
        stage.press("wheel-down", "esc")
        assert stage.text() == newest


def test_arrow_keys_scroll_where_nothing_is_typed(tmp_path: Path) -> None:
    with on_stage(80, 24, tmp_path / "log") as stage:
        stage.show(HERE, *long_talk())
        stage.press(*["up"] * WHEEL_LINES)
        arrows = stage.live.top
        stage.press("end", "wheel-up")
        assert arrows is not None
        assert stage.live.top == arrows
        stage.press("end", "t", "up")
        assert stage.live.top is None


def test_lines_are_scrolled_within_the_conversation() -> None:
    assert scroll(None, "up", 100, 10) == 89
    assert scroll(5, "down", 100, 10) == 6
    assert scroll(1, "wheel-up", 100, 10) == 0
    assert scroll(88, "wheel-down", 100, 10) is None


def test_the_terminal_is_queried_only_where_it_may_reply(tmp_path: Path) -> None:
    async def ask(look: Look) -> bytes:
        with on_stage(80, 24, tmp_path / "log", look) as stage:
            controls = Controls(lambda muted: None, lambda: None, lambda text: None, lambda: None)
            running = asyncio.create_task(stage.live.run(controls))
            await asyncio.sleep(0)
            stage.settle()
            running.cancel()
            return stage.glass.raw

    assert b"\x1b]11;?" in asyncio.run(ask(Look()))
    assert b"\x1b]11;?" not in asyncio.run(ask(Look("dark")))


def test_a_live_screen_that_cannot_be_drawn_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("voicecli.ui.open.is_drawable", lambda: False)
    with pytest.raises(SettingsError, match="needs a terminal"):
        open_screen("live", lambda: 0.0, tmp_path / "log")


def test_theme_none_has_no_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    glass = Glass(80, 24)
    with os.fdopen(os.dup(glass.program), "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert console_of("none").no_color
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert not console_of("auto").no_color
        monkeypatch.setenv("NO_COLOR", "1")
        assert console_of("auto").no_color
    glass.close()
