"""Where the models are on disk. It loads none of them, and nothing that could."""

from __future__ import annotations

from pathlib import Path

from voicecli.engines.models import Manifest, ModelStore
from voicecli.errors import ModelMissing
from voicecli.settings import Settings


def open_store(settings: Settings) -> ModelStore:
    """The models on disk."""
    return ModelStore(settings.models_dir, Manifest.load())


def model_folder(store: ModelStore, name: str) -> Path:
    """A folder of the user's, or a model of the manifest. Raises ModelMissing."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else store.path(name)


def model_file(store: ModelStore, name: str, suffix: str) -> Path:
    """A file of the user's, or the one with that suffix in a model of the manifest. Raises ModelMissing."""
    file = Path(name).expanduser()
    if file.suffix == suffix and file.is_file():
        return file
    folder = store.path(name)
    found = sorted(folder.glob(f"*{suffix}"))
    if not found:
        raise ModelMissing(f"{folder} holds no {suffix} file", f"voicecli download-models {name}")
    return found[0]
