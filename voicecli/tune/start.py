"""Where a tuning begins: the user's settings, with the defaults in place of all that is tuned."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from voicecli.bench.environment import require_device
from voicecli.models.store import open_store
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
from voicecli.tune.models import Installed, defaults_here, installed, plain
from voicecli.tune.values import PART_OF, Choice, Value

DEVICES = ("stt.device", "tts.device")
"""What --device decides."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """All that is known before the first trial."""

    path: Path  # of the user's file, whether or not it is there
    settings: Settings
    defaults: dict[str, Value]  # of the tuned settings; what is tried is tried against them
    shipped: dict[str, Value]  # the same without any file: what is the same need not be written
    there: Installed
    asked: tuple[Choice, ...] = ()  # what was decided without measuring
    notes: tuple[str, ...] = ()


def begin(device: str, file: Path | None) -> Beginning:
    """Of `device`, cpu or gpu, and the user's file or another one, which need not be there yet.

    Raises SettingsError, ModelMissing where there is nothing to tune, EngineError where there is no GPU.
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
    defaults = defaults_here(settings, there)
    # what the file says of threads is 0 where nothing else is chosen
    without_file = defaults_here(build(shipped, {}), there) | {
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
    """Settings of a file that need not be there."""
    if file is None or file.exists():
        return load_settings(file=file)
    with tempfile.NamedTemporaryFile(suffix=".toml") as nothing:
        return load_settings(file=Path(nothing.name))


def with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """The same but for some `section.key`."""
    for key, value in values.items():
        section, _, name = key.partition(".")
        changed = getattr(settings, section).model_copy(update={name: value})
        settings = settings.model_copy(update={section: changed})
    return settings


def notes(loaded: Loaded, defaults: Mapping[str, Value], shipped: Mapping[str, Value]) -> Iterable[str]:
    """What the user should know beforehand."""
    for key in (*PART_OF, *DEVICES):
        if loaded.origins[key].startswith(PREFIX):
            yield f"{loaded.origins[key]} is set: it goes on to beat whatever the settings file says of {key}"
    for key in ("stt.model", "tts.model"):
        if defaults[key] != shipped[key]:
            yield f"the default {shipped[key]} is not on disk: {defaults[key]} stands in for it"
