"""Push-to-talk on the live screen: the space bar talks unless something is being typed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.ui.test_live import Actions, Terminal
from tests.unit.ui.turns import READY, TEXT_ONLY
from voicecli.events import HoldChanged, MuteChanged
from voicecli.ui.line_editor import Line
from voicecli.ui.terminal.keys import Key
from voicecli.ui.terminal.kitty import FLAGS_REPLY, POP, PUSH, QUERY, RELEASED, REPEATED

BY_KEY = replace(READY, mode="push-to-talk")
AGREES = (f"{FLAGS_REPLY}0", f"{FLAGS_REPLY}27")


class Pushes(Actions):
    def __init__(self) -> None:
        super().__init__()
        self.controls = replace(self.controls, push=lambda held: self.done.append(("held", held)))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(80, 24, tmp_path / "log")
    yield terminal
    terminal.close()


def press(terminal: Terminal, *keys: Key) -> list[object]:
    actions = Pushes()

    async def main() -> None:
        for key in keys:
            terminal.live.handle_key(key, actions.controls)

    asyncio.run(main())
    return actions.done


def test_the_protocol_is_requested_and_switched_off_again(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(READY)
        assert QUERY not in terminal.out.getvalue()
        live.show(BY_KEY)
        press(terminal, *AGREES)
        assert terminal.out.getvalue().endswith(QUERY + PUSH + QUERY)
    written = terminal.out.getvalue()
    assert written.count(POP) == 1
    assert written.index(POP) < written.index("\x1b[?1049l"), "each screen of a terminal has its own"


def test_an_error_gives_the_keyboard_back_too(terminal: Terminal) -> None:
    terminal.live.show(BY_KEY)
    press(terminal, *AGREES)
    with pytest.raises(RuntimeError), terminal.live:
        raise RuntimeError
    assert terminal.out.getvalue().count(POP) == 1


def test_the_space_bar_is_held_and_let_go(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(BY_KEY)
        press(terminal, *AGREES)
        assert press(terminal, " ", REPEATED) == [("held", True)]
        terminal.now_s += 2.0
        assert press(terminal, REPEATED, RELEASED) == [("held", False)]


def test_a_tap_is_shown_to_need_another(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(BY_KEY)
        press(terminal, *AGREES, " ", RELEASED)
        live.show(HoldChanged(at_s=1, held=True))
        live.draw()
        assert terminal.shown()[-1].startswith(" space to send")
        assert press(terminal, " ", RELEASED) == [("held", False)]


def test_while_something_is_typed_it_makes_spaces(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(BY_KEY)
        assert press(terminal, "t", " ") == [("held", True)]
        assert live.line == Line()
        press(terminal, "esc")
        terminal.now_s += 10
        live._bar.close()
        assert press(terminal, "t", "a", " ", "b", "enter") == [("ask", "a b")]


def test_a_key_that_is_held_is_let_go_even_where_something_was_typed_meanwhile(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(BY_KEY)
        press(terminal, *AGREES, " ", "t", "a")
        terminal.now_s += 2.0
        assert press(terminal, RELEASED) == [("held", False)]
        assert live.line == Line("a", 1)


def test_m_mutes_where_the_space_bar_has_something_else_to_do(terminal: Terminal) -> None:
    terminal.live.show(BY_KEY)
    assert press(terminal, "m") == [("muted", True)]
    terminal.live.show(MuteChanged(at_s=1, muted=True))
    assert press(terminal, "m") == [("muted", False)]


def test_without_a_microphone_there_is_nothing_to_hold_it_for(terminal: Terminal) -> None:
    terminal.live.show(replace(TEXT_ONLY, mode="push-to-talk"))
    assert press(terminal, " ", "a", "enter") == [("ask", "a")]


def test_ctrl_c_that_comes_as_a_key_is_the_signal(terminal: Terminal) -> None:
    with pytest.raises(KeyboardInterrupt):
        terminal.live.handle_key("ctrl-c", Actions().controls)


STOPPED = """
import asyncio, os, sys
from pathlib import Path
from rich.console import Console
from tests.unit.ui.test_live_push_to_talk import AGREES, BY_KEY, Pushes
from voicecli.ui.live import LiveScreen

async def main():
    with LiveScreen(lambda: 0.0, Path(sys.argv[1]), Console(force_terminal=True, width=80, height=24)) as live:
        live.show(BY_KEY)
        running = asyncio.create_task(live.run(Pushes().controls))
        await asyncio.sleep(0)  # it runs
        for key in AGREES:
            live.handle_key(key, Pushes().controls)
        await asyncio.sleep(30)

asyncio.run(main())
"""


def test_a_program_that_is_stopped_gives_the_keyboard_back_and_asks_again(tmp_path: Path) -> None:
    person, program = os.openpty()
    code = [sys.executable, "-c", STOPPED, str(tmp_path / "log")]
    root = str(Path(__file__).parents[3])
    environ = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(code, stdin=program, stdout=program, stderr=program, cwd=root, env=environ) as child:
        os.close(program)
        try:
            read_until(person, PUSH + QUERY)
            child.send_signal(signal.SIGTSTP)
            left = read_until(person, "\x1b[?25h")
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
            child.send_signal(signal.SIGCONT)
            came_back = read_until(person, QUERY)
        finally:
            child.kill()
    os.close(person)
    assert POP in left
    assert "\x1b[?1049l" in left
    assert "\x1b[?1049h" in came_back


def read_until(fd: int, wanted: str) -> str:
    seen = b""
    while wanted.encode() not in seen:
        seen += os.read(fd, 4096)
    return seen.decode(errors="replace")
