"""A language model that is exchanged while it is in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from voicecli.engines.llm.switchable import SwitchableModel
from voicecli.types import Message, Token, ToolCall, ToolSpec


class Model:
    def __init__(self, name: str, words: int = 2) -> None:
        self.name = name
        self.words = words
        self.warmed: list[str] = []
        self.closed = 0

    async def warm(self, messages: Sequence[Message]) -> None:
        self.warmed.append(messages[-1].text)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        try:
            for number in range(self.words):
                await asyncio.sleep(0)
                yield Token(f"{self.name}{number} ")
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        raise AssertionError("whoever opened it closes it")


ASKED = [Message("user", "Why?")]


def test_an_answer_is_ended_by_the_model_that_began_it_which_is_idle_then() -> None:
    async def run() -> None:
        first, second = Model("a"), Model("b")
        switchable = SwitchableModel(first, keeps_prefix=True)
        answer = switchable.reply(ASKED)
        reported = [(await anext(answer)).text]
        before = switchable.switch_to(second, keeps_prefix=True)
        waiting = asyncio.ensure_future(before.idle())
        await asyncio.sleep(0)
        assert not waiting.done()
        reported += [token.text async for token in answer]
        await waiting
        assert (reported, first.closed) == (["a0 ", "a1 "], 1)
        assert [token.text async for token in switchable.reply(ASKED)] == ["b0 ", "b1 "]
        assert switchable.name == "b"
        await before.idle()
        await switchable.aclose()

    asyncio.run(run())


def test_an_answer_that_is_dropped_leaves_its_model_idle() -> None:
    async def run() -> None:
        switchable = SwitchableModel(first := Model("a", words=9), keeps_prefix=True)
        answer = switchable.reply(ASKED)
        await anext(answer)
        before = switchable.switch_to(Model("b"), keeps_prefix=True)
        await answer.aclose()
        await before.idle()
        assert first.closed == 1

    asyncio.run(run())


def test_a_model_is_idle_only_when_all_of_its_calls_are_over() -> None:
    async def run() -> None:
        switchable = SwitchableModel(Model("a"), keeps_prefix=True)
        one, two = switchable.reply(ASKED), switchable.reply(ASKED)
        await anext(one)
        await anext(two)
        waiting = asyncio.ensure_future(switchable.switch_to(Model("b"), keeps_prefix=True).idle())
        await one.aclose()
        await asyncio.sleep(0)
        assert not waiting.done()
        await two.aclose()
        await waiting

    asyncio.run(run())


def test_nothing_is_sent_ahead_to_a_model_that_would_read_it_twice() -> None:
    async def run() -> None:
        switchable = SwitchableModel(first := Model("a"), keeps_prefix=True)
        await switchable.warm(ASKED)
        switchable.switch_to(second := Model("b"), keeps_prefix=False)
        await switchable.warm(ASKED)
        assert (first.warmed, second.warmed) == (["Why?"], [])

    asyncio.run(run())


class Caller(Model):
    """It knows tools."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.offered: list[str] = []

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        self.offered = [tool.name for tool in tools]

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        yield Token(f"{self.name} ")
        yield ToolCall("1", "look", "{}")


LOOK = ToolSpec("look", "looks", {})
CALLED = Message("assistant", "", calls=(ToolCall("1", "look", "{}"),))


def test_tools_are_for_the_model_in_use_whether_it_knows_them_or_not() -> None:
    async def run() -> None:
        caller, refusals = Caller("a"), list[str]()
        switchable = SwitchableModel(caller, keeps_prefix=True)
        switchable.offer([LOOK], refusals.append)
        assert (caller.offered, refusals) == (["look"], [])
        said = [part async for part in switchable.reply_or_call(ASKED)]
        assert said == [Token("a "), ToolCall("1", "look", "{}")]
        switchable.switch_to(Model("b"), keeps_prefix=True)
        switchable.offer([LOOK], refusals.append)
        assert refusals == ["b cannot use tools"]
        reported = [part async for part in switchable.reply_or_call([*ASKED, CALLED])]
        assert reported == [Token("b0 "), Token("b1 ")]

    asyncio.run(run())
