"""The live screen: frames of every size, and what a terminal really shows."""

from __future__ import annotations

import asyncio
import io
import os
import termios
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tests.unit.test_view import (
    ASKED,
    ONE,
    READY,
    TWO,
    audible,
    ended,
    partial,
    spoken_up_to,
    started,
    token,
    transcribed,
    view_of,
)
from voicecli.events import (
    Event,
    FramesDropped,
    LevelMeasured,
    MuteChanged,
    NothingHeard,
    Notice,
    Ready,
    Starved,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.types import TurnId
from voicecli.ui.dialogue import dialogue
from voicecli.ui.editor import Line
from voicecli.ui.farewell import farewell
from voicecli.ui.frame import Scene, frame
from voicecli.ui.keys import Key
from voicecli.ui.live import LiveScreen
from voicecli.ui.picture import picture
from voicecli.ui.screen import Controls
from voicecli.ui.view import ViewModel

SIZES = [(80, 24), (160, 48), (40, 12), (100, 30), (130, 20), (20, 5), (3, 2), (1, 1)]

TEXT_ONLY = Ready(at_s=0, microphone="", speaker="", stt="whisper", llm="qwen", llm_why="", tts="kokoro")
DONE = TurnDone(at_s=4, turn=ONE, spoken="Hi you.")
WIDE = "漢字 and 😀 " * 30


def turn(number: int) -> list[Event]:
    """A whole spoken turn, a little slower each time."""
    one, at_s = TurnId(number), 10.0 * number
    return [
        started(one, at_s),
        transcribed(f"Question {number}?", one),
        ended(one, 2.6),
        token(f"Answer **number** {number}.", one),
        audible(one, 3.0 + number / 10),
        TurnDone(at_s=at_s + 5, turn=one, spoken=""),
    ]


SCENES: dict[str, Scene] = {
    "starting": Scene(ViewModel()),
    "listening": Scene(view_of(READY, LevelMeasured(at_s=1, level_db=-20), LevelMeasured(at_s=1.1, level_db=-5))),
    "hearing nothing yet": Scene(view_of(READY, started())),
    "hearing": Scene(view_of(READY, started(), partial("Firm words", "changing words"))),
    "thinking": Scene(view_of(READY, *ASKED, ended()), tick=3),
    "speaking": Scene(view_of(READY, *ASKED, ended(), audible(), spoken_up_to(3))),
    "muted": Scene(view_of(READY, MuteChanged(at_s=1, muted=True))),
    "typing": Scene(view_of(READY), Line("What " * 50, 250)),
    "typing in the middle": Scene(view_of(READY, *ASKED, ended()), Line("漢字 " * 50, 60)),
    "text only": Scene(view_of(TEXT_ONLY, UserTyped(at_s=1, turn=ONE, text=WIDE), token(WIDE)), Line()),
    "no microphone": Scene(view_of(TEXT_ONLY), Line()),
    "no microphone, not typing": Scene(view_of(TEXT_ONLY)),
    "a stage of a blink": Scene(
        view_of(READY, started(), transcribed("Hi?", at_s=3.0), ended(), token("Hi."), audible(at_s=3.0005))
    ),
    "failed": Scene(
        view_of(READY, *ASKED, ended(), TurnFailed(at_s=3, turn=ONE, stage="llm", message="Gone. " * 9, hint="Mend."))
    ),
    "failed without a hint": Scene(
        view_of(READY, *ASKED, ended(), TurnFailed(at_s=3, turn=ONE, stage="tts", message="Gone.", hint=""))
    ),
    "troubles": Scene(
        view_of(
            READY,
            Notice(at_s=0.5, text="The speaker is back. " * 9),
            *ASKED,
            Starved(at_s=3, turn=ONE, gap_s=0.2),
            FramesDropped(at_s=3, count=2),
            started(TWO),
            NothingHeard(at_s=5, turn=TWO, reason="no speech"),
        )
    ),
    "interrupted": Scene(view_of(READY, *ASKED, ended(), audible(), TurnInterrupted(at_s=4, turn=ONE, spoken="Hi "))),
    "many turns": Scene(view_of(READY, *(event for number in range(1, 40) for event in turn(number)))),
    "at once": Scene(view_of(READY, UserTyped(at_s=1, turn=ONE, text="x"), audible(ONE, 1.0))),
}  # fmt: skip


def console(width: int, height: int) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, color_system=None)


def text_of(scene: Scene, width: int = 80, height: int = 24) -> str:
    return "\n".join(line.plain for line in frame(scene, console(width, height), width, height))


@pytest.mark.parametrize(("width", "height"), SIZES, ids=lambda size: str(size))
@pytest.mark.parametrize("name", SCENES)
def test_a_frame_has_exactly_the_size_of_the_screen(name: str, width: int, height: int) -> None:
    lines = frame(SCENES[name], console(width, height), width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width
    assert not any("\n" in line.plain for line in lines)


@given(st.text(max_size=400), st.text(max_size=400), st.integers(0, 400), st.integers(1, 170), st.integers(1, 50))
def test_no_text_breaks_the_frame(said: str, answer: str, spoken: int, width: int, height: int) -> None:
    view = view_of(READY, started(), transcribed(said), ended(), token(answer), audible(), spoken_up_to(spoken))
    lines = frame(Scene(view), console(width, height), width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48)])
@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("starting", ["Starting", "Getting ready", "quit"]),
        (
            "listening",
            ["● Listening", "mic Mic", "speaker Box", "whisper → qwen → kokoro", "space mute", "t type", "█"],
        ),
        ("hearing", ["● Hearing", "❯ Firm words changing words …"]),
        ("thinking", ["⠸ Thinking", "❯ Hello there.", "Hi you.", "esc interrupt", "space mute"]),
        ("speaking", ["● Speaking", "Hi you.", "1.00 s", "endpoint", "stt", "llm token", "piece", "tts", "playout"]),
        ("muted", ["○ Muted", "space unmute", "microphone off"]),
        ("typing", ["enter send", "esc stop typing"]),
        ("no microphone", ["mic none", "speaker none", "Type your question", "enter send"]),
        ("failed", ["✗ language model: Gone.", "Mend."]),
        ("troubles", ["• The speaker is back.", "no words (no speech)", "1 gap in answers", "2 frames dropped"]),
        ("interrupted", ["Hi you.", "― interrupted"]),
        ("many turns", [" earlier", "Answer number 39.", "p50", "p95"]),
    ],
)
def test_what_each_state_says(name: str, texts: list[str], width: int, height: int) -> None:
    shown = text_of(SCENES[name], width, height)
    for text in texts:
        assert text in shown, shown


def test_keys_that_do_nothing_are_not_offered() -> None:
    assert "interrupt" not in text_of(SCENES["listening"])
    assert "mute" not in text_of(SCENES["no microphone"])
    assert "stop typing" not in text_of(SCENES["typing in the middle"])


def test_an_answer_in_preparation_is_not_shown() -> None:
    assert "Hi you." not in text_of(Scene(view_of(READY, *ASKED)))


def test_the_count_of_earlier_entries_is_right() -> None:
    lines = dialogue(SCENES["many turns"].view, console(80, 24), 80, 9)
    shown = [line.plain for line in lines]
    assert shown[:3] == ["  … 37 earlier", "", "❯ Question 38?"]
    assert [line.plain.strip() for line in dialogue(SCENES["many turns"].view, console(80, 24), 80, 10)][:2] == [
        "… 36 earlier",
        shown_trace(37),
    ]


def shown_trace(number: int) -> str:
    """The line under an answer of `turn`."""
    return next(
        line.plain.strip()
        for line in dialogue(view_of(READY, *turn(number)), console(80, 24), 80, 9)
        if line.plain.endswith(" s")
    )


def styled(lines: list[Text], words: str) -> str:
    """The styles that lie on the first character of `words`."""
    line = next(line for line in lines if words in line.plain)
    position = line.plain.index(words)
    return " ".join(str(span.style) for span in line.spans if span.start <= position < span.end)


def test_the_spoken_part_is_brighter_than_the_part_to_come() -> None:
    lines = dialogue(SCENES["speaking"].view, console(80, 24), 80, 20)
    assert "dim" not in styled(lines, "Hi ")
    assert "dim" in styled(lines, "you.")


def test_firm_words_are_bold_and_changing_ones_dim() -> None:
    lines = dialogue(SCENES["hearing"].view, console(80, 24), 80, 20)
    assert "bold" in styled(lines, "Firm")
    assert "dim" in styled(lines, "changing")


def test_without_a_speaker_the_answer_is_bright_as_it_comes() -> None:
    view = view_of(TEXT_ONLY, UserTyped(at_s=1, turn=ONE, text="Hi?"), token("Hello."))
    assert "dim" not in styled(dialogue(view, console(80, 24), 80, 20), "Hello.")


def test_markdown_is_shown_and_the_spoken_part_stays_exact() -> None:
    answer = "## Head\nSome **bold** and `code`.\n```sh\nls -l\n```\nEnd."
    heard = answer.index("code")
    view = view_of(READY, *ASKED[:4], token(answer), ended(), audible(), spoken_up_to(heard))
    lines = dialogue(view, console(80, 24), 80, 20)
    assert [line.plain.strip() for line in lines][1:-1] == ["Head", "Some bold and code.", "ls -l", "End."]
    assert "bold" in styled(lines, "Head")
    assert "dim" not in styled(lines, "bold")
    assert "dim" in styled(lines, "code")
    assert "cyan" in styled(lines, "ls -l")


def test_markdown_that_is_not_closed_yet_stays_as_written() -> None:
    view = view_of(READY, *ASKED[:4], token("A **bo"), ended())
    assert "A **bo" in "\n".join(line.plain for line in dialogue(view, console(80, 24), 80, 20))


def test_the_cursor_stays_in_sight_in_a_long_line() -> None:
    shown = text_of(Scene(view_of(READY), Line("start " + "x" * 200 + " end", 210)))
    assert " end" in shown
    assert "start" not in shown


def test_a_picture_is_an_svg_of_the_frame() -> None:
    source = picture(SCENES["speaking"], 80, 24, "voicecli talk")
    assert source.startswith("<svg")
    assert "Speaking" in source


class Actions:
    """Controls that note what was done."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.controls = Controls(
            set_muted=lambda muted: self.done.append(("muted", muted)),
            interrupt=lambda: self.done.append("interrupt"),
            ask=lambda text: self.done.append(("ask", text)),
            quit=lambda: self.done.append("quit"),
        )


class Terminal:
    """A terminal in memory with a pseudo-terminal for its keys."""

    def __init__(self, width: int, height: int, log_path: Path) -> None:
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
        self.live = LiveScreen(lambda: self.now_s, log_path, self.console, self.program)

    def close(self) -> None:
        os.close(self.program)
        os.close(self.person)

    def shown(self) -> list[str]:
        """The lines that a terminal shows after all that was written. The alternate screen is the one that is drawn."""
        width, height = self.console.size
        screen = pyte.Screen(width, height)
        stream = pyte.Stream(screen)
        stream.feed(self.out.getvalue().replace("\n", "\r\n"))
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
        terminal.live.press(key, actions.controls)
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
    terminal.live.show(TurnInterrupted(at_s=5, turn=ONE, spoken=""))
    assert press(terminal, "esc") == []
    assert terminal.live.line is None


def test_typing_a_question(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, "t", *" quit it?", "ctrl-d", "enter", "enter", "ctrl-d") == [("ask", "quit it?"), "quit"]
    assert terminal.live.line == Line()


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
