"""How soon an answer gives way, to the step: it is a steady sound, so its volume can be read at any moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.card.overlap_times import Order, order
from tests.card.pulse import in_this_process
from tests.card.test_echo import LINES
from tests.defaults import SETTINGS
from tests.speech import FOLDER, clip
from voicecli.assemble.conversation import conversation_options
from voicecli.assemble.devices import DeviceOpener, Files, PipelineHooks, ReconnectingDevices
from voicecli.bench.outcomes import found_at_s
from voicecli.bench.virtual_card import VirtualCard
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.parts import Engines
from voicecli.engines.worker import ThreadWorker
from voicecli.events import CLOCK, Event
from voicecli.types import AudioChunk, Message, SpeechSegment, Token, Transcript

pytestmark = [pytest.mark.card, pytest.mark.timeout(180)]

ORDERS = 12
STEP = 80
"""Samples of 5 ms."""

BUZZ_HZ = 24_000


class NoWords:
    """A recognizer that understands nothing, so that the answer goes on after each order."""

    name = "deaf"

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        return Transcript("", "en", segment.audio_s, "no speech")

    draft = transcribe


class OneSentence:
    name = "terse"

    async def warm(self, messages: Sequence[Message]) -> None: ...

    async def aclose(self) -> None: ...

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        yield Token("This is one long and steady sound.")


class Buzz:
    """A vowel of two minutes, at -20 dB over full scale."""

    name = "buzz"
    sample_rate_hz = BUZZ_HZ

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        at_s = np.arange(BUZZ_HZ) / BUZZ_HZ
        second = np.sum([np.sin(2 * np.pi * 140 * k * at_s + k * k) / k for k in range(1, 20)], axis=0)
        second *= 3277 / np.sqrt(np.mean(second**2))
        for index in range(120):
            yield AudioChunk(second.astype(np.int16), (index + 1) / 120)


def ignore(event: Event) -> None:
    """Nobody reads the events."""


async def say_over(card: VirtualCard, orders: Sequence[Order]) -> list[float]:
    """When each order was played over the answer."""
    began_s: list[float] = []
    headphones = SETTINGS.listen.model_copy(update={"barge_in": "headphones"})
    settings = SETTINGS.model_copy(update={"listen": headphones})
    async with AsyncExitStack() as stack:
        reconnecting = ReconnectingDevices(lambda: True, CLOCK, ignore)
        opener = DeviceOpener(stack, settings, Files(), lambda: True, ignore, PipelineHooks(), reconnecting)
        devices, _ = await opener.open()
        stt, tts, turn = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts", "turn"))
        engines = Engines(NoWords(), OneSentence(), Buzz(), None, stt, tts, turn)
        rules = conversation_options(settings, prefill=False)
        conversation = Conversation(devices, engines, History("", 1000), rules, CLOCK, ignore)
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(conversation.run())
            await asyncio.sleep(0)
            conversation.ask("Go on.")
            await asyncio.to_thread(card.speaker.await_sound, time.monotonic(), 10)
            for said in orders:
                began_s.append((await asyncio.to_thread(card.say, said.path))[0])
                await asyncio.to_thread(card.speaker.await_sound, time.monotonic() + 1.5, 10)
            talking.cancel()
    return began_s


@pytest.fixture(scope="module")
def orders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Order]:
    folder = tmp_path_factory.mktemp("orders")
    paths = sorted((FOLDER / "commands").glob("*.wav"))
    if not paths:
        spoken: Callable[[str], Path] = request.getfixturevalue("spoken")
        paths = [spoken(line) for line in LINES]
    found = [one for path in paths[: ORDERS + 2] if (one := order(clip(path), folder / path.name))]
    return found[:ORDERS]


def fell_after_s(card: VirtualCard, said: Order, began_s: float) -> tuple[float | None, float | None]:
    """From the first voiced sample to 6 dB less, and to silence."""
    from_s = began_s - 0.2
    voiced_s = from_s + found_at_s(card.air.since(from_s), said.pcm) + said.voiced_s
    sound = card.speaker.since(voiced_s - 0.4)[: 16_000 * 2]
    rms = np.sqrt(np.mean(np.square(sound[: len(sound) // STEP * STEP].reshape(-1, STEP), dtype=np.float64), axis=1))
    before = np.median(rms[:60])
    times = [
        next((at / 200 - 0.4 for at in range(80, len(rms)) if rms[at] < bar * before), None) for bar in (0.5, 0.05)
    ]
    return times[0], times[1]


def test_an_answer_gets_softer_and_silent_soon(card: VirtualCard, orders: list[Order]) -> None:
    with in_this_process(card):
        began_s = asyncio.run(say_over(card, orders))
    times = [fell_after_s(card, said, at_s) for said, at_s in zip(orders, began_s, strict=True)]
    softer = [softer_s for softer_s, _ in times if softer_s is not None]
    silent = [silent_s for _, silent_s in times if silent_s is not None]
    for name, found in (("softer", softer), ("silent", silent)):
        median_s, p95_s = np.percentile(found, (50, 95))
        print(f"{name} after {1000 * median_s:.0f} ms (median), {1000 * p95_s:.0f} ms (95th percentile), "
              f"{len(found)} of {len(orders)} orders")  # fmt: skip
    assert len(softer) >= 0.8 * len(orders)
    assert np.median(softer) < 0.3  # what it should be is in docs/turn-taking.md: a machine may be busy
