"""The last lines of what a program has printed, while they may still change.

What is above them scrolls away as usual: no alternate screen, no scroll region. Only the lines that fit on the screen
are shown, the last ones, since a terminal cannot change what has scrolled out of it.
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType, Segment, Segments


class Region:
    """Below it the cursor waits at the beginning of an empty line."""

    def __init__(self, console: Console, most_width: int) -> None:
        self._console = console
        self._most_width = most_width
        self._height = 0

    @property
    def width(self) -> int:
        """Cells of a line."""
        return min(self._console.width, self._most_width)

    def show(self, renderable: RenderableType) -> None:
        """In place of what was there."""
        options = self._console.options.update_width(self.width)
        lines = self._console.render_lines(renderable, options, pad=False)[-max(1, self._console.height - 1) :]
        with self._console:  # collects; one write at the end
            self.clear()
            self._console.print(Segments([part for line in lines for part in (*line, Segment.line())]))
        self._height = len(lines)

    def clear(self) -> None:
        """Nothing is shown; the cursor is where the first line was."""
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * self._height
        # A key that was pressed, Ctrl-C not least, may have been echoed into the empty line.
        self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))
        self._height = 0
