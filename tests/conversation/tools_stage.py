"""A language model that asks for tools from a script, and tools that take their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.conversation.stage import ScriptedLlm, Talk
from voicecli.errors import ToolError
from voicecli.events import Event
from voicecli.types import Message, Token, ToolCall, ToolSpec

Said = str | ToolCall
T = TypeVar("T", bound=Event)


@dataclass
class CallingLlm(ScriptedLlm):
    """One entry of `script` a request: words and calls in their order, or a failure."""

    script: list[Sequence[Said] | Exception] = field(default_factory=list)

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        raise AssertionError("the conversation offers nothing")

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        assert self.script, f"unexpected request: {messages[-1].text!r}"
        self.asked.append(list(messages))
        parts = self.script.pop(0)
        await asyncio.sleep(self.first_token_s)
        if isinstance(parts, Exception):
            raise parts
        for part in parts:
            if isinstance(part, ToolCall):
                yield part
                continue
            for word in part.split(" "):
                yield Token(word + " ")
                await asyncio.sleep(self.token_s)


@dataclass
class FakeTools:
    """`takes_s` of each tool, `results` and who has to be asked."""

    takes_s: dict[str, float] = field(default_factory=dict)
    results: dict[str, str | ToolError] = field(default_factory=dict)
    asks: set[str] = field(default_factory=set)
    made: list[tuple[str, float]] = field(default_factory=list)  # tool and time
    cancelled: list[str] = field(default_factory=list)
    known: dict[str, tuple[str, ToolCall]] = field(default_factory=dict)  # questions that need no model

    @property
    def names(self) -> list[str]:
        return ["look", "set_timer"]

    def answer(self, question: str, language: str) -> tuple[str, ToolCall] | None:
        return self.known.get(question)

    def title(self, name: str) -> str:
        return f"lab.{name}"

    def needs_approval(self, name: str) -> bool:
        return name in self.asks

    def allow(self, name: str) -> None:
        self.asks.discard(name)

    async def run(self, call: ToolCall) -> str:
        self.made.append((call.name, asyncio.get_running_loop().time()))
        try:
            await asyncio.sleep(self.takes_s.get(call.name, 0.1))
        except asyncio.CancelledError:
            self.cancelled.append(call.name)
            raise
        result = self.results.get(call.name, f"{call.name} is done")
        if isinstance(result, ToolError):
            raise result
        return result


def call(name: str, arguments: str = "{}", id: str = "c1") -> ToolCall:
    return ToolCall(id, name, arguments)


def with_tools(
    talk: Talk, *script: Sequence[Said] | Exception, asks: Sequence[str] = ()
) -> tuple[CallingLlm, FakeTools]:
    """Give the conversation a model and tools."""
    llm, tools = CallingLlm([], script=list(script)), FakeTools(asks=set(asks))
    talk.llm, talk.tools = llm, tools
    return llm, tools


def of(seen: Sequence[Event], kind: type[T]) -> list[T]:
    return [event for event in seen if isinstance(event, kind)]
