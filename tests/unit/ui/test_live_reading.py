"""Reading on the live screen: code and tables, scrolling back, the last answer as something to keep, troubles."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.ui.test_live import Terminal, press
from tests.unit.ui.test_live_frame import console, text_of, turn
from tests.unit.ui.turns import ASKED, ONE, READY, audible, ended, started, token, transcribed, view_of
from voicecli.events import ComponentChanged, Event, TurnDone, UserTyped
from voicecli.types import TurnId
from voicecli.ui.answer import has_blocks, last_code, render_blocks
from voicecli.ui.dialogue import scroll, whole_dialogue
from voicecli.ui.frame import Scene, frame
from voicecli.ui.line_editor import Line
from voicecli.ui.live import save_answer
from voicecli.ui.terminal.clipboard import MAX_BYTES
from voicecli.ui.terminal.keys import decode

CODE = "Look:\n\n```python\nfor one in two:\n\tprint(one)\n```\n"
TABLE = "| City | People |\n|---|---|\n| Paris | 2 |\n"
SIZES = [(80, 24), (160, 48), (40, 24)]


def answered(answer: str) -> list[Event]:
    said = [started(), transcribed("How?"), ended(), token(answer), audible()]
    return [READY, *said, TurnDone(at_s=5, turn=ONE, spoken="")]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(80, 24, tmp_path / "voicecli.log")
    yield terminal
    terminal.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_code_is_drawn_in_the_colors_of_the_terminal(width: int, height: int) -> None:
    lines = frame(Scene(view_of(*answered(CODE))), console(width, height), width, height)
    code = next(line for line in lines if "for one in two" in line.plain)
    assert "```" not in "\n".join(line.plain for line in lines)
    styles = [span.style for span in code.spans if not isinstance(span.style, str)]
    colored = [style.color for style in styles if style.color is not None]
    assert colored
    assert all(color.number is None or color.number < 16 for color in colored)
    assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_table_is_drawn(width: int, height: int) -> None:
    shown = text_of(Scene(view_of(*answered(TABLE))), width, height)
    assert "City" in shown
    assert "|---" not in shown
    assert "━" in next(line for line in shown.splitlines()[3:] if "━" in line)


def test_while_it_is_spoken_code_stays_as_written() -> None:
    assert "for one in two" in text_of(Scene(view_of(*answered(CODE)[:-1])))


@pytest.mark.parametrize("answer", [CODE, TABLE, CODE + TABLE * 3])
@pytest.mark.parametrize("width", [16, 40, 90])
def test_no_drawn_line_is_too_wide(answer: str, width: int) -> None:
    lines = render_blocks(answer, width)
    assert max(line.cell_len for line in lines) <= width
    assert not any("\t" in line.plain or "\n" in line.plain for line in lines)


def test_prose_and_narrow_screens_are_left_alone() -> None:
    assert not has_blocks("Some **words** | and a bar\n\n- one", 80)
    assert not has_blocks(CODE, 10)
    assert has_blocks(CODE, 80)
    assert has_blocks(TABLE, 80)


def test_the_last_code() -> None:
    assert last_code(CODE + "and\n~~~\nls -l\n~~~\n") == "ls -l\n"
    assert last_code("```python\nnever closed") == ""


def test_scrolling_is_bounded_and_follows_again_at_the_end() -> None:
    assert scroll(None, "page-up", 100, 11) == 79
    assert scroll(5, "page-up", 100, 11) == 0
    assert scroll(5, "page-down", 100, 11) == 15
    assert scroll(80, "page-down", 100, 11) is None
    assert scroll(30, "home", 100, 11) == 0
    assert scroll(30, "end", 100, 11) is None
    assert scroll(None, "page-up", 5, 11) is None


def test_the_terminal_sends_the_keys_of_scrolling() -> None:
    assert decode(b"\x1b[5~\x1b[6~", complete=True)[0] == ["page-up", "page-down"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_scrolled_back_lines_stay_while_words_arrive(width: int, height: int, tmp_path: Path) -> None:
    terminal = Terminal(width, height, tmp_path / "log")
    for event in (READY, *(event for number in range(1, 40) for event in turn(number))):
        terminal.live.show(event)
    with terminal.live as live:
        live.draw()
        assert any("Question 39?" in line for line in terminal.shown())
        press(terminal, "page-up", "page-up")
        live.draw()
        before = questions(terminal)
        assert before
        assert not any("Question 39?" in line for line in before)
        for event in turn(40):
            live.show(event)
        live.draw()
        assert questions(terminal) == before
        press(terminal, "home")
        live.draw()
        assert any("Question 1?" in line for line in terminal.shown())
        press(terminal, "end")
        live.draw()
        assert any("Question 40?" in line for line in terminal.shown())
    terminal.close()


def test_home_and_end_belong_to_the_line_while_typing(terminal: Terminal) -> None:
    for event in (READY, *(event for number in range(1, 40) for event in turn(number))):
        terminal.live.show(event)
    press(terminal, "t", "a", "home")
    assert terminal.live.line == Line("a", 0)
    positions = [terminal.live.top]
    for key in ("page-up", "enter"):
        press(terminal, key)
        positions.append(terminal.live.top)
    assert [top is None for top in positions] == [True, False, True]


def test_nothing_is_drawn_twice() -> None:
    view, screen = view_of(*answered(CODE)), console(80, 24)
    first, again = whole_dialogue(view, screen, 80), whole_dialogue(view, screen, 80)
    assert first
    assert all(one is other for one, other in zip(first, again, strict=True))


def questions(terminal: Terminal) -> list[str]:
    """Those in sight; the latency panel is beside them."""
    return [line.partition("│")[0].rstrip() for line in terminal.shown() if "Question" in line]


def copied(terminal: Terminal) -> str:
    order = terminal.out.getvalue().rpartition("\x1b]52;c;")[2].partition("\x07")[0]
    return base64.b64decode(order).decode()


def test_the_last_answer_and_its_code_are_copied_through_the_terminal(terminal: Terminal) -> None:
    for event in answered(CODE):
        terminal.live.show(event)
    press(terminal, "c")
    assert copied(terminal) == CODE
    assert terminal.live.message == "answer copied"
    press(terminal, "k")
    assert copied(terminal) == "for one in two:\n\tprint(one)\n"
    with terminal.live as live:
        live.draw()
        assert any("code copied" in line for line in terminal.shown())
    terminal.live.show(UserTyped(at_s=9, turn=TurnId(2), text="Next"))
    assert terminal.live.message == ""


def test_what_cannot_be_copied_is_said(terminal: Terminal) -> None:
    terminal.live.show(READY)
    press(terminal, "c")
    assert terminal.live.message == "no answer to copy"
    for event in answered("x" * (MAX_BYTES + 1)):
        terminal.live.show(event)
    press(terminal, "c")
    assert terminal.live.message == "answer is too long to copy"
    assert "\x1b]52" not in terminal.out.getvalue()


def test_saving_overwrites_nothing(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    press(terminal, "s")
    assert terminal.live.message == "no answer to save"
    for event in answered("Hi"):
        terminal.live.show(event)
    press(terminal, "s", "s")
    assert terminal.live.message == "saved: answer-2.md"
    assert [path.read_text() for path in sorted(tmp_path.glob("answer-*"))] == ["Hi\n", "Hi\n"]
    with pytest.raises(NotADirectoryError):
        save_answer("Hi", tmp_path / "answer-1.md")


def test_a_folder_that_takes_no_file_is_said(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for event in answered("Hi"):
        terminal.live.show(event)
    (tmp_path / "file").touch()
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "file")
    press(terminal, "s")
    assert terminal.live.message == "not saved: Not a directory"


def test_the_last_words_can_be_mended_and_asked_again(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, "e") == []
    assert terminal.live.line is None
    for event in answered("So."):
        terminal.live.show(event)
    assert press(terminal, "e", "backspace", "!", "enter") == [("ask", "How!")]


@pytest.mark.parametrize(("width", "height"), [*SIZES, (40, 10)])
def test_problems_stay_visible(width: int, height: int) -> None:
    away = ComponentChanged(
        at_s=1, component="speaker", condition="unavailable", name="", message="The speaker is gone."
    )
    shown = text_of(Scene(view_of(READY, away, *(event for number in range(1, 40) for event in turn(number)))), width)
    assert "▲ The speaker is gone." in shown
    well = ComponentChanged(at_s=2, component="speaker", condition="ok", name="Box", message="It is back.")
    assert "▲" not in text_of(Scene(view_of(READY, away, well)), width, height)


def test_the_last_answer_and_question_skip_unreleased_ones() -> None:
    view = view_of(READY, *ASKED)
    assert view.last_answer == ""
    assert view.last_question != ""


@pytest.mark.parametrize(("width", "offered"), [(80, True), (40, False)])
def test_the_rarer_keys_are_offered_where_there_is_room(width: int, offered: bool) -> None:
    keys = text_of(Scene(view_of(*answered("So."))), width).splitlines()[-1]
    assert ("c copy" in keys and "s save" in keys and "e edit" in keys) == offered
    assert keys.rstrip().endswith("ctrl-c quit")
    assert "c copy" not in text_of(Scene(view_of(*answered("So.")[:-1])), width).splitlines()[-1]
    assert "end newest" in text_of(Scene(view_of(*answered("So.")), top=0), 80).splitlines()[-1]


def test_code_stands_one_line_below_the_text() -> None:
    assert [line.plain.strip() for line in render_blocks(CODE, 40)] == ["Look:", "", "for one in two:", "print(one)"]
