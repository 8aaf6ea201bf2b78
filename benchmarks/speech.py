"""Recordings to measure on: a folder of real ones, or some that Kokoro speaks.

The folder holds `commands/*.wav` with `commands/slots.json` (file name -> phrases that must be heard) and
`sentences/*.wav` with a `.txt` for each (what was said).
"""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.engines import shipped, voice
from voicecli.assemble.devices import make_vad
from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.audio.resample import Framer, resample
from voicecli.bench.questions import QUESTIONS as ASKED
from voicecli.bench.questions import QUIET_S, VOICES
from voicecli.turns.segmenter import Endpoint, Pause, Segmenter
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, Pcm

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


def as_the_conversation_cuts(clip: Recording) -> Recording:
    """Without the silence around it, as its turn would be decoded; unchanged where that makes several turns of it."""
    listen = shipped().listen
    gate, segmenter = make_vad(listen), Segmenter(listen)
    silence = np.zeros(round(2 * listen.end_ms / 1000 * LISTEN_RATE_HZ), np.int16)
    turns: list[Pcm] = []
    paused = clip.pcm
    for index, frame in enumerate(Framer(LISTEN_RATE_HZ).push(np.concatenate([clip.pcm, silence]))):
        captured = AudioFrame(frame, index * FRAME_S)
        for heard in segmenter.push(captured, gate.is_speech(captured), listen.start_ms):
            if isinstance(heard, Pause):
                paused = heard.segment.pcm
            elif isinstance(heard, Endpoint):
                turns.append(paused)
    return replace(clip, pcm=turns[0]) if len(turns) == 1 else clip


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
