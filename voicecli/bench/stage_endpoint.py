"""`voicecli bench endpoint`: how often each rule cuts a speaker off, against how long it keeps all others waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from voicecli.assemble.devices import make_vad
from voicecli.assemble.engines import load_end_of_turn, load_recogniser
from voicecli.bench.corpus import Corpus
from voicecli.bench.endpointing import (
    APART_S,
    Frames,
    Heeded,
    Oracle,
    Rule,
    framed,
    heed,
    listen,
    ours,
    silence,
    true_end,
)
from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.hesitations import PLACES, SEED, with_hesitations
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.rounds import Progress, few, measured
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.settings.model import EndpointMode, ListenSettings, Settings
from voicecli.turns.endpoint import MODES
from voicecli.turns.segmenter import Endpoint
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, TranscribeOptions

if TYPE_CHECKING:
    from voicecli.engines.whisper.engine import Whisper as Recogniser

STAGE = "endpoint"
CUT_OFF = "cut off"
WAIT = "wait after the end of speech"
PAUSES = (
    "the pauses were put into speech that runs on, so no melody announces them: people who hesitate are cut off less"
)
PAUSING = ", with a pause for thought"
"""Of a scenario; recordings as they are have no name of their own."""

SILENCES_MS = (500, 700, 1000)
RULES: dict[str, Rule] = {
    **{mode: ours(bounds) for mode, bounds in MODES.items()},
    **{f"silence {length_ms} ms": silence(length_ms) for length_ms in SILENCES_MS},
}
ASKS: EndpointMode = "balanced"
"""One of the rules that ask the engines; the others count frames."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording whose end is known."""

    name: str
    frames: Frames
    end: Endpoint


@dataclass(frozen=True, slots=True)
class Compared:
    """What one rule made of all recordings of a scenario."""

    rule: str
    scenario: str
    clips: Sequence[Clip]
    heeded: Sequence[Heeded]

    @property
    def waits(self) -> Metric:
        """From the true end of each recording that was heard to its end."""
        known = [(clip.name, one.wait_s) for clip, one in self._pairs() if one.wait_s is not None]
        samples, of = tuple(wait_s for _, wait_s in known), tuple(name for name, _ in known)
        return Metric(self.rule, WAIT + self.scenario, "s", samples, of=of, stage=STAGE)

    @property
    def cut_off(self) -> Count:
        """Recordings that were not heard to their ends, or not in one go."""
        cut = sum(one.cut_off for one in self.heeded)
        return Count(self.rule, CUT_OFF + self.scenario, cut, len(self.heeded))

    def events(self) -> Iterator[dict[str, object]]:
        """Each recording, for a closer look."""
        for clip, one in self._pairs():
            reported = {"group": self.rule + self.scenario, "of": clip.name}
            yield {**reported, "cut_off": one.cut_off, "wait_s": one.wait_s}

    def _pairs(self) -> Iterator[tuple[Clip, Heeded]]:
        return zip(self.clips, self.heeded, strict=True)


async def measure_endpoint(settings: Settings, corpus: Corpus, progress: Progress) -> Result:
    """Every rule on every recording, as it is and twice with a pause in it; engines are asked once about each pause.

    The waits are those of this machine: a verdict comes as late as it was computed here. Raises ModelMissing or
    EngineError.
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
            clips = await worker.run(framed_clips, recorded, settings.listen)
            oracle = Oracle(turn, LongSpeech(whisper))
            for done, rule in enumerate(RULES):
                progress(f"Waiting{scenario}", done, len(RULES))
                heeded = [await worker.run(heard_by, rule, clip, oracle, settings.listen) for clip in clips]
                found.append(Compared(rule, scenario, clips, heeded))
    without = len(said) - len(paused) // len(PLACES)
    reported = Found(
        f"{corpus.reported}, each as it is and twice with a pause for thought",
        tuple(one.waits for one in found),
        tuple(one.cut_off for one in found),
        warm_ups={"load": load_s},
        doubts=(PAUSES, *corpus.doubts, *few(len(said), "recordings"), *unpaused(without)),
        events=tuple(event for one in found for event in one.events()),
        seed=SEED,
    )
    used = (settings.listen.endpoint_model, settings.stt.model)
    return conclude(STAGE, begun, settings, model_digests(settings, used), reported)


async def load(worker: ThreadWorker, settings: Settings) -> tuple[Recogniser, EndOfTurn]:
    """Both engines, whatever the rule of the settings."""
    sleep_while_waiting()
    store = open_store(settings)
    listening = settings.listen.model_copy(update={"endpoint": ASKS})
    turn = await load_end_of_turn(worker, store, listening)
    assert turn is not None, "only a rule of silence has none"
    return await load_recogniser(worker, store, settings.stt), turn


def word_ends_s(whisper: Recogniser, pcm: Pcm) -> list[float]:
    """When each word of a recording ends."""
    timing = LongSpeech(whisper.with_options(TranscribeOptions(words=True)))
    return [word.end_s for word in timing.transcribe(SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)).words]


def framed_clips(recorded: Sequence[tuple[str, Pcm]], listen: ListenSettings) -> list[Clip]:
    """Those that hold an utterance."""
    framings = [framed(pcm, make_vad(listen), APART_S * number) for number, (_, pcm) in enumerate(recorded)]
    ends = [true_end(frames, listen) for frames in framings]
    return [
        Clip(name, frames, end)
        for (name, _), frames, end in zip(recorded, framings, ends, strict=True)
        if end is not None
    ]


def heard_by(rule: str, clip: Clip, oracle: Oracle, settings: ListenSettings) -> Heeded:
    """What a rule makes of a recording. Raises EngineError."""
    ask = oracle.ask if rule in MODES else None
    return heed(list(listen(clip.frames, settings, ask, RULES[rule])), clip.end)


def unpaused(count: int) -> tuple[str, ...]:
    """A doubt where recordings are noisy, or nothing was heard in them."""
    return (f"{count} recordings got no pause: they are never quiet, or no words were heard in them",) if count else ()
