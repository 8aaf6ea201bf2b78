"""Write a result as Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from voicecli.bench.compare import Comparison
from voicecli.bench.result import Result, TurnRecord
from voicecli.bench.tables import (
    LEGEND,
    Table,
    comparison_table,
    conditions,
    count_table,
    measurement_tables,
    parts_table,
    title,
    when,
)
from voicecli.bench.waterfall import waterfall

MARKED = re.compile(r"([\\`*_{}\[\]<>|#~])")


def markdown(result: Result, comparison: Comparison | None = None, *, level: int = 1) -> str:
    """Return one page; headings begin at `level`."""
    return "\n\n".join(filter(None, sections(result, comparison, "#" * level))) + "\n"


def sections(result: Result, comparison: Comparison | None, mark: str) -> Iterator[str]:
    """Yield paragraphs and tables in order."""
    yield f"{mark} {escaped(title(result))}"
    yield f"{escaped(result.corpus)}; {escaped(conditions(result)[0][1])}; {escaped(when(result))}."
    for doubt in result.doubts:
        yield f"> **Doubtful:** {escaped(doubt)}"
    if comparison is not None:
        yield f"{mark}# Compared with the previous result"
        yield f"**{escaped(comparison.sentence)}**"
        if comparison.differing:
            yield "Different conditions:\n\n" + "\n".join(f"- {escaped(one)}" for one in comparison.differing)
        yield table(comparison_table(comparison), figures_from=2)
    for one in measurement_tables(result):
        yield f"{mark}# {escaped(one.title)}\n\n{table(one)}"
    yield LEGEND
    yield from waterfalls(result.turns, mark)
    for more in (parts_table(result), count_table(result)):
        if more is not None:
            yield f"{mark}# {escaped(more.title)}\n\n{table(more)}"
    yield f"{mark}# How it was measured"
    yield pairs(conditions(result))
    yield pairs([*result.machine.libraries.items(), *((name, sha256[:12]) for name, sha256 in result.models.items())])
    yield pairs([(name, str(value)) for name, value in result.settings.items()])


def waterfalls(turns: Sequence[TurnRecord], mark: str) -> Iterator[str]:
    """Yield the medians of each group."""
    if not turns:
        return
    yield f"{mark}# Where the wait went, medians"
    yield "Dark: what a stage added to the wait, with its ms. Light: work hidden by the wait for the end of speech."
    groups = dict.fromkeys(one.group for one in turns)
    drawn = [waterfall(group, [one for one in turns if one.group == group]) for group in groups]
    yield "```text\n" + "\n".join(drawn).replace("```", "") + "```"


def table(one: Table, figures_from: int = 1) -> str:
    """Return a table with text aligned left, and figures right."""
    rules = ["---"] * figures_from + ["---:"] * (len(one.head) - figures_from)
    lines = [[escaped(cell) for cell in one.head], rules, *([escaped(cell) for cell in row] for row in one.rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def pairs(entries: Iterable[tuple[str, str]]) -> str:
    """Return names and values in two columns; empty if there are none."""
    rows = tuple(entries)
    return table(Table("", ("", ""), rows), figures_from=2) if rows else ""


def escaped(text: str) -> str:
    """Return text as one line in which no character is markup."""
    return MARKED.sub(r"\\\1", " ".join(text.split()))
