"""Measure latency and word errors of final transcripts, for each Whisper on the same recordings (`bench stt`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voicecli.assemble.engines import load_recognizer
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.rounds import Progress, few, in_turns, measured, timed
from voicecli.bench.speech import Utterance
from voicecli.bench.wer import found_slots, wer_metric, word_errors
from voicecli.engines.cpu import physical_cores, sleep_while_waiting
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import ModelStore, model_folder, open_store
from voicecli.settings.model import Settings, SttSettings
from voicecli.types import LISTEN_RATE_HZ, SpeechSegment, Transcript

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

STAGE = "stt"
FINAL = "final after the end of speech"
REAL_TIME = "real-time factor"
WER, ERRORS = "WER", "word errors"
SLOTS = "phrases heard"

GREEDY: dict[str, Any] = {
    "beam_size": 1,
    "temperature": 0.0,
    "without_timestamps": True,
    "condition_on_previous_text": False,
}
"""Options of faster-whisper that make it decode as we do."""

BASELINES: dict[str, dict[str, Any]] = {"faster-whisper, greedy": GREEDY, "faster-whisper, defaults": {}}
FULL_WINDOW = "full window"

Decode = Callable[[SpeechSegment], Transcript]


@dataclass(frozen=True, slots=True)
class TimedTranscript:
    """A recording as one model transcribed it."""

    said: Utterance
    transcript: Transcript
    took_s: float

    @property
    def audio_s(self) -> float:
        return len(self.said.pcm) / LISTEN_RATE_HZ

    @property
    def errors(self) -> tuple[int, int]:
        """Return the number of wrong words and of words said."""
        return word_errors(self.said.text, self.transcript.text, self.transcript.language)


def installed_models(settings: Settings) -> list[str]:
    """Return every Whisper on disk; that of the settings comes first, even if it is missing."""
    store = open_store(settings)
    names = [model.name for model in store.manifest.model if model.kind == "stt" and store.is_complete(model.name)]
    return list(dict.fromkeys([settings.stt.model, *names]))


async def measure_stt(
    settings: Settings, corpus: Corpus, models: Sequence[str], progress: Progress, *, baselines: bool = False
) -> Result:
    """Time each model from a whole recording to its final text; all models transcribe a recording before the next.

    This is the latency after the end of speech without speculation: nothing of the utterance was decoded before. With
    `baselines` each model also runs in a full window and in faster-whisper itself. Raise ModelMissing, EngineError or
    SettingsError if a model cannot run.
    """
    begun = begin()
    sleep_while_waiting()
    store = open_store(settings)
    warm_ups: dict[str, float] = {}
    heard: dict[str, list[TimedTranscript]] = {}
    number = count(1)
    with ThreadWorker(STAGE) as worker:
        arms: dict[str, Decode] = {}
        for done, name in enumerate(models):
            progress("Loading", done, len(models))
            chosen = settings.stt.model_copy(update={"model": name})
            made, warm_ups[f"load {Path(name).name}"] = await measured(load_arms(worker, store, chosen, baselines))
            arms |= made
            for arm, decode in made.items():
                first = await worker.run(transcribe, decode, corpus.said[0], next(number))
                warm_ups[f"first final, {arm}"] = first.took_s
        for turn, one in enumerate(corpus.said):
            progress("Listening", turn, len(corpus.said))
            for arm in in_turns(list(arms), turn):
                heard.setdefault(arm, []).append(await worker.run(transcribe, arms[arm], one, next(number)))
    found = Found(
        corpus.reported,
        tuple(metric for arm in arms for metric in metrics(arm, heard[arm])),
        tuple(count for arm in arms for count in counts(arm, heard[arm])),
        warm_ups=warm_ups,
        doubts=(*corpus.doubts, *few(len(corpus.said), "recordings")),
        events=tuple(event(arm, one) for arm in arms for one in heard[arm]),
    )
    names = ", ".join(Path(name).name for name in models)
    used = settings.model_copy(update={"stt": settings.stt.model_copy(update={"model": names})})
    return conclude(STAGE, begun, used, model_digests(settings, models), found)


async def load_arms(
    worker: ThreadWorker, store: ModelStore, settings: SttSettings, baselines: bool
) -> dict[str, Decode]:
    """Load a model and return how it decodes, by the name of its group; with `baselines`, also the other ways."""
    name = Path(settings.model).name
    arms: dict[str, Decode] = {name: LongSpeech(await load_recognizer(worker, store, settings)).transcribe}
    if not baselines:
        return arms
    full = await load_recognizer(worker, store, settings.model_copy(update={"window": "full"}))
    stock = await worker.run(load_faster_whisper, model_folder(store, settings.model), settings)
    arms[f"{name}, {FULL_WINDOW}"] = LongSpeech(full).transcribe
    return arms | {f"{name}, {way}": stock_decode(stock, settings.language, **BASELINES[way]) for way in BASELINES}


def load_faster_whisper(folder: Path, settings: SttSettings) -> WhisperModel:
    """Load faster-whisper itself, with our precision and threads."""
    from faster_whisper import WhisperModel

    from voicecli.engines.whisper.engine import MAX_THREADS

    threads = settings.threads or physical_cores(MAX_THREADS)
    return WhisperModel(str(folder), device=settings.device, compute_type=settings.compute_type, cpu_threads=threads)


def stock_decode(model: WhisperModel, language: str, **options: object) -> Decode:
    """Return faster-whisper's own `transcribe` as a decode function."""

    def decode(segment: SpeechSegment) -> Transcript:
        known = None if language == "auto" else language
        parts, info = model.transcribe(segment.pcm.astype(np.float32) / 32768, language=known, **options)
        return Transcript("".join(part.text for part in parts).strip(), info.language, segment.audio_s)

    return decode


def transcribe(decode: Decode, said: Utterance, number: int) -> TimedTranscript:
    """Transcribe one recording; pass a new `number` each time, since an utterance is identified by its start."""
    segment = SpeechSegment(said.pcm, float(number), number + said.voiced_until_s)
    transcript, took_s = timed(decode, segment)
    return TimedTranscript(said, transcript, took_s)


def metrics(arm: str, heard: Sequence[TimedTranscript]) -> tuple[Metric, ...]:
    """Return the times, real-time factors and, where the text is known, word error rates."""
    names = tuple(one.said.name for one in heard)
    ratios = tuple(one.took_s / one.audio_s for one in heard)
    wrong = [(one.said.name, one.errors) for one in heard if one.said.text]
    return (
        Metric(arm, FINAL, "s", tuple(one.took_s for one in heard), of=names, stage=STAGE),
        Metric(arm, REAL_TIME, "", ratios, of=names),
        *((wer_metric(arm, WER, wrong),) if wrong else ()),
    )


def counts(arm: str, heard: Sequence[TimedTranscript]) -> list[Count]:
    """Return failed and repeated decodes, word errors and phrases recognized."""
    found = [Count(arm, "without a text", sum(not one.transcript.text for one in heard), len(heard))]
    again = sum(one.transcript.redecoded for one in heard)
    found.append(Count(arm, "decoded twice", again, len(heard), better="neither"))
    if errors := [one.errors for one in heard if one.said.text]:
        found.append(Count(arm, ERRORS, sum(wrong for wrong, _ in errors), sum(total for _, total in errors), "words"))
    phrases = sum(len(one.said.slots) for one in heard)
    if phrases:
        recognized = sum(found_slots(one.said.slots, one.transcript.text) for one in heard)
        found.append(Count(arm, SLOTS, recognized, phrases, better="higher"))
    return found


def event(arm: str, one: TimedTranscript) -> dict[str, object]:
    """Return the spoken and the recognized text, for the event log."""
    return {"group": arm, "of": one.said.name, "said": one.said.text, "heard": one.transcript.text}
