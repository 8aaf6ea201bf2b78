"""`voicecli bench stt`: how long finals take and how right they are, for each Whisper on the same recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from voicecli.assemble.engines import load_recogniser
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.rounds import Progress, few, in_turns, measured, timed
from voicecli.bench.speech import Utterance
from voicecli.bench.wer import wer_metric, word_errors
from voicecli.bench.words import found_slots
from voicecli.engines.base import SpeechToText
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.settings.model import Settings
from voicecli.types import LISTEN_RATE_HZ, SpeechSegment, Transcript

STAGE = "stt"
FINAL = "final after the end of speech"
REAL_TIME = "real-time factor"
WER, ERRORS = "WER", "word errors"
SLOTS = "phrases heard"


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording, by one model."""

    said: Utterance
    transcript: Transcript
    took_s: float

    @property
    def audio_s(self) -> float:
        return len(self.said.pcm) / LISTEN_RATE_HZ

    @property
    def errors(self) -> tuple[int, int]:
        """Wrong words, and all that were said."""
        return word_errors(self.said.text, self.transcript.text, self.transcript.language)


def installed_models(settings: Settings) -> list[str]:
    """Every Whisper on disk; the one of the settings comes first and is named even where it is missing."""
    store = open_store(settings)
    names = [model.name for model in store.manifest.model if model.kind == "stt" and store.is_complete(model.name)]
    return list(dict.fromkeys([settings.stt.model, *names]))


async def measure_stt(settings: Settings, corpus: Corpus, models: Sequence[str], progress: Progress) -> Result:
    """Each recording by each model before the next one, from the whole recording to its final text.

    That is the latency after the end of speech without speculation: nothing of the utterance was decoded before. Raises
    ModelMissing, EngineError or SettingsError.
    """
    begun = begin()
    sleep_while_waiting()
    store = open_store(settings)
    warm_ups: dict[str, float] = {}
    heard: dict[str, list[Heard]] = {}
    number = count(1)
    with ThreadWorker(STAGE) as worker:
        arms: dict[str, LongSpeech] = {}
        for done, name in enumerate(models):
            progress("Loading", done, len(models))
            arm = Path(name).name
            chosen = settings.stt.model_copy(update={"model": name})
            recogniser, warm_ups[f"load {arm}"] = await measured(load_recogniser(worker, store, chosen))
            arms[arm] = LongSpeech(recogniser)
            first = await worker.run(hear, arms[arm], corpus.said[0], next(number))
            warm_ups[f"first final, {arm}"] = first.took_s
        for turn, one in enumerate(corpus.said):
            progress("Listening", turn, len(corpus.said))
            for arm in in_turns(list(arms), turn):
                heard.setdefault(arm, []).append(await worker.run(hear, arms[arm], one, next(number)))
    found = Found(
        corpus.reported,
        tuple(metric for arm in arms for metric in metrics(arm, heard[arm])),
        tuple(count for arm in arms for count in counts(arm, heard[arm])),
        warm_ups=warm_ups,
        doubts=(*corpus.doubts, *few(len(corpus.said), "recordings")),
        events=tuple(event(arm, one) for arm in arms for one in heard[arm]),
    )
    used = settings.model_copy(update={"stt": settings.stt.model_copy(update={"model": ", ".join(arms)})})
    return conclude(STAGE, begun, used, model_digests(settings, models), found)


def hear(recogniser: SpeechToText, said: Utterance, number: int) -> Heard:
    """The final of one recording; `number` is another each time, since an utterance is known by when it began."""
    segment = SpeechSegment(said.pcm, float(number), number + said.voiced_until_s)
    transcript, took_s = timed(recogniser.transcribe, segment)
    return Heard(said, transcript, took_s)


def metrics(arm: str, heard: Sequence[Heard]) -> tuple[Metric, ...]:
    """What it took, and how much of each text is wrong."""
    names = tuple(one.said.name for one in heard)
    ratios = tuple(one.took_s / one.audio_s for one in heard)
    wrong = [(one.said.name, one.errors) for one in heard if one.said.text]
    return (
        Metric(arm, FINAL, "s", tuple(one.took_s for one in heard), of=names, stage=STAGE),
        Metric(arm, REAL_TIME, "", ratios, of=names),
        *((wer_metric(arm, WER, wrong),) if wrong else ()),
    )


def counts(arm: str, heard: Sequence[Heard]) -> list[Count]:
    """How right it is, where what was said is known."""
    found = [Count(arm, "without a text", sum(not one.transcript.text for one in heard), len(heard))]
    again = sum(one.transcript.redecoded for one in heard)
    found.append(Count(arm, "decoded twice", again, len(heard), better="neither"))
    if errors := [one.errors for one in heard if one.said.text]:
        found.append(Count(arm, ERRORS, sum(wrong for wrong, _ in errors), sum(total for _, total in errors), "words"))
    phrases = sum(len(one.said.slots) for one in heard)
    if phrases:
        recalled = sum(found_slots(one.said.slots, one.transcript.text) for one in heard)
        found.append(Count(arm, SLOTS, recalled, phrases, better="higher"))
    return found


def event(arm: str, one: Heard) -> dict[str, object]:
    """What was said and what was heard, for a closer look."""
    return {"group": arm, "of": one.said.name, "said": one.said.text, "heard": one.transcript.text}
