"""Tools on the wire: what OpenAI's protocol and Ollama's have in common of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.types import Message, ToolCall, ToolSpec


def as_function(tool: ToolSpec) -> dict[str, Any]:
    """A tool as both protocols take it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def parse_arguments(arguments: str) -> dict[str, Any]:
    """The arguments as an object; empty where the model wrote no such thing."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def without_calls(messages: Iterable[Message]) -> list[Message]:
    """The same conversation for a model that knows no tools: results stand below the question that they are of."""
    plain: list[Message] = []
    for message in messages:
        if message.role == "tool" and plain:
            name = message.answers.name if message.answers else "tool"
            plain[-1] = replace(plain[-1], text=f"{plain[-1].text}\n\n{name}: {message.text}")
        elif not message.calls:
            plain.append(message)
    return plain


def offer_to(model: LanguageModel, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
    """Tell a model of tools, or `refused` why it cannot be told."""
    if isinstance(model, CallingModel):
        model.offer(tools, refused)
    elif tools:
        refused(f"{model.name} cannot use tools")


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class ToolCallCollector:
    """Calls as OpenAI's protocol streams them: in bits, each with the place of its call."""

    _calls: dict[int, _PartialCall] = field(default_factory=dict)

    def push(self, index: int | None, id: str, name: str, arguments: str) -> None:
        """One bit. Servers that leave the place out begin a call with its name."""
        last = max(self._calls, default=-1)
        at = index if index is not None else last + 1 if name or last < 0 else last
        call = self._calls.setdefault(at, _PartialCall())
        call.id = call.id or id
        call.name = call.name or name  # some servers repeat it with each bit
        call.arguments += arguments

    def calls(self, minted: int) -> Iterator[ToolCall]:
        """All of them, when the stream is over. `minted` makes ids unique where the server gives none."""
        for at, call in sorted(self._calls.items()):
            if call.name:
                yield ToolCall(call.id or f"call_{minted}_{at}", call.name, call.arguments or "{}")
