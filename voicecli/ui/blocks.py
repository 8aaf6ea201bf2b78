"""How much of a growing Markdown text is settled: whatever follows, it will be drawn as it is now. Pure."""

from __future__ import annotations

from markdown_it import MarkdownIt


def settled_chars(text: str) -> int:
    """Characters before the last block of the complete lines of `text`.

    CommonMark decides on blocks line by line and never goes back to one that it has closed, so all before the last one
    stand; a line that is not complete may still join it, or turn it into a heading or a table.
    """
    lines = [f"{line}\n" for line in text.split("\n")[:-1]]
    tokens = MarkdownIt().enable(["table", "strikethrough"]).parse("".join(lines))
    begins = [token.map[0] for token in tokens if token.level == 0 and token.map is not None]
    return sum(map(len, lines[: begins[-1]])) if begins else 0
