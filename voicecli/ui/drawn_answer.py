"""An answer on a terminal, as Markdown that is drawn while it grows."""

from __future__ import annotations

import asyncio
from typing import TextIO

from rich.console import Console
from rich.markdown import Markdown

from voicecli.ui.blocks import settled_chars
from voicecli.ui.dialogue import MEASURE
from voicecli.ui.terminal.region import Region
from voicecli.ui.view import printable

FRAME_S = 1 / 12
"""Between two drawings. A long block costs a few milliseconds of the loop each time, and a model may write fast."""


class DrawnAnswer:
    """Blocks that are settled are printed for good, the last one is drawn anew as it grows. Belongs to a loop."""

    def __init__(self, console: Console, err: TextIO) -> None:
        self._console = console
        self._err = err
        self._region = Region(console, MEASURE)
        self._open = ""  # what is not settled
        self._printed = False
        self._next: asyncio.TimerHandle | None = None

    def write(self, text: str) -> None:
        """Drawn at once, unless something was drawn a moment ago."""
        self._open += printable(text)
        if text and self._next is None:
            self._draw()

    def note(self, text: str) -> None:
        """Above the part that may still change."""
        self._region.clear()
        print(text, file=self._err, flush=True)
        if self._open.strip():
            self._region.show(Markdown(self._open))

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._print(len(self._open))

    def _draw(self) -> None:
        with self._console:  # collects; one write at the end
            self._print(settled_chars(self._open))
            if self._open.strip():
                self._region.show(Markdown(self._open))
        self._next = asyncio.get_running_loop().call_later(FRAME_S, self._draw_again, self._open)

    def _draw_again(self, drawn: str) -> None:
        self._next = None
        if self._open != drawn:
            self._draw()

    def _print(self, chars: int) -> None:
        """For good."""
        text, self._open = self._open[:chars], self._open[chars:]
        if not text.strip():
            return
        with self._console:
            self._region.clear()
            if self._printed:
                self._console.print()
            self._console.print(Markdown(text), width=self._region.width)
        self._printed = True
