"""Measure how often each endpoint rule cuts the user off, and how long it waits otherwise (`bench endpoint`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from voicecli.assemble.engines import load_end_of_turn, load_recognizer
from voicecli.bench.corpus import Corpus
from voicecli.bench.endpointing import (
    Clip,
    EndpointResult,
    Oracle,
    Rule,
    clips_of,
    evaluate,
    listen,
    ours,
    silence,
    smart_turn_alone,
    word_ends_s,
)
from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.hesitations import PLACES, SEED, with_hesitations
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.rounds import Progress, few, measured
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import endpoint_models, open_store
from voicecli.settings.model import EndpointMode, ListenSettings, Settings
from voicecli.turns.endpoint import MODES

if TYPE_CHECKING:
    from voicecli.engines.whisper.engine import Whisper as Recognizer

STAGE = "endpoint"
CUT_OFF = "cut off"
WAIT = "wait after the end of speech"
PAUSES = (
    "the pauses were inserted into fluent speech, so no intonation announces them: real hesitations are cut off less"
)
PAUSING = ", with a pause for thought"
"""Name of the scenario with pauses; unchanged recordings have no name."""

SILENCES_MS = (500, 600, 700, 800, 1000)
RULES: dict[str, Rule] = {
    **{mode: ours(bounds) for mode, bounds in MODES.items()},
    "Smart Turn alone": smart_turn_alone,
    **{f"silence {length_ms} ms": silence(length_ms) for length_ms in SILENCES_MS},
}
ASKS: EndpointMode = "balanced"
"""A mode that runs both engines."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One rule on all recordings of a scenario."""

    rule: str
    scenario: str
    clips: Sequence[Clip]
    results: Sequence[EndpointResult]

    @property
    def waits(self) -> Metric:
        """Return the waits after the true end of the recordings that have one."""
        known = [(clip.name, one.wait_s) for clip, one in self._pairs() if one.wait_s is not None]
        samples, of = tuple(wait_s for _, wait_s in known), tuple(name for name, _ in known)
        return Metric(self.rule, WAIT + self.scenario, "s", samples, of=of, stage=STAGE)

    @property
    def cut_off(self) -> Count:
        """Return how many recordings were cut off before their true end."""
        cut = sum(one.cut_off for one in self.results)
        return Count(self.rule, CUT_OFF + self.scenario, cut, len(self.results))

    def events(self) -> Iterator[dict[str, object]]:
        """Yield the result of each recording, for the event log."""
        for clip, one in self._pairs():
            reported = {"group": self.rule + self.scenario, "of": clip.name}
            yield {**reported, "cut_off": one.cut_off, "wait_s": one.wait_s}

    def _pairs(self) -> Iterator[tuple[Clip, EndpointResult]]:
        return zip(self.clips, self.results, strict=True)


async def measure_endpoint(settings: Settings, corpus: Corpus, progress: Progress) -> Result:
    """Run every rule on every recording, unchanged and twice with a pause; the engines run once for each pause.

    The waits are those of this machine: a verdict is as late as it was computed here. Raise ModelMissing or EngineError
    if an engine cannot run.
    """
    begun = begin()
    found: list[Compared] = []
    said = [(one.name, one.pcm) for one in corpus.said]
    with ThreadWorker(STAGE) as worker:
        progress("Loading", 0, 1)
        (whisper, turn), load_s = await measured(load(worker, settings))
        progress("Pausing", 0, 1)
        paused = await worker.run(with_hesitations, [pcm for _, pcm in said], partial(word_ends_s, whisper))
        for scenario, recorded in (("", said), (PAUSING, [(said[index][0], pcm) for index, pcm in paused])):
            clips = await worker.run(clips_of, recorded, settings.listen)
            oracle = Oracle(turn, LongSpeech(whisper))
            for done, rule in enumerate(RULES):
                progress(f"Waiting{scenario}", done, len(RULES))
                results = [await worker.run(apply_rule, rule, clip, oracle, settings.listen) for clip in clips]
                found.append(Compared(rule, scenario, clips, results))
    without = len(said) - len(paused) // len(PLACES)
    measured_result = Found(
        f"{corpus.reported}, each as it is and twice with a pause for thought",
        tuple(one.waits for one in found),
        tuple(one.cut_off for one in found),
        warm_ups={"load": load_s},
        doubts=(PAUSES, *corpus.doubts, *few(len(said), "recordings"), *unpaused(without)),
        events=tuple(event for one in found for event in one.events()),
        seed=SEED,
    )
    used = (*endpoint_models(settings.listen), settings.stt.model)
    return conclude(STAGE, begun, settings, model_digests(settings, used), measured_result)


async def load(worker: ThreadWorker, settings: Settings) -> tuple[Recognizer, EndOfTurn]:
    """Load both engines, whatever the endpoint mode of the settings."""
    sleep_while_waiting()
    store = open_store(settings)
    listening = settings.listen.model_copy(update={"endpoint": ASKS})
    turn = await load_end_of_turn(worker, store, listening)
    assert turn is not None, "only the silence mode has none"
    return await load_recognizer(worker, store, settings.stt), turn


def apply_rule(rule: str, clip: Clip, oracle: Oracle, settings: ListenSettings) -> EndpointResult:
    """Apply a rule to a recording. Raise EngineError if an engine fails."""
    ask = None if rule.startswith("silence") else oracle.ask
    return evaluate(list(listen(clip.frames, settings, ask, RULES[rule])), clip.end)


def unpaused(count: int) -> tuple[str, ...]:
    """Return a warning if recordings could not get a pause."""
    return (
        (f"{count} recordings got no pause: they are never quiet, or no words were recognized in them",)
        if count
        else ()
    )
