"""What changes the language model, and what becomes of the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import pytest

from tests.defaults import SETTINGS
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switch import ModelSwitch, SwitchableModel, model_switch
from voicecli.errors import BackendUnavailable, first_of
from voicecli.settings.model import LlmSettings
from voicecli.turns.activity import IdleChanges
from voicecli.types import Message, Token, ToolCall, ToolSpec

P = ParamSpec("P")
T = TypeVar("T")


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


class Quiet:
    """Whether a turn is alive, and the rest that knows it."""

    def __init__(self) -> None:
        self.settled = True
        self.rest = IdleChanges(lambda: self.settled)

    def set(self, settled: bool) -> None:
        self.settled = settled
        self.rest.apply_if_idle()


@dataclass
class Shelf:
    """Models by name; notes which are open. An exception in place of a model is raised when it is opened, or warmed."""

    models: dict[str, Model | Exception]
    open: list[str] = field(default_factory=list)
    closing: Exception | None = None
    breaks: asyncio.Event = field(default_factory=asyncio.Event)

    def opener(self, settings: LlmSettings) -> AbstractAsyncContextManager[Opened]:
        return self._opened(settings.model)

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[Opened]:
        model = self.models[name]
        await asyncio.sleep(0)
        if isinstance(model, Exception):
            raise model
        self.open.append(name)
        async with asyncio.TaskGroup() as tasks:  # as the real one has: to be left where it was entered
            breaking = tasks.create_task(self._break())
            try:
                yield Opened(model, "", 4096, backend="embedded", asked=name)
            finally:
                breaking.cancel()
                self.open.remove(name)
                if self.closing:
                    raise self.closing

    async def _break(self) -> None:
        await self.breaks.wait()
        raise ZeroDivisionError


class Cold(Model):
    async def warm(self, messages: Sequence[object]) -> None:
        raise BackendUnavailable("it does not answer")


def called(name: str) -> LlmSettings:
    return SETTINGS.llm.model_copy(update={"model": name})


async def warm(opened: Opened) -> None:
    await opened.model.warm(ASKED)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class TestModel:
    def test_the_next_one_is_warm_before_it_is_taken_and_then_the_one_before_is_let_go(self) -> None:
        async def run() -> None:
            quiet, second = Quiet(), Model("b")
            shelf = Shelf({"a": Model("a"), "b": second})
            async with model_switch(shelf.opener, warm, quiet.rest) as switch:
                before = switch.has_begun
                assert (await switch.begin(called("a"))).model.name == "a"
                assert (before, switch.has_begun) == (False, True)
                quiet.set(False)
                answer = switch.model.reply(ASKED)
                await anext(answer)
                assert (await switch.switch(called("b"))).model.name == "b"
                assert (switch.opened.asked, switch.settings.model) == ("b", "b")
                assert second.warmed == ["Why?"]
                assert switch.model.name == "a"
                quiet.set(True)
                await settle()
                assert (switch.model.name, shelf.open) == ("b", ["a", "b"])
                await answer.aclose()
                await settle()
                assert shelf.open == ["b"]
            assert shelf.open == []

        asyncio.run(run())

    @pytest.mark.parametrize("failing", [BackendUnavailable("gone"), Cold("b")])
    def test_one_that_fails_changes_nothing(self, failing: Model | Exception) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a"), "b": failing})
            async with model_switch(shelf.opener, warm, Quiet().rest) as switch:
                await switch.begin(called("a"))
                with pytest.raises(BackendUnavailable):
                    await switch.switch(called("b"))
                await settle()
                assert (switch.model.name, switch.opened.asked, shelf.open) == ("a", "a", ["a"])

        asyncio.run(run())

    def test_of_two_that_wait_the_last_one_answers_and_none_is_left_open(self) -> None:
        async def run() -> None:
            quiet = Quiet()
            shelf = Shelf({name: Model(name) for name in "abc"})
            async with model_switch(shelf.opener, warm, quiet.rest) as switch:
                await switch.begin(called("a"))
                quiet.set(False)
                await switch.switch(called("b"))
                await switch.switch(called("c"))
                quiet.set(True)
                await settle()
                assert (switch.model.name, shelf.open) == ("c", ["c"])

        asyncio.run(run())

    def test_the_first_one_fails_as_it_did(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": BackendUnavailable("gone")})
            with pytest.raises(BackendUnavailable, match="gone"):
                await begun(shelf)

        async def begun(shelf: Shelf) -> ModelSwitch:
            failure: Exception | None = None
            async with model_switch(shelf.opener, warm, Quiet().rest) as switch:
                try:
                    await switch.begin(called("a"))
                except BackendUnavailable as error:
                    failure = error
            assert failure is not None
            raise failure

        asyncio.run(run())

    def test_one_that_cannot_be_closed_is_left_alone(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a"), "b": Model("b")}, closing=OSError("it hangs"))
            async with model_switch(shelf.opener, warm, Quiet().rest) as switch:
                await switch.begin(called("a"))
                await switch.switch(called("b"))
                await settle()
                assert (switch.model.name, shelf.open) == ("b", ["b"])

        asyncio.run(run())

    def test_one_that_breaks_while_it_is_in_use_is_no_secret(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a")})
            async with model_switch(shelf.opener, warm, Quiet().rest) as switch:
                await switch.begin(called("a"))
                shelf.breaks.set()
                await settle()

        with pytest.raises(ExceptionGroup) as raised:
            asyncio.run(run())
        assert isinstance(first_of(raised.value), ZeroDivisionError)

    def test_who_does_not_wait_for_it_does_not_get_it(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a"), "b": Model("b")})
            async with model_switch(shelf.opener, warm, Quiet().rest) as switch:
                await switch.begin(called("a"))
                switching = asyncio.ensure_future(switch.switch(called("b")))
                await asyncio.sleep(0)
                switching.cancel()
                await settle()
                assert switching.cancelled()
                assert (switch.model.name, shelf.open) == ("a", ["a"])

        asyncio.run(run())


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
