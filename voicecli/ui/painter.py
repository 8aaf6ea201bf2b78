"""Puts frames on a terminal: only the lines that differ from what is there are written.

A frame of 160x48 is ten kilobytes, the line with the input level a hundred bytes; ten times a second that is the
difference between a calm and a sluggish screen over a network.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.text import Text


class Painter:
    """What a terminal shows, and how to make it show something else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: list[Text] = []
        self._size = (0, 0)

    def paint(self, lines: Sequence[Text], width: int) -> None:
        """Show `lines`, the whole screen, each at most `width` cells wide."""
        with self._console:  # collects; one write at the end
            if self._size != (width, len(lines)):
                self._console.clear()
                self._shown, self._size = [Text() for _ in lines], (width, len(lines))
            for row, (line, shown) in enumerate(zip(lines, self._shown, strict=True)):
                if line != shown:
                    self._console.control(Control.move_to(0, row))
                    blank = " " * (width - line.cell_len)
                    self._console.print(Text.assemble(line, blank), end="", no_wrap=True, overflow="crop")
        self._shown = list(lines)

    def forget(self) -> None:
        """Paint everything next time: something else has written to the terminal."""
        self._size = (0, 0)
