"""A tuning of this machine, from the settings to what was found: the engines behind `search`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from voicecli.assemble.devices import CLOCK
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import begin, load_doubts, other_cores, own_cpu_s
from voicecli.bench.machine import machine_cpu_s, usable_threads
from voicecli.bench.questions import QUESTIONS
from voicecli.engines import gpu
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import physical_cores, sleep_while_waiting
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import model_file, open_store
from voicecli.settings.model import Settings
from voicecli.tune.answering import Answering
from voicecli.tune.budget import Budget
from voicecli.tune.ending import Ending
from voicecli.tune.hearing import Hearing
from voicecli.tune.models import Installed
from voicecli.tune.rounds import Machine, doubt_of, rounds, start
from voicecli.tune.search import Found, Search, Watch
from voicecli.tune.values import Arm, Samples, Value
from voicecli.tune.waits import Waits
from voicecli.turns.endpoint import MODES

HEARD, ENDED, ANSWERED = 16, 6, 8
"""Recordings for each trial of the recogniser, those whose end is judged (three times each), and questions."""

ALL_CORES = 1 << 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and what it was found with."""

    found: Found
    spent_s: float
    language_model: str  # that answered
    corpus: str  # in words
    doubts: tuple[str, ...]  # why the figures may mislead


class Trials:
    """Measures arms with real engines. Satisfies `search.Bench`."""

    def __init__(self, hearing: Hearing, answering: Answering, ending: Ending, first: Arm) -> None:
        """`first`: how the words are heard in trials of the endpoint."""
        self._hearing = hearing
        self._answering = answering
        self._ending = ending
        self._first = first

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """As `search.Bench`."""
        match arms[0].part:
            case "hearing":
                return await self._hearing.measure(arms, stop_s)
            case "answering":
                return await self._answering.measure(arms, stop_s)
            case "ending":
                return await self._ending.measure(arms, self._hearing.recogniser(self._first), stop_s)


async def tune(
    settings: Settings,
    defaults: Mapping[str, Value],
    installed: Installed,
    corpus: Corpus,
    budget: Budget,
    watch: Watch,
) -> Outcome:
    """Find the best values within what is left of the budget.

    `defaults` are those of all tuned settings, with threads as they come out. Raises SettingsError where the time is
    too short, ModelMissing, EngineError or BackendUnavailable where the defaults do not run.
    """
    sleep_while_waiting()
    begun, began_s = begin(), CLOCK()
    arms = start(defaults)
    async with opened(settings, arms["hearing"], corpus) as (trials, answering):
        watch.doing("loading the models")
        await answering.load(arms["answering"])
        machine = Machine(
            "gpu" if settings.stt.device == "cuda" else "cpu",
            physical_cores(ALL_CORES),
            installed.stt,
            installed.tts,
            compute_types(settings.stt.device),
            answering.embedded,
            doubt_of(synthetic=corpus.synthetic, words=known_words(corpus)),
        )
        listen = settings.listen
        waits = Waits(
            listen.early_decode_ms / 1000 or listen.pause_ms / 1000,
            listen.pause_ms / 1000,
            settings.audio.output_latency_s,
        )
        tried = rounds(machine, defaults, (*MODES, "silence"))
        search = Search(trials, tried, Found(arms, waits), budget.charged(CLOCK() - began_s), CLOCK, watch)
        found = await search.run()
    took_s, own_s = time.monotonic() - begun.clock_s, own_cpu_s() - begun.own_cpu_s
    machine_s = None if begun.machine_cpu_s is None else machine_cpu_s() - begun.machine_cpu_s
    doubts = (*load_doubts(other_cores(machine_s, own_s, took_s), usable_threads()), *corpus.doubts)
    return Outcome(found, search.budget.spent_s, answering.model_name, corpus.reported, doubts)


def known_words(corpus: Corpus) -> int:
    """Words and phrases that trials of the recogniser can count."""
    return sum(len(one.text.split()) or len(one.slots) for one in corpus.said[:HEARD])


@asynccontextmanager
async def opened(settings: Settings, first: Arm, corpus: Corpus) -> AsyncIterator[tuple[Trials, Answering]]:
    """Workers and what runs on them."""
    from voicecli.engines.smart_turn.engine import SmartTurn

    store = open_store(settings)
    async with AsyncExitStack() as stack:
        speech_input, voice = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts"))

        def load_turn() -> EndOfTurn:
            return SmartTurn.load(model_file(store, settings.listen.endpoint_model, ".onnx"))

        hearing = Hearing(settings.stt, store, corpus.said[:HEARD], speech_input, CLOCK)
        questions = [text for text, _ in QUESTIONS[:ANSWERED]]
        answering = await stack.enter_async_context(aclosing(Answering(settings, store, questions, voice, CLOCK)))
        ending = Ending(settings.listen, corpus.said[:ENDED], load_turn, speech_input, CLOCK)
        yield Trials(hearing, answering, ending, first), answering


def compute_types(device: str) -> frozenset[str]:
    """What CTranslate2 can compute with here."""
    import ctranslate2

    if device == "cuda":
        gpu.preload_libraries()
    return frozenset(ctranslate2.get_supported_compute_types(device))
