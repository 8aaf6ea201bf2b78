"""Colours that can be read on the terminal's background. Pure.

The screen is written in the sixteen colours, which a terminal's owner has chosen. Only those that are often hard to
read on a background of that kind are replaced: yellow, green and cyan on white, dark blue and red on black. Where the
background is not known, all are taken that read on both. Nothing is told by a colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Span, Text

from voicecli.ui.screen import Theme

Background = Literal["light", "dark", "unknown"]

ASK_BACKGROUND = "\x1b]11;?\x1b\\"
"""A terminal answers with its colour as X11 writes one, or not at all:
https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h3-Operating-System-Commands"""

MIDDLE_LUMINANCE = 0.179
"""Black and white have the same contrast to it (WCAG 2: (1 + 0.05) / (L + 0.05) = (L + 0.05) / 0.05)."""

MANY: Mapping[Background, Mapping[int, int | None]] = {
    "light": {2: 28, 3: 94, 6: 24, 7: None, 8: 243, 9: 1, 10: 28, 11: 94, 12: 4, 13: 5, 14: 24, 15: None},
    "dark": {0: None, 1: 203, 4: 75, 8: 245},
    "unknown": {
        **{0: None, 1: 161, 2: 28, 3: 130, 4: 27, 5: 164, 6: 30, 7: None},
        **{8: 243, 9: 161, 10: 28, 11: 130, 12: 27, 13: 164, 14: 30, 15: None},
    },
}
"""One of the sixteen -> one of 256; None is the terminal's own foreground. What is not named stays as it is."""

SIXTEEN: Mapping[Background, Mapping[int, int | None]] = {
    "light": {2: None, 3: None, 6: 4, 7: None, 8: None, 9: 1, 10: None, 11: None, 12: 4, 13: 5, 14: 4, 15: None},
    "dark": {0: None, 1: 9, 4: 12, 8: None},
    "unknown": {
        **{0: None, 2: None, 3: None, 4: 12, 6: 12, 7: None, 8: None},
        **{9: 1, 10: None, 11: None, 13: 5, 14: 12, 15: None},
    },
}
"""The same where there are no more than sixteen."""


def background_of(theme: Theme, environ: Mapping[str, str]) -> Background:
    """What is known before the terminal is asked, from COLORFGBG ("15;0", the background last) and TERM."""
    if theme in ("light", "dark"):
        return "light" if theme == "light" else "dark"
    last = environ.get("COLORFGBG", "").rpartition(";")[2]
    if last.isdecimal() and int(last) < 16:
        return "dark" if int(last) in (0, 1, 2, 3, 4, 5, 6, 8) else "light"  # as Vim takes it
    return "dark" if environ.get("TERM") == "linux" else "unknown"


def is_worth_asking(theme: Theme, environ: Mapping[str, str]) -> bool:
    """Whether the terminal may tell more. The Linux console would show the question."""
    return theme == "auto" and environ.get("TERM") != "linux"


def answered_background(answer: str) -> Background | None:
    """Of a terminal's answer, such as `11;rgb:ffff/ffff/ffff`; None where that is no colour."""
    found = re.fullmatch(r"11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/.*)?", answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return "light" if luminance(red, green, blue) > MIDDLE_LUMINANCE else "dark"


def luminance(red: float, green: float, blue: float) -> float:
    """Of a colour in sRGB, 0..1 each (WCAG 2, relative luminance)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache
def recoloured(style: Style, background: Background, many: bool) -> Style:
    """`style` in colours that can be read; `many`: the terminal has 256."""
    colour = style.color
    if colour is None or colour.number is None or colour.number > 15:
        return style
    replaced = (MANY if many else SIXTEEN)[background]
    if colour.number not in replaced:
        return style
    number = replaced[colour.number]
    other = Style(color=Color.default() if number is None else Color.from_ansi(number))
    return style + other


def in_theme(line: Text, console: Console, background: Background) -> Text:
    """`line` in colours that can be read on `background`."""
    many = console.color_system not in (None, "standard")
    themed = line.copy()
    themed.style = recoloured(console.get_style(line.style), background, many)
    themed.spans = [
        Span(span.start, span.end, recoloured(console.get_style(span.style, default=""), background, many))
        for span in line.spans
    ]
    return themed
