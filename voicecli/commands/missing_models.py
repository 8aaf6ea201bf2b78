"""The models that a command needs are there when it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicecli.settings.model import Settings


def fetch_missing(settings: Settings, names: Sequence[str]) -> None:
    """Download those of the named models that are not there; the user's own files are taken as they are.

    Raises ModelMissing when a model cannot be had, or may not be downloaded.
    """
    from voicecli.models.manifest import Manifest, ModelStore

    store = ModelStore(settings.models_dir, Manifest.load())
    absent = [name for name in names if not Path(name).expanduser().exists() and not store.is_complete(name)]
    if not absent:
        return
    from voicecli.commands.download_progress import show_downloads
    from voicecli.models.download import download

    models = [store.manifest.find(name) for name in absent]
    with show_downloads() as progress:
        download(models, store, offline=settings.models.offline, progress=progress)


def voice_models(settings: Settings) -> list[str]:
    """What a voice needs."""
    return [settings.tts.model, "kokoro-voices"]
