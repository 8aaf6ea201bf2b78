"""Tools on the wire: what OpenAI's protocol and Ollama's share. Pure."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.types import Message, Token, ToolCall, ToolSpec

Reply = AsyncGenerator[Token | ToolCall, None] | AsyncGenerator[Token, None]


def as_function(tool: ToolSpec) -> dict[str, Any]:
    """Return a tool in the form that both protocols use."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def parse_arguments(arguments: str) -> dict[str, Any]:
    """Return the arguments as an object; an empty one if the model wrote something else."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def without_calls(messages: Iterable[Message]) -> list[Message]:
    """Rewrite a conversation for a model without tools: append each result to the message before its call."""
    plain: list[Message] = []
    for message in messages:
        if message.role == "tool" and plain:
            name = message.answers.name if message.answers else "tool"
            plain[-1] = replace(plain[-1], text=f"{plain[-1].text}\n\n{name}: {message.text}")
        elif not message.calls:
            plain.append(message)
    return plain


def offer_to(model: LanguageModel, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
    """Offer tools to a model, or call `refused` with the reason why it cannot use them."""
    if isinstance(model, CallingModel):
        model.offer(tools, refused)
    elif tools:
        refused(f"{model.name} cannot use tools")


def reply_with_calls(model: LanguageModel, messages: Sequence[Message]) -> Reply:
    """Stream the answer and the calls; only the answer, to `messages` without calls, from a model without tools."""
    if isinstance(model, CallingModel):
        return model.reply_or_call(messages)
    return model.reply(without_calls(messages))


async def tokens_of(reply: AsyncGenerator[Token | ToolCall, None]) -> AsyncGenerator[Token, None]:
    """Stream the tokens of a reply without its calls. Closing this generator closes `reply`."""
    async with aclosing(reply):
        async for part in reply:
            if isinstance(part, Token):
                yield part


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class ToolCallCollector:
    """Joins calls as OpenAI's protocol streams them: in fragments, each with the index of its call."""

    _calls: dict[int, _PartialCall] = field(default_factory=dict)

    def push(self, index: int | None, id: str, name: str, arguments: str) -> None:
        """Add one fragment. Without an index, a fragment with a name begins a new call."""
        last = max(self._calls, default=-1)
        at = index if index is not None else last + 1 if name or last < 0 else last
        call = self._calls.setdefault(at, _PartialCall())
        call.id = call.id or id
        call.name = call.name or name  # some servers repeat it with each fragment
        call.arguments += arguments

    def calls(self, reply_number: int) -> Iterator[ToolCall]:
        """Return all calls when the stream is over. `reply_number` makes ids unique where the server gives none."""
        for at, call in sorted(self._calls.items()):
            if call.name:
                yield ToolCall(call.id or f"call_{reply_number}_{at}", call.name, call.arguments or "{}")
