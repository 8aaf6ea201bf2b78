"""Looks at model files; hashing reads each byte of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from voicecli.doctor.models import ModelFacts
from voicecli.errors import SettingsError
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore


def model_facts(store: ModelStore, names: Sequence[str], *, quick: bool) -> list[ModelFacts]:
    """One a name. With `quick` sizes count and bytes do not."""
    return [one_model(store, name, quick) for name in names]


def one_model(store: ModelStore, name: str, quick: bool) -> ModelFacts:
    """As voicecli talk would find it: the user's own file comes first."""
    own = Path(name).expanduser()
    if own.exists():
        return ModelFacts(name, "own", kind_of(own), size_of(own))
    try:
        model = store.manifest.find(name)
    except SettingsError as error:
        return ModelFacts(name, "unknown", hint=error.hint)
    match store.state(name):
        case "absent":
            return ModelFacts(name, "absent", model.kind, expected_bytes(model))
        case "incomplete":
            return ModelFacts(name, "incomplete", model.kind, expected_bytes(model), tuple(store.missing(name)))
        case "installed":
            wrong = () if quick else tuple(store.wrong(name))
            return ModelFacts(
                name, "damaged" if wrong else "whole", model.kind, store.bytes_on_disk(name), wrong, is_hashed=not quick
            )


def expected_bytes(model: Model) -> int:
    """As far as the manifest knows."""
    return model.size_bytes or (model.approx_mb or 0) * 1_000_000


def kind_of(path: Path) -> str:
    """What a file of the user's is: by its suffix, for nothing else tells."""
    if path.is_dir():
        return "stt"
    return {".gguf": "llm", ".onnx": "tts"}.get(path.suffix, "")


def size_of(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
