"""Render a frame of the live screen, or the text of a terminal, as SVG for documents."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from voicecli.ui.frame import Scene, frame

SPACE = "&#160;"

CELL = 12.2
"""Width of a cell in Rich's SVG."""

TEXT = re.compile(
    r'(?P<head><text [^>]*?)x="(?P<x>[\d.]+)"(?P<middle>[^>]*?)textLength="[\d.]+"(?P<tail>[^>]*)>'
    rf"(?P<before>(?:{SPACE})*)(?P<words>[^<]*?)(?:{SPACE})*</text>"
)


def _colors(text: str) -> list[tuple[int, int, int]]:
    """Return hexadecimal RGB colors, separated by spaces, as tuples."""
    return [(color[0], color[1], color[2]) for color in map(bytes.fromhex, text.split())]


THEME = TerminalTheme(
    background=(22, 24, 33),
    foreground=(214, 218, 228),
    normal=_colors("282c3c f07178 7ec88a ecc46e 6ea0fa c494f0 62ccd8 c8cdd8"),
    bright=_colors("68708a fa8c92 98dca2 f8d68c 8eb8ff d6b0fa 82dee8 f0f2f8"),
)


def picture(scene: Scene, width: int, height: int, title: str) -> str:
    """Return the SVG source of one frame of `width` by `height` cells."""
    console = _recording(width, height)
    for line in frame(scene, console, width, height):
        console.print(line, no_wrap=True, overflow="crop", highlight=False)
    return _source(console, title)


def terminal_picture(lines: Sequence[str], width: int, title: str, theme: TerminalTheme = THEME) -> str:
    """Return the SVG source of a terminal `width` cells wide; `lines` hold its colors as escape sequences (SGR)."""
    console = _recording(width, len(lines))
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop", highlight=False)
    return _source(console, title, theme)


def _recording(width: int, height: int) -> Console:
    return Console(
        record=True,
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )


def _source(console: Console, title: str, theme: TerminalTheme = THEME) -> str:
    return TEXT.sub(_without_edges, console.export_svg(title=title, theme=theme))


def _without_edges(found: re.Match[str]) -> str:
    """Return a text element without the spaces at its ends, in the same place: some SVG viewers drop them."""
    cells = len(found["before"]) // len(SPACE)
    x, length = float(found["x"]) + cells * CELL, cell_len(html.unescape(found["words"])) * CELL
    return f'{found["head"]}x="{x:g}"{found["middle"]}textLength="{length:g}"{found["tail"]}>{found["words"]}</text>'
