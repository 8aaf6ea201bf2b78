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
from voicecli.types import ToolCall, ToolSpec

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


MAX_RESULT_CHARS = 3000
"""Of a result: at 2.3 characters a token a third of the default context (llm.context_tokens)."""


class Toolbox:
    """`allowed` are names of groups ("builtin", "clock") and of tools in them ("clock.get_*")."""

    def __init__(self, tools: Iterable[Tool], allowed: Sequence[str], timeout_s: float) -> None:
        """A call that takes longer than `timeout_s` is given up."""
        self._tools = {tool.spec.name: tool for tool in tools}
        self._allowed = tuple(allowed)
        self._timeout_s = timeout_s
        self._granted: set[str] = set()

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """For the language model."""
        return tuple(tool.spec for tool in self._tools.values())

    def title(self, name: str) -> str:
        """For the user: "set_timer" or "server.tool"."""
        return self._tools[name].title if name in self._tools else name

    def needs_approval(self, name: str) -> bool:
        """Whether the user has to be asked; not for a tool that there is not, since nothing can happen."""
        tool = self._tools.get(name)
        return tool is not None and name not in self._granted and not is_allowed(tool, self._allowed)

    def allow(self, name: str) -> None:
        """From now on no leave is needed."""
        self._granted.add(name)

    async def run(self, call: ToolCall) -> str:
        """What came of it, for the language model. Raises ToolError; cancelling it cancels the call."""
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no tool {call.name!r}. There are: {', '.join(self._tools)}")
        arguments = arguments_of(call)
        try:
            async with asyncio.timeout(self._timeout_s):
                return truncated(await tool.run(arguments))
        except TimeoutError:
            raise ToolError(f"{tool.title} did not answer within {self._timeout_s:g} s") from None
        except ToolError:
            raise
        except Exception as error:  # a tool may fail, the conversation goes on
            raise ToolError(f"{tool.title} failed: {type(error).__name__}: {error}") from error


def is_allowed(tool: Tool, allowed: Sequence[str]) -> bool:
    """Whether a tool may be used without asking."""
    names = (tool.group, f"{tool.group}.{tool.name}")
    return any(fnmatchcase(name, pattern) for name in names for pattern in allowed)


def arguments_of(call: ToolCall) -> Arguments:
    """As an object. Raises ToolError."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise ToolError(f"The arguments of {call.name} are no JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise ToolError(f"The arguments of {call.name} are to be an object")
    return arguments


def truncated(text: str) -> str:
    """No more than a model can well hold."""
    left = len(text) - MAX_RESULT_CHARS
    return text if left <= 0 else f"{text[:MAX_RESULT_CHARS]}\n[{left:,} characters left out]"
