"""What is remembered of better models and downloads between conversations: a small file beside the models."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicecli.models.upgrade import Memory

MEMORY_FILE = "upgrade.json"

_MEMORY = TypeAdapter(Memory)


def load_memory(root: Path) -> Memory:
    """Return what is remembered beside the models at `root`; nothing where the file is absent or damaged."""
    try:
        return _MEMORY.validate_json((root / MEMORY_FILE).read_bytes())
    except (OSError, ValidationError):
        return Memory()


def save_memory(root: Path, memory: Memory) -> None:
    """Keep it. Raise OSError if the folder cannot be written."""
    root.mkdir(parents=True, exist_ok=True)
    unfinished = root / f"{MEMORY_FILE}.part"
    unfinished.write_text(json.dumps(asdict(memory)), encoding="utf8")
    unfinished.replace(root / MEMORY_FILE)
