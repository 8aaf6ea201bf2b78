"""Progress of a measurement on stderr: a bar on a terminal, otherwise a line per step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voicecli.commands.console import print_note

if TYPE_CHECKING:
    from rich.console import Console

    from voicecli.bench.rounds import Progress


REDRAWN_HZ = 2
"""Redraws per second: few, because the measured process draws the bar."""


@contextmanager
def show_progress(console: Console | None = None) -> Iterator[Progress]:
    """Yield a callback for the name of the step, how much of it is done, and how much there is."""
    from rich import progress
    from rich.console import Console

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
