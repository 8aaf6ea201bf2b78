"""Run a tuning: open the engines, search, and return the outcome."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from voicecli.assemble.engines import open_end_of_turn
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import begin, load_doubts, other_cores, own_cpu_s
from voicecli.bench.machine import machine_cpu_s, usable_threads
from voicecli.bench.questions import QUESTIONS
from voicecli.engines import gpu
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import physical_cores, sleep_while_waiting
from voicecli.engines.worker import ThreadWorker
from voicecli.events import CLOCK
from voicecli.models.store import open_store
from voicecli.settings.model import Settings
from voicecli.tune.rounds import Machine, default_arms, doubt_of, rounds
from voicecli.tune.search import Found, Search, Watch
from voicecli.tune.start import Installed
from voicecli.tune.trials import AnsweringTrials, EndingTrials, HearingTrials
from voicecli.tune.values import Arm, Budget, Samples, Value, Waits
from voicecli.turns.endpoint import MODES

HEARD, ENDED, ANSWERED = 16, 6, 8
"""Recordings in each trial of the recognizer and of the endpoint (three versions of each), and questions."""

ALL_CORES = 1 << 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results, and what they were measured with."""

    found: Found
    spent_s: float
    language_model: str  # name of the model that answered
    corpus: str  # description
    doubts: tuple[str, ...]  # why the figures may be misleading


class Trials:
    """Implement `search.Bench` with real engines."""

    def __init__(self, hearing: HearingTrials, answering: AnsweringTrials, ending: EndingTrials, first: Arm) -> None:
        """`first`: the recognizer that endpoint trials use."""
        self._hearing = hearing
        self._answering = answering
        self._ending = ending
        self._first = first

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """Implement `search.Bench`."""
        match arms[0].part:
            case "hearing":
                return await self._hearing.measure(arms, stop_s)
            case "answering":
                return await self._answering.measure(arms, stop_s)
            case "ending":
                return await self._ending.measure(arms, self._hearing.recognizer(self._first), stop_s)


async def tune(
    settings: Settings,
    defaults: Mapping[str, Value],
    installed: Installed,
    corpus: Corpus,
    budget: Budget,
    watch: Watch,
) -> Outcome:
    """Find the best values within the rest of the budget.

    `defaults` are those of all tuned settings, with actual thread counts. Raise SettingsError if the time is too short;
    ModelMissing, EngineError or BackendUnavailable if the defaults do not run.
    """
    sleep_while_waiting()
    begun, began_s = begin(), CLOCK()
    arms = default_arms(defaults)
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
        listen, output_s = settings.listen, settings.audio.output_latency_s
        early_ms = listen.early_decode_ms or listen.pause_ms
        waits = Waits(early_ms / 1000, listen.pause_ms / 1000, output_s)
        tried = rounds(machine, defaults, (*MODES, "silence"))
        search = Search(trials, tried, Found(arms, waits), budget.charged(CLOCK() - began_s), CLOCK, watch)
        found = await search.run()
    took_s, own_s = time.monotonic() - begun.clock_s, own_cpu_s() - begun.own_cpu_s
    machine_s = None if begun.machine_cpu_s is None else machine_cpu_s() - begun.machine_cpu_s
    doubts = (*load_doubts(other_cores(machine_s, own_s, took_s), usable_threads()), *corpus.doubts)
    return Outcome(found, search.budget.spent_s, answering.model_name, corpus.reported, doubts)


def known_words(corpus: Corpus) -> int:
    """Return how many words and phrases trials of the recognizer can count."""
    return sum(len(one.text.split()) or len(one.slots) for one in corpus.said[:HEARD])


@asynccontextmanager
async def opened(settings: Settings, first: Arm, corpus: Corpus) -> AsyncIterator[tuple[Trials, AnsweringTrials]]:
    """Open the workers and the trials that run on them."""
    store = open_store(settings)
    async with AsyncExitStack() as stack:
        stt_worker, tts_worker = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts"))

        def load_turn() -> EndOfTurn:
            return open_end_of_turn(store, settings.listen)

        hearing = HearingTrials(settings.stt, store, corpus.said[:HEARD], stt_worker, CLOCK)
        questions = [text for text, _ in QUESTIONS[:ANSWERED]]
        answering = await stack.enter_async_context(
            aclosing(AnsweringTrials(settings, store, questions, tts_worker, CLOCK))
        )
        ending = EndingTrials(settings.listen, corpus.said[:ENDED], load_turn, stt_worker, CLOCK)
        yield Trials(hearing, answering, ending, first), answering


def compute_types(device: str) -> frozenset[str]:
    """Return the compute types that CTranslate2 supports here."""
    import ctranslate2

    if device == "cuda":
        gpu.preload_libraries()
    return frozenset(ctranslate2.get_supported_compute_types(device))
