"""How fast the language models are on this machine: measured by their real answers, and kept beside their files."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from voicecli.engines.machine import processor
from voicecli.models.ladder import Speed
from voicecli.models.manifest import Entry
from voicecli.types import Timings

SPEEDS_FILE = "speeds.json"
"""In the models folder: what was measured of each model."""

LEAST_READ_TOKENS, LEAST_WRITTEN_TOKENS = 24, 12
"""Fewer tokens do not tell a speed: the first ones of a request take longer."""

NOTABLE = 1.05
"""A speed is kept if it is so much above the one before. The fastest counts: what was slower shared the machine."""

LASTING_DAYS = 30
"""A speed that was not reached for so long counts no longer: programs and machines change."""


class KeptSpeed(Entry):
    """The speed of one model, and where and when it was measured."""

    reading_tps: float | None = Field(default=None, gt=0)
    writing_tps: float | None = Field(default=None, gt=0)
    threads: int
    processor: str
    date: datetime.date

    @property
    def speed(self) -> Speed | None:
        """The speed; None while one half of it is missing."""
        return Speed(self.reading_tps, self.writing_tps) if self.reading_tps and self.writing_tps else None

    def holds(self, today: datetime.date) -> bool:
        """Return whether it was measured recently."""
        return (today - self.date).days <= LASTING_DAYS


_KEPT = TypeAdapter(dict[str, KeptSpeed])


def load_speeds(folder: Path) -> dict[str, Speed]:
    """Return the speeds that were measured on this machine, by model. `folder`: of the models."""
    return {name: kept.speed for name, kept in load_kept(folder).items() if kept.speed}


def load_kept(folder: Path) -> dict[str, KeptSpeed]:
    """Return what is kept of this machine, by model; nothing if the file is absent or damaged."""
    try:
        kept = _KEPT.validate_json((folder / SPEEDS_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}
    here, today = processor(), datetime.datetime.now(datetime.UTC).date()
    return {name: one for name, one in kept.items() if one.processor == here and one.holds(today)}


def recorder(folder: Path, name: str) -> Callable[[Timings], None]:
    """Return a function that takes in the timings of a model's answers and keeps them, where they are notable."""

    def record(timings: Timings) -> None:
        kept = load_kept(folder)
        today = datetime.datetime.now(datetime.UTC).date()
        fresh = merged(kept.get(name), timings, processor(), today)
        if fresh is not None:
            write_kept(folder, {**kept, name: fresh})

    return record


def merged(before: KeptSpeed | None, timings: Timings, here: str, today: datetime.date) -> KeptSpeed | None:
    """Return what to keep after an answer; None if it tells nothing new."""
    if before and (before.threads != timings.threads or not before.holds(today)):
        before = None
    known_reading, known_writing = (before.reading_tps, before.writing_tps) if before else (None, None)
    reading = _faster(known_reading, timings.read_tokens, timings.read_s, LEAST_READ_TOKENS)
    writing = _faster(known_writing, timings.written_tokens, timings.written_s, LEAST_WRITTEN_TOKENS)
    if reading is None and writing is None:
        return None
    return KeptSpeed(
        reading_tps=reading or (before.reading_tps if before else None),
        writing_tps=writing or (before.writing_tps if before else None),
        threads=timings.threads,
        processor=here,
        date=today,
    )


def write_kept(folder: Path, kept: Mapping[str, KeptSpeed]) -> None:
    """Write the file. What cannot be written is measured again: a conversation does not fail of it."""
    fresh = folder / f"{SPEEDS_FILE}.part"
    try:
        fresh.write_bytes(_KEPT.dump_json(dict(kept), indent=2))
        fresh.replace(folder / SPEEDS_FILE)
    except OSError:
        return


def _faster(before: float | None, tokens: int, took_s: float, least: int) -> float | None:
    """Return the tokens a second if they are known and notably more than before."""
    if tokens < least or took_s <= 0:
        return None
    speed = tokens / took_s
    return round(speed, 1) if before is None or speed > NOTABLE * before else None
