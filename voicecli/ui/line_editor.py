"""The typing line and the list of completions below it. Pure: keys in, a new value out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from rich.text import Text

from voicecli.slash.complete import Offer
from voicecli.ui.terminal.keys import Key

MAX_LINES = 8
HEIGHT_DIVISOR = 3
"""The list takes at most this fraction (1/3) of the screen's lines."""

MARK, NO_MARK = "▸ ", "  "
MAX_SHOWN_CELLS = 34
"""Widest first column: the help behind it needs room as well."""


@dataclass(frozen=True, slots=True)
class Line:
    """Text and the position of the cursor in it, 0..len(text)."""

    text: str = ""
    cursor: int = 0

    def handle_key(self, key: Key) -> Line:
        """Return the line after a key; unknown keys change nothing."""
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        match key:
            case "left" | "ctrl-b":
                return Line(self.text, max(self.cursor - 1, 0))
            case "right" | "ctrl-f":
                return Line(self.text, min(self.cursor + 1, len(self.text)))
            case "home" | "ctrl-a":
                return Line(self.text, 0)
            case "end" | "ctrl-e":
                return Line(self.text, len(self.text))
            case "backspace":
                return Line(before[:-1] + after, len(before[:-1]))
            case "delete":
                return Line(before + after[1:], self.cursor)
            case "ctrl-u":
                return Line(after, 0)
            case "ctrl-k":
                return Line(before, self.cursor)
            case "ctrl-w" | "alt-backspace":
                kept = _without_last_word(before)
                return Line(kept + after, len(kept))
            case _ if len(key) == 1:
                return Line(before + key + after, self.cursor + 1)
            case _:
                return self


def _without_last_word(text: str) -> str:
    words = text.rstrip()
    return words[: len(words) - len(words.split()[-1])] if words else ""


@dataclass(frozen=True, slots=True)
class Palette:
    """Completions of the line, and the one selected with the arrow keys."""

    offers: tuple[Offer, ...] = ()
    chosen: int | None = None

    def with_offers(self, offers: tuple[Offer, ...]) -> Palette:
        """Return the palette for these offers; the selection stays while they are the same."""
        return self if offers == self.offers else Palette(offers)

    def moved(self, key: Key) -> Palette:
        """Return the palette after "up" or "down", which wrap around."""
        if not self.offers:
            return self
        step = 1 if key == "down" else -1
        start = -1 if key == "down" else 0
        chosen = start if self.chosen is None else self.chosen
        return replace(self, chosen=(chosen + step) % len(self.offers))

    def selection(self) -> Offer | None:
        """Return the selected offer."""
        return None if self.chosen is None else self.offers[self.chosen]

    def completed(self, line: Line) -> Line:
        """Return the line after Tab: the selected offer, or the common prefix of all if it is longer than the line."""
        if not self.offers:
            return line
        selected = self.selection()
        text = selected.line if selected else os.path.commonprefix([offer.line for offer in self.offers])
        return Line(text, len(text)) if len(text) > len(line.text) or selected else line


def palette_lines(palette: Palette, height: int) -> list[Text]:
    """Return the lines of the list for a screen of `height` lines.

    The selected offer is among them; the last line counts those that are not shown.
    """
    room = min(MAX_LINES, height // HEIGHT_DIVISOR)
    if not palette.offers or room < 1:
        return []
    count = len(palette.offers)
    shown = count if count <= room else max(room - 1, 1)
    chosen = palette.chosen or 0
    first = min(max(0, chosen - shown + 1), count - shown)
    width = min(max(len(offer.shown) for offer in palette.offers), MAX_SHOWN_CELLS)
    lines = [
        _line(palette.offers[number], width, is_chosen=number == palette.chosen)
        for number in range(first, first + shown)
    ]
    more = [Text(f"{NO_MARK}… {count - shown} more", "dim")] if shown < count and room > 1 else []
    return lines + more


def _line(offer: Offer, width: int, *, is_chosen: bool) -> Text:
    mark, style = (MARK, "bold cyan") if is_chosen else (NO_MARK, "")
    return Text.assemble((f"{mark}{offer.shown:<{width}}", style), (f"  {offer.help}" if offer.help else "", "dim"))
