"""Show a tuning: its progress on stderr, its results on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from voicecli.tune.report import Row
    from voicecli.tune.run import Outcome
    from voicecli.tune.search import Watch
    from voicecli.tune.start import Beginning
    from voicecli.tune.values import Choice, Part

PIPE_WIDTH = 200  # so that tables do not wrap in a file


class Lines:
    """Print a line for each finished step; on a terminal also show the current one. Implements `search.Watch`."""

    def __init__(self, console: Console, bars: Bars | None, limit_s: float, began_s: float) -> None:
        self._console = console
        self._bars = bars
        self._limit_s = limit_s
        self._began_s = began_s
        self._task = bars.add_task("", total=limit_s) if bars else None

    def doing(self, text: str) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=text, completed=time.monotonic() - self._began_s)

    def done(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True, style="dim")


@contextmanager
def progress(limit_s: float, began_s: float) -> Iterator[Watch]:
    """Show the progress on stderr; the bar disappears when the block ends."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console, None, limit_s, began_s)
        return
    with progress.Progress(
        progress.SpinnerColumn(),
        progress.BarColumn(bar_width=16),
        progress.TimeElapsedColumn(),
        progress.TextColumn(f"of {limit_s / 60:g} min"),
        progress.TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    ) as bars:
        yield Lines(console, bars, limit_s, began_s)


def print_outcome(beginning: Beginning, outcome: Outcome, chosen: Sequence[Choice]) -> None:
    """Print the tables, the plot, the values with their reasons, and what was not tried."""
    from rich.console import Console

    from voicecli.bench.machine import machine
    from voicecli.tune.report import plot, rows, summary, untried_lines
    from voicecli.tune.values import Part

    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    for part in get_args(Part):
        print_table(console, part, rows(outcome.found, part))
    for line in plot(outcome.found):
        console.print(line, markup=False)
    console.print()
    for line in summary(outcome.found, chosen):
        console.print(line, markup=False, soft_wrap=True)
    console.print()
    doubts = [f"doubt: {doubt}" for doubt in outcome.doubts]
    for line in [*doubts, *untried_lines(outcome.found, beginning.there.others)]:
        console.print(line, markup=False, soft_wrap=True, style="dim")
    model = f"answers by {outcome.language_model}"
    console.print(f"{machine()}; {outcome.corpus}; {model}; {outcome.spent_s:.0f} s", markup=False, style="dim")


def print_table(console: Console, part: Part, rows: Sequence[Row]) -> None:
    """Print a table, fastest first, with the chosen row marked."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from voicecli.tune.report import CHOSEN, HEADS

    name, *columns = HEADS[part]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(name, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        mark, style = (CHOSEN, "bold green") if row.chosen else (" ", "")
        table.add_row(f"{mark} {row.cells[0]}", *row.cells[1:], style=style)
    console.print(table)
