"""The live screen on a terminal: what it really shows, what keys do, what it leaves behind."""

from __future__ import annotations

import asyncio
import io
import os
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyte
import pytest
from rich.console import Console

from tests.unit.ui.test_live_frame import DONE, SCENES, console
from tests.unit.ui.turns import (
    ASKED,
    ONE,
    READY,
    TEXT_ONLY,
    TWO,
    audible,
    ended,
    token,
    view_of,
)
from voicecli.events import (
    LevelMeasured,
    MuteChanged,
    TurnInterrupted,
    UserTyped,
)
from voicecli.slash.complete import Offer, Value, offers
from voicecli.ui.dialogue import farewell
from voicecli.ui.frame import Scene, frame
from voicecli.ui.line_editor import Line, Palette
from voicecli.ui.live import LiveScreen
from voicecli.ui.screen import Controls, Look
from voicecli.ui.terminal.keys import Key
from voicecli.ui.terminal.theme import QUERY_BACKGROUND


class Actions:
    """Controls that note what was done."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.controls = Controls(
            set_muted=lambda muted: self.done.append(("muted", muted)),
            interrupt=lambda: self.done.append("interrupt"),
            ask=lambda text: self.done.append(("ask", text)),
            quit=lambda: self.done.append("quit"),
            repeat=lambda text: self.done.append(("repeat", text)),
        )


class Terminal:
    """A terminal in memory with a pseudo-terminal for its keys."""

    def __init__(self, width: int, height: int, log_path: Path, look: Look | None = None) -> None:
        self.person, self.program = os.openpty()
        self.out = io.StringIO()
        self.console = Console(
            file=self.out,
            width=width,
            height=height,
            force_terminal=True,
            color_system="standard",
            legacy_windows=False,
        )
        self.now_s = 0.0
        self.live = LiveScreen(lambda: self.now_s, log_path, self.console, self.program, look)

    def close(self) -> None:
        os.close(self.program)
        os.close(self.person)

    def shown(self) -> list[str]:
        """The lines that a terminal shows after all that was written. The alternate screen is the one that is drawn."""
        width, height = self.console.size
        screen = pyte.Screen(width, height)
        write = pyte.Stream(screen).feed
        write(self.out.getvalue().replace("\n", "\r\n"))
        return list(screen.display)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(80, 24, tmp_path / "voicecli.log")
    yield terminal
    terminal.close()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48), (40, 12)])
@pytest.mark.parametrize("name", SCENES)
def test_a_terminal_shows_the_frame_and_nothing_else(name: str, width: int, height: int, tmp_path: Path) -> None:
    terminal = Terminal(width, height, tmp_path / "log")
    scene = SCENES[name]
    with terminal.live as live:
        live.view, live.line = view_of(READY, *ASKED, ended()), None
        live.draw()
        live.view, live.line, terminal.now_s = scene.view, scene.line, scene.tick / 12 + 0.001
        live.draw()
        expected = [line.plain.rstrip() for line in frame(scene, terminal.console, width, height)]
        shown = [line.rstrip() for line in terminal.shown()]
    terminal.close()
    assert [line.replace(" ", "") for line in shown] == [line.replace(" ", "") for line in expected]
    if name != "text only" and name != "typing in the middle":  # pyte pads wide characters with an empty cell
        assert shown == expected


def test_a_frame_is_drawn_only_when_something_changed(terminal: Terminal) -> None:
    with terminal.live as live:
        live.show(READY)
        live.draw()
        drawn = len(terminal.out.getvalue())
        terminal.now_s = 5.0
        live.draw()
        assert len(terminal.out.getvalue()) == drawn
        live.show(LevelMeasured(at_s=1, level_db=-20))
        live.draw()
        assert len(terminal.out.getvalue()) > drawn


def test_only_the_lines_that_changed_are_written(terminal: Terminal) -> None:
    with terminal.live as live:
        live.view = SCENES["many turns"].view
        live.draw()
        whole = len(terminal.out.getvalue())
        live.show(LevelMeasured(at_s=1, level_db=-20))
        live.draw()
        written = terminal.out.getvalue()[whole:]
    assert "Listening" in written
    assert "Question" not in written
    assert len(written) < 300


def test_ctrl_l_repairs_a_screen_that_somebody_wrote_to(terminal: Terminal) -> None:
    with terminal.live as live:
        live.view = SCENES["speaking"].view
        live.draw()
        before = terminal.shown()
        terminal.out.write("\x1b[3;1Hgarbage")
        assert terminal.shown() != before
        press(terminal, "ctrl-l")
        live.draw()
        assert terminal.shown() == before


def test_the_spinner_turns_with_the_clock(terminal: Terminal) -> None:
    with terminal.live as live:
        for event in (READY, *ASKED, ended()):
            live.show(event)
        marks = set()
        for tick in range(10):
            terminal.now_s = tick / 12 + 0.001
            live.draw()
            marks.add(next(line for line in terminal.shown() if "Thinking" in line)[1])
    assert len(marks) == 10


def test_a_resize_is_followed(terminal: Terminal) -> None:
    with terminal.live as live:
        live.view = SCENES["many turns"].view
        live.draw()
        terminal.console.size = (160, 48)
        live.draw()
        assert any("voice to voice" in line for line in terminal.shown())
        terminal.console.size = (40, 12)
        live.draw()
        assert "Listening" in "".join(terminal.shown())


def test_the_terminal_is_left_as_it_was_and_the_conversation_stays_on_it(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.program)
    with terminal.live as live:
        for event in (READY, *ASKED, ended(), audible(), DONE):
            live.show(event)
    assert termios.tcgetattr(terminal.program) == before
    written = terminal.out.getvalue()
    after_the_screen = written[written.rindex("\x1b[?1049l") :]
    assert "\x1b[?25h" in written[written.rindex("\x1b[?25l") :], "the cursor is back"
    assert "Hello there." in after_the_screen
    assert "Hi you." in after_the_screen
    assert "p95" in after_the_screen


def test_a_conversation_without_words_leaves_nothing_behind() -> None:
    assert farewell(view_of(READY), console(80, 24)) == []


def test_typed_questions_have_no_voice_to_voice() -> None:
    spoken = (READY, *ASKED, ended(), audible(), DONE)
    typed = (UserTyped(at_s=4, turn=TWO, text="And?"), token("So.", TWO), audible(TWO, 4.1))
    assert "1 turn" in farewell(view_of(*spoken, *typed), console(80, 24))[-1].plain
    assert "p50" not in "".join(line.plain for line in farewell(view_of(READY, *typed), console(80, 24)))


def test_an_error_inside_restores_the_terminal(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.program)
    with pytest.raises(RuntimeError), terminal.live:
        raise RuntimeError
    assert termios.tcgetattr(terminal.program) == before
    assert "\x1b[?1049l" in terminal.out.getvalue()


def test_what_native_libraries_say_goes_to_the_log(terminal: Terminal, tmp_path: Path) -> None:
    with terminal.live:
        os.write(2, b"ALSA lib pcm.c: underrun\n")
    assert (tmp_path / "voicecli.log").read_text() == "ALSA lib pcm.c: underrun\n"


def press(terminal: Terminal, *keys: Key) -> list[object]:
    actions = Actions()
    for key in keys:
        terminal.live.handle_key(key, actions.controls)
    return actions.done


def test_keys_while_listening(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, " ") == [("muted", True)]
    terminal.live.show(MuteChanged(at_s=1, muted=True))
    assert press(terminal, " ") == [("muted", False)]
    assert press(terminal, "esc", "x", "left") == []
    assert press(terminal, "q") == press(terminal, "ctrl-d") == press(terminal, "end of input") == ["quit"]


def test_escape_interrupts_an_answer_and_leaves_typing_only_after_it(terminal: Terminal) -> None:
    for event in (READY, *ASKED, ended()):
        terminal.live.show(event)
    assert press(terminal, "t", "esc") == ["interrupt"]
    assert terminal.live.line == Line()
    terminal.live.show(TurnInterrupted(at_s=5, turn=ONE, spoken="", reopened=False))
    assert press(terminal, "esc") == []
    assert terminal.live.line is None


def test_typing_a_question(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, "t", *" quit it?", "ctrl-d", "enter", "enter", "ctrl-d") == [("ask", "quit it?"), "quit"]
    assert terminal.live.line == Line()


def test_pasted_text_is_typed_and_commands_nothing(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, "paste", *"quit t", "enter", *"esc", "pasted", "enter") == [("ask", "quit t esc")]


def test_bracketed_paste_is_on_while_the_screen_is_up(terminal: Terminal) -> None:
    with terminal.live:
        assert terminal.out.getvalue().count("\x1b[?2004h") == 1
    assert terminal.out.getvalue().count("\x1b[?2004l") == 1


def test_without_a_microphone_one_types_from_the_start(terminal: Terminal) -> None:
    terminal.live.show(TEXT_ONLY)
    assert terminal.live.line == Line()
    assert press(terminal, "esc", " ", "t", "a", "enter") == [("ask", "a")]


def test_run_reads_keys_and_redraws(terminal: Terminal) -> None:
    actions = Actions()

    async def main() -> None:
        quitting = asyncio.Event()
        controls = Controls(
            set_muted=actions.controls.set_muted,
            interrupt=actions.controls.interrupt,
            ask=actions.controls.ask,
            quit=quitting.set,
        )
        running = asyncio.create_task(terminal.live.run(controls))
        os.write(terminal.person, " t¿qué?\r\x1b\x1b[Aq".encode())
        await quitting.wait()
        running.cancel()

    with terminal.live as live:
        live.show(READY)
        asyncio.run(main())
        assert any("Listening" in line for line in terminal.shown())
    assert actions.done == [("muted", True), ("ask", "¿qué?")]


def test_a_slash_opens_the_typing_line_as_the_beginning_of_a_command(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, *"/help", "enter") == [("ask", "/help")]


def offered(line: str) -> tuple[Offer, ...]:
    return offers(line, lambda name: [Value("af_heart"), Value("bm_george", "British")] if name == "voice" else [])


async def typed(terminal: Terminal, actions: Actions, *raw: str) -> list[list[str]]:
    """What the terminal shows after each of these, which a person types."""
    shown = []
    terminal.live.draw()
    running = asyncio.create_task(terminal.live.run(replace(actions.controls, offers=offered)))
    async with asyncio.timeout(10):
        while QUERY_BACKGROUND not in terminal.out.getvalue():  # noqa: ASYNC110 - a terminal tells nobody
            await asyncio.sleep(0.005)
    for keys in raw:
        os.write(terminal.person, keys.encode())
        before = len(terminal.out.getvalue())
        async with asyncio.timeout(10):
            while len(terminal.out.getvalue()) == before:  # noqa: ASYNC110 - a terminal tells nobody
                await asyncio.sleep(0.005)
        shown.append([line.rstrip() for line in terminal.shown()])
    running.cancel()
    return shown


def test_a_slash_lists_the_commands_below_the_line_and_they_narrow_and_complete(terminal: Terminal) -> None:
    actions = Actions()
    with terminal.live as live:
        live.show(READY)
        every, narrowed, voices, chosen, sent = asyncio.run(
            typed(terminal, actions, "/", "vo", "\t", "\x1b[B\x1b[B", "\r")
        )
    assert len(every) == 24
    place = every.index(" ❯ /")
    assert every[place + 1].startswith("   /device")
    assert every[place + 8].endswith("more")
    assert "tab complete" in every[place + 9]
    place = narrowed.index(" ❯ /vo")
    assert narrowed[place + 1].startswith("   /voice [NAME]  speak")
    assert "quit" in narrowed[place + 2]
    assert " ❯ /voice" in voices
    assert [line for line in voices if "af_heart" in line]
    assert any(line.startswith(" ▸ bm_george  British") for line in chosen)
    assert actions.done == [("ask", "/voice bm_george")]
    assert " ❯" in sent


def test_an_arrow_and_enter_on_a_command_ask_for_what_follows_it(terminal: Terminal) -> None:
    actions = Actions()
    with terminal.live as live:
        live.show(READY)
        *_, last = asyncio.run(typed(terminal, actions, "/v", "\x1b[B", "\r"))
    assert actions.done == []
    assert " ❯ /voice" in last
    assert any("bm_george" in line for line in last)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (20, 8), (10, 3), (160, 48)])
def test_a_palette_never_breaks_the_frame(width: int, height: int) -> None:
    for line in ("/", "/voice ", "/zz"):
        scene = Scene(
            view_of(READY, *ASKED, ended()),
            Line(line, len(line)),
            palette=Palette(offered(line), 0 if offered(line) else None),
        )
        lines = frame(scene, console(width, height), width, height)
        assert len(lines) == height
        assert all(one.cell_len <= width for one in lines)
