"""Latencies of a recording, and engines that reproduce them in virtual time.

A replay then makes the same decisions as the recorded machine, on any machine and under any load.
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
"""Adds seconds of virtual time to the current call."""


def latencies_of(calls: Sequence[Call]) -> StageLatencies:
    """Return the median latency of each stage; a stage without calls has its default. Pure."""
    default = StageLatencies()
    replies = [call for call in calls if call.name == "reply" and call.first_s is not None]
    written = [call for call in replies if call.amount > 1]
    return StageLatencies(
        median([call.work_s for call in calls if call.stage == "stt" and call.work_s > REMEMBERED_S], default.decode_s),
        median([call.work_s for call in calls if call.stage == "endpoint"], default.end_of_turn_s),
        median([call.first_s or 0.0 for call in replies], default.first_token_s),
        median(
            [(call.ended_s - call.began_s - (call.first_s or 0.0)) / (call.amount - 1) for call in written],
            default.token_s,
        ),
        median(
            [call.first_s for call in calls if call.stage == "tts" and call.first_s is not None], default.first_audio_s
        ),
    )


def median(values: Sequence[float], default: float) -> float:
    """Return the median, rounded to milliseconds; `default` if there are no values."""
    return round(statistics.median(values), 3) if values else default


class RecordedLatencyRecognizer:
    """Speech-to-text with the latency of the recording."""

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
    """An end-of-turn model with the latency of the recording."""

    def __init__(self, turn: EndOfTurn, latency_s: float, spend: Spend) -> None:
        self.name = turn.name
        self._turn, self._latency_s, self._spend = turn, latency_s, spend

    def probability(self, segment: SpeechSegment) -> float:
        self._spend(self._latency_s)
        return self._turn.probability(segment)


class RecordedLatencyTextToSpeech:
    """Text-to-speech with the recorded latency to the first audio. Audio of the same text is computed once."""

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
    """A language model with the latencies of the recording.

    The complete answer is generated on another event loop: in virtual time nothing can wait for a network.
    """

    def __init__(self, llm: LanguageModel, thread: LoopThread, latencies: StageLatencies) -> None:
        self.name = llm.name
        self._llm, self._thread, self._latencies = llm, thread, latencies
        self._known: dict[tuple[Message, ...], list[Token]] = {}

    async def warm(self, messages: Sequence[Message]) -> None:
        """Do nothing: the latency of the first token includes the prompt."""

    async def aclose(self) -> None:
        """Do nothing: whoever opened the model closes it."""

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Yield the tokens at a fixed pace. The same messages have the same answer."""
        asked = tuple(messages)
        if asked not in self._known:
            self._known[asked] = self._thread.run(all_of(self._llm, asked))
        await asyncio.sleep(self._latencies.first_token_s)
        for token in self._known[asked]:
            yield token
            await asyncio.sleep(self._latencies.token_s)


async def all_of(llm: LanguageModel, messages: Sequence[Message]) -> list[Token]:
    """Return all tokens of an answer."""
    return [token async for token in llm.reply(messages)]
