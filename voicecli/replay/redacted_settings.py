"""Settings without private values for a report, and the settings of a replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from voicecli.bench.environment import SettingValue
from voicecli.settings.load import build, keys, load_settings, shipped_values, value_of
from voicecli.settings.model import Settings

MACHINE_KEYS = frozenset(
    {
        "audio.input_device",
        "audio.output_device",
        "llm.url",
        "llm.api_key",
        "llm.ollama_url",
        "llm.place",
        "tools.enabled",
        "tools.allow",
        "tools.timeout_s",
        "tools.servers",
        "models.dir",
        "models.offline",
        "log.file",
        "log.level",
        "history.enabled",
        "history.file",
    }
)
"""Settings that depend on the machine; a replay uses those of its own machine."""

SEED = 7
"""Seed of the answers, if a temperature is set."""


def redacted_settings(settings: Settings, *, prompt: bool) -> dict[str, SettingValue]:
    """Return `section.key` -> value, without secrets, addresses and paths. `prompt`: include the system prompts."""
    kept: dict[str, SettingValue] = {}
    for key in keys():
        value = value_of(settings, key)
        if key in MACHINE_KEYS or isinstance(value, SecretStr):
            continue
        if key.endswith(".system_prompt") and not prompt:
            value = f"{len(str(value).strip())} characters"
        kept[key] = without_folders(value) if isinstance(value, str) else value  # type: ignore[assignment]
    return kept


def without_folders(value: str) -> str:
    """Return the last component of a path; return any other text unchanged."""
    is_path = "\n" not in value and (Path(value).expanduser().is_absolute() or "\\" in value)
    return Path(value.replace("\\", "/")).name if is_path else value


def replay_settings(
    recorded: Mapping[str, SettingValue], flags: Mapping[str, object], narrate: Callable[[str], None]
) -> Settings:
    """Return the recorded settings, with those of this machine and the command's flags. Raise SettingsError.

    Unless flags say otherwise, the temperature is 0 and text-to-speech does not stream, so that replays are repeatable.
    """
    own = load_settings({}).settings
    values: dict[str, object] = shipped_values("default.toml")
    origins = dict.fromkeys(values, "default")
    known = {
        key: without_folders(value) if isinstance(value, str) else value
        for key, value in recorded.items()
        if key in values and key not in MACHINE_KEYS
    }
    if unknown := sorted(set(recorded) - set(known) - MACHINE_KEYS):
        narrate(f"Ignored settings that this version does not know: {', '.join(unknown)}")
    fixed = {"llm.temperature": 0.0, "llm.seed": SEED, "tts.streaming": False}
    typed = {key: value for key, value in flags.items() if value is not None}
    for origin, layer in (
        ("your settings", {key: value_of(own, key) for key in MACHINE_KEYS}),
        ("recording", known),
        ("replay", fixed),
        ("flag", typed),
    ):
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    return build(values, origins)
