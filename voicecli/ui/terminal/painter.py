"""Draw on a terminal: whole frames, or the last lines of printed output.

`Painter` writes only the lines of a frame that have changed. A frame of 160x48 is ten kilobytes, the line with the
input level a hundred bytes; ten times a second that decides whether the screen is sluggish over a network.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from voicecli.ui.terminal.theme import Background, in_theme

SYNC_ON, SYNC_OFF = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: the terminal shows the update as a whole; terminals that do not know the mode ignore it.
https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036"""


class Painter:
    """Keeps the frame that the terminal shows, and writes the changes of the next one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: list[Text] = []
        self._size = (0, 0)

    def paint(self, lines: Sequence[Text], width: int, background: Background = "unknown") -> None:
        """Show `lines` as the whole screen, each at most `width` cells wide."""
        resized = self._size != (width, len(lines))
        shown = [Text()] * len(lines) if resized else self._shown
        changed = [row for row, (line, before) in enumerate(zip(lines, shown, strict=True)) if line != before]
        synchronized = len(changed) > 1
        file = self._console.file
        file.write(SYNC_ON if synchronized else "")
        with self._console:  # collects; one write at the end
            if resized:
                self._console.clear()
            for row in changed:
                self._paint_line(lines[row], row, width, background)
        file.write(SYNC_OFF if synchronized else "")
        file.flush()
        self._shown, self._size = list(lines), (width, len(lines))

    def _paint_line(self, line: Text, row: int, width: int, background: Background) -> None:
        self._console.control(Control.move_to(0, row))
        themed = in_theme(line, self._console, background)
        self._console.print(themed, end="", no_wrap=True, overflow="crop")
        if line.cell_len < width:  # after a full line the cursor is on its last cell
            self._console.control(Control((ControlType.ERASE_IN_LINE, 0)))

    def invalidate(self) -> None:
        """Paint everything next time, because something else has written to the terminal."""
        self._size = (0, 0)


class Region:
    """The last printed lines, which may still change; the cursor is at the start of the empty line below them.

    Lines above scroll away as usual: no alternate screen, no scroll region. Only the last lines that fit on the screen
    are shown, because a terminal cannot change lines that have scrolled out of it.
    """

    def __init__(self, console: Console, max_width: int) -> None:
        self._console = console
        self._max_width = max_width
        self._height = 0

    @property
    def width(self) -> int:
        """The width of a line, in cells."""
        return min(self._console.width, self._max_width)

    def show(self, renderable: RenderableType) -> None:
        """Replace the lines shown."""
        options = self._console.options.update_width(self.width)
        lines = self._console.render_lines(renderable, options, pad=False)[-max(1, self._console.height - 1) :]
        with self._console:  # collects; one write at the end
            self.clear()
            self._console.print(Segments([part for line in lines for part in (*line, Segment.line())]))
        self._height = len(lines)

    def clear(self) -> None:
        """Remove the lines; the cursor is where the first one was."""
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * self._height
        # A pressed key such as Ctrl-C may have been echoed into the empty line.
        self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))
        self._height = 0
