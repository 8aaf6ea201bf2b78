"""The user's settings file with the values that were chosen; all else in it stays as it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from voicecli.errors import SettingsError
from voicecli.settings.load import load_settings
from voicecli.tune.values import Choice, Value

BACKUP = ".bak"
"""Added to the name of the file as it was."""

MARK = "voicecli tune:"
"""In the comment of each value that a tuning wrote."""

Section = Table | OutOfOrderTableProxy | InlineTable


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the user's file."""

    path: Path
    backup: Path | None = None  # None where there was no file before
    changed: bool = True


def chosen_keys(choices: Iterable[Choice], shipped: Mapping[str, Value]) -> list[Choice]:
    """Those whose value is not what it would be without a file."""
    return [one for one in choices if one.value != shipped[one.key]]


def tuned(text: str, chosen: Sequence[Choice], keys: Iterable[str], date: str) -> str:
    """The text of a settings file with the chosen values, each with its reason and the date.

    Of `keys`, those whose defaults were found to be the best, what an earlier tuning wrote is taken out. A value that
    the user has written gives way only to a better one. Raises SettingsError where the text is laid out in a way that
    cannot be kept.
    """
    try:
        document = tomlkit.parse(text)
        for key in set(keys) - {one.key for one in chosen}:
            take_out(document, key)
        for one in chosen:
            put_in(document, one.key, one.value, f"{date} {MARK} {one.reason}")
        changed = tomlkit.dumps(document)
        return changed if changed == text else changed.strip("\n") + "\n" if changed.strip() else ""
    except TOMLKitError as error:
        raise SettingsError(f"the settings file cannot be changed: {error}", "--dry-run shows what to write") from error


def own_values(text: str, keys: Iterable[str]) -> dict[str, object]:
    """Of `keys`, what a settings file says of them in the user's own hand."""
    document = tomlkit.parse(text)
    found: dict[str, object] = {}
    for key in keys:
        section, name = key.split(".")
        table = document.get(section)
        if isinstance(table, Section) and name in table and MARK not in comment_on(table, name):
            found[key] = table.unwrap()[name]
    return found


def comment_on(table: Section, name: str) -> str:
    """Of a key's own line."""
    item = table[name] if isinstance(table, OutOfOrderTableProxy) else table.item(name)
    return item.trivia.comment if isinstance(item, Item) else ""


def take_out(document: TOMLDocument, key: str) -> None:
    """What bears the mark; the section goes with its last key, where nothing else is written in it."""
    section, name = key.split(".")
    table = document.get(section)
    if isinstance(table, Section) and name in table and MARK in comment_on(table, name):
        del table[name]
        if isinstance(table, Table) and not table.as_string().strip():
            del document[section]


def put_in(document: TOMLDocument, key: str, value: Value, comment: str) -> None:
    section, name = key.split(".")
    if section not in document:
        if document.body and not tomlkit.dumps(document).endswith("\n\n"):
            document.add(tomlkit.nl())
        document.add(section, tomlkit.table())
    table = document[section]
    if not isinstance(table, Section):
        raise SettingsError(f"{section} in the settings file is no section", f"write [{section}] above its keys")
    item = tomlkit.item(value)
    if not isinstance(table, InlineTable):  # it has one line for all, so no place for a reason
        item.comment(" ".join(comment.split()))
    table[name] = item


def write(path: Path, text: str) -> Written:
    """Replace the file at once, or not at all, and keep the old one beside it.

    The new one is read as the program will read it before it takes the place of the old. Raises SettingsError.
    """
    place = path.resolve()  # a link stays a link
    before = read(place)
    if before == text:
        return Written(path, changed=False)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".toml", dir=place.parent)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            load_settings(file=fresh, environ={})
            backup = keep(place, fresh) if place.exists() else None
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--dry-run shows what to write") from error
    return Written(path, backup)


def read(path: Path) -> str | None:
    """None where there is no such file. Raises SettingsError for what is not UTF-8."""
    try:
        return path.read_text(encoding="utf8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "check --config") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no text in UTF-8: {error.reason}", "save it as UTF-8") from error


def keep(place: Path, fresh: Path) -> Path:
    """A copy of the old file; the new one may be read by whom the old one could be."""
    backup = place.with_name(place.name + BACKUP)
    shutil.copy2(place, backup)
    shutil.copymode(place, fresh)
    return backup
