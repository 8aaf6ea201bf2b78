"""Findings as lines of a report, none wider than the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from voicecli.doctor.finding import Finding, Group, State, first_to_do, summary

NAME_CELLS, MOST_NAME_CELLS = 16, 24
"""Of the column of names: as wide as the longest name of a group, within these; a longer one moves its own text."""

NARROWEST = 24
"""Cells that texts get in any case."""

STYLES: dict[State, str] = {"passed": "green", "warned": "yellow", "failed": "bold red", "skipped": "dim"}


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands before a line."""

    states: dict[State, str]
    advice: str


UNICODE_MARKS = Marks({"passed": "✓", "warned": "!", "failed": "✗", "skipped": "·"}, "→")
ASCII_MARKS = Marks({"passed": "+", "warned": "!", "failed": "x", "skipped": "-"}, ">")


def marks_for(encoding: str, term: str) -> Marks:
    """Unicode where the encoding has it; the fonts of Linux's console have few signs."""
    is_unicode = encoding.lower().replace("-", "").startswith("utf")
    return UNICODE_MARKS if is_unicode and term != "linux" else ASCII_MARKS


def group_lines(group: Group, console: Console, marks: Marks) -> list[Text]:
    """Its title and its findings, with an empty line behind."""
    lines = [Text(group.title, "bold")]
    longest = max((len(finding.name) for finding in group.findings), default=0)
    column = min(max(longest, NAME_CELLS), MOST_NAME_CELLS)
    for finding in group.findings:
        lines += finding_lines(finding, console, marks, column)
    return [*lines, Text()]


def finding_lines(finding: Finding, console: Console, marks: Marks, column: int = NAME_CELLS) -> list[Text]:
    """The line, and under it what to do; both are wrapped under their own beginning."""
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
    """How it stands, and where to begin."""
    lines = [Text(summary(groups), "bold")]
    first = first_to_do(groups)
    if first is not None:
        begin = f"Begin with {first.name}: "
        head, *more = _wrapped(first.advice, console, len(marks.advice) + 1, len(begin))
        lines.append(Text.assemble(begin, (head, "cyan")))
        lines += [Text(" " * (len(marks.advice) + 1) + line, "cyan") for line in more]
    return lines


def _wrapped(text: str, console: Console, indent: int, first: int = 0) -> list[str]:
    """Lines to go behind `indent` cells, the first one behind `first` where that is more; one at least."""
    ahead = max(0, first - indent)
    lines = Text(" " * ahead + text).wrap(console, max(NARROWEST, console.width - indent))
    plain = [line.plain.rstrip() for line in lines] or [""]
    return [plain[0][ahead:], *plain[1:]]
