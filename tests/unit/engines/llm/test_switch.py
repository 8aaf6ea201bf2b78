"""What changes the language model, and what becomes of the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import pytest

from tests.defaults import SETTINGS
from tests.unit.engines.llm.test_switchable import ASKED, Model
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switch import ModelSwitch, model_switch
from voicecli.errors import BackendUnavailable, first_of
from voicecli.settings.model import LlmSettings
from voicecli.turns.activity import IdleChanges

P = ParamSpec("P")
T = TypeVar("T")


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
        return self._opened(settings.embedded_model)

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
    return SETTINGS.llm.model_copy(update={"embedded_model": name})


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
                assert (switch.opened.asked, switch.settings.embedded_model) == ("b", "b")
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
