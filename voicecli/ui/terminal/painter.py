"""Puts frames on a terminal: only the lines that differ from what is there are written.

A frame of 160x48 is ten kilobytes, the line with the input level a hundred bytes; ten times a second that is the
difference between a calm and a sluggish screen over a network.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from voicecli.ui.terminal.theme import Background, in_theme

TOGETHER_ON, TOGETHER_OFF = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: nothing is shown until all is there; terminals that do not know it go on as before.
https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036"""


class Painter:
    """What a terminal shows, and how to make it show something else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: list[Text] = []
        self._size = (0, 0)

    def paint(self, lines: Sequence[Text], width: int, background: Background = "unknown") -> None:
        """Show `lines`, the whole screen, each at most `width` cells wide."""
        resized = self._size != (width, len(lines))
        shown = [Text()] * len(lines) if resized else self._shown
        changed = [row for row, (line, before) in enumerate(zip(lines, shown, strict=True)) if line != before]
        together = len(changed) > 1
        file = self._console.file
        file.write(TOGETHER_ON if together else "")
        with self._console:  # collects; one write at the end
            if resized:
                self._console.clear()
            for row in changed:
                self._paint_line(lines[row], row, width, background)
        file.write(TOGETHER_OFF if together else "")
        file.flush()
        self._shown, self._size = list(lines), (width, len(lines))

    def _paint_line(self, line: Text, row: int, width: int, background: Background) -> None:
        self._console.control(Control.move_to(0, row))
        themed = in_theme(line, self._console, background)
        self._console.print(themed, end="", no_wrap=True, overflow="crop")
        if line.cell_len < width:  # behind a full line the cursor stands on its last cell
            self._console.control(Control((ControlType.ERASE_IN_LINE, 0)))

    def forget(self) -> None:
        """Paint everything next time: something else has written to the terminal."""
        self._size = (0, 0)
