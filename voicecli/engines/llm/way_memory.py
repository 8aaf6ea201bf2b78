"""Which models call tools, and how: a JSON file in the data folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from voicecli.engines.llm.tool_use import Way

MEASURED: Mapping[str, Way] = {
    "smollm2-135m-instruct": "none",
    "qwen2.5-coder-1.5b-instruct": "prompt",
}
"""Embedded models that were tried (`voicecli bench answers --only tools`), so that none of their users has to wait."""


def ways_file() -> Path:
    """Return the file of this user."""
    from platformdirs import user_data_path

    return user_data_path("voicecli") / "tool_calls.json"


class WayFile:
    """A `WayMemory` in a file. It is small and may be deleted at any time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def recall(self, model: str) -> Way | None:
        """Return how a model gets the tools; None if it was never asked or the file is damaged."""
        way = self._load().get(model, MEASURED.get(model))
        return way if way in get_args(Way) else None

    def keep(self, model: str, way: Way) -> None:
        """Remember how a model gets the tools."""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps({**self._load(), model: way}, indent=1) + "\n", encoding="utf-8")
            fresh.replace(self._file)

    def _load(self) -> Mapping[str, Any]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}
