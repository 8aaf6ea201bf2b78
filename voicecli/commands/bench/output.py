"""Show the progress of a measurement and its result, write files, compare and judge. Progress goes to stderr."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import ASCII, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from voicecli.commands.console import print_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from voicecli.bench.compare import Comparison
    from voicecli.bench.result import Result, TurnRecord
    from voicecli.bench.rounds import Progress
    from voicecli.bench.tables import Table
    from voicecli.commands.bench.options import Output

PIPE_WIDTH = 200  # in a file no line of a table wraps
FULL_WIDTH = 96  # a narrower screen has no room for these columns:
LEFT_OUT = ("p90", "mean")
VERDICT_STYLES = {"worse": "bold red", "better": "bold green", "unsure": "yellow", "same": "dim"}
ASCII_MARKS = "#-"

REDRAWN_HZ = 2
"""The process that is measured draws the bar, so it is drawn rarely."""


def present(result: Result, output: Output) -> None:
    """Show a result, write it, compare it, then judge it.

    Raise SettingsError if a file cannot be read or written, and OverLimit (exit code 1) beyond a limit.
    """
    from voicecli.bench.compare import compare
    from voicecli.bench.limits import OverLimit, exceeded, parse_limits
    from voicecli.bench.result import read_result, write_result

    limits = parse_limits(output.fail_over or ())
    old = read_result(output.compare) if output.compare is not None else None  # before --json may overwrite it
    show(result, screen())
    if output.json_file is not None:
        write_result(output.json_file, result)
        print_note(f"Wrote all samples to {output.json_file}")
    comparison = compare(old, result) if old is not None else None
    write_pages(result, comparison, output.markdown, output.html)
    if comparison is not None:
        show_comparison(comparison, screen())
    if passed := list(exceeded(result, limits)):
        raise OverLimit("; ".join(passed), "the limit was set by --fail-over")


def write_pages(result: Result, comparison: Comparison | None, markdown: Path | None, html: Path | None) -> None:
    """Write the pages that were asked for. Raise SettingsError if one cannot be written."""
    from voicecli.bench.html_page import html_page
    from voicecli.bench.markdown import markdown as markdown_page

    if markdown is not None:
        write(markdown, markdown_page(result, comparison), "--markdown FILE")
    if html is not None:
        write(html, html_page(result, comparison), "--html FILE")


def write(path: Path, text: str, hint: str) -> None:
    """Write a text file, and say so. Raise SettingsError with `hint` if that fails."""
    from voicecli.errors import SettingsError

    try:
        path.write_text(text, encoding="utf8")
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}", hint) from error
    print_note(f"Wrote {path}")


def screen() -> Console:
    """Return stdout, as wide as the terminal or, in a pipe, PIPE_WIDTH. Rich omits colors for NO_COLOR and pipes."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def plain_marks(console: Console) -> bool:
    """Return whether the terminal's encoding lacks blocks and dashes."""
    return not console.encoding.lower().startswith("utf")


def show(result: Result, console: Console) -> None:
    """Print voice to voice, the waterfall, the stages, counts, and what makes the figures doubtful."""
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
    """Print text literally, without markup; replace what the terminal's encoding lacks."""
    text = Text.assemble(*parts)
    console.print(to_ascii(text.plain) if plain_marks(console) else text, markup=False)


def to_ascii(text: str) -> str:
    """Return the text in ASCII."""
    for mark, plain in (("±", "+/-"), ("–", "-"), ("×", "x"), ("…", "...")):
        text = text.replace(mark, plain)
    return text.encode("ascii", "replace").decode("ascii")


def table(one: Table, console: Console) -> RichTable:
    """Return a table for the screen, with fewer columns if the screen is narrow."""
    skipped = (
        {index for index, name in enumerate(one.head) if name in LEFT_OUT} if console.width < FULL_WIDTH else set()
    )
    plain = plain_marks(console)
    shown = RichTable(
        box=ASCII if plain else SIMPLE_HEAD,
        title=Text(to_ascii(one.title) if plain else one.title, "bold"),
        title_justify="left",
        padding=(0, 1),
    )
    words = 2 if "metric" in one.head else 1
    for index, name in enumerate(one.head):
        if index not in skipped:
            head = Text(to_ascii(name) if plain else name)
            shown.add_column(head, justify="left" if index < words else "right", overflow="fold")
    for row in one.rows:
        cells = [Text(to_ascii(cell) if plain else cell) for index, cell in enumerate(row) if index not in skipped]
        cells[0].stylize(VERDICT_STYLES.get(row[0], ""))
        shown.add_row(*cells)
    return shown


def show_waterfall(group: str, turns: Sequence[TurnRecord], console: Console) -> None:
    """Print the medians of the turns: dark is what was added to the wait, light is hidden work."""
    from voicecli.bench.waterfall import ADDED, HIDDEN, NAME_WIDTH, cells_per_s, waterfall

    marks = ASCII_MARKS if plain_marks(console) else ADDED + HIDDEN
    room = min(console.width, 120) - NAME_WIDTH - len("  " + " 00000")
    drawn = waterfall(f"Where the wait went, {group}", turns, cells_per_s(turns, room), marks)
    head, *lanes = drawn.rstrip().split("\n")
    console.print(Text(to_ascii(head) if plain_marks(console) else head, "bold"), no_wrap=True)
    for lane in lanes:
        text = Text(lane)
        text.highlight_regex(f"[{marks[0]}]+", "cyan")
        text.highlight_regex(f"[{marks[1]}]+", "dim cyan")
        console.print(text, no_wrap=True)
    line(
        console,
        Text(f"  {marks[0]} added to the wait, ms; {marks[1]} work hidden by the wait for the end of speech", "dim"),
    )
    console.print()


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print the changes, and the summarizing sentence last, where it is read first."""
    from dataclasses import replace

    from voicecli.bench.tables import comparison_table

    found = comparison_table(comparison)
    changed = tuple(row for row in found.rows if row[0] != "same")
    if changed:
        console.print(table(replace(found, rows=changed), console))
    same = len(found.rows) - len(changed)
    line(console, Text(f"{same} of {len(found.rows)} metrics and counts are the same", "dim"))
    for one in comparison.differing:
        line(console, Text(f"different conditions: {one}", "yellow"))
    line(console, Text(comparison.sentence, VERDICT_STYLES[comparison.verdict]))


@contextmanager
def show_progress(console: Console | None = None) -> Iterator[Progress]:
    """Yield a function that shows progress: a bar on a terminal, a line for each step elsewhere."""
    from rich import progress

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield StepLines()
        return
    with progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=console,
        refresh_per_second=REDRAWN_HZ,
        transient=True,
    ) as bars:
        task = bars.add_task("", total=None)

        def advance(step: str, done: int, total: int) -> None:
            bars.update(task, description=step, completed=done, total=total)

        yield advance


class StepLines:
    """Print one line for each step."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            print_note(f"{step}…")
            self._step = step
