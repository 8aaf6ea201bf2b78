"""Let Kokoro speak everyday questions, for measurements on a machine without recordings."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from voicecli.assemble.engines import load_voice
from voicecli.audio.files.wav import open_wav
from voicecli.audio.resample import resample
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.settings.model import Settings, TtsSettings
from voicecli.types import LISTEN_RATE_HZ, Pcm

QUESTIONS = (
    ("What is the capital of France?", ("capital", "france")),
    ("How far is the moon from the earth?", ("how far", "moon", "earth")),
    ("Can you tell me why the sky is blue?", ("why", "sky", "blue")),
    ("What should I cook tonight with rice and eggs?", ("cook", "rice", "eggs")),
    ("Who wrote the first computer program?", ("who wrote", "first computer program")),
    ("How do I get red wine out of a white shirt?", ("red wine", "white shirt")),
    ("Please set a timer for twenty five minutes.", ("timer", "twenty five minutes")),
    ("Is it going to rain in Seattle tomorrow afternoon?", ("rain", "seattle", "tomorrow afternoon")),
    ("How many ounces are there in a pound?", ("how many ounces", "pound")),
    ("Could you remind me to call the dentist on Monday morning?", ("call the dentist", "monday morning")),
    ("Which planet has the most moons?", ("planet", "most moons")),
    ("What is a good way to learn the names of new colleagues?", ("learn the names", "new colleagues")),
)
"""Texts, and the phrases of each that must be recognized."""

VOICES = ("am_michael", "af_bella", "bm_george", "bf_emma")

TIMES = 2
"""How often each question is asked, each time by another voice."""

NARRATED = 6
"""Progress is narrated after this many questions: each takes some seconds on two cores."""

QUIET_S = 0.4
"""Silence before and after the voice, as in a recording."""

Narrate = Callable[[str], None]


def asked() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return voice, text and phrases of each recording; no question is repeated before all have been asked."""
    said = []
    for turn in range(TIMES):
        for number, (text, phrases) in enumerate(QUESTIONS):
            said.append((VOICES[(number + turn) % len(VOICES)], text, phrases))
    return said


def spoken_questions(settings: Settings, narrate: Narrate) -> Path:
    """Return a folder with all questions and their texts; it is created once and kept beside the models.

    Kokoro runs with default settings (`stock`), so the audio does not depend on the user's settings. Raise ModelMissing
    or EngineError if it cannot be loaded.
    """
    planned = json.dumps([settings.tts.model, asked()])
    named = hashlib.sha256(planned.encode()).hexdigest()[:8]  # different questions get a different folder
    folder = settings.models_dir.parent / "speech" / f"questions-{named}"
    if folder.is_dir():
        return folder
    narrate(f"Kokoro is speaking {len(asked())} questions; this happens once…")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as made:
        whole = Path(made, "questions")
        asyncio.run(record(whole, settings, narrate))
        try:
            whole.rename(folder)  # all of it, or nothing
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder


async def record(folder: Path, settings: Settings, narrate: Narrate) -> None:
    """Speak all questions into `folder`: a folder for each voice, a .txt beside each .wav, and slots.json."""
    slots = {}
    with ThreadWorker("tts") as worker:
        kokoro = await load_voice(worker, open_store(settings), stock(settings.tts), narrate)
        for number, (voice, text, phrases) in enumerate(asked(), 1):
            audio_chunks = await worker.run(
                lambda view, said: list(view.synthesize(said)), kokoro.speaking(voice, 1.0), text
            )
            heard = resample(np.concatenate([one.pcm for one in audio_chunks]), kokoro.sample_rate_hz, LISTEN_RATE_HZ)
            path = folder / voice / f"{number:02}.wav"
            write_clip(path, np.pad(heard, round(QUIET_S * LISTEN_RATE_HZ)))
            path.with_suffix(".txt").write_text(text, encoding="utf8")
            slots[path.relative_to(folder).as_posix()] = phrases
            if number % NARRATED == 0:
                narrate(f"{number} of {len(asked())} spoken…")
    (folder / "slots.json").write_text(json.dumps(slots, indent=1), encoding="utf8")


def stock(settings: TtsSettings) -> TtsSettings:
    """Return settings for Kokoro on the CPU without streaming, with a built-in voice, so that nothing is calibrated."""
    return settings.model_copy(update={"voice": VOICES[0], "streaming": False, "device": "cpu", "speed": 1.0})


def write_clip(path: Path, pcm: Pcm) -> None:
    """Write a WAV file at LISTEN_RATE_HZ, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_wav(path, LISTEN_RATE_HZ) as wav:
        wav.writeframes(pcm.tobytes())
