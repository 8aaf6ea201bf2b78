"""The conversation as lines of a screen, and scrolling in them. Pure.

Stable words and spoken text are bright, words that may change and text still to be spoken are dim.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache

from rich.console import Console
from rich.text import Text

from voicecli.events import Stage
from voicecli.ui.answer import MEASURE, has_blocks, render_blocks
from voicecli.ui.terminal.keys import Key
from voicecli.ui.tool_uses import MARK, tool_use_line
from voicecli.ui.view import CUT_REASONS, Exchange, Note, ViewModel
from voicecli.ui.waterfall import statistics, trace

ENTRIES_CACHED = 2000
"""Rendered entries: a conversation of some hours."""

FAREWELL_LINES = 40

SCROLL_KEYS = ("page-up", "page-down", "home", "end", "up", "down", "wheel-up", "wheel-down")

WHEEL_LINES = 3
"""Lines for one notch; a terminal that sends arrow keys instead sends as many of them."""

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
    """Return at most `height` lines, the newest at the bottom; the first line counts the entries that do not fit."""
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
    """Return all lines of the conversation."""
    return dialogue(view, console, width, sys.maxsize)


@lru_cache(ENTRIES_CACHED)
def _entry(entry: Exchange | Note, has_speaker: bool, console: Console, width: int) -> list[Text]:
    """Return the lines of one entry; cached, because every frame needs all visible entries and few change."""
    if isinstance(entry, Note):
        return _wrapped(Text(entry.text, "italic"), console, width, "• ", "yellow")
    lines = _question(entry, console, width)
    for use in entry.tool_uses:
        lines += _wrapped(tool_use_line(use), console, width, MARK, "dim")
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
        lines = [Text(INDENT).append_text(line) for line in render_blocks(spoken.strip(), width - len(INDENT))]
    else:
        text = _rendered(spoken + coming, len(spoken), "dim" if is_voiced else "")
        lines = _wrapped(text, console, width, INDENT, "") if text.plain.strip() else []
    if exchange.outcome == "interrupted":
        lines.append(Text(f"{INDENT}― interrupted", "yellow"))
    if exchange.cut is not None and exchange.released and exchange.outcome != "reopened":
        lines.append(Text(f"{INDENT}― {CUT_REASONS[exchange.cut]}", "dim"))
    if exchange.outcome == "reopened":
        lines.append(Text(f"{INDENT}― you went on", "dim"))
    if exchange.failure is not None:
        failure = exchange.failure
        message = Text(f"{STAGE_NAMES[failure.stage]}: {failure.message}", "red")
        lines += _wrapped(message, console, width, "✗ ", "bold red")
        lines += _wrapped(Text(failure.hint), console, width, INDENT, "") if failure.hint else []
    return lines


def _rendered(source: str, spoken: int, coming_style: str) -> Text:
    """Return the answer with Markdown as styles; text beyond `spoken` characters of `source` gets `coming_style`.

    The markup is cut after styling, because `spoken` counts characters of the source.
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
    """Wrap to `width` cells, with `mark` before the first line and as much space before the others."""
    text.rstrip()
    lines = text.wrap(console, max(width - len(mark), 1), overflow="fold")
    marks = [(mark, mark_style), *((" " * len(mark), "") for _ in lines[1:])]
    return [Text.assemble(before, line) for before, line in zip(marks, lines, strict=True)]


def farewell(view: ViewModel, console: Console) -> list[Text]:
    """Return the end of the conversation and its latencies, for the terminal after the live screen has closed."""
    if not view.exchanges:
        return []
    lines = [*dialogue(view, console, console.width, FAREWELL_LINES), Text()]
    if spoken := tuple(one for one in view.latencies if not one.typed):
        lines.append(Text("voice to voice  ", "bold").append_text(statistics(spoken)))
    return lines


def scroll(top: int | None, key: Key, total: int, height: int) -> int | None:
    """Return the first visible line after one of `SCROLL_KEYS`, of `total` lines with room for `height`.

    Lines are counted from the beginning, so new lines at the end move nothing. None follows the end.
    """
    last = max(total - height, 0)
    page = max(height - 1, 1)
    start = last if top is None else min(top, last)
    steps = {
        "page-up": -page,
        "page-down": page,
        "up": -1,
        "down": 1,
        "wheel-up": -WHEEL_LINES,
        "wheel-down": WHEEL_LINES,
    }
    if key not in steps and key != "home":
        return None
    start = 0 if key == "home" else max(start + steps[key], 0)
    return None if start >= last else start
