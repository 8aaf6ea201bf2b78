"""What the engines took when a conversation was recorded, and engines that take just that on a clock that jumps.

So a replay decides as the recorded machine would have, on any machine and under any load.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from voicecli.bench.outcomes import REMEMBERED_S
from voicecli.bench.watch import Call
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech
from voicecli.engines.worker import LoopThread
from voicecli.replay.bundle import StageLatencies
from voicecli.types import AudioChunk, Message, SpeechSegment, Token, Transcript

Spend = Callable[[float], None]
"""Lets the call under way take so many seconds."""


def latencies_of(calls: Sequence[Call]) -> StageLatencies:
    """The median of each; what was never called has its default price. Pure."""
    usual = StageLatencies()
    replies = [call for call in calls if call.name == "reply" and call.first_s is not None]
    written = [call for call in replies if call.amount > 1]
    return StageLatencies(
        median([call.work_s for call in calls if call.stage == "stt" and call.work_s > REMEMBERED_S], usual.decode_s),
        median([call.work_s for call in calls if call.stage == "endpoint"], usual.end_of_turn_s),
        median([call.first_s or 0.0 for call in replies], usual.first_token_s),
        median(
            [(call.ended_s - call.began_s - (call.first_s or 0.0)) / (call.amount - 1) for call in written],
            usual.token_s,
        ),
        median(
            [call.first_s for call in calls if call.stage == "tts" and call.first_s is not None], usual.first_audio_s
        ),
    )


def median(values: Sequence[float], usual: float) -> float:
    """To the millisecond."""
    return round(statistics.median(values), 3) if values else usual


class RecordedLatencyRecognizer:
    def __init__(self, stt: SpeechToText, price_s: float, spend: Spend) -> None:
        self.name = stt.name
        self._stt, self._price_s, self._spend = stt, price_s, spend

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        self._spend(self._price_s)
        return self._stt.transcribe(segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        self._spend(self._price_s)
        return self._stt.draft(segment)


class RecordedLatencyEndOfTurn:
    def __init__(self, turn: EndOfTurn, latency_s: float, spend: Spend) -> None:
        self.name = turn.name
        self._turn, self._latency_s, self._spend = turn, latency_s, spend

    def probability(self, segment: SpeechSegment) -> float:
        self._spend(self._latency_s)
        return self._turn.probability(segment)


class RecordedLatencyTextToSpeech:
    """Each piece at the price of its first sound; the sound of the same words is computed once."""

    def __init__(self, tts: TextToSpeech, price_s: float, spend: Spend) -> None:
        self.name, self.sample_rate_hz = tts.name, tts.sample_rate_hz
        self._tts, self._price_s, self._spend = tts, price_s, spend
        self._known: dict[str, list[AudioChunk]] = {}

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        self._spend(self._price_s)
        if text not in self._known:
            self._known[text] = list(self._tts.synthesize(text))
        yield from self._known[text]


class PacedLanguageModel:
    """Answers come from a model on another loop, whole; their tokens are given out at a fixed pace.

    The clock that jumps knows nothing of a network, so nobody may wait on it for one.
    """

    def __init__(self, llm: LanguageModel, thread: LoopThread, latencies: StageLatencies) -> None:
        self.name = llm.name
        self._llm, self._thread, self._latencies = llm, thread, latencies
        self._known: dict[tuple[Message, ...], list[Token]] = {}

    async def warm(self, messages: Sequence[Message]) -> None:
        """What is read ahead is in the price of the first token."""

    async def aclose(self) -> None:
        """Whoever opened the model closes it."""

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """The same question has the same answer."""
        asked = tuple(messages)
        if asked not in self._known:
            self._known[asked] = self._thread.run(all_of(self._llm, asked))
        await asyncio.sleep(self._latencies.first_token_s)
        for token in self._known[asked]:
            yield token
            await asyncio.sleep(self._latencies.token_s)


async def all_of(llm: LanguageModel, messages: Sequence[Message]) -> list[Token]:
    """The whole answer."""
    return [token async for token in llm.reply(messages)]
