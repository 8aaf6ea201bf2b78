"""The conversation as lines of a screen: firm and changing words, spoken and coming answer."""

from __future__ import annotations

import re
import sys
from functools import lru_cache

from rich.console import Console
from rich.text import Text

from voicecli.events import Stage
from voicecli.ui.drawn_blocks import drawn_blocks, has_blocks
from voicecli.ui.drawn_uses import MARK, drawn_use
from voicecli.ui.view import Exchange, Note, ViewModel
from voicecli.ui.waterfall import trace

MEASURE = 92
"""Longest line of text, in cells; longer ones are hard to read."""

ENTRIES_KEPT = 2000
"""Drawn entries: a conversation of some hours."""

USER_MARK = "❯ "
INDENT = "  "

MARKUP = re.compile(
    r"^```[^\n]*\n(?P<block>.*?)(?:^```[ \t]*$\n?|\Z)"
    r"|`(?P<code>[^`\n]+)`|\*\*(?P<strong>[^*\n]+)\*\*|^\#{1,6} (?P<heading>[^\n]*)",
    re.MULTILINE | re.DOTALL,
)
MARKUP_STYLES = {"block": "cyan", "code": "cyan", "strong": "bold", "heading": "bold"}

STAGE_NAMES: dict[Stage, str] = {
    "stt": "speech-to-text",
    "llm": "language model",
    "tts": "speech",
    "playout": "speaker",
}


def dialogue(view: ViewModel, console: Console, width: int, height: int) -> list[Text]:
    """At most `height` lines, the newest at the bottom; what does not fit is counted in the first line."""
    blocks: list[list[Text]] = []
    used = 0
    for entry in reversed(view.entries):
        lines = _entry(entry, view.has_speaker, console, min(width, MEASURE))
        blocks.append([*lines, Text()] if lines and blocks else lines)
        used += len(blocks[-1])
        if used > height:
            break
    lines = [line for block in reversed(blocks) for line in block]
    if len(lines) <= height:
        return lines
    cut = len(lines) - height + 1
    unseen = len(view.entries) - len(blocks) + (cut >= len(blocks[-1]) - 1)
    mark = f"… {unseen} earlier" if unseen else "…"
    return [Text(INDENT + mark, "dim"), *lines[cut:]] if height > 1 else lines[-height:]


def whole_dialogue(view: ViewModel, console: Console, width: int) -> list[Text]:
    """All of its lines."""
    return dialogue(view, console, width, sys.maxsize)


@lru_cache(ENTRIES_KEPT)
def _entry(entry: Exchange | Note, has_speaker: bool, console: Console, width: int) -> list[Text]:
    """Kept, because each frame asks for all that is in sight, and what is over does not change."""
    if isinstance(entry, Note):
        return _wrapped(Text(entry.text, "italic"), console, width, "• ", "yellow")
    lines = _question(entry, console, width)
    for use in entry.uses:
        lines += _wrapped(drawn_use(use), console, width, MARK, "dim")
    lines += _answer(entry, has_speaker, console, width)
    if entry.latency is not None:
        lines.append(Text(INDENT).append_text(trace(entry.latency, width - len(INDENT))))
    return lines


def _question(exchange: Exchange, console: Console, width: int) -> list[Text]:
    firm, changing = exchange.heard
    words = Text.assemble((firm, "bold"), (changing, "dim"))
    if exchange.outcome == "open" and not exchange.released:
        words.append(" …" if words else "…", "dim")
    return _wrapped(words, console, width, USER_MARK, "bold cyan") if words else []


def _answer(exchange: Exchange, has_speaker: bool, console: Console, width: int) -> list[Text]:
    spoken, coming = exchange.answer
    is_voiced = has_speaker and exchange.outcome in ("open", "interrupted")
    if exchange.outcome == "done" and has_blocks(spoken, width - len(INDENT)):
        lines = [Text(INDENT).append_text(line) for line in drawn_blocks(spoken.strip(), width - len(INDENT))]
    else:
        text = _rendered(spoken + coming, len(spoken), "dim" if is_voiced else "")
        lines = _wrapped(text, console, width, INDENT, "") if text.plain.strip() else []
    if exchange.outcome == "interrupted":
        lines.append(Text(f"{INDENT}― interrupted", "yellow"))
    if exchange.outcome == "reopened":
        lines.append(Text(f"{INDENT}― you went on", "dim"))
    if exchange.failure is not None:
        failure = exchange.failure
        said = Text(f"{STAGE_NAMES[failure.stage]}: {failure.message}", "red")
        lines += _wrapped(said, console, width, "✗ ", "bold red")
        lines += _wrapped(Text(failure.hint), console, width, INDENT, "") if failure.hint else []
    return lines


def _rendered(source: str, spoken: int, coming_style: str) -> Text:
    """The answer with Markdown shown instead of written; what lies beyond `spoken` characters of `source` is styled.

    Styled first and cut afterwards, because the voice counts characters of the source.
    """
    text = Text(source)
    cuts: list[int] = []
    for match in MARKUP.finditer(source):
        kind = str(match.lastgroup)
        start, end = match.span(kind)
        text.stylize(MARKUP_STYLES[kind], start, end)
        for cut in ((match.start(), start), (end, match.end())):
            cuts += cut if cut[0] < cut[1] else ()
    text.stylize(coming_style, spoken)
    return Text().join(text.divide(cuts)[::2])


def _wrapped(text: Text, console: Console, width: int, mark: str, mark_style: str) -> list[Text]:
    """Lines of at most `width` cells, `mark` before the first and as much space before the others."""
    text.rstrip()
    lines = text.wrap(console, max(width - len(mark), 1), overflow="fold")
    marks = [(mark, mark_style), *((" " * len(mark), "") for _ in lines[1:])]
    return [Text.assemble(before, line) for before, line in zip(marks, lines, strict=True)]
