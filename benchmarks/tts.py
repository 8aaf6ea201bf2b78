"""Text-to-speech: Kokoro in windows (`tts.streaming`, the default) against the same model run whole.

python -m benchmarks.tts                      when the first sound is ready, and how far the two sound apart
python -m benchmarks.tts --listening docs     also writes docs/listening.html and its sounds

Speed: each text by both in turns, with the same number of threads. Quality: mel distance and levels as defined in
benchmarks/sound.py, and what Whisper hears of either.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.engines import recogniser, voice, whisper_model
from benchmarks.listening import write_page
from benchmarks.report import table
from benchmarks.sound import Distance, distance
from voicecli.audio.resample import resample
from voicecli.bench.machine import machine
from voicecli.bench.wer import word_errors
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

FOX = "The quick brown fox jumps over the lazy dog, and then it runs away into the forest to look for something to eat."
TIMED = (
    "Sure, one moment.",
    "The next train leaves in about ten minutes from here.",
    FOX,
)
ROUNDS = 5
VOICES = ("af_heart", "am_michael", "bf_emma")
SENTENCES = (
    "Of course, I can help you with that.",
    "The capital of Australia is Canberra, not Sydney.",
    "It will rain in the afternoon, so take an umbrella with you.",
    "Boil the pasta for nine minutes, then keep a cup of the water.",
    "Your meeting starts at a quarter past three.",
    "Honey never spoils if the jar stays closed.",
    "The moon is about four hundred thousand kilometres away.",
    "Would you like me to read the whole message?",
    "She sells fresh bread and small cakes on the corner of the square.",
    "Press the green button twice, and wait until the light goes out.",
    "There are three things to know before you start.",
    "That is a good question, and nobody knows the answer yet.",
)
LISTENING = (("af_heart", 1), ("af_heart", 2), ("am_michael", 3), ("am_michael", 9), ("bf_emma", 8), ("bf_emma", 11))
"""Voice and sentence of each pair on the page."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One synthesis."""

    pcm: Pcm  # (n,) at the voice's rate
    first_s: float  # until the first sound was ready
    total_s: float


def speak(kokoro: Kokoro, text: str) -> Spoken:
    """Synthesise, with a look at the clock after the first stretch and the last."""
    began_s = time.perf_counter()
    first_s, parts = 0.0, []
    for audio_chunk in kokoro.synthesize(text):
        first_s = first_s or time.perf_counter() - began_s
        parts.append(audio_chunk.pcm)
    return Spoken(np.concatenate(parts), first_s, time.perf_counter() - began_s)


def speed_rows(streamed: Kokoro, stock: Kokoro) -> list[list[object]]:
    """A row for each text: first sound and total of both, medians of rounds in turns."""
    rows: list[list[object]] = []
    for text in TIMED:
        made: dict[str, list[Spoken]] = {"streamed": [], "stock": []}
        for _ in range(ROUNDS):
            made["streamed"].append(speak(streamed, text))
            made["stock"].append(speak(stock, text))
        firsts = {arm: statistics.median(one.first_s for one in spoken) for arm, spoken in made.items()}
        totals = {arm: statistics.median(one.total_s for one in spoken) for arm, spoken in made.items()}
        audio_s = len(made["streamed"][0].pcm) / streamed.sample_rate_hz
        figures = (firsts["streamed"], firsts["stock"], totals["streamed"], totals["stock"])
        rows.append([f"{text[:40]}…" if len(text) > 40 else text, f"{audio_s:.1f}", *(f"{one:.2f}" for one in figures)])
    return rows


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence, by both."""

    voice: str
    sentence: str
    stock: Spoken
    streamed: Spoken

    @property
    def apart(self) -> Distance:
        return distance(self.stock.pcm / 32768, self.streamed.pcm / 32768)

    @property
    def duration_ratio(self) -> float:
        return len(self.streamed.pcm) / len(self.stock.pcm)


def pairs(voices: Sequence[str]) -> list[Pair]:
    """Every sentence by every voice, both ways."""
    made = []
    for name in voices:
        streamed, stock = voice(name, streaming=True), voice(name, streaming=False)
        made += [Pair(name, text, speak(stock, text), speak(streamed, text)) for text in SENTENCES]
    return made


def quality_rows(made: Sequence[Pair], whisper: Whisper) -> list[list[object]]:
    """A row for each voice, means over its sentences."""
    rows: list[list[object]] = []
    for name in dict.fromkeys(pair.voice for pair in made):
        mine = [pair for pair in made if pair.voice == name]
        apart = [pair.apart for pair in mine]
        rows.append(
            [
                name,
                f"{statistics.mean(one.mel_db for one in apart):.2f}",
                f"{statistics.mean(one.level_db for one in apart):+.2f} ± "
                f"{statistics.stdev(one.level_db for one in apart):.2f}",
                f"{statistics.mean(one.level_spread_db for one in apart):.2f}",
                heard_wrong(whisper, [(pair.sentence, pair.stock.pcm) for pair in mine]),
                heard_wrong(whisper, [(pair.sentence, pair.streamed.pcm) for pair in mine]),
                f"{statistics.mean(pair.duration_ratio for pair in mine):.3f}",
            ]
        )
    return rows


def heard_wrong(whisper: Whisper, said: Sequence[tuple[str, Pcm]]) -> str:
    """Words that the recogniser got wrong, of all."""
    wrong = total = 0
    for text, pcm in said:
        clip = resample(pcm, 24_000, LISTEN_RATE_HZ)
        heard = whisper.transcribe(SpeechSegment(clip, 0.0, len(clip) / LISTEN_RATE_HZ)).text
        counted = word_errors(text, heard)
        wrong, total = wrong + counted[0], total + counted[1]
    return f"{wrong} of {total}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--listening", type=Path, metavar="FOLDER", help="write listening.html into this folder")
    options.add_argument("--only", choices=["speed", "quality"], help="one of the two tables")
    chosen = options.parse_args()
    print(f"kokoro-v1.0 int8; {machine()}\n")
    if chosen.only != "quality":
        streamed, stock = (voice(VOICES[0], streaming=streaming) for streaming in (True, False))
        print(f"Seconds, median of {ROUNDS}\n")
        head = ["text", "sound s", "first sound, streamed", "stock", "total, streamed", "stock"]
        print(table(head, speed_rows(streamed, stock)))
    if chosen.only != "speed":
        made = pairs(VOICES)
        print(f"\nStreamed against stock, {len(SENTENCES)} sentences a voice\n")
        head = [
            "voice",
            "mel distance dB",
            "louder dB",
            "level spread dB",
            "wrong words, stock",
            "streamed",
            "duration",
        ]
        print(table(head, quality_rows(made, recogniser(whisper_model("whisper-base"), "full"))))
        if chosen.listening:
            by_name = {(pair.voice, pair.sentence): pair for pair in made}
            shown = [by_name[name, SENTENCES[index]] for name, index in LISTENING]
            write_page(chosen.listening, [(one.voice, one.sentence, one.stock.pcm, one.streamed.pcm) for one in shown])


if __name__ == "__main__":
    main()
