"""How far a measurement is: a bar on a terminal, a line for each step elsewhere. All on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voicecli.commands.narration import tell

if TYPE_CHECKING:
    from rich.console import Console

    from voicecli.bench.rounds import Progress


REDRAWN_HZ = 2
"""The bar is drawn by the process that is measured, so it is drawn seldom."""


@contextmanager
def show_progress(console: Console | None = None) -> Iterator[Progress]:
    """Yield what a measurement calls with its step, and how much of how much of it is done."""
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
    """One line for each step."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            tell(f"{step}…")
            self._step = step
