"""The list under the typing line: what a line that begins with a slash may become, and which of it is chosen. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from rich.text import Text

from voicecli.slash.complete import Offer
from voicecli.ui.terminal.editor import Line
from voicecli.ui.terminal.keys import Key

MOST_LINES = 8
SHARE = 3
"""Of the screen's lines, one in so many at most."""

MARK, NO_MARK = "▸ ", "  "
MOST_SHOWN = 34
"""Cells of the first column at most: the help behind it has to be read as well."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Offers for the line as it is, and the one that the arrow keys have come to."""

    offers: tuple[Offer, ...] = ()
    chosen: int | None = None

    def with_offers(self, offers: tuple[Offer, ...]) -> Palette:
        """What was chosen stays so where the same is offered."""
        return self if offers == self.offers else Palette(offers)

    def moved(self, key: Key) -> Palette:
        """After an arrow key: to the next or the one before, round the ends."""
        if not self.offers:
            return self
        step = 1 if key == "down" else -1
        start = -1 if key == "down" else 0
        chosen = start if self.chosen is None else self.chosen
        return replace(self, chosen=(chosen + step) % len(self.offers))

    def picked(self) -> Offer | None:
        """The one that the arrow keys have come to."""
        return None if self.chosen is None else self.offers[self.chosen]

    def completed(self, line: Line) -> Line:
        """After Tab: the chosen one, or as much as all of them begin with, where that adds something."""
        if not self.offers:
            return line
        picked = self.picked()
        text = picked.line if picked else os.path.commonprefix([offer.line for offer in self.offers])
        return Line(text, len(text)) if len(text) > len(line.text) or picked else line


def palette_lines(palette: Palette, height: int) -> list[Text]:
    """For a screen of `height` lines. The chosen one is among them; the last tells how many are not."""
    room = min(MOST_LINES, height // SHARE)
    if not palette.offers or room < 1:
        return []
    count = len(palette.offers)
    shown = count if count <= room else max(room - 1, 1)
    chosen = palette.chosen or 0
    first = min(max(0, chosen - shown + 1), count - shown)
    width = min(max(len(offer.shown) for offer in palette.offers), MOST_SHOWN)
    lines = [
        _line(palette.offers[number], width, is_chosen=number == palette.chosen)
        for number in range(first, first + shown)
    ]
    more = [Text(f"{NO_MARK}… {count - shown} more", "dim")] if shown < count and room > 1 else []
    return lines + more


def _line(offer: Offer, width: int, *, is_chosen: bool) -> Text:
    mark, style = (MARK, "bold cyan") if is_chosen else (NO_MARK, "")
    return Text.assemble((f"{mark}{offer.shown:<{width}}", style), (f"  {offer.help}" if offer.help else "", "dim"))
