"""Colors that can be read, whatever is behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.unit.ui.test_live import Terminal, press
from tests.unit.ui.test_live_frame import SCENES, console
from tests.unit.ui.turns import READY
from voicecli.ui.screen import Look, Theme
from voicecli.ui.terminal.theme import (
    MANY,
    SIXTEEN,
    Background,
    in_theme,
    initial_background,
    luminance,
    parse_background,
    recolor,
    should_query_background,
)

XTERM = TerminalTheme(
    (255, 255, 255),
    (0, 0, 0),
    [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)],
    [(127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255), (255,) * 3],
)
"""xterm's own sixteen colors (XTerm-col.ad)."""

GROUNDS = {"light": [(255, 255, 255)], "dark": [(0, 0, 0)], "unknown": [(255, 255, 255), (0, 0, 0)]}

LEAST_CONTRAST = {"light": 4.5, "dark": 4.5, "unknown": 4.0}
"""WCAG 2 asks for 4.5 of text; one color on both black and white can have 4.58 at most, and needs a hue beside."""

USED = [*range(16)]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    darker, lighter = sorted(luminance(*(part / 255 for part in color)) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("background", GROUNDS)
def test_replacement_colors_are_readable(background: Background) -> None:
    numbers = {number for number in MANY[background].values() if number is not None and number > 15}
    for number in numbers:
        color = Color.from_ansi(number).get_truecolor()
        for ground in GROUNDS[background]:
            assert contrast(color, ground) >= LEAST_CONTRAST[background], f"{number} on {ground}"


@pytest.mark.parametrize("background", GROUNDS)
@pytest.mark.parametrize("many", [True, False])
def test_no_unreadable_xterm_color_is_left(background: Background, many: bool) -> None:
    """3 is what WCAG 2 asks of signs; some of a terminal's own colors are a little below what it asks of text."""
    for number in USED:
        color = recolor(Style(color=Color.from_ansi(number)), background, many).color
        assert color is not None
        if not color.is_default:
            for ground in GROUNDS[background]:
                assert contrast(color.get_truecolor(XTERM), ground) >= 3, f"{number} -> {color} on {ground}"


def test_sixteen_color_terminals_get_only_sixteen() -> None:
    assert all(number is None or number < 16 for table in SIXTEEN.values() for number in table.values())


def test_other_styles_stay_as_they_are() -> None:
    for style in (Style(bold=True), Style(color="#123456"), Style(color="color(200)"), Style(color="default")):
        assert recolor(style, "light", True) == style
    assert recolor(Style.parse("green"), "dark", True) == Style.parse("green")
    assert recolor(Style.parse("bold italic yellow"), "light", True) == Style.parse("bold italic color(94)")


def test_a_line_keeps_its_words_and_places() -> None:
    line = Text.assemble("a", ("b", "bold yellow"), ("c", Style(color="cyan")), style="green")
    screen = console(80, 24)
    screen._color_system = None
    themed = in_theme(line, screen, "light")
    assert themed.plain == line.plain
    assert [(span.start, span.end) for span in themed.spans] == [(1, 2), (2, 3)]
    assert themed.style == Style(color="default")


@pytest.mark.parametrize(
    ("answer", "background"),
    [
        ("11;rgb:ffff/ffff/ffff", "light"),
        ("11;rgb:fdfd/f6f6/e3e3", "light"),
        ("11;rgb:0000/2b2b/3636", "dark"),
        ("11;rgb:00/00/00", "dark"),
        ("11;rgba:f/f/f/8", "light"),
        ("11;?", None),
        ("10;rgb:ffff/ffff/ffff", None),
        ("11;rgb:x/y/z", None),
    ],
)
def test_the_answer_of_a_terminal(answer: str, background: Background | None) -> None:
    assert parse_background(answer) == background


@pytest.mark.parametrize(
    ("theme", "environ", "background", "asked"),
    [
        ("auto", {}, "unknown", True),
        ("auto", {"COLORFGBG": "0;15"}, "light", True),
        ("auto", {"COLORFGBG": "15;default;0"}, "dark", True),
        ("auto", {"COLORFGBG": "15;8"}, "dark", True),
        ("auto", {"COLORFGBG": "0;7"}, "light", True),
        ("auto", {"COLORFGBG": "0;default"}, "unknown", True),
        ("auto", {"COLORFGBG": "0;99"}, "unknown", True),
        ("auto", {"TERM": "linux"}, "dark", False),
        ("light", {"COLORFGBG": "15;0"}, "light", False),
        ("dark", {}, "dark", False),
        ("none", {}, "unknown", False),
    ],
)
def test_the_initial_background_comes_from_the_environment(
    theme: Theme, environ: dict[str, str], background: Background, asked: bool
) -> None:
    assert initial_background(theme, environ) == background
    assert should_query_background(theme, environ) == asked


def test_the_screen_is_drawn_anew_when_the_terminal_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORFGBG", raising=False)
    terminal = Terminal(80, 24, tmp_path / "log")
    with terminal.live as live:
        live.view = SCENES["speaking"].view
        live.draw()
        drawn = len(terminal.out.getvalue())
        press(terminal, "reply 11;rgb:ffff/ffff/ffff")
        live.draw()
        assert live.background == "light"
        assert len(terminal.out.getvalue()) > drawn
        drawn = len(terminal.out.getvalue())
        press(terminal, "reply 11;rgb:ffff/ffff/ffff", "reply 52;c;none")
        live.draw()
        assert len(terminal.out.getvalue()) == drawn
    terminal.close()


def test_the_users_word_counts_more_than_the_terminals(tmp_path: Path) -> None:
    terminal = Terminal(80, 24, tmp_path / "log", Look("dark"))
    terminal.live.show(READY)
    press(terminal, "reply 11;rgb:ffff/ffff/ffff")
    assert terminal.live.background == "dark"
    terminal.close()
