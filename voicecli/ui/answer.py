"""Print an answer while it is written: as it is into a pipe, as formatted Markdown on a terminal."""

from __future__ import annotations

import asyncio
import io
import re
from typing import TextIO

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown
from rich.syntax import Syntax
from rich.text import Text

from voicecli.printable import printable
from voicecli.ui.terminal.painter import Region

MEASURE = 92
"""Longest line of text, in cells; longer ones are hard to read."""

FRAME_S = 1 / 12
"""Least time between two redraws. A long block blocks the loop for a few milliseconds, and a model may write fast."""

FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*\|[-:| \t]*$", re.MULTILINE)

CODE_THEME = "ansi_dark"
"""Uses only the sixteen colors and no background, which light and dark terminals define themselves."""

MIN_BLOCK_CELLS = 16
"""A narrower table has no room for its frame."""


class PlainAnswer:
    """Write text as it comes from the model. Without `out`, only notes are written."""

    def __init__(self, out: TextIO | None, err: TextIO) -> None:
        self._out, self._err = out, err
        self._last_char = "\n"  # an empty answer needs no line end

    def write(self, text: str) -> None:
        """Write a part of the answer. Raise BrokenPipeError if the reader has gone."""
        if text and self._out is not None:
            print(text, end="", file=self._out, flush=True)
            self._last_char = text[-1]

    def note(self, text: str) -> None:
        """Write a note to stderr."""
        print(text, file=self._err, flush=True)

    def close(self) -> None:
        """End the last line, as in any text file."""
        if self._out is not None and self._last_char != "\n":
            self._last_char = "\n"
            print(file=self._out, flush=True)


class MarkdownAnswer:
    """Print finished blocks once and redraw the last one while it grows. Belongs to a loop."""

    def __init__(self, console: Console, err: TextIO) -> None:
        self._console = console
        self._err = err
        self._region = Region(console, MEASURE)
        self._open = ""  # text that may still change its look
        self._printed = False
        self._next: asyncio.TimerHandle | None = None

    def write(self, text: str) -> None:
        """Add text and draw it, at most every `FRAME_S`."""
        self._open += printable(text)
        if text and self._next is None:
            self._draw()

    def note(self, text: str) -> None:
        """Write a note to stderr, above the part that may still change."""
        self._region.clear()
        print(text, file=self._err, flush=True)
        if self._open.strip():
            self._region.show(Markdown(self._open))

    def close(self) -> None:
        """Print what is left. Calling it again does nothing."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._print(len(self._open))

    def _draw(self) -> None:
        with self._console:  # collects; one write at the end
            self._print(settled_chars(self._open))
            if self._open.strip():
                self._region.show(Markdown(self._open))
        self._next = asyncio.get_running_loop().call_later(FRAME_S, self._draw_changed, self._open)

    def _draw_changed(self, drawn: str) -> None:
        self._next = None
        if self._open != drawn:
            self._draw()

    def _print(self, chars: int) -> None:
        """Print the first `chars` characters of the open text for good."""
        text, self._open = self._open[:chars], self._open[chars:]
        if not text.strip():
            return
        with self._console:
            self._region.clear()
            if self._printed:
                self._console.print()
            self._console.print(Markdown(text), width=self._region.width)
        self._printed = True


def open_answer(out: TextIO, err: TextIO, *, silent: bool) -> PlainAnswer | MarkdownAnswer:
    """Return the writer that fits `out`; a silent one writes only notes."""
    if silent:
        return PlainAnswer(None, err)
    console = Console(file=out)
    return MarkdownAnswer(console, err) if out.isatty() and not console.is_dumb_terminal else PlainAnswer(out, err)


def settled_chars(text: str) -> int:
    """Return how many characters of a growing Markdown text keep their look, whatever follows.

    CommonMark decides on blocks line by line and never reopens one that it has closed, so all blocks before the last
    one are settled. An incomplete line may still join the last block, or turn it into a heading or a table.
    """
    lines = [f"{line}\n" for line in text.split("\n")[:-1]]
    tokens = MarkdownIt().enable(["table", "strikethrough"]).parse("".join(lines))
    begins = [token.map[0] for token in tokens if token.level == 0 and token.map is not None]
    return sum(map(len, lines[: begins[-1]])) if begins else 0


def has_blocks(source: str, width: int) -> bool:
    """Return whether a text has code or a table, and `width` cells are enough to draw it."""
    return width >= MIN_BLOCK_CELLS and bool(FENCED.search(source) or _TABLE.search(source))


def last_code(source: str) -> str:
    """Return the last closed block of code without its fences; empty if there is none."""
    blocks = [match["code"] for match in FENCED.finditer(source)]
    return blocks[-1] if blocks else ""


class _Code(CodeBlock):
    """A code block without Rich's empty line above and below, which a background would fill."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True, padding=(0, 1))


class _Blocks(Markdown):
    elements = {**Markdown.elements, "fence": _Code, "code_block": _Code}  # noqa: RUF012 - as Rich declares it


def render_blocks(source: str, width: int) -> tuple[Text, ...]:
    """Render Markdown with its code and tables as lines of at most `width` cells."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor")
    markdown = _Blocks(source.expandtabs(4), code_theme=CODE_THEME, hyperlinks=False)
    lines = [
        Text.assemble(*((part.text, part.style or "") for part in line if not part.control))
        for line in console.render_lines(markdown, pad=False)
    ]
    for line in lines:
        line.rstrip()
    return tuple(lines)
