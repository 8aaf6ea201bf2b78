"""What changes the voice, the language and the language model, and what becomes of the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np
import pytest

from tests.defaults import SETTINGS
from tests.unit.test_switchable import ASKED, SEGMENT, Model, Recogniser
from voicecli.conversation.rest import Rest
from voicecli.engines.base import Voice
from voicecli.engines.switchable import SwitchableRecogniser, SwitchableVoice
from voicecli.errors import BackendUnavailable, SettingsError, first_of
from voicecli.language_model import Opened
from voicecli.settings import LlmSettings
from voicecli.switching.language import LanguageSwitch
from voicecli.switching.model import ModelSwitch, model_switch
from voicecli.switching.voice import VoiceSwitch
from voicecli.types import KnownVoice, Stretch, Wish

P = ParamSpec("P")
T = TypeVar("T")


class Inline:
    """A worker that does at once what it is told."""

    idle = True

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(0)
        return call(*args, **kwargs)


@dataclass
class Kokoro:
    """A resident model with two voices; a step of preparing is counted."""

    voice: str = "af_heart"
    speed: float = 1.0
    taught: set[str] = field(default_factory=lambda: {"af_heart"})
    steps: list[str] = field(default_factory=list)
    can_stream: bool = True
    sample_rate_hz: int = 24_000
    language: str = "en-us"
    model: str = "kokoro"

    def __post_init__(self) -> None:
        self.name = f"kokoro {self.voice} {self.speed:g}"
        self.streams = self.can_stream and self.voice in self.taught

    def synthesize(self, text: str) -> Iterator[Stretch]:
        yield Stretch(np.zeros(1, np.int16), 1.0)

    def known_voices(self) -> Sequence[KnownVoice]:
        return [KnownVoice("af_heart", "en-us"), KnownVoice("bm_george", "en-gb")]

    def speaking(self, voice: str, speed: float, language_code: str = "") -> Voice:
        if voice not in ("af_heart", "bm_george"):
            raise SettingsError(f"there is no voice {voice!r}")
        return Kokoro(voice, speed, self.taught, self.steps, self.can_stream)

    def preparing(self, voice: str) -> Iterator[int]:
        for number in (1, 2):
            self.steps.append(voice)
            yield number
        self.taught.add(voice)


class Quiet:
    """Whether a turn is alive, and the rest that knows it."""

    def __init__(self) -> None:
        self.settled = True
        self.rest = Rest(lambda: self.settled)

    def set(self, settled: bool) -> None:
        self.settled = settled
        self.rest.look()


def voice_switch(kokoro: Kokoro, quiet: Quiet) -> tuple[SwitchableVoice, VoiceSwitch]:
    switchable = SwitchableVoice(kokoro)
    return switchable, VoiceSwitch(kokoro, switchable, Inline(), quiet.rest, 1.0)


class TestVoice:
    def test_another_voice_keeps_the_speed_and_another_speed_the_voice(self) -> None:
        async def run() -> None:
            switchable, switch = voice_switch(Kokoro(), Quiet())
            assert await switch.names() == ["af_heart", "bm_george"]
            assert await switch.take(speed=1.5) == ("kokoro af_heart 1.5", False)
            assert await switch.take(voice="bm_george") == ("kokoro bm_george 1.5", True)
            assert switchable.name == "kokoro bm_george 1.5"

        asyncio.run(run())

    def test_an_answer_ends_as_it_began(self) -> None:
        async def run() -> None:
            quiet = Quiet()
            switchable, switch = voice_switch(Kokoro(), quiet)
            quiet.set(False)
            await switch.take(voice="bm_george")
            assert switchable.name == "kokoro af_heart 1"
            quiet.set(True)
            assert switchable.name == "kokoro bm_george 1"

        asyncio.run(run())

    def test_a_name_that_is_not_known_changes_nothing(self) -> None:
        async def run() -> None:
            switchable, switch = voice_switch(Kokoro(), Quiet())
            with pytest.raises(SettingsError):
                await switch.take(voice="bm_georg")
            assert (switchable.name, switch.voice) == ("kokoro af_heart 1", "af_heart")

        asyncio.run(run())

    def test_a_voice_is_learnt_between_turns_and_then_streams(self) -> None:
        async def run() -> None:
            quiet = Quiet()
            kokoro = Kokoro()
            _, switch = voice_switch(kokoro, quiet)
            await switch.take(voice="bm_george")
            quiet.set(False)
            learning = asyncio.ensure_future(switch.teach())
            for _ in range(10):
                await asyncio.sleep(0)
            assert kokoro.steps == []
            quiet.set(True)
            await learning
            assert kokoro.steps == ["bm_george"] * 2
            assert (await switch.take())[1] is False

        asyncio.run(run())

    def test_what_is_learnt_of_a_voice_that_was_left_meanwhile_changes_nothing(self) -> None:
        async def run() -> None:
            quiet = Quiet()
            switchable, switch = voice_switch(Kokoro(), quiet)
            await switch.take(voice="bm_george")
            quiet.set(False)
            learning = asyncio.ensure_future(switch.teach())
            await asyncio.sleep(0)
            await switch.take(voice="af_heart")
            quiet.set(True)
            await learning
            assert switchable.name == "kokoro af_heart 1"

        asyncio.run(run())

    def test_where_none_streams_none_is_to_be_learnt(self) -> None:
        async def run() -> None:
            _, switch = voice_switch(Kokoro(can_stream=False), Quiet())
            assert await switch.take(voice="bm_george") == ("kokoro bm_george 1", False)

        asyncio.run(run())


class Polyglot(Recogniser):
    languages = ("de", "en")

    def wishing(self, wish: Wish) -> Polyglot:
        if wish.language not in (*self.languages, "auto"):
            raise SettingsError(f"no language {wish.language!r}")
        return Polyglot(wish.language)


def test_another_language_is_heard_from_the_next_utterance_on() -> None:
    async def run() -> None:
        quiet, polyglot = Quiet(), Polyglot("en")
        switchable = SwitchableRecogniser(polyglot)
        switch = LanguageSwitch(polyglot, switchable, Inline(), quiet.rest, "en")
        quiet.set(False)
        await switch.take("de")
        assert (switch.language, switch.languages) == ("de", ("de", "en"))
        assert switchable.transcribe(SEGMENT).text == "final of en"
        quiet.set(True)
        assert switchable.transcribe(SEGMENT).text == "final of de"
        with pytest.raises(SettingsError):
            await switch.take("dd")
        assert switch.language == "de"

    asyncio.run(run())


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


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class TestModel:
    def test_the_next_one_is_warm_before_it_is_taken_and_then_the_one_before_is_let_go(self) -> None:
        async def run() -> None:
            quiet, second = Quiet(), Model("b")
            shelf = Shelf({"a": Model("a"), "b": second})
            async with model_switch(shelf.opener, lambda: ASKED, quiet.rest) as switch:
                assert not switch.has_begun
                assert (await switch.begin(called("a"))).model.name == "a"
                assert switch.has_begun
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
            async with model_switch(shelf.opener, lambda: ASKED, Quiet().rest) as switch:
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
            async with model_switch(shelf.opener, lambda: ASKED, quiet.rest) as switch:
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
            async with model_switch(shelf.opener, lambda: ASKED, Quiet().rest) as switch:
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
            async with model_switch(shelf.opener, lambda: ASKED, Quiet().rest) as switch:
                await switch.begin(called("a"))
                await switch.switch(called("b"))
                await settle()
                assert (switch.model.name, shelf.open) == ("b", ["b"])

        asyncio.run(run())

    def test_one_that_breaks_while_it_is_in_use_is_no_secret(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a")})
            async with model_switch(shelf.opener, lambda: ASKED, Quiet().rest) as switch:
                await switch.begin(called("a"))
                shelf.breaks.set()
                await settle()

        with pytest.raises(ExceptionGroup) as raised:
            asyncio.run(run())
        assert isinstance(first_of(raised.value), ZeroDivisionError)

    def test_who_does_not_wait_for_it_does_not_get_it(self) -> None:
        async def run() -> None:
            shelf = Shelf({"a": Model("a"), "b": Model("b")})
            async with model_switch(shelf.opener, lambda: ASKED, Quiet().rest) as switch:
                await switch.begin(called("a"))
                switching = asyncio.ensure_future(switch.switch(called("b")))
                await asyncio.sleep(0)
                switching.cancel()
                await settle()
                assert switching.cancelled()
                assert (switch.model.name, shelf.open) == ("a", ["a"])

        asyncio.run(run())
