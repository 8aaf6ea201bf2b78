"""Prepare a tuning: the user's settings with the defaults of all tuned settings, and the installed models."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from voicecli.bench.environment import require_device
from voicecli.engines.cpu import physical_cores
from voicecli.errors import ModelMissing, SettingsError
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore, language_model_file, open_store
from voicecli.settings.load import (
    PREFIX,
    Loaded,
    build,
    load_settings,
    shipped_values,
    user_file,
    value_of,
)
from voicecli.settings.model import Settings
from voicecli.tune.values import PART_OF, Choice, Value

DEVICES = ("stt.device", "tts.device")
"""Settings that --device decides."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Everything known before the first trial."""

    path: Path  # of the user's file, which may not exist
    settings: Settings
    defaults: dict[str, Value]  # of the tuned settings; values are compared with them
    shipped: dict[str, Value]  # the same without a settings file; equal values need not be written
    there: Installed
    asked: tuple[Choice, ...] = ()  # decided without measuring
    notes: tuple[str, ...] = ()


def begin(device: str, file: Path | None) -> Beginning:
    """Prepare a tuning for `device`, cpu or gpu, with the user's settings file or another one; it may not exist yet.

    Raise SettingsError for invalid settings, ModelMissing if there is nothing to tune, EngineError if there is no GPU.
    """
    loaded = loaded_from(file)
    shipped = shipped_values("default.toml")
    profile = shipped_values(f"{device}.toml")
    stock = {key: value for key, value in (shipped | profile).items() if key in PART_OF or key in DEVICES}
    settings = with_values(loaded.settings, stock)
    require_device(settings, device)
    store = open_store(settings)
    own = plain(value_of(loaded.settings, "stt.model"))
    there = installed(store, settings.stt.language, (str(own),))
    model_bytes = _model_bytes(loaded.settings)
    defaults = defaults_here(settings, there, model_bytes)
    # the shipped file has 0 for automatic thread counts
    without_file = defaults_here(build(shipped, {}), there, model_bytes) | {
        key: plain(value) for key, value in shipped.items() if key in ("stt.model", "tts.model")
    }
    asked = tuple(
        Choice(key, plain(stock[key]), plain(shipped[key]), f"--device {device}")
        for key in DEVICES
        if stock[key] != shipped[key]
    )
    settings = with_values(settings, {"tts.model": defaults["tts.model"]})
    path = file or user_file()
    return Beginning(path, settings, defaults, without_file, there, asked, tuple(notes(loaded, defaults, without_file)))


def loaded_from(file: Path | None) -> Loaded:
    """Load the settings; `file` may not exist."""
    if file is None or file.exists():
        return load_settings(file=file)
    with tempfile.NamedTemporaryFile(suffix=".toml") as nothing:
        return load_settings(file=Path(nothing.name))


def with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """Return the settings with other values for some `section.key`."""
    for key, value in values.items():
        section, _, name = key.partition(".")
        changed = getattr(settings, section).model_copy(update={name: value})
        settings = settings.model_copy(update={section: changed})
    return settings


def notes(loaded: Loaded, defaults: Mapping[str, Value], shipped: Mapping[str, Value]) -> Iterable[str]:
    """Yield what the user should know beforehand."""
    for key in (*PART_OF, *DEVICES):
        if loaded.origins[key].startswith(PREFIX):
            yield f"{loaded.origins[key]} is set and will still override {key} in the settings file"
    for key in ("stt.model", "tts.model"):
        if defaults[key] != shipped[key]:
            yield f"the default {shipped[key]} is not installed: using {defaults[key]} instead"


ENGLISH = (".en",)
"""Suffixes of the names of English-only models."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Names of models, smallest first."""

    stt: tuple[str, ...]
    tts: tuple[str, ...]
    others: tuple[str, ...]  # not installed


def installed(store: ModelStore, language: str, own: tuple[str, ...] = ()) -> Installed:
    """Return the installed recognizers for a language, and voices; `own`: models of the settings, perhaps folders.

    Raise ModelMissing if there is no recognizer or no voice.
    """
    fit = [one for one in store.manifest.model if language in ("en", "auto") or not one.name.endswith(ENGLISH)]
    there: dict[str, list[str]] = {"stt": [], "tts": []}
    others = []
    for model in sorted(fit, key=megabytes):
        if model.kind in there and store.is_complete(model.name):
            there[model.kind].append(model.name)
        elif model.kind in there:
            others.append(model.name)
    there["stt"] += [name for name in own if Path(name).expanduser().is_dir()]
    for kind, names in there.items():
        if not names:
            raise ModelMissing(f"no {kind} model is installed, so there is nothing to tune", "voicecli download-models")
    return Installed(tuple(there["stt"]), tuple(there["tts"]), tuple(others))


def megabytes(model: Model) -> float:
    """Return the size of a model, as far as it is known."""
    return (model.size_bytes or 0) / 1e6 or float(model.approx_mb or 0)


def _model_bytes(settings: Settings) -> int:
    """Return the size of the embedded language model; 0 if it is not installed."""
    try:
        return language_model_file(open_store(settings), settings, settings.llm.model).path.stat().st_size
    except (ModelMissing, SettingsError):  # the settings may name a model of a server
        return 0


def defaults_here(settings: Settings, there: Installed, model_bytes: int) -> dict[str, Value]:
    """Return the defaults of the tuned settings, with actual thread counts and installed models.

    `model_bytes`: size of the embedded language model, which decides about its threads.
    """
    from voicecli.engines.kokoro.model import MAX_THREADS as MOST_TTS
    from voicecli.engines.llm.llamacpp import default_threads
    from voicecli.engines.whisper.engine import MAX_THREADS as MOST_STT

    values: dict[str, Value] = {key: plain(value_of(settings, key)) for key in PART_OF}
    threads = {
        "stt.threads": physical_cores(MOST_STT),
        "tts.threads": physical_cores(MOST_TTS),
        "llm.threads": default_threads(model_bytes),
    }
    values |= {key: values[key] or count for key, count in threads.items()}
    if values["stt.model"] not in there.stt:
        values["stt.model"] = there.stt[0]
    if values["tts.model"] not in there.tts:
        values["tts.model"] = there.tts[0]
    return values


def plain(value: object) -> Value:
    """Return a setting's value with its type checked."""
    assert isinstance(value, Value)
    return value
