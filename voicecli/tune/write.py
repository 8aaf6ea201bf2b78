"""The user's settings file with the values that were chosen; all else in it stays as it is."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from voicecli.errors import SettingsError
from voicecli.settings.load import load_settings
from voicecli.tune.report import counts, metrics
from voicecli.tune.run import Outcome
from voicecli.tune.start import Beginning
from voicecli.tune.values import Choice, Value

BACKUP = ".bak"
"""Suffix of the copy of the old file."""

MARK = "voicecli tune:"
"""Marks the comment of each value that a tuning wrote."""

Section = Table | OutOfOrderTableProxy | InlineTable


@dataclass(frozen=True, slots=True)
class Written:
    """What happened to the user's file."""

    path: Path
    backup: Path | None = None  # None if there was no file
    changed: bool = True


def chosen_keys(choices: Iterable[Choice], shipped: Mapping[str, Value]) -> list[Choice]:
    """Return the choices whose value differs from that without a settings file."""
    return [one for one in choices if one.value != shipped[one.key]]


def tuned(text: str, chosen: Sequence[Choice], keys: Iterable[str], date: str) -> str:
    """Return the text of a settings file with the chosen values, each with its reason and the date.

    `keys` are those whose defaults are best: values of an earlier tuning are removed, values that the user wrote are
    kept. Raise SettingsError if the layout of the text cannot be kept.
    """
    try:
        document = tomlkit.parse(text)
        for key in set(keys) - {one.key for one in chosen}:
            remove_value(document, key)
        for one in chosen:
            set_value(document, one.key, one.value, f"{date} {MARK} {one.reason}")
        changed = tomlkit.dumps(document)
        return changed if changed == text else changed.strip("\n") + "\n" if changed.strip() else ""
    except TOMLKitError as error:
        raise SettingsError(f"the settings file cannot be changed: {error}", "--dry-run shows what to write") from error


def user_values(text: str, keys: Iterable[str]) -> dict[str, object]:
    """Return the values of `keys` that the user wrote, not a tuning."""
    document = tomlkit.parse(text)
    found: dict[str, object] = {}
    for key in keys:
        section, name = key.split(".")
        table = document.get(section)
        if isinstance(table, Section) and name in table and MARK not in comment_on(table, name):
            found[key] = table.unwrap()[name]
    return found


def comment_on(table: Section, name: str) -> str:
    """Return the comment on a key's line."""
    item = table[name] if isinstance(table, OutOfOrderTableProxy) else table.item(name)
    return item.trivia.comment if isinstance(item, Item) else ""


def remove_value(document: TOMLDocument, key: str) -> None:
    """Remove a value that a tuning wrote, and its section if nothing else is in it."""
    section, name = key.split(".")
    table = document.get(section)
    if isinstance(table, Section) and name in table and MARK in comment_on(table, name):
        del table[name]
        if isinstance(table, Table) and not table.as_string().strip():
            del document[section]


def set_value(document: TOMLDocument, key: str, value: Value, comment: str) -> None:
    """Set a value and its comment, adding the section if needed. Raise SettingsError if it is no section."""
    section, name = key.split(".")
    if section not in document:
        if document.body and not tomlkit.dumps(document).endswith("\n\n"):
            document.add(tomlkit.nl())
        document.add(section, tomlkit.table())
    table = document[section]
    if not isinstance(table, Section):
        raise SettingsError(f"{section} in the settings file is not a section", f"write [{section}] above its keys")
    item = tomlkit.item(value)
    if not isinstance(table, InlineTable):  # on one line there is no place for a comment
        item.comment(" ".join(comment.split()))
    table[name] = item


def write(path: Path, text: str) -> Written:
    """Replace the file atomically and keep a copy of the old one beside it.

    The new file is first loaded as settings. Raise SettingsError if it is invalid or cannot be written.
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
            backup = back_up(place, fresh) if place.exists() else None
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--dry-run shows what to write") from error
    return Written(path, backup)


def read(path: Path) -> str | None:
    """Return the text, or None without a file. Raise SettingsError if it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "check --config") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text: {error.reason}", "save it as UTF-8") from error


def back_up(place: Path, fresh: Path) -> Path:
    """Copy the old file to its backup; give the new one the same permissions."""
    backup = place.with_name(place.name + BACKUP)
    shutil.copy2(place, backup)
    shutil.copymode(place, fresh)
    return backup


def write_record(path: Path, beginning: Beginning, outcome: Outcome, chosen: Sequence[Choice]) -> None:
    """Write all results as JSON. Raise SettingsError if the file cannot be written."""
    from voicecli.bench.machine import describe_machine

    found = outcome.found
    record = {
        "machine": asdict(describe_machine()),
        "spent_s": round(outcome.spent_s, 1),
        "language_model": outcome.language_model,
        "corpus": outcome.corpus,
        "doubts": list(outcome.doubts),
        "written": {one.key: one.value for one in chosen},
        "choices": [asdict(one) for one in found.choices],
        "untried": [asdict(one) for one in found.untried],
        "not_on_disk": list(beginning.there.others),
        "waits": asdict(found.waits),
        "waits_before": asdict(found.first_waits or found.waits),
        "metrics": [asdict(one) for one in metrics(found)],
        "counts": [asdict(one) for one in counts(found)],
    }
    try:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--json FILE") from error
