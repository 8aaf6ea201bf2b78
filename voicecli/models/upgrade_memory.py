"""What is remembered of better models and downloads between conversations: a small file beside the models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicecli.events import CLOCK, Clock
from voicecli.models.download import DownloadEvent, OnEvent
from voicecli.models.upgrade import Memory, Tally

MEMORY_FILE = "upgrade.json"

_MEMORY = TypeAdapter(Memory)


def load_memory(root: Path) -> Memory:
    """Return what is remembered beside the models at `root`; nothing where the file is absent or damaged."""
    try:
        return _MEMORY.validate_json((root / MEMORY_FILE).read_bytes())
    except (OSError, ValidationError):
        return Memory()


@contextmanager
def keeping_speed(root: Path, progress: OnEvent, clock: Clock = CLOCK) -> Iterator[OnEvent]:
    """Yield `progress`, and after the block remember the speed of what was downloaded, if it took long enough."""
    tally = Tally(0)

    def on_event(event: DownloadEvent) -> None:
        tally.add(event, clock())
        progress(event)

    yield on_event
    if (bytes_per_s := tally.average_bytes_per_s()) is not None:
        with suppress(OSError):  # the next download measures it again
            save_memory(root, replace(load_memory(root), bytes_per_s=bytes_per_s))


def save_memory(root: Path, memory: Memory) -> None:
    """Keep it. Raise OSError if the folder cannot be written."""
    root.mkdir(parents=True, exist_ok=True)
    unfinished = root / f"{MEMORY_FILE}.part"
    unfinished.write_text(json.dumps(asdict(memory)), encoding="utf8")
    unfinished.replace(root / MEMORY_FILE)
