"""A tool, and the arguments that a language model gives it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voicecli.errors import ToolError
from voicecli.types import ToolSpec

BUILT_IN = "builtin"
"""The group of our own tools; every server is a group of its name."""

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` gives what the language model is told, and raises ToolError; cancelling it cancels the work."""

    spec: ToolSpec
    group: str
    name: str  # within its group
    run: Callable[[Arguments], Awaitable[str]]

    @property
    def title(self) -> str:
        """For the user."""
        return self.name if self.group == BUILT_IN else f"{self.group}.{self.name}"


def text_of(arguments: Arguments, key: str) -> str:
    """A text, empty where it is left out."""
    value = arguments.get(key)
    return "" if value is None else str(value).strip()


def number_of(arguments: Arguments, key: str) -> float:
    """A number, also as text; 0 where it is left out. Raises ToolError."""
    value = arguments.get(key)
    if value is None or value == "":
        return 0.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ToolError(f"{key} is to be a number, and {value!r} was given") from None
    if not math.isfinite(number):
        raise ToolError(f"{key} is to be a finite number")
    return number


def schema(*required: str, **properties: Mapping[str, str]) -> dict[str, object]:
    """JSON Schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}
