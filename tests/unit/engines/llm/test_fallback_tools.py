"""Tools with a fallback model: which model is offered them, and what a fallback without tools is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from tests.unit.engines.llm.test_fallback import ASKED, GONE, Server, asks, hold
from voicecli.engines.llm.fallback import FallbackModel
from voicecli.types import Message, Token, ToolCall, ToolSpec

SPEC = ToolSpec("look", "", {})
CALL = ToolCall("1", "look", "{}")
ANSWERED = [*ASKED, Message("assistant", "", calls=(CALL,)), Message("tool", "noon", answers=CALL)]


@dataclass
class Caller(Server):
    """Asks for a call until there is a result."""

    offered: list[ToolSpec] = field(default_factory=list)
    refusal: str = ""
    asked: list[list[Message]] = field(default_factory=list)

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        self.offered += tools
        if self.refusal:
            refused(self.refusal)

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        self.asked.append(list(messages))
        async with aclosing(self.reply(messages)) as tokens:
            async for token in tokens:
                yield token
        if messages[-1].role != "tool":
            yield CALL


@dataclass
class Plain(Server):
    """Knows no tools."""

    asked: list[list[Message]] = field(default_factory=list)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        self.asked.append(list(messages))
        async for token in super().reply(messages):
            yield token


async def parts(model: FallbackModel, messages: Sequence[Message]) -> list[Token | ToolCall]:
    async with aclosing(model.reply_or_call(messages)) as reply:
        return [part async for part in reply]


def test_calls_come_through() -> None:
    server, refused = Caller(refusal="no parser"), list[str]()

    async def act(model: FallbackModel) -> None:
        model.offer([SPEC], refused.append)
        assert await parts(model, ASKED) == [Token("One "), Token("two."), CALL]
        assert await parts(model, ANSWERED) == [Token("One "), Token("two.")]
        await asks(model)  # who asks for an answer alone gets no calls

    hold(server, act)
    assert server.offered == [SPEC]
    assert refused == ["no parser"]
    assert server.asked[1] == ANSWERED


def test_a_request_is_asked_again_with_the_results_that_there_are() -> None:
    server = Caller(failures=[GONE])

    async def act(model: FallbackModel) -> None:
        assert await parts(model, ANSWERED) == [Token("One "), Token("two.")]

    assert hold(server, act).changes == []
    assert server.asked == [ANSWERED, ANSWERED]


def test_the_fallback_is_offered_the_tools_once() -> None:
    server, fallback = Caller(failures=[GONE] * 8), Caller("fallback")

    async def act(model: FallbackModel) -> None:
        model.offer([SPEC], lambda reason: None)
        assert (await parts(model, ASKED))[-1] == CALL
        assert (await parts(model, ASKED))[-1] == CALL

    hold(server, act, fallback)
    assert fallback.offered == [SPEC]


def test_a_fallback_without_tools_gets_their_results_as_text() -> None:
    server, fallback, refused = Caller(failures=[GONE] * 4), Plain("fallback"), list[str]()

    async def act(model: FallbackModel) -> None:
        model.offer([SPEC], refused.append)
        await parts(model, ANSWERED)

    hold(server, act, fallback)
    assert [message.text for message in fallback.asked[0]] == ["Hello?\n\nlook: noon"]
    assert refused == ["fallback cannot use tools"]
