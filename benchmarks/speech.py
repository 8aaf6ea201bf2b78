"""Recordings to measure on: a folder of real ones, or some that Kokoro speaks.

The folder holds `commands/*.wav` with `commands/slots.json` (file name -> phrases that must be heard) and
`sentences/*.wav` with a `.txt` for each (what was said).
"""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.engines import voice
from voicecli.audio.files.wav import open_wav, read_clip
from voicecli.audio.resample import resample
from voicecli.bench.questions import QUESTIONS as ASKED
from voicecli.bench.questions import QUIET_S, VOICES
from voicecli.types import LISTEN_RATE_HZ, Pcm

BESIDE = Path(__file__).parents[2] / "shared" / "speech"  # where the tests look, too
SLOTS = Path("commands", "slots.json")
SENTENCES = (
    "The boat drifted slowly past the old stone bridge.",
    "Please leave the keys on the table near the door.",
    "Nobody expected snow in the middle of April.",
    "The library closes early on the last Friday of the month.",
)
ORDERS = (
    ("I would like a large cappuccino with whole milk.", ("large", "cappuccino", "whole milk")),
    ("Can I have a small latte with a double shot?", ("small", "latte", "double shot")),
    ("Make me a medium roast americano with lots of sugar.", ("medium roast", "americano", "lots of sugar")),
    ("A twenty ounce mocha with some almond milk, please.", ("twenty ounce", "mocha", "some almond milk")),
    ("I want an espresso, dark roast, with brown sugar.", ("espresso", "dark roast", "brown sugar")),
    ("Get me an iced coffee with a little bit of cream.", ("iced coffee", "a little bit of cream")),
)
"""Texts, and the phrases of each that have to be heard."""

ANSWERS = (
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
"""Sentences of answers."""

QUESTIONS = tuple(text for text, _ in ASKED[:6])


@dataclass(frozen=True, slots=True)
class Recording:
    """Something that was said."""

    name: str
    pcm: Pcm  # (n,) at 16 kHz
    slots: tuple[str, ...] = ()  # phrases that must be heard
    text: str = ""  # what was said; empty where only the phrases are known


def speech_option(options: argparse.ArgumentParser) -> None:
    """--speech FOLDER; one that was named has to be there."""

    def checked(text: str) -> Path:
        if not (Path(text) / SLOTS).is_file():
            raise argparse.ArgumentTypeError(f"{text} holds no {SLOTS}; benchmarks/speech.py tells the layout")
        return Path(text)

    beside = BESIDE if (BESIDE / SLOTS).is_file() else None
    options.add_argument("--speech", type=checked, default=beside, help="recordings; none: Kokoro speaks some")


def recordings(folder: Path | None) -> list[Recording]:
    """All of the folder, or synthetic ones."""
    if folder is None:
        return synthesised()
    slots: dict[str, list[str]] = json.loads((folder / SLOTS).read_text(encoding="utf8"))
    orders = [Recording(name, read_clip(folder / "commands" / name), tuple(slots[name])) for name in sorted(slots)]
    read = [
        Recording(path.name, read_clip(path), text=path.with_suffix(".txt").read_text(encoding="utf8").strip())
        for path in sorted((folder / "sentences").glob("*.wav"))
    ]
    return [*orders, *read]


def synthesised() -> list[Recording]:
    """Each order and sentence by each of two voices."""
    said: list[Recording] = []
    for name in VOICES[:2]:
        said += [Recording(f"{name} {text}", spoken(name, text), slots) for text, slots in ORDERS]
    for name in VOICES[2:]:
        said += [Recording(f"{name} {text}", spoken(name, text), text=text) for text in SENTENCES]
    return said


speaker = functools.cache(functools.partial(voice, streaming=True))
"""A voice, loaded once."""


def spoken(name: str, text: str) -> Pcm:
    """A text by a voice of Kokoro, at 16 kHz."""
    kokoro = speaker(name)
    pcm = np.concatenate([audio_chunk.pcm for audio_chunk in kokoro.synthesize(text)])
    return np.pad(resample(pcm, kokoro.sample_rate_hz, LISTEN_RATE_HZ), round(QUIET_S * LISTEN_RATE_HZ))


def questions(folder: Path | None, most: int, made: Path) -> list[Path]:
    """Sound files to ask a conversation, of different speakers where there are recordings; others are put in `made`."""
    if folder is not None:
        found = sorted((folder / "commands").glob("*.wav"))
        return found[:: max(1, len(found) // most)][:most]
    files = []
    for index, text in enumerate(QUESTIONS[:most]):
        files.append(made / f"question{index}.wav")
        with open_wav(files[-1], LISTEN_RATE_HZ) as file:
            file.writeframes(spoken(VOICES[index % len(VOICES)], text).tobytes())
    return files
