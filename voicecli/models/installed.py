"""Where the models are on disk. It loads none of them, and nothing that could."""

from __future__ import annotations

from pathlib import Path

from voicecli.errors import ModelMissing
from voicecli.models.manifest import Manifest, ModelStore
from voicecli.settings.model import Settings


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


def installed_models(store: ModelStore, kind: str) -> list[str]:
    """Names of the models of the manifest that are on disk."""
    return [model.name for model in store.manifest.model if model.kind == kind and store.is_complete(model.name)]


def needed_models(settings: Settings) -> list[str]:
    """What a conversation needs, by the names in the settings."""
    names = [settings.stt.model, settings.tts.model, "kokoro-voices"]
    if settings.listen.judges_pauses:
        names.append(settings.listen.endpoint_model)
    return [*names, settings.llm.embedded_model] if settings.llm.backend in ("auto", "embedded") else names
