"""Colors that are readable on the terminal's background. Pure.

The screen uses the sixteen colors, which users choose in their terminal. Only those that are often hard to read on
a background are replaced: yellow, green and cyan on white, dark blue and red on black. On an unknown background all
colors are readable on both. Nothing depends on color alone.
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

QUERY_BACKGROUND = "\x1b]11;?\x1b\\"
"""A terminal replies with its color in X11 notation, or not at all:
https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h3-Operating-System-Commands"""

MIDDLE_LUMINANCE = 0.179
"""The luminance with the same contrast to black and white (WCAG 2: (1 + 0.05) / (L + 0.05) = (L + 0.05) / 0.05)."""

MANY: Mapping[Background, Mapping[int, int | None]] = {
    "light": {2: 28, 3: 94, 6: 24, 7: None, 8: 243, 9: 1, 10: 28, 11: 94, 12: 4, 13: 5, 14: 24, 15: None},
    "dark": {0: None, 1: 203, 4: 75, 8: 245},
    "unknown": {
        **{0: None, 1: 161, 2: 28, 3: 130, 4: 27, 5: 164, 6: 30, 7: None},
        **{8: 243, 9: 161, 10: 28, 11: 130, 12: 27, 13: 164, 14: 30, 15: None},
    },
}
"""Color of the sixteen -> color of the 256; None is the terminal's foreground. Colors not listed stay."""

SIXTEEN: Mapping[Background, Mapping[int, int | None]] = {
    "light": {2: None, 3: None, 6: 4, 7: None, 8: None, 9: 1, 10: None, 11: None, 12: 4, 13: 5, 14: 4, 15: None},
    "dark": {0: None, 1: 9, 4: 12, 8: None},
    "unknown": {
        **{0: None, 2: None, 3: None, 4: 12, 6: 12, 7: None, 8: None},
        **{9: 1, 10: None, 11: None, 13: 5, 14: 12, 15: None},
    },
}
"""The same for terminals with sixteen colors."""


def initial_background(theme: Theme, environ: Mapping[str, str]) -> Background:
    """Return the background known before a query, from COLORFGBG ("15;0", the background last) and TERM."""
    if theme in ("light", "dark"):
        return "light" if theme == "light" else "dark"
    last = environ.get("COLORFGBG", "").rpartition(";")[2]
    if last.isdecimal() and int(last) < 16:
        return "dark" if int(last) in (0, 1, 2, 3, 4, 5, 6, 8) else "light"  # the same rule as in Vim
    return "dark" if environ.get("TERM") == "linux" else "unknown"


def should_query_background(theme: Theme, environ: Mapping[str, str]) -> bool:
    """Return whether to query the terminal. The Linux console would print the query."""
    return theme == "auto" and environ.get("TERM") != "linux"


def parse_background(reply: str) -> Background | None:
    """Return the background of a terminal's reply, such as `11;rgb:ffff/ffff/ffff`; None if it has no color."""
    found = re.fullmatch(r"11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/.*)?", reply)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return "light" if luminance(red, green, blue) > MIDDLE_LUMINANCE else "dark"


def luminance(red: float, green: float, blue: float) -> float:
    """Return the relative luminance (WCAG 2) of an sRGB color, 0..1 each."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache
def recolor(style: Style, background: Background, many: bool) -> Style:
    """Return `style` with a readable color; `many`: the terminal has 256 colors."""
    color = style.color
    if color is None or color.number is None or color.number > 15:
        return style
    replaced = (MANY if many else SIXTEEN)[background]
    if color.number not in replaced:
        return style
    number = replaced[color.number]
    other = Style(color=Color.default() if number is None else Color.from_ansi(number))
    return style + other


def in_theme(line: Text, console: Console, background: Background) -> Text:
    """Return `line` with colors that are readable on `background`."""
    many = console.color_system not in (None, "standard")
    themed = line.copy()
    themed.style = recolor(console.get_style(line.style), background, many)
    themed.spans = [
        Span(span.start, span.end, recolor(console.get_style(span.style, default=""), background, many))
        for span in line.spans
    ]
    return themed
