"""The findings of `voicecli doctor` as lines of a report, none wider than the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from voicecli.doctor.finding import Finding, Group, State, first_to_do, summary

MIN_NAME_CELLS, MAX_NAME_CELLS = 16, 24
"""Bounds of the name column, which is as wide as the longest name of its group; a longer name shifts its own text."""

MIN_TEXT_CELLS = 24
"""Least width of a text, even on a narrower terminal."""

STYLES: dict[State, str] = {"passed": "green", "warned": "yellow", "failed": "bold red", "skipped": "dim"}


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks before a line."""

    states: dict[State, str]
    advice: str


UNICODE_MARKS = Marks({"passed": "✓", "warned": "!", "failed": "✗", "skipped": "·"}, "→")
ASCII_MARKS = Marks({"passed": "+", "warned": "!", "failed": "x", "skipped": "-"}, ">")


def marks_for(encoding: str, term: str) -> Marks:
    """Return the marks for a terminal; the fonts of the Linux console lack the Unicode ones."""
    is_unicode = encoding.lower().replace("-", "").startswith("utf")
    return UNICODE_MARKS if is_unicode and term != "linux" else ASCII_MARKS


def group_lines(group: Group, console: Console, marks: Marks) -> list[Text]:
    """Return a group's title and findings, and an empty line."""
    lines = [Text(group.title, "bold")]
    longest = max((len(finding.name) for finding in group.findings), default=0)
    column = min(max(longest, MIN_NAME_CELLS), MAX_NAME_CELLS)
    for finding in group.findings:
        lines += finding_lines(finding, console, marks, column)
    return [*lines, Text()]


def finding_lines(finding: Finding, console: Console, marks: Marks, column: int = MIN_NAME_CELLS) -> list[Text]:
    """Return a finding and the advice below it; both are wrapped and indented."""
    style = STYLES[finding.state]
    head = f"  {marks.states[finding.state]} {finding.name:<{column}} "
    indent = " " * (column + 5)
    first, *more = _wrapped(finding.text, console, len(indent), len(head))
    lines = [Text.assemble((head, style), (first, "dim" if finding.state == "skipped" else ""))]
    lines += [Text(indent + line, "dim" if finding.state == "skipped" else "") for line in more]
    if finding.advice:
        pointer = f"{marks.advice} "
        advice = _wrapped(finding.advice, console, len(indent) + len(pointer))
        starts = [pointer, *[" " * len(pointer)] * (len(advice) - 1)]
        lines += [Text(indent + start + line, "cyan") for start, line in zip(starts, advice, strict=True)]
    return lines


def closing_lines(groups: Sequence[Group], console: Console, marks: Marks) -> list[Text]:
    """Return the summary and the first thing to do."""
    lines = [Text(summary(groups), "bold")]
    first = first_to_do(groups)
    if first is not None:
        begin = f"Begin with {first.name}: "
        head, *more = _wrapped(first.advice, console, len(marks.advice) + 1, len(begin))
        lines.append(Text.assemble(begin, (head, "cyan")))
        lines += [Text(" " * (len(marks.advice) + 1) + line, "cyan") for line in more]
    return lines


def _wrapped(text: str, console: Console, indent: int, first: int = 0) -> list[str]:
    """Return one or more lines to go after `indent` cells, the first line after `first` cells if that is more."""
    ahead = max(0, first - indent)
    lines = Text(" " * ahead + text).wrap(console, max(MIN_TEXT_CELLS, console.width - indent))
    plain = [line.plain.rstrip() for line in lines] or [""]
    return [plain[0][ahead:], *plain[1:]]
