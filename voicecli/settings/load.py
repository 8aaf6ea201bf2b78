"""Merge the settings from all places, and remember where each value comes from.

defaults  <  user's file  <  profile  <  VOICECLI_<SECTION>_<KEY>  <  options of the command
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from voicecli.errors import SettingsError
from voicecli.settings.model import Settings, as_table

PROFILES = ("cpu", "gpu")
PREFIX = "VOICECLI_"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each `section.key` the layer that its value comes from."""

    settings: Settings
    origins: dict[str, str]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return key, value and origin of each setting; secrets are masked."""
        return [(key, shown(value_of(self.settings, key)), origin) for key, origin in self.origins.items()]


def user_file() -> Path:
    """Return the path of the user's settings file, which may not exist."""
    from platformdirs import user_config_path

    return user_config_path("voicecli") / "config.toml"


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    profile: str = "",
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Merge all layers; a flag of None was not given. Raise SettingsError, with the nearest key if one is unknown."""
    environ = os.environ if environ is None else environ
    profile = profile or environ.get(PREFIX + "PROFILE", "")
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    for origin, layer in (
        ("default", shipped_values("default.toml")),
        *file_layer(file),
        *profile_layer(profile),
        *environ_layers(environ),
        ("flag", given),
    ):
        for key, value in layer.items():
            known(key, origin)
            values[key], origins[key] = merged(values.get(key), value, origin, key), origin
    return Loaded(build(values, origins), origins)


def shipped_text(name: str) -> str:
    """Return the content of `config/<name>`, inside the installed package or beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "config" / name
    path = installed if installed.is_file() else package.parent / "config" / name
    return path.read_text(encoding="utf-8")


def shipped_values(name: str) -> dict[str, object]:
    """Return the `section.key` values of a shipped settings file."""
    return flat(parse(shipped_text(name), name))


def defaults() -> Settings:
    """Return the shipped settings, without the user's file, environment or options."""
    return build(shipped_values("default.toml"), {})


def surroundings(*names: str) -> dict[str, str]:
    """Return environment variables of other programs, such as terminals and SSH, without those that are not set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def file_layer(file: Path | None) -> list[tuple[str, dict[str, object]]]:
    """Return the values of the user's file. Raise SettingsError if a file given by name does not exist."""
    path = file or user_file()
    if not path.is_file():
        if file is None:
            return []
        raise SettingsError(f"the settings file {path} does not exist", "check --config")
    return [(str(path), flat(parse(path.read_text(encoding="utf8"), str(path))))]


def profile_layer(profile: str) -> list[tuple[str, dict[str, object]]]:
    """Return the values of the profile, if any. Raise SettingsError if it does not exist."""
    if not profile:
        return []
    if profile not in PROFILES:
        raise SettingsError(f"unknown profile {profile!r}", f"profiles: {', '.join(PROFILES)}")
    return [(f"profile {profile}", shipped_values(f"{profile}.toml"))]


def environ_layers(environ: Mapping[str, str]) -> list[tuple[str, dict[str, object]]]:
    """Return one layer per variable, so that each is its own origin. Section names have no underscore; keys may."""
    layers: list[tuple[str, dict[str, object]]] = []
    for name, value in sorted(environ.items()):
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        if name.startswith(PREFIX) and key and section in Settings.model_fields:
            layers.append((name, {f"{section}.{key}": value}))
    return layers


def as_environ(flags: Mapping[str, object]) -> dict[str, str]:
    """Return the variables that set the same values in another process; a flag of None was not given."""
    given = {key: value for key, value in flags.items() if value is not None}
    return {
        PREFIX + key.replace(".", "_").upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in given.items()
    }


def parsed(texts: Sequence[str]) -> dict[str, object]:
    """Parse `section.key=value` options. Raise SettingsError if one is malformed or names no setting."""
    values: dict[str, object] = {}
    for text in texts:
        key, is_set, value = text.partition("=")
        if not is_set:
            raise SettingsError(f"--set {text} is not section.key=value", "for example: --set listen.pause_ms=150")
        known(key.strip(), "--set")
        values[key.strip()] = value.strip()
    return values


def parse(text: str, origin: str) -> dict[str, Any]:
    """Parse TOML. Raise SettingsError that says where it is wrong."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{origin} is not valid TOML: {error}") from error


def flat(tables: Mapping[str, Any]) -> dict[str, object]:
    """Turn `{"a": {"b": 1}}` into `{"a.b": 1}`; keys outside a section keep their name and are refused later."""
    out: dict[str, object] = {}
    for section, table in tables.items():
        if isinstance(table, dict):
            out |= {f"{section}.{key}": value for key, value in table.items()}
        else:
            out[section] = table
    return out


def merged(before: object, value: object, origin: str, key: str) -> object:
    """Return `value`; if both are tables, with the entries of `before` that it lacks. Raise SettingsError."""
    if not isinstance(before, dict):
        return value
    try:
        table = as_table(value)
    except ValueError as error:
        raise SettingsError(f"{origin}: {key}: {error}, got {value!r}") from None
    return {**before, **table} if isinstance(table, dict) else table


def keys() -> list[str]:
    """Return all `section.key` names."""
    return [f"{name}.{key}" for name, field in Settings.model_fields.items() for key in fields_of(field.annotation)]


def fields_of(section: Any) -> list[str]:
    """Return the field names of a section's model."""
    assert issubclass(section, BaseModel)
    return list(section.model_fields)


def known(key: str, origin: str) -> None:
    """Raise SettingsError, with the nearest known key, if `key` is not a setting."""
    names = keys()
    if key in names:
        return
    near = difflib.get_close_matches(key, names, 1, 0.5) or [n for n in names if n.split(".")[1] == key.split(".")[-1]]
    hint = f"did you mean {near[0]}?" if near else "to see all keys: voicecli talk --show-settings"
    raise SettingsError(f"{origin}: unknown setting {key}", hint)


def build(values: Mapping[str, object], origins: Mapping[str, str]) -> Settings:
    """Return validated settings. Raise SettingsError with the key and where its value comes from."""
    tables: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        tables.setdefault(section, {})[name] = value
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        first = error.errors()[0]
        key, place = (".".join(str(part) for part in first["loc"][:depth]) for depth in (2, None))
        got = _given(first["input"])
        raise SettingsError(f"{origins.get(key, 'settings')}: {place}: {first['msg']}, got {got}") from None


def _given(value: object) -> str:
    """Format a wrong value; of a table only the keys, since its values may be secret."""
    return f"a table of {', '.join(map(str, value))}" if isinstance(value, Mapping) and value else repr(value)


def value_of(settings: Settings, key: str) -> object:
    """Return the value of a `section.key`; a table of strings in the form of the command line."""
    section, _, name = key.partition(".")
    value: object = getattr(getattr(settings, section), name)
    if isinstance(value, dict) and value and all(isinstance(one, str) for one in value.values()):
        return ",".join(f"{name}={one}" for name, one in value.items())
    return value


def shown(value: object) -> str:
    """Format a value as TOML; of a secret only whether it is set."""
    if isinstance(value, SecretStr):
        return '"***"' if value.get_secret_value() else '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):  # only the keys: the values may be secret
        return ", ".join(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return f'"{value.strip()}"' if isinstance(value, str) else str(value)
