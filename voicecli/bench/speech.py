"""Utterances to measure with: recordings of a folder, or orders that Kokoro speaks once and that are kept."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from voicecli.assemble import load_voice, open_store
from voicecli.assemble_devices import make_gate
from voicecli.audio.ear import SpeechGate, level_db
from voicecli.audio.resample import Framer, resample
from voicecli.audio.wav import open_wav, read_clip
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import SettingsError
from voicecli.settings import ListenSettings, Settings
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm

ORDERS = (
    ("I would like a large cappuccino with whole milk.", ("large", "cappuccino", "whole milk")),
    ("Can I have a small latte with a double shot?", ("small", "latte", "double shot")),
    ("Make me a medium roast americano with lots of sugar.", ("medium roast", "americano", "lots of sugar")),
    ("A twenty ounce mocha with some almond milk, please.", ("twenty ounce", "mocha", "some almond milk")),
    ("I want an espresso, dark roast, with brown sugar.", ("espresso", "dark roast", "brown sugar")),
    ("Get me an iced coffee with a little bit of cream.", ("iced coffee", "a little bit of cream")),
)
"""Texts, and the phrases of each that have to be heard."""

VOICES = ("am_michael", "af_bella", "bm_george", "bf_emma")

LEAD_S, TAIL_S = 0.3, 0.1
"""Of the recording, before the first voiced sample and after the last."""

QUIET_S = 0.4
"""Around what Kokoro says, as a recording has it."""

SEARCH_FRAMES = 10
"""A gate confirms late: a voice begins up to so many frames of 20 ms before the first that it takes for speech ..."""

QUIET_DB = 25.0
"""... as long as these are at most so far below the level of the voice."""

SHUFFLED = 3
"""Seed of the order in which utterances are said: the same in every run."""


@dataclass(frozen=True, slots=True)
class Voiced:
    """Where somebody speaks in a recording."""

    first: int  # sample
    last: int  # the sample after the last voiced one
    level_db: float  # of the voiced frames


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one client says in one go."""

    name: str
    pcm: Pcm  # (n,) at LISTEN_RATE_HZ, from LEAD_S before the voice until TAIL_S after it
    voiced_from_s: float
    voiced_until_s: float
    slots: tuple[str, ...] = ()  # phrases that have to be heard; empty where they are not known


def voiced(pcm: Pcm, gate: SpeechGate) -> Voiced | None:
    """The first voiced sample to the last; None without speech.

    On 40 spoken orders it ends 16 ms after what faster-whisper's own Silero cuts, in the median; -172 to 44 ms.
    """
    tail = np.zeros(LISTEN_RATE_HZ, np.int16)
    frames = Framer(LISTEN_RATE_HZ).push(np.concatenate([pcm, tail]))
    spoken = [index for index, one in enumerate(frames) if gate.is_speech(AudioFrame(one, index * FRAME_S))]
    if not spoken:
        return None
    levels_db = [level_db(frame) for frame in frames]
    loud_db = float(np.percentile([levels_db[index] for index in spoken], 75))
    first = spoken[0]
    earliest = max(0, first - SEARCH_FRAMES)
    while first > earliest and levels_db[first - 1] > loud_db - QUIET_DB:
        first -= 1
    last = min((spoken[-1] + 1) * FRAME_SAMPLES, len(pcm))
    return Voiced(first * FRAME_SAMPLES, last, level_db(np.concatenate([frames[index] for index in spoken])))


def utterance(name: str, pcm: Pcm, gate: SpeechGate, slots: tuple[str, ...] = ()) -> Utterance | None:
    """A recording without what comes long before and after the voice; None without speech."""
    found = voiced(pcm, gate)
    if found is None:
        return None
    first = max(0, found.first - round(LEAD_S * LISTEN_RATE_HZ))
    last = found.last + round(TAIL_S * LISTEN_RATE_HZ)
    from_s, until_s = ((sample - first) / LISTEN_RATE_HZ for sample in (found.first, found.last))
    return Utterance(name, pcm[first:last], from_s, until_s, slots)


def utterances(folder: Path, listen: ListenSettings) -> list[Utterance]:
    """The WAV files of `folder`, or of `commands` in it, in an order that is always the same.

    `slots.json` beside them, where it is there, names for each file the phrases that have to be heard. Raises
    SettingsError where nobody speaks in any file.
    """
    inside = folder / "commands" if (folder / "commands").is_dir() else folder
    told = inside / "slots.json"
    slots: dict[str, list[str]] = json.loads(told.read_text(encoding="utf8")) if told.is_file() else {}
    found = [
        cut
        for path in sorted(inside.glob("*.wav"))
        if (cut := utterance(path.name, read_clip(path), make_gate(listen), tuple(slots.get(path.name, ()))))
    ]
    if not found:
        raise SettingsError(f"no WAV file with speech in {inside}", "--speech FOLDER, with WAV files of one voice each")
    random.Random(SHUFFLED).shuffle(found)
    return found


def spoken_orders(settings: Settings, narrate: Callable[[str], None]) -> Path:
    """A folder with each of the orders by each of two voices; made once, and kept beside the models.

    Raises ModelMissing or EngineError.
    """
    folder = settings.models_dir.parent / "speech" / f"orders-{settings.tts.model.replace('/', '_')}"
    if folder.is_dir():
        return folder
    narrate(f"Kokoro speaks {2 * len(ORDERS)} orders, once…")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as made:
        whole = Path(made, "orders")
        whole.mkdir()
        slots = {}
        for name in VOICES[:2]:
            chosen = settings.model_copy(update={"tts": settings.tts.model_copy(update={"voice": name})})
            clips = asyncio.run(speak([text for text, _ in ORDERS], chosen, narrate))
            for number, (clip, (_, phrases)) in enumerate(zip(clips, ORDERS, strict=True), 1):
                file = f"{name}-{number}.wav"
                with open_wav(whole / file, LISTEN_RATE_HZ) as wav:
                    wav.writeframes(clip.tobytes())
                slots[file] = phrases
        (whole / "slots.json").write_text(json.dumps(slots, indent=1), encoding="utf8")
        whole.rename(folder)  # all of it, or nothing
    return folder


async def speak(texts: list[str], settings: Settings, narrate: Callable[[str], None]) -> list[Pcm]:
    """Each text by the voice of the settings, shape (n,) at LISTEN_RATE_HZ. Raises ModelMissing or EngineError."""
    with ThreadWorker("tts") as worker:
        voice = await load_voice(worker, open_store(settings), settings.tts, narrate)
        clips = []
        for text in texts:
            stretches = await worker.run(lambda said: list(voice.synthesize(said)), text)
            pcm = np.concatenate([stretch.pcm for stretch in stretches])
            clips.append(np.pad(resample(pcm, voice.sample_rate_hz, LISTEN_RATE_HZ), round(QUIET_S * LISTEN_RATE_HZ)))
    return clips
