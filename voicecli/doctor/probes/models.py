"""Collect facts about model files and free memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voicecli.doctor.models import ModelFacts, ModelState
from voicecli.errors import SettingsError
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore


def model_facts(store: ModelStore, names: Sequence[str], *, quick: bool) -> list[ModelFacts]:
    """Return the facts of each model. With `quick`, compare sizes and do not hash."""
    return [one_model(store, name, quick) for name in names]


def one_model(store: ModelStore, name: str, quick: bool) -> ModelFacts:
    """Return the facts of a model, found as voicecli talk finds it: a user's own file takes precedence."""
    own = Path(name).expanduser()
    if own.exists():
        return ModelFacts(name, "own", kind_of(own), size_of(own))
    try:
        model = store.manifest.find(name)
    except SettingsError as error:
        return ModelFacts(name, "unknown", hint=error.hint)
    facts = ModelFacts(name, "absent", model.kind, expected_bytes(model), memory_bytes=model.memory_mb * 1_000_000)
    match store.state(name):
        case "absent":
            return facts
        case "incomplete":
            return replace(facts, state="incomplete", files=tuple(store.missing(name)))
        case "installed":
            wrong = () if quick else tuple(store.wrong(name))
            state: ModelState = "damaged" if wrong else "whole"
            size = store.bytes_on_disk(name)
            return replace(facts, state=state, size_bytes=size, files=wrong, is_hashed=not quick)


def expected_bytes(model: Model) -> int:
    """Return the size in the manifest, in bytes; 0 if unknown."""
    return model.size_bytes or (model.approx_mb or 0) * 1_000_000


def kind_of(path: Path) -> str:
    """Return the kind of a user's own file by its suffix; a folder is a Whisper model."""
    if path.is_dir():
        return "stt"
    return {".gguf": "llm", ".onnx": "tts"}.get(path.suffix, "")


def size_of(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
