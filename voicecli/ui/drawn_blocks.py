"""A finished answer with code or a table in it: drawn as such, code in the terminal's own colours."""

from __future__ import annotations

import io
import re

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown
from rich.syntax import Syntax
from rich.text import Text

FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*\|[-:| \t]*$", re.MULTILINE)

CODE_THEME = "ansi_dark"
"""Only the sixteen colours, and no background: light and dark terminals have chosen theirs."""

LEAST_CELLS = 16
"""A narrower table has no room for its frame."""


def has_blocks(source: str, width: int) -> bool:
    """Whether there is something to draw, and room for it."""
    return width >= LEAST_CELLS and bool(FENCED.search(source) or _TABLE.search(source))


def last_code(source: str) -> str:
    """The last closed block of code, as it would stand in a file; empty when there is none."""
    blocks = [match["code"] for match in FENCED.finditer(source)]
    return blocks[-1] if blocks else ""


class _Code(CodeBlock):
    """Without Rich's empty line above and below, which a background would fill."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True, padding=(0, 1))


class _Blocks(Markdown):
    elements = {**Markdown.elements, "fence": _Code, "code_block": _Code}  # noqa: RUF012 - as Rich declares it


def drawn_blocks(source: str, width: int) -> tuple[Text, ...]:
    """Lines of at most `width` cells."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor")
    markdown = _Blocks(source.expandtabs(4), code_theme=CODE_THEME, hyperlinks=False)
    lines = [
        Text.assemble(*((part.text, part.style or "") for part in line if not part.control))
        for line in console.render_lines(markdown, pad=False)
    ]
    for line in lines:
        line.rstrip()
    return tuple(lines)
