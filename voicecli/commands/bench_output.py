"""A result on the screen and in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicecli.bench.result import Result


def present(
    result: Result,
    *,
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
    compare: Path | None,
    fail_over: Sequence[str],
) -> None:
    """Print the result, and write the files that were asked for. Raises SettingsError."""
    import statistics

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from voicecli.bench.result import write_result

    table = Table("", "", box=SIMPLE_HEAD, title=f"{result.bench}: {result.corpus}", title_justify="left")
    for column in ("median", "least", "most", "n"):
        table.add_column(column, justify="right")
    for one in result.metrics:
        if one.samples:
            told = (statistics.median(one.samples), min(one.samples), max(one.samples))
            table.add_row(one.group, one.name, *(f"{value:.3f} {one.unit}" for value in told), str(len(one.samples)))
    for count in result.counts:
        out_of = f" of {count.out_of:g}" if count.out_of is not None else ""
        table.add_row(count.group, count.name, f"{count.value:g}{out_of} {count.unit}")
    Console().print(table)
    for doubt in result.doubts:
        Console(stderr=True).print(f"Doubtful: {doubt}", markup=False, highlight=False)
    if json_file is not None:
        write_result(json_file, result)
