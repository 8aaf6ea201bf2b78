"""Check that `--compare` finds a stage that got slower, and finds nothing in an unchanged program.

python -m benchmarks.slowdown FOLDER                    5 runs as it is, and one with each stage 30 % slower
python -m benchmarks.slowdown FOLDER --speech FOLDER    on recordings of your own
python -m benchmarks.slowdown FOLDER --only compare     of the results that are in FOLDER

Each run is `voicecli bench --scenario quiet`, its result is kept in FOLDER. Runs as it is are compared each with each:
5 make 10 pairs, and every one should be called the same. A slower stage sleeps after each of its calls, or before each
token, for a share of what that took.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import ClassVar

from benchmarks.engines import shipped
from voicecli.bench.compare import compare
from voicecli.bench.corpus import load_corpus
from voicecli.bench.environment import begin, conclude
from voicecli.bench.result import Result, read_result, write_result
from voicecli.bench.voice_to_voice import chosen, deterministic, measure
from voicecli.bench.watch import EngineWatch
from voicecli.conversation.parts import Engines
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech
from voicecli.types import AudioChunk, Message, SpeechSegment, Token, Transcript

SLOWER = 0.3
RUNS = 5


class Slower(EngineWatch):
    """Makes one stage slower by SLOWER."""

    stage: ClassVar = ""

    def engines(self, engines: Engines) -> Engines:
        match self.stage:
            case "stt":
                engines = replace(engines, stt=SlowRecognizer(engines.stt))
            case "llm":
                engines = replace(engines, llm=SlowLanguageModel(engines.llm))
            case "tts" if engines.tts:
                engines = replace(engines, tts=SlowVoice(engines.tts))
            case "endpoint" if engines.turn:
                engines = replace(engines, turn=SlowEndOfTurn(engines.turn))
        return super().engines(engines)


class SlowerStt(Slower):
    stage = "stt"


class SlowerLlm(Slower):
    stage = "llm"


class SlowerTts(Slower):
    stage = "tts"


class SlowerEndpoint(Slower):
    stage = "endpoint"


WATCHES = {"stt": SlowerStt, "tts": SlowerTts, "llm": SlowerLlm, "endpoint": SlowerEndpoint}


def rest(began_s: float) -> None:
    """Sleep for SLOWER of the time since `began_s`."""
    time.sleep(SLOWER * (time.monotonic() - began_s))


class SlowRecognizer:
    def __init__(self, stt: SpeechToText) -> None:
        self.name = stt.name
        self._stt = stt

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        began_s = time.monotonic()
        transcript = self._stt.transcribe(segment)
        rest(began_s)
        return transcript

    def draft(self, segment: SpeechSegment) -> Transcript:
        began_s = time.monotonic()
        transcript = self._stt.draft(segment)
        rest(began_s)
        return transcript


class SlowEndOfTurn:
    def __init__(self, turn: EndOfTurn) -> None:
        self.name = turn.name
        self._turn = turn

    def probability(self, segment: SpeechSegment) -> float:
        began_s = time.monotonic()
        probability = self._turn.probability(segment)
        rest(began_s)
        return probability


class SlowLanguageModel:
    def __init__(self, llm: LanguageModel) -> None:
        self.name = llm.name
        self._llm = llm

    async def warm(self, messages: Sequence[Message]) -> None:
        began_s = time.monotonic()
        await self._llm.warm(messages)
        await asyncio.sleep(SLOWER * (time.monotonic() - began_s))

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Yield each token when a model that is slower by SLOWER would."""
        began_s = time.monotonic()
        came: asyncio.Queue[tuple[Token | None, float]] = asyncio.Queue()

        async def pump() -> None:
            try:
                async with aclosing(self._llm.reply(messages)) as tokens:
                    async for token in tokens:
                        came.put_nowait((token, time.monotonic() - began_s))
            finally:
                came.put_nowait((None, 0.0))

        pumping = asyncio.create_task(pump())
        try:
            while True:
                token, after_s = await came.get()
                if token is None:
                    return
                await asyncio.sleep((1 + SLOWER) * after_s - (time.monotonic() - began_s))
                yield token
        finally:
            pumping.cancel()

    async def aclose(self) -> None:
        await self._llm.aclose()


class SlowVoice:
    def __init__(self, tts: TextToSpeech) -> None:
        self.name, self.sample_rate_hz = tts.name, tts.sample_rate_hz
        self._tts = tts

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        audio_chunks = self._tts.synthesize(text)
        while True:
            began_s = time.monotonic()
            audio_chunk = next(audio_chunks, None)
            if audio_chunk is None:
                return
            rest(began_s)
            yield audio_chunk


def run(speech: Path | None, turns: int, watch: type[EngineWatch]) -> Result:
    """Run `voicecli bench --scenario quiet` once."""
    settings = deterministic(shipped())
    corpus = load_corpus(speech, settings, print, turns)
    begun = begin()
    found, _ = measure(settings, corpus, chosen(["quiet"]), turns, lambda *_: None, watch)
    return conclude("voice to voice", begun, settings, {}, found)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--speech", type=Path)
    options.add_argument("--turns", type=int, default=16)
    options.add_argument("--only", choices=["run", "compare"])
    chosen_options = options.parse_args()
    folder: Path = chosen_options.folder
    folder.mkdir(parents=True, exist_ok=True)
    watches: dict[str, type[EngineWatch]] = {f"as it is {index}": EngineWatch for index in range(1, RUNS + 1)}
    watches |= {f"slower {stage}": watch for stage, watch in WATCHES.items()}
    if chosen_options.only != "compare":
        for name, watch in watches.items():
            print(name, flush=True)
            write_result(folder / f"{name}.json", run(chosen_options.speech, chosen_options.turns, watch))
    results = {name: read_result(folder / f"{name}.json") for name in watches if (folder / f"{name}.json").exists()}
    same = [name for name in results if name.startswith("as it is")]
    for one, other in combinations(same, 2):
        print(f"{one} -> {other}: {compare(results[one], results[other]).sentence}")
    for name in results.keys() - set(same):
        for one in same:
            print(f"{one} -> {name}: {compare(results[one], results[name]).sentence}")


if __name__ == "__main__":
    main()
