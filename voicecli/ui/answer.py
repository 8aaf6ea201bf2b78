"""An answer that is read while it is written: as it is into a pipe, as drawn Markdown on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from voicecli.ui.drawn_answer import DrawnAnswer


class WrittenAnswer:
    """Text as the model writes it, at once. With no `out`, only what is told beside it."""

    def __init__(self, out: TextIO | None, err: TextIO) -> None:
        self._out, self._err = out, err
        self._ends_in = "\n"  # what was written last; an empty answer needs no line end

    def write(self, text: str) -> None:
        """Raises BrokenPipeError when the reader has gone."""
        if text and self._out is not None:
            print(text, end="", file=self._out, flush=True)
            self._ends_in = text[-1]

    def note(self, text: str) -> None:
        print(text, file=self._err, flush=True)

    def close(self) -> None:
        """A text file ends in a line end."""
        if self._out is not None and self._ends_in != "\n":
            self._ends_in = "\n"
            print(file=self._out, flush=True)


def open_page(out: TextIO, err: TextIO, *, silent: bool) -> WrittenAnswer | DrawnAnswer:
    """What fits `out`; a silent one writes nothing there."""
    if silent:
        return WrittenAnswer(None, err)
    if out.isatty():
        from rich.console import Console

        from voicecli.ui.drawn_answer import DrawnAnswer

        console = Console(file=out)
        if not console.is_dumb_terminal:
            return DrawnAnswer(console, err)
    return WrittenAnswer(out, err)
