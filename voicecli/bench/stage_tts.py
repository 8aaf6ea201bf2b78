"""Measure the first sound and the real-time factor of sentences, and what Whisper recognizes of them (`bench tts`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from voicecli.assemble.engines import load_recognizer, load_voice, narrate_on_loop
from voicecli.audio.resample import resample
from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.rounds import Progress, few, in_turns, measured
from voicecli.bench.wer import wer_metric, word_errors
from voicecli.engines.base import SpeechToText, Voice
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.settings.model import Settings
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

STAGE = "tts"
FIRST_AUDIO = "first audio"
REAL_TIME = "real-time factor"
WER, ERRORS = "round-trip WER", "round-trip word errors"

ROUNDS = 2
"""How often each sentence is synthesized: the sound is the same each time, the time is not."""

SENTENCES = {
    "1 s": ("Sure, one moment.", "Yes, that is right.", "It is half past three."),
    "3 s": (
        "The next train leaves in about ten minutes from here.",
        "Honey never spoils as long as the jar stays closed.",
        "It will rain later, so take an umbrella with you.",
    ),
    "10 s": (
        "Boil the pasta for nine minutes, keep a cup of the water, and mix it into the sauce until it is smooth, "
        "because the starch in the water binds the oil and the cheese.",
        "The moon is about four hundred thousand kilometres away, so light needs a little more than a second to get "
        "there, while a car would drive for about half a year without a stop.",
        "If you want to sleep better, go to bed at the same time every evening, keep the room cool and dark, and leave "
        "your phone in the kitchen, where it cannot wake you up.",
    ),
}
"""By their approximate length."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One synthesis of a sentence."""

    text: str
    pcm: Pcm = field(repr=False)  # (n,) at the voice's rate
    audio_s: float
    first_s: float  # until the first audio chunk was ready
    total_s: float


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A sentence and what Whisper recognized of its synthesis."""

    text: str
    heard: str

    @property
    def errors(self) -> tuple[int, int]:
        """Return the number of wrong words and of words spoken."""
        return word_errors(self.text, self.heard)

    def event(self, group: str) -> dict[str, object]:
        """Return the texts, for the event log."""
        return {"group": group, "of": self.text, "heard": self.heard}


async def measure_tts(
    settings: Settings,
    voices: Sequence[str],
    progress: Progress,
    narrate: Callable[[str], None],
    rounds: int = ROUNDS,
) -> Result:
    """Synthesize every sentence with every voice in turns, then transcribe all with the configured Whisper.

    Raise ModelMissing or EngineError if an engine cannot run, SettingsError for an unknown voice.
    """
    begun = begin()
    sleep_while_waiting()
    store = open_store(settings)
    warm_ups: dict[str, float] = {}
    heard: dict[str, list[RoundTrip]] = {}
    with ThreadWorker(STAGE) as worker:
        progress("Loading", 0, 1)
        chosen = settings.tts.model_copy(update={"voice": voices[0]})
        kokoro, warm_ups["load the voice"] = await measured(load_voice(worker, store, chosen, narrate))
        for name in voices[1:]:
            await worker.run(list, kokoro.preparing(name, narrate_on_loop(narrate)))
        views = {name: kokoro.speaking(name, settings.tts.speed) for name in voices}
        spoken = await speak_all(worker, views, rounds, progress)
        recognizer, warm_ups["load the recognizer"] = await measured(load_recognizer(worker, store, settings.stt))
        for done, (group, takes) in enumerate(spoken.items()):
            progress("Transcribing", done, len(spoken))
            heard[group] = await worker.run(round_trip, recognizer, takes, kokoro.sample_rate_hz)
    found = Found(
        f"{sum(map(len, SENTENCES.values()))} sentences, {rounds} times each",
        tuple(metric for group, takes in spoken.items() for metric in metrics(group, takes, heard[group])),
        tuple(errors(group, each) for group, each in heard.items()),
        warm_ups=warm_ups,
        doubts=few(rounds * len(SENTENCES["1 s"]), "sentences of each length"),
        events=tuple(one.event(group) for group, each in heard.items() for one in each),
    )
    used = (settings.tts.model, "kokoro-voices", settings.stt.model)
    voiced = settings.model_copy(update={"tts": settings.tts.model_copy(update={"voice": ", ".join(voices)})})
    return conclude(STAGE, begun, voiced, model_digests(settings, used), found)


async def speak_all(
    worker: ThreadWorker, views: Mapping[str, Voice], rounds: int, progress: Progress
) -> dict[str, list[Synthesis]]:
    """Return the syntheses of each group, in the order of `SENTENCES`."""
    arms = [(voice, length) for length in SENTENCES for voice in views]
    spoken: dict[str, list[Synthesis]] = {group_of(voice, length, views): [] for voice, length in arms}
    turns = rounds * len(SENTENCES["1 s"])
    for turn in range(turns):
        progress("Speaking", turn, turns)
        for voice, length in in_turns(arms, turn):
            text = SENTENCES[length][turn % len(SENTENCES[length])]
            spoken[group_of(voice, length, views)].append(await worker.run(speak, views[voice], text))
    return spoken


def group_of(voice: str, length: str, voices: Collection[str]) -> str:
    """Return the name of a group; the voice is part of it if there are several."""
    return length if len(voices) == 1 else f"{voice}, {length}"


def speak(voice: Voice, text: str) -> Synthesis:
    """Synthesize a text and time its first audio chunk and its last."""
    began_s = time.perf_counter()
    first_s, parts = 0.0, []
    for audio_chunk in voice.synthesize(text):
        first_s = first_s or time.perf_counter() - began_s
        parts.append(audio_chunk.pcm)
    total_s = time.perf_counter() - began_s
    pcm = np.concatenate(parts)
    return Synthesis(text, pcm, len(pcm) / voice.sample_rate_hz, first_s, total_s)


def round_trip(recognizer: SpeechToText, takes: Sequence[Synthesis], rate_hz: int) -> list[RoundTrip]:
    """Transcribe one synthesis of each text. Raise EngineError if decoding fails."""
    heard = []
    for number, one in enumerate({take.text: take for take in takes}.values()):
        clip = resample(one.pcm, rate_hz, LISTEN_RATE_HZ)
        segment = SpeechSegment(clip, float(number), number + len(clip) / LISTEN_RATE_HZ)
        heard.append(RoundTrip(one.text, recognizer.transcribe(segment).text))
    return heard


def errors(group: str, heard: Sequence[RoundTrip]) -> Count:
    """Return the word errors over all sentences."""
    counted = [one.errors for one in heard]
    return Count(group, ERRORS, sum(wrong for wrong, _ in counted), sum(total for _, total in counted), "words")


def metrics(group: str, takes: Sequence[Synthesis], heard: Sequence[RoundTrip]) -> tuple[Metric, ...]:
    """Return the times, word error rates and audio lengths."""
    texts = tuple(one.text for one in takes)
    ratios = tuple(one.total_s / one.audio_s for one in takes)
    return (
        Metric(group, FIRST_AUDIO, "s", tuple(one.first_s for one in takes), of=texts, stage=STAGE),
        Metric(group, REAL_TIME, "", ratios, of=texts),
        wer_metric(group, WER, [(one.text, one.errors) for one in heard]),
        Metric(group, "sound", "s", tuple(one.audio_s for one in takes), "neither", texts),
    )
