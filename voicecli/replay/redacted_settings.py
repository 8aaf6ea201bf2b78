"""Settings that may leave the machine in a report, and the settings of a replay. Pure but for the user's own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from voicecli.bench.environment import Told
from voicecli.settings.load import build, keys, load_settings, shipped_values, value_of
from voicecli.settings.model import Settings

OWN = frozenset(
    {
        "audio.input_device",
        "audio.output_device",
        "llm.url",
        "llm.api_key",
        "llm.ollama_url",
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
"""They say where things are on one machine, so each machine has its own."""

SEED = 7
"""Of the answers, where a temperature is asked for."""


def kept_settings(settings: Settings, *, prompt: bool) -> dict[str, Told]:
    """`section.key` -> value, without secrets, places and paths. `prompt`: with the words of the system prompts."""
    kept: dict[str, Told] = {}
    for key in keys():
        value = value_of(settings, key)
        if key in OWN or isinstance(value, SecretStr):
            continue
        if key.endswith(".system_prompt") and not prompt:
            value = f"{len(str(value).strip())} characters"
        kept[key] = nameless(value) if isinstance(value, str) else value  # type: ignore[assignment]
    return kept


def nameless(value: str) -> str:
    """Of a path the last name alone."""
    is_path = "\n" not in value and (Path(value).expanduser().is_absolute() or "\\" in value)
    return Path(value.replace("\\", "/")).name if is_path else value


def replay_settings(
    recorded: Mapping[str, Told], flags: Mapping[str, object], narrate: Callable[[str], None]
) -> Settings:
    """The recorded ones, with this machine's places, changed by what was typed. Raises SettingsError.

    So that two replays agree, answers are the likeliest (temperature 0) and a piece's sound comes in one go, unless
    something else was typed.
    """
    own = load_settings({}).settings
    values: dict[str, object] = shipped_values("default.toml")
    origins = dict.fromkeys(values, "default")
    known = {
        key: nameless(value) if isinstance(value, str) else value
        for key, value in recorded.items()
        if key in values and key not in OWN
    }
    if unknown := sorted(set(recorded) - set(known) - OWN):
        narrate(f"Passed over, as this version does not know them: {', '.join(unknown)}")
    fixed = {"llm.temperature": 0.0, "llm.seed": SEED, "tts.streaming": False}
    typed = {key: value for key, value in flags.items() if value is not None}
    for origin, layer in (
        ("your settings", {key: value_of(own, key) for key in OWN}),
        ("recording", known),
        ("replay", fixed),
        ("flag", typed),
    ):
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    return build(values, origins)
