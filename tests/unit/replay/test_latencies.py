"""What the engines took then, and engines that take just that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence

import numpy as np
import pytest

from voicecli.bench.watch import Call
from voicecli.engines.worker import LoopThread
from voicecli.errors import BackendUnavailable
from voicecli.replay import virtual_time
from voicecli.replay.bundle import StageLatencies
from voicecli.replay.latencies import (
    PacedLanguageModel,
    RecordedLatencyEndOfTurn,
    RecordedLatencyRecognizer,
    RecordedLatencyTextToSpeech,
    latencies_of,
)
from voicecli.replay.virtual_time import CallClock, TimedWorker
from voicecli.types import AudioChunk, Message, SpeechSegment, Token, Transcript

SEGMENT = SpeechSegment(np.zeros(320, np.int16), 0.0, 0.02)


def call(stage: str, name: str, took_s: float, first_s: float | None = None, amount: float = 0.0) -> Call:
    return Call(stage, name, 10.0, 10.0 + took_s, took_s, first_s, amount)


def test_latencies_are_the_medians_and_what_was_remembered_has_none() -> None:
    calls = [
        call("stt", "final", 0.001),
        *(call("stt", "draft", took_s) for took_s in (0.1, 0.3, 0.9)),
        call("endpoint", "end of turn", 0.04),
        call("llm", "prefill", 5.0),
        call("llm", "reply", 1.1, 0.1, 11),
        call("llm", "reply", 0.2),
        call("tts", "Hello.", 2.0, 0.5, 3.0),
    ]
    assert latencies_of(calls) == StageLatencies(0.3, 0.04, 0.1, 0.1, 0.5)


def test_what_was_never_called_has_its_default_price() -> None:
    assert latencies_of([]) == StageLatencies()


class Whisper:
    name = "w"

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        return Transcript("final", "en", 1.0)

    def draft(self, segment: SpeechSegment) -> Transcript:
        return Transcript("draft", "en", 1.0)


class SmartTurn:
    name = "t"

    def probability(self, segment: SpeechSegment) -> float:
        return 0.5


class Kokoro:
    name, sample_rate_hz = "k", 24_000

    def __init__(self) -> None:
        self.asked: list[str] = []

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        self.asked.append(text)
        yield AudioChunk(np.zeros(240, np.int16), 1.0)


def test_calls_have_the_recorded_latency_whatever_their_real_one() -> None:
    clock = CallClock(timer=lambda: 0.0)
    voice = Kokoro()

    async def main() -> list[float]:
        worker, took_s = TimedWorker(clock.last_call_s, clock.call), []
        stt = RecordedLatencyRecognizer(Whisper(), 0.25, clock.spend)
        turn, tts = (
            RecordedLatencyEndOfTurn(SmartTurn(), 0.5, clock.spend),
            RecordedLatencyTextToSpeech(voice, 1.0, clock.spend),
        )
        for work in (
            lambda: stt.transcribe(SEGMENT).text,
            lambda: stt.draft(SEGMENT).text,
            lambda: str(turn.probability(SEGMENT)),
            lambda: str(len(list(tts.synthesize("Hello.")))),
            lambda: str(len(list(tts.synthesize("Hello.")))),
        ):
            began_s = clock()
            reported.append(await worker.run(work))
            took_s.append(clock() - began_s)
        return took_s

    reported: list[str] = []
    assert virtual_time.run(main()) == pytest.approx([0.25, 0.25, 0.5, 1.0, 1.0])
    assert reported == ["final", "draft", "0.5", "1", "1"]
    assert voice.asked == ["Hello."]


class Network:
    """A model that is waited for on a loop that waits."""

    name = "n"

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self._error = error

    async def warm(self, messages: Sequence[Message]) -> None:
        raise AssertionError("a replay sends nothing ahead")

    async def aclose(self) -> None:
        raise AssertionError("it is open for whoever opened it")

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self._error is not None:
            raise self._error
        yield Token("It is ")
        yield Token("noon.")


def test_an_answer_comes_at_its_pace_and_is_asked_for_once() -> None:
    network = Network()

    async def main(thread: LoopThread) -> list[tuple[float, str]]:
        model = PacedLanguageModel(network, thread, StageLatencies(first_token_s=0.5, token_s=0.25))
        await model.warm([])
        clock, reported = asyncio.get_running_loop().time, []
        for _ in range(2):
            began_s = clock()
            reported += [(clock() - began_s, token.text) async for token in model.reply([Message("user", "Time?")])]
        await model.aclose()
        return reported

    with LoopThread() as thread:
        once = [(0.5, "It is "), (0.75, "noon.")]
        assert virtual_time.run(main(thread)) == once * 2
    assert network.asked == 1


def test_a_server_that_is_gone_is_reported_as_ever() -> None:
    async def main(thread: LoopThread) -> None:
        model = PacedLanguageModel(Network(BackendUnavailable("gone")), thread, StageLatencies())
        async for _ in model.reply([]):
            raise AssertionError("no token was to come")

    with LoopThread() as thread, pytest.raises(BackendUnavailable, match="gone"):
        virtual_time.run(main(thread))


def test_what_nobody_waits_for_any_longer_is_cancelled() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def begin() -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work())
        await asyncio.sleep(0)
        return task

    with LoopThread() as thread:
        thread.run(begin())
    assert ended == ["cancelled"]
