"""Time each call of an engine, also if its work is hidden by another wait."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from voicecli.assemble.devices import PipelineHooks
from voicecli.conversation.parts import Engines
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech
from voicecli.events import CLOCK, Clock
from voicecli.types import AudioChunk, Message, SpeechSegment, Token, Transcript


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an engine, on the conversation's clock."""

    stage: str  # stt, llm, tts, endpoint
    name: str
    began_s: float
    ended_s: float
    work_s: float  # time that the engine itself worked: a voice waits between two audio chunks
    first_s: float | None = None  # until the first token or audio chunk
    amount: float = 0.0  # seconds of audio, or tokens


class EngineWatch(PipelineHooks):
    """Wrap the engines so that each call is recorded in `calls`."""

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self.calls: list[Call] = []  # appended by the engines' threads

    def engines(self, engines: Engines) -> Engines:
        calls, clock = self.calls, self._clock
        self.watched = replace(
            engines,
            stt=WatchedRecognizer(engines.stt, calls, clock),
            llm=WatchedLanguageModel(engines.llm, calls, clock),
            tts=WatchedVoice(engines.tts, calls, clock) if engines.tts else None,
            turn=WatchedEndOfTurn(engines.turn, calls, clock) if engines.turn else None,
        )
        return self.watched


class WatchedRecognizer:
    """A recognizer whose calls are recorded."""

    def __init__(self, stt: SpeechToText, calls: list[Call], clock: Clock) -> None:
        self.name = stt.name
        self._stt, self._calls, self._clock = stt, calls, clock

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        began_s = self._clock()
        transcript = self._stt.transcribe(segment)
        self._record("final", began_s, segment)
        return transcript

    def draft(self, segment: SpeechSegment) -> Transcript:
        began_s = self._clock()
        transcript = self._stt.draft(segment)
        self._record("draft", began_s, segment)
        return transcript

    def _record(self, name: str, began_s: float, segment: SpeechSegment) -> None:
        ended_s = self._clock()
        self._calls.append(Call("stt", name, began_s, ended_s, ended_s - began_s, amount=segment.audio_s))


class WatchedEndOfTurn:
    """An end-of-turn model whose calls are recorded."""

    def __init__(self, turn: EndOfTurn, calls: list[Call], clock: Clock) -> None:
        self.name = turn.name
        self._turn, self._calls, self._clock = turn, calls, clock

    def probability(self, segment: SpeechSegment) -> float:
        began_s = self._clock()
        probability = self._turn.probability(segment)
        ended_s = self._clock()
        self._calls.append(Call("endpoint", "end of turn", began_s, ended_s, ended_s - began_s))
        return probability


class WatchedLanguageModel:
    """A language model whose calls are recorded."""

    def __init__(self, llm: LanguageModel, calls: list[Call], clock: Clock) -> None:
        self.name = llm.name
        self._llm, self._calls, self._clock = llm, calls, clock

    async def warm(self, messages: Sequence[Message]) -> None:
        began_s = self._clock()
        try:
            await self._llm.warm(messages)
        finally:
            ended_s = self._clock()
            self._calls.append(Call("llm", "prefill", began_s, ended_s, ended_s - began_s))

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        began_s = self._clock()
        first_s: float | None = None
        tokens = 0
        try:
            async with aclosing(self._llm.reply(messages)) as reply:
                async for token in reply:
                    if first_s is None:
                        first_s = self._clock() - began_s
                    tokens += not token.at_limit
                    yield token
        finally:
            ended_s = self._clock()
            self._calls.append(Call("llm", "reply", began_s, ended_s, ended_s - began_s, first_s, tokens))

    async def aclose(self) -> None:
        await self._llm.aclose()


class WatchedVoice:
    """A voice whose calls are recorded."""

    def __init__(self, tts: TextToSpeech, calls: list[Call], clock: Clock) -> None:
        self.name, self.sample_rate_hz = tts.name, tts.sample_rate_hz
        self._tts, self._calls, self._clock = tts, calls, clock

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        work_s = audio_s = 0.0
        began_s: float | None = None
        first_s: float | None = None
        audio_chunks = self._tts.synthesize(text)
        try:
            while True:
                asked_s = self._clock()
                began_s = asked_s if began_s is None else began_s
                audio_chunk = next(audio_chunks, None)
                work_s += self._clock() - asked_s
                if audio_chunk is None:
                    return
                first_s = work_s if first_s is None else first_s
                audio_s += len(audio_chunk.pcm) / self.sample_rate_hz
                yield audio_chunk
        finally:
            if began_s is not None:
                self._calls.append(Call("tts", text, began_s, self._clock(), work_s, first_s, audio_s))
