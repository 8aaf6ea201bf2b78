"""Partials give way to finals: a slow machine drafts rarely, a quick one at every chance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
import pytest

from voicecli.conversation.partial_decoder import PartialDecoder, PartialSchedule
from voicecli.replay import virtual_time
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import SpeechSegment, Transcript

P = ParamSpec("P")
T = TypeVar("T")


class SlowStt:
    """Each draft moves the clock by as much as it is said to take."""

    name = "slow"

    def __init__(self, took_s: float, *, may_be_final: bool = False) -> None:
        self.took_s = took_s
        self.may_be_final = may_be_final
        self.now_s = 0.0
        self.drafts = 0

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        assert self.may_be_final, "a draft in mid-speech is no final"
        return self.draft(segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        self.drafts += 1
        self.now_s += self.took_s
        return Transcript("some words", "en", 1.0)


class InlineWorker:
    def __init__(self, *, idle: bool = True) -> None:
        self.idle = idle

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)


SPEECH = SpeechSegment(np.zeros(16_000, np.int16), 0.0, 1.0)


def drafts(stt: SlowStt, *, idle: bool = True, speaking: bool = True, chances: int = 10) -> list[StablePrefix]:
    reported: list[StablePrefix] = []

    async def main() -> None:
        partial_decoder = PartialDecoder(
            stt, InlineWorker(idle=idle), PartialSchedule(0.5, 0.2, 0.6), lambda: stt.now_s
        )

        async def collect() -> None:
            async for words in partial_decoder.partials(lambda: SPEECH if speaking else None):
                reported.append(words)  # noqa: PERF401 - it does not end by itself

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(collect(), chances * 0.5 + 0.1)

    virtual_time.run(main())
    return reported


def test_a_quick_machine_drafts_at_every_chance() -> None:
    reported = drafts(SlowStt(took_s=0.1))
    assert len(reported) == 10
    assert reported[-1].stable == "some words"


def test_a_slow_machine_drafts_rarely_but_tries_again() -> None:
    stt = SlowStt(took_s=0.4)
    drafts(stt)
    assert stt.drafts == 2


def test_no_draft_while_the_engine_is_busy_or_the_user_is_silent() -> None:
    assert not drafts(SlowStt(took_s=0.1), idle=False)
    assert not drafts(SlowStt(took_s=0.1), speaking=False)


def test_a_draft_without_words_tells_that_there_are_none() -> None:
    stt = SlowStt(took_s=0.1)
    stt.draft = lambda segment: Transcript("", "en", 1.0, "no speech")  # type: ignore[method-assign]
    reported = drafts(stt)
    assert reported
    assert not any(words.words for words in reported)


def early_paused(stt: SlowStt, at_s: list[float], *, idle: bool = True) -> list[float]:
    """Virtual times at which something is drafted when the user falls silent at the given times."""
    drafted: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        partial_decoder = PartialDecoder(
            stt, InlineWorker(idle=idle), PartialSchedule(0.5, 0.2, 0.6), lambda: stt.now_s
        )
        for when_s in at_s:
            loop.call_later(when_s, partial_decoder.decode_early, SPEECH)

        async def collect() -> None:
            async for _ in partial_decoder.partials(lambda: None):
                drafted.append(loop.time() - began_s)  # noqa: PERF401 - it does not end by itself

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(collect(), 1.0)

    virtual_time.run(main())
    return drafted


def test_the_first_silence_is_drafted_at_once() -> None:
    assert early_paused(SlowStt(took_s=0.3, may_be_final=True), [0.1, 0.4]) == pytest.approx([0.1, 0.4], abs=0.001)


def test_a_decode_that_outlasts_the_wait_is_not_worth_a_silence() -> None:
    assert early_paused(SlowStt(took_s=0.7, may_be_final=True), [0.1, 0.2, 0.3]) == pytest.approx([0.1, 0.3], abs=0.001)


def test_no_silence_is_drafted_while_the_engine_is_busy() -> None:
    assert not early_paused(SlowStt(took_s=0.1), [0.1], idle=False)


def test_a_silence_of_the_last_utterance_is_forgotten() -> None:
    stt = SlowStt(took_s=0.1)

    async def main() -> None:
        partial_decoder = PartialDecoder(stt, InlineWorker(), PartialSchedule(0.5, 0.2, 0.6), lambda: stt.now_s)
        partial_decoder.decode_early(SPEECH)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(partial_decoder.partials(lambda: None)), 1.0)

    virtual_time.run(main())
    assert not stt.drafts
