"""Downloads as a command shows them on stderr: bars on a terminal, otherwise one line per event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from voicecli.models.download import DownloadEvent, OnEvent, Progress
    from voicecli.settings.model import Settings


def fetch_missing(settings: Settings, names: Sequence[str]) -> None:
    """Download the named models that are not installed; a name that is an existing path is the user's own file.

    Raise ModelMissing if a model cannot be downloaded, or may not be.
    """
    from voicecli.models.store import open_store

    store = open_store(settings)
    absent = [name for name in names if not Path(name).expanduser().exists() and not store.is_complete(name)]
    if not absent:
        return
    from voicecli.models.download import download
    from voicecli.models.upgrade_memory import keeping_speed

    models = [store.manifest.find(name) for name in absent]
    with show_downloads() as shown, keeping_speed(store.root, shown) as progress:
        download(models, store, offline=settings.models.offline, progress=progress)


@contextmanager
def show_downloads(console: Console | None = None) -> Iterator[OnEvent]:
    """Yield the progress callback for `voicecli.models.download.download`; the bars vanish when the `with` ends."""
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield DownloadScreen(console)
        return
    with progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=34)),
        progress.BarColumn(bar_width=None, table_column=Column(ratio=1)),
        progress.TextColumn("{task.fields[amount]}", justify="right"),
        progress.TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        expand=True,
    ) as bars:
        yield DownloadScreen(console, bars)


def show_pull(model: str, progress: OnEvent) -> Callable[[int, int | None], None]:
    """Return a callback for the bytes of a model that a server downloads."""
    from voicecli.models.download import Progress

    return lambda done, total: progress(Progress(model, model, "download", done, total))


class DownloadScreen:
    """Turn download events into bars and lines."""

    def __init__(self, console: Console, bars: Bars | None = None) -> None:
        self._console = console
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._started: set[str] = set()
        self._reasons: set[str] = set()

    def __call__(self, event: DownloadEvent) -> None:
        from voicecli.models import download
        from voicecli.printable import size_text

        match event:
            case download.Progress():
                self._advance(event)
            case download.Finished(model, item):
                if self._bars and (task := self._tasks.pop((model, item), None)) is not None:
                    self._bars.remove_task(task)
            case download.SourceSkipped(model, source, reason):
                # One unreachable host affects many models: report it once.
                if reason not in self._reasons:
                    self._reasons.add(reason)
                    self._say(f"{model}: {source.partition(' ')[0]}: {reason}", "yellow")
            case download.ModelReady(model, source, size_bytes):
                self._say(f"{model}: ready, {size_text(size_bytes)} from {source}", "green")

    def _advance(self, event: Progress) -> None:
        if self._bars is None:
            if event.model not in self._started:
                self._started.add(event.model)
                self._say(f"{event.model}: downloading")
            return
        from voicecli.printable import size_text

        key = (event.model, event.item)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(_label(event), total=None, amount="")
        amount = f"{event.done_bytes / 1e6:.0f} of {size_text(event.total_bytes)}" if event.total_bytes else ""
        self._bars.update(self._tasks[key], completed=event.done_bytes, total=event.total_bytes, amount=amount)

    def _say(self, line: str, style: str = "") -> None:
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _label(event: Progress) -> str:
    if event.doing == "unpack":
        return f"{event.model}: unpacking"
    if event.item == event.model:
        return event.model
    name = event.item.partition("==")[0]
    return name.rpartition("@")[0] or (name if name != event.item else f"{event.model}/{name}")
