"""Tools, and the calls that a language model makes to them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from voicecli.errors import ToolError
from voicecli.tools.sums import answer_to_sum
from voicecli.types import ToolCall, ToolSpec

BUILT_IN = "builtin"
"""The group of built-in tools; each server is a group with its own name."""

CALCULATOR = "calculate"
"""The tool that answers plain sums without the language model."""

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. `run` returns the result for the language model or raises ToolError; cancelling it cancels the work."""

    spec: ToolSpec
    group: str
    name: str  # within its group
    run: Callable[[Arguments], Awaitable[str]]

    @property
    def title(self) -> str:
        """Return the name shown to the user."""
        return self.name if self.group == BUILT_IN else f"{self.group}.{self.name}"


def text_of(arguments: Arguments, key: str) -> str:
    """Return a text argument; empty if it is missing."""
    value = arguments.get(key)
    return "" if value is None else str(value).strip()


def number_of(arguments: Arguments, key: str) -> float:
    """Return a numeric argument, also from text; 0 if it is missing. Raise ToolError."""
    value = arguments.get(key)
    if value is None or value == "":
        return 0.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ToolError(f"{key} must be a number, but is {value!r}") from None
    if not math.isfinite(number):
        raise ToolError(f"{key} must be a finite number")
    return number


def schema(*required: str, **properties: Mapping[str, str]) -> dict[str, object]:
    """Return the JSON Schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


MAX_RESULT_CHARS = 3000
"""Longest result: at 2.3 characters a token, a third of the default context (llm.context_tokens)."""


class Toolbox:
    """The tools of a conversation, and which of them need approval.

    `allowed` are names of groups ("builtin", "clock") and of tools in them ("clock.get_*").
    """

    def __init__(self, tools: Iterable[Tool], allowed: Sequence[str], timeout_s: float) -> None:
        """Create a toolbox whose calls time out after `timeout_s`."""
        self._tools = {tool.spec.name: tool for tool in tools}
        self._allowed = tuple(allowed)
        self._timeout_s = timeout_s
        self._approved: set[str] = set()

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the tools' descriptions for the language model."""
        return tuple(tool.spec for tool in self._tools.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that the language model calls the tools by."""
        return tuple(self._tools)

    def answer(self, question: str, language: str) -> tuple[str, ToolCall] | None:
        """Return the answer to a plain sum, and the call of the calculator that it takes; None for other questions."""
        known = answer_to_sum(question, language) if CALCULATOR in self._tools else None
        if known is None or self.needs_approval(CALCULATOR):
            return None
        return known.text, ToolCall("", CALCULATOR, json.dumps({"expression": known.expression}))

    def title(self, name: str) -> str:
        """Return the name shown to the user: "set_timer" or "server.tool"."""
        return self._tools[name].title if name in self._tools else name

    def needs_approval(self, name: str) -> bool:
        """Return whether the user has to approve the tool. An unknown tool needs no approval: its call only fails."""
        tool = self._tools.get(name)
        return tool is not None and name not in self._approved and not is_allowed(tool, self._allowed)

    def allow(self, name: str) -> None:
        """Allow a tool without further approval."""
        self._approved.add(name)

    async def run(self, call: ToolCall) -> str:
        """Make a call and return its result for the language model. Raise ToolError; cancelling cancels the call."""
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no tool {call.name!r}. Available: {', '.join(self._tools)}")
        arguments = arguments_of(call)
        try:
            async with asyncio.timeout(self._timeout_s):
                return truncated(await tool.run(arguments))
        except TimeoutError:
            raise ToolError(f"{tool.title} did not answer within {self._timeout_s:g} s") from None
        except ToolError:
            raise
        except Exception as error:  # a failing tool must not end the conversation
            raise ToolError(f"{tool.title} failed: {type(error).__name__}: {error}") from error


def is_allowed(tool: Tool, allowed: Sequence[str]) -> bool:
    """Return whether a tool may be used without approval."""
    names = (tool.group, f"{tool.group}.{tool.name}")
    return any(fnmatchcase(name, pattern) for name in names for pattern in allowed)


def arguments_of(call: ToolCall) -> Arguments:
    """Return the arguments as an object. Raise ToolError if they are not one."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise ToolError(f"The arguments of {call.name} are not valid JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise ToolError(f"The arguments of {call.name} must be an object")
    return arguments


def truncated(text: str) -> str:
    """Return the text, cut to MAX_RESULT_CHARS."""
    left = len(text) - MAX_RESULT_CHARS
    return text if left <= 0 else f"{text[:MAX_RESULT_CHARS]}\n[{left:,} characters left out]"
