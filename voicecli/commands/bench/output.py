"""What a measurement found: on the screen, in files, against an older one and against limits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.box import ASCII, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from voicecli.commands.console import print_note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from voicecli.bench.compare import Comparison
    from voicecli.bench.result import Result, TurnRecord
    from voicecli.bench.tables import Table

PIPE_WIDTH = 200  # nothing of a table is folded in a file
FULL_WIDTH = 96  # with less there is room for the figures that one looks at most
FEWER = ("p90", "mean")
VERDICT_STYLES = {"worse": "bold red", "better": "bold green", "unsure": "yellow", "same": "dim"}
ASCII_MARKS = "#-"


def check_output(bench: str, files: Sequence[Path | None], compare: Path | None, fail_over: Sequence[str]) -> None:
    """Raises SettingsError for what would fail after minutes of work: call it before anything is measured.

    `bench` is what the result will bear as such, `files` what is to be written.
    """
    from voicecli.bench.compare import same_bench
    from voicecli.bench.limits import parse_limits
    from voicecli.bench.result import read_result
    from voicecli.errors import SettingsError

    parse_limits(fail_over)
    if compare is not None:
        same_bench(read_result(compare).bench, bench)
    for path in files:
        if path is not None and not path.absolute().parent.is_dir():
            raise SettingsError(f"{path} cannot be written: there is no folder {path.parent}", "make the folder first")


def present(
    result: Result,
    *,
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
    compare: Path | None,
    fail_over: Sequence[str],
) -> None:
    """Show, write, compare, then judge.

    Raises SettingsError where a file cannot be read or written, OverLimit (exit code 1) beyond a limit.
    """
    from voicecli.bench.compare import compare as compared
    from voicecli.bench.limits import OverLimit, exceeded, parse_limits
    from voicecli.bench.result import read_result, write_result

    limits = parse_limits(fail_over)
    old = read_result(compare) if compare is not None else None  # before --json may write over it
    show(result, screen())
    if json_file is not None:
        write_result(json_file, result)
        print_note(f"{json_file} has all samples")
    comparison = compared(old, result) if old is not None else None
    write_pages(result, comparison, markdown, html)
    if comparison is not None:
        show_comparison(comparison, screen())
    if passed := list(exceeded(result, limits)):
        raise OverLimit("; ".join(passed), "--fail-over set the limit")


def write_pages(result: Result, comparison: Comparison | None, markdown: Path | None, html: Path | None) -> None:
    """Raises SettingsError where one cannot be written."""
    from voicecli.bench.html_page import html_page
    from voicecli.bench.markdown import markdown as markdown_page

    if markdown is not None:
        write(markdown, markdown_page(result, comparison), "--markdown FILE")
    if html is not None:
        write(html, html_page(result, comparison), "--html FILE")


def write(path: Path, text: str, hint: str) -> None:
    """Raises SettingsError."""
    from voicecli.errors import SettingsError

    try:
        path.write_text(text, encoding="utf8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", hint) from error
    print_note(f"{path} is written")


def screen() -> Console:
    """Stdout, as wide as the terminal; a pipe gets whole lines. Rich leaves colours out for NO_COLOR and pipes."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def plain_marks(console: Console) -> bool:
    """Whether the terminal's encoding has no blocks and dashes."""
    return not console.encoding.lower().startswith("utf")


def show(result: Result, console: Console) -> None:
    """Voice to voice, the waterfall, the stages, counts, and what makes the figures doubtful."""
    from voicecli.bench.tables import LEGEND, conditions, count_table, measurement_tables, title

    tables = list(measurement_tables(result))
    if (counts := count_table(result)) is not None:
        tables.append(counts)
    line(console, Text(title(result), "bold"), Text(f"  voicecli {result.version}, {result.device}", "dim"))
    for one in tables[:1]:
        console.print(table(one, console))
    for group in dict.fromkeys(turn.group for turn in result.turns):
        show_waterfall(group, [turn for turn in result.turns if turn.group == group], console)
    for one in tables[1:]:
        console.print(table(one, console))
    line(console, Text(LEGEND, "dim"))
    line(console, Text(f"{dict(conditions(result))['processor']}; {result.corpus}", "dim"))
    for doubt in result.doubts:
        line(console, Text(f"doubtful: {doubt}", "yellow"))


def line(console: Console, *parts: Text) -> None:
    """Text as it is: nothing in it is markup; what the terminal's encoding lacks is replaced."""
    text = Text.assemble(*parts)
    console.print(replaced(text.plain) if plain_marks(console) else text, markup=False)


def replaced(text: str) -> str:
    """In ASCII."""
    for mark, plain in (("±", "+/-"), ("–", "-"), ("×", "x"), ("…", "...")):
        text = text.replace(mark, plain)
    return text.encode("ascii", "replace").decode("ascii")


def table(one: Table, console: Console) -> RichTable:
    """Fewer columns where the screen is narrow."""
    skipped = {index for index, name in enumerate(one.head) if name in FEWER} if console.width < FULL_WIDTH else set()
    plain = plain_marks(console)
    shown = RichTable(
        box=ASCII if plain else SIMPLE_HEAD,
        title=Text(replaced(one.title) if plain else one.title, "bold"),
        title_justify="left",
        padding=(0, 1),
    )
    words = 2 if "metric" in one.head else 1
    for index, name in enumerate(one.head):
        if index not in skipped:
            head = Text(replaced(name) if plain else name)
            shown.add_column(head, justify="left" if index < words else "right", overflow="fold")
    for row in one.rows:
        cells = [Text(replaced(cell) if plain else cell) for index, cell in enumerate(row) if index not in skipped]
        cells[0].stylize(VERDICT_STYLES.get(row[0], ""))
        shown.add_row(*cells)
    return shown


def show_waterfall(group: str, turns: Sequence[TurnRecord], console: Console) -> None:
    """Medians of the turns: dark is what was added to the wait, light the work that was hidden."""
    from voicecli.bench.waterfall import ADDED, HIDDEN, NAME_WIDTH, cells_per_s, waterfall

    marks = ASCII_MARKS if plain_marks(console) else ADDED + HIDDEN
    room = min(console.width, 120) - NAME_WIDTH - len("  " + " 00000")
    drawn = waterfall(f"Where the wait went, {group}", turns, cells_per_s(turns, room), marks)
    head, *lanes = drawn.rstrip().split("\n")
    console.print(Text(replaced(head) if plain_marks(console) else head, "bold"), no_wrap=True)
    for lane in lanes:
        text = Text(lane)
        text.highlight_regex(f"[{marks[0]}]+", "cyan")
        text.highlight_regex(f"[{marks[1]}]+", "dim cyan")
        console.print(text, no_wrap=True)
    line(console, Text(f"  {marks[0]} added to the wait, ms; {marks[1]} work that the wait hid", "dim"))
    console.print()


def show_comparison(comparison: Comparison, console: Console) -> None:
    """The sentence last: it is what one reads first."""
    from dataclasses import replace

    from voicecli.bench.tables import comparison_table

    found = comparison_table(comparison)
    changed = tuple(row for row in found.rows if row[0] != "same")
    if changed:
        console.print(table(replace(found, rows=changed), console))
    same = len(found.rows) - len(changed)
    line(console, Text(f"{same} of {len(found.rows)} metrics and counts are the same", "dim"))
    for one in comparison.differing:
        line(console, Text(f"not measured alike: {one}", "yellow"))
    line(console, Text(comparison.sentence, VERDICT_STYLES[comparison.verdict]))
