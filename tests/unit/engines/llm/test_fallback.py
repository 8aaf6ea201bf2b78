"""A language model that goes away and comes back. Times are virtual seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from voicecli.engines.llm.fallback import (
    JITTER,
    RETRY_DELAYS_S,
    SLOW_AFTER_S,
    FallbackModel,
    StatusReporter,
    with_fallback,
)
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, ModelMissing, VoiceCliError
from voicecli.replay import virtual_time
from voicecli.types import Message, Token

ASKED = [Message("user", "Hello?")]
GONE = BackendUnavailable("the server does not answer")
TIMEOUT_S = 5.0


@dataclass
class Server:
    """`failures` before the first token, then answers; `warm_failures` likewise."""

    name: str = "server"
    failures: list[Exception] = field(default_factory=list)
    warm_failures: list[Exception] = field(default_factory=list)
    words: Sequence[str | Exception] = ("One ", "two.")
    late_s: list[float] = field(default_factory=list)
    asked_at_s: list[float] = field(default_factory=list)
    looked_at_s: list[float] = field(default_factory=list)
    closed: int = 0

    async def warm(self, messages: Sequence[Message]) -> None:
        self.looked_at_s.append(asyncio.get_running_loop().time())
        if self.warm_failures:
            raise self.warm_failures.pop(0)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        self.asked_at_s.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(self.late_s.pop(0) if self.late_s else 0)
            if self.failures:
                raise self.failures.pop(0)
            for word in self.words:
                if isinstance(word, Exception):
                    raise word
                yield Token(word)
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Reports:
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def conditions(self) -> list[str]:
        return [condition for condition, _, _ in self.changes]


Act = Callable[[FallbackModel], Awaitable[None]]


def hold(server: Server, act: Act, fallback: Server | VoiceCliError | None = None) -> Reports:
    reported = Reports()
    reporter = StatusReporter(lambda *change: reported.changes.append(change), reported.remarks.append)

    async def load() -> Server:
        if isinstance(fallback, VoiceCliError):
            raise fallback
        assert fallback is not None
        return fallback

    async def run() -> None:
        async with with_fallback(server, load if fallback else None, TIMEOUT_S, reporter) as model:
            await act(model)

    virtual_time.run(run())
    return reported


async def answer(model: FallbackModel) -> str:
    async with aclosing(model.reply(ASKED)) as tokens:
        return "".join([token.text async for token in tokens])


async def asks(model: FallbackModel) -> None:
    assert await answer(model) == "One two."


async def fails(model: FallbackModel) -> None:
    with pytest.raises((BackendUnavailable, EngineError)):
        await answer(model)


def test_a_server_that_is_well_is_asked_once_and_nothing_is_reported() -> None:
    server = Server()
    assert hold(server, asks) == Reports()
    assert (len(server.asked_at_s), server.closed) == (1, 1)


@pytest.mark.parametrize("failure", [GONE, EngineError("500")])
def test_a_short_absence_is_not_noticed(failure: Exception) -> None:
    server = Server(failures=[failure] * 3)
    assert hold(server, asks, Server("fallback")).changes == []
    waits_s = [after - before for before, after in zip(server.asked_at_s, server.asked_at_s[1:], strict=False)]
    for wait_s, expected_s in zip(waits_s, RETRY_DELAYS_S, strict=True):
        assert abs(wait_s - expected_s) <= JITTER * expected_s + 1e-6
    assert server.closed == 4


def test_something_takes_its_place_until_it_is_back() -> None:
    server, fallback = Server(failures=[GONE] * 4, warm_failures=[GONE] * 2), Server("fallback", words=("Fallback.",))

    async def act(model: FallbackModel) -> None:
        assert await answer(model) == "Fallback."
        assert model.name == "fallback"
        assert await answer(model) == "Fallback."
        await asyncio.sleep(1 + 2 + 4 + 0.1)
        assert model.name == "server"
        assert await answer(model) == "One two."

    reported = hold(server, act, fallback)
    assert reported.conditions == ["fallback", "ok"]
    assert reported.changes[0][1] == "fallback"
    assert "the server does not answer" in reported.changes[0][2]
    assert len(server.asked_at_s) == 5


def test_looks_come_further_apart_up_to_half_a_minute() -> None:
    server = Server(failures=[GONE] * 4, warm_failures=[GONE] * 8)

    async def act(model: FallbackModel) -> None:
        await answer(model)
        await asyncio.sleep(110)

    hold(server, act, Server("fallback"))
    looks = server.looked_at_s
    gaps = [round(after - before) for before, after in zip(looks, looks[1:], strict=False)]
    assert gaps == [2, 4, 8, 16, 30, 30]


def test_a_broken_server_that_is_looked_for_ends_nothing() -> None:
    server = Server(failures=[GONE] * 4, warm_failures=[ValueError("no JSON")])

    async def act(model: FallbackModel) -> None:
        await answer(model)
        await asyncio.sleep(4)

    assert hold(server, act, Server("fallback")).conditions == ["fallback", "ok"]


def test_an_answer_under_way_stays_with_the_model_that_began_it() -> None:
    server, fallback = Server(failures=[GONE] * 4), Server("fallback", words=("Fallback ", "to the end."))

    async def act(model: FallbackModel) -> None:
        async with aclosing(model.reply(ASKED)) as tokens:
            first = await anext(tokens)
            await asyncio.sleep(2)  # the server is back
            assert model.name == "server"
            assert [first.text, *[token.text async for token in tokens]] == ["Fallback ", "to the end."]

    hold(server, act, fallback)


@pytest.mark.parametrize("fallback", [None, ModelMissing("No model on disk", "download it")])
def test_without_a_fallback_the_error_is_reported_and_the_next_question_tries_again(
    fallback: VoiceCliError | None,
) -> None:
    server = Server(failures=[GONE] * 5)

    async def act(model: FallbackModel) -> None:
        await fails(model)
        await fails(model)  # one try now, no waits: that it is away is known
        assert len(server.asked_at_s) == 5
        await asks(model)

    reported = hold(server, act, fallback)
    assert reported.conditions == ["unavailable", "ok"]
    assert reported.changes[0][1] == ""
    if fallback:
        assert "No model on disk" in reported.changes[0][2]


def test_a_refusal_is_not_tried_again_and_is_replaced() -> None:
    server = Server(failures=[BackendRefuses("wrong key")])

    async def act(model: FallbackModel) -> None:
        assert await answer(model) == "One two."

    assert hold(server, act, Server("fallback")).conditions == ["fallback"]
    assert len(server.asked_at_s) == 1


def test_a_full_context_is_no_absence() -> None:
    server = Server(failures=[ContextFull("too long")])
    assert hold(server, fails, Server("fallback")) == Reports()


def test_what_breaks_after_the_first_token_is_raised_as_it_is() -> None:
    server = Server(words=("One ", GONE))
    assert hold(server, fails, Server("fallback")) == Reports()
    assert (len(server.asked_at_s), server.closed) == (1, 1)


def test_a_late_first_token_counts_as_gone_and_all_tries_have_one_patience() -> None:
    server = Server(late_s=[60.0] * 4)

    async def act(model: FallbackModel) -> None:
        begun_s = asyncio.get_running_loop().time()
        await asks(model)
        assert asyncio.get_running_loop().time() - begun_s <= TIMEOUT_S + sum(RETRY_DELAYS_S) + 0.1

    reported = hold(server, act, Server("fallback"))
    assert "in time" in reported.changes[0][2]
    assert server.closed == len(server.asked_at_s)


def test_a_slow_server_is_remarked_on_once_until_it_is_quick_again() -> None:
    server = Server(late_s=[SLOW_AFTER_S + 1, SLOW_AFTER_S + 1, 0.1, SLOW_AFTER_S + 1])

    async def act(model: FallbackModel) -> None:
        for _ in range(4):
            await asks(model)

    assert (
        hold(server, act).remarks == [f"The language model has not answered for {SLOW_AFTER_S:g} s; still waiting."] * 2
    )


def test_preparation_goes_to_the_model_that_will_answer_and_is_not_tried_again() -> None:
    server = Server(warm_failures=[GONE])

    async def act(model: FallbackModel) -> None:
        with pytest.raises(BackendUnavailable):
            await model.warm(ASKED)
        await model.warm(ASKED)
        await model.aclose()

    assert hold(server, act) == Reports()
    assert (len(server.looked_at_s), server.closed) == (2, 1)


def test_an_empty_answer_is_an_answer() -> None:
    async def act(model: FallbackModel) -> None:
        assert await answer(model) == ""

    assert hold(Server(words=()), act) == Reports()


def test_a_question_that_is_withdrawn_closes_its_request_and_loads_no_second_fallback() -> None:
    server, loads = Server(failures=[GONE] * 4), []

    async def load() -> Server:
        loads.append(1)
        await asyncio.sleep(3)
        return Server("fallback")

    async def run() -> None:
        async with with_fallback(
            server, load, TIMEOUT_S, StatusReporter(lambda *change: None, lambda text: None)
        ) as model:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(sum(RETRY_DELAYS_S) * (1 + JITTER) + 0.5):
                    await answer(model)
            server.failures = [GONE] * 4
            await asks(model)

    virtual_time.run(run())
    assert loads == [1]
