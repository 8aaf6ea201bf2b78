"""Frames of the live screen: every state in every size."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tests.unit.ui.turns import (
    ASKED,
    ONE,
    READY,
    TEXT_ONLY,
    TWO,
    audible,
    cut,
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
    PlaybackUnderrun,
    Ready,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.types import TurnId
from voicecli.ui.dialogue import dialogue
from voicecli.ui.frame import Scene, frame
from voicecli.ui.line_editor import Line
from voicecli.ui.picture import CELL, THEME, picture, terminal_picture
from voicecli.ui.view import ViewModel

SIZES = [(80, 24), (160, 48), (40, 12), (100, 30), (130, 20), (20, 5), (3, 2), (1, 1)]

CUT = TurnInterrupted(at_s=4, turn=ONE, spoken="Hi ", reopened=False)
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
            PlaybackUnderrun(at_s=3, turn=ONE, gap_s=0.2),
            FramesDropped(at_s=3, count=2),
            started(TWO),
            NothingHeard(at_s=5, turn=TWO, reason="no speech"),
        )
    ),
    "interrupted": Scene(view_of(READY, *ASKED, ended(), audible(), CUT)),
    "cut in a loop": Scene(view_of(READY, *ASKED, ended(), audible(), cut("loop"))),
    "cut at its longest": Scene(
        view_of(READY, *ASKED, ended(), cut("length"), TurnDone(at_s=9, turn=ONE, spoken="Hi you."))
    ),
    "reopened": Scene(view_of(READY, *ASKED, ended(), audible(), replace(CUT, reopened=True))),
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
            [
                "● Listening",
                "mic Mic",
                "speaker Box",
                "whisper → qwen → kokoro",
                "qwen: default",
                "space mute",
                "t type",
                "█",
            ],
        ),
        ("hearing", ["● Hearing", "❯ Firm words changing words …"]),
        ("thinking", ["⠸ Thinking", "❯ Hello there.", "Hi you.", "esc interrupt", "space mute"]),
        ("speaking", ["● Speaking", "Hi you.", "1.00 s", "endpoint", "stt", "llm token", "chunk", "tts", "playout"]),
        ("muted", ["○ Muted", "space unmute", "microphone off"]),
        ("typing", ["enter send", "esc stop typing"]),
        ("no microphone", ["mic none", "speaker none", "Type your question", "enter send"]),
        ("failed", ["✗ language model: Gone.", "Mend."]),
        ("troubles", ["• The speaker is back.", "no words (no speech)", "1 gap in answers", "2 frames dropped"]),
        ("interrupted", ["Hi you.", "― interrupted"]),
        ("cut in a loop", ["Hi you.", "― cut: the model began to repeat itself"]),
        ("cut at its longest", ["Hi you.", "― cut: as long as an answer may be"]),
        ("reopened", ["Hello there.", "― you went on"]),
        ("many turns", [" earlier", "Answer number 39.", "p50", "p95"]),
    ],
)
def test_what_each_state_says(name: str, texts: list[str], width: int, height: int) -> None:
    shown = text_of(SCENES[name], width, height)
    for text in texts:
        assert text in shown, shown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_names_are_cut_and_both_devices_stay_in_sight(width: int) -> None:
    long = Ready(
        at_s=0,
        microphone="Built-in Audio Analog Stereo, the one at the front",
        speaker="HDMI 2",
        stt="faster-whisper small.en int8 on the processor",
        llm="Qwen3 4B Instruct Q4_K_M in llama.cpp",
        llm_why="",
        tts="Kokoro af_heart",
    )
    shown = text_of(Scene(view_of(long)), width, 24)
    for text in (
        "mic Built-in Audio",
        "…" if width < 100 else "front",
        "speaker HDMI 2",
        "whisper small.en",
        "Q4_K_M",
        "af_heart",
    ):
        assert text in shown


def test_one_device_for_both_is_named_once() -> None:
    one = Ready(at_s=0, microphone="Jabra", speaker="Jabra", stt="a", llm="b", llm_why="", tts="c")
    assert "mic and speaker Jabra" in text_of(Scene(view_of(one)))


def test_every_part_is_named_on_a_narrow_screen() -> None:
    shown = text_of(SCENES["speaking"], 50, 20)
    for name in ("endpoint 600", "stt 0", "llm token 0", "chunk 0", "tts 0", "playout 400 ms"):
        assert name in shown


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


def test_a_picture_of_a_terminal_has_its_text_and_colors() -> None:
    source = terminal_picture(["plain", "\x1b[31mred\x1b[0m and \x1b[1mbold\x1b[0m", ""], 40, "a title")
    assert "a&#160;title" in source
    assert ">plain<" in source
    red = "#" + "".join(f"{part:02x}" for part in THEME.ansi_colors[1])
    assert red in source
    assert ">bold<" in source


def test_in_a_picture_no_text_begins_or_ends_with_a_space() -> None:
    """librsvg, for one, leaves such spaces out, and all that follows moves."""
    source = picture(SCENES["speaking"], 80, 24, "voicecli talk")
    assert "&#160;" in source
    assert not re.search(r">&#160;|&#160;</text>", source)
    answer = re.search(r'x="([\d.]+)"[^>]*textLength="([\d.]+)"[^>]*>Hi<', source)
    assert answer is not None
    assert (float(answer[1]), float(answer[2])) == pytest.approx((3 * CELL, 2 * CELL))


@pytest.mark.parametrize("noted", [False, True], ids=["alone", "below a note"])
def test_the_reason_for_the_language_model_is_shown_until_something_is_asked(noted: bool) -> None:
    before: list[Event] = [Notice(at_s=0, text="There is no speaker.")] if noted else []
    for events, is_there in (([*before, READY], True), ([*before, READY, *ASKED], False)):
        screen = "\n".join(line.plain for line in frame(Scene(view_of(*events)), console(80, 24), 80, 24))
        assert ("qwen: default" in screen) is is_there
