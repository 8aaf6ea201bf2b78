"""The engines, as the product loads them, from the shipped defaults and not from the user's own settings."""

from __future__ import annotations

import functools
from pathlib import Path

from faster_whisper import WhisperModel

from voicecli.engines.cpu import physical_cores
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import MAX_THREADS, Whisper
from voicecli.models.store import model_file, model_folder, open_store
from voicecli.settings.load import build, load_settings, shipped_values
from voicecli.settings.model import Settings

LANGUAGE_MODEL = "smollm2-135m-instruct"
"""The embedded model that is measured."""


@functools.cache
def shipped() -> Settings:
    """Return the defaults, with the user's model folder."""
    defaults = build(shipped_values("default.toml"), {})
    return defaults.model_copy(update={"models": load_settings().settings.models})


def whisper_model(name: str) -> WhisperModel:
    """Load faster-whisper itself, with our precision and threads."""
    folder = model_folder(open_store(shipped()), name)
    stt = shipped().stt
    return WhisperModel(
        str(folder), device=stt.device, compute_type=stt.compute_type, cpu_threads=physical_cores(MAX_THREADS)
    )


def recognizer(model: WhisperModel, window: str) -> Whisper:
    """Return our recognizer on a shared model."""
    return Whisper(model, shipped().stt.model_copy(update={"window": window}), window)


def voice(name: str, *, streaming: bool) -> Kokoro:
    """Load Kokoro with one voice; the first load of a streaming voice takes some seconds more."""
    store, settings = open_store(shipped()), shipped().tts
    chosen = settings.model_copy(update={"voice": name, "streaming": streaming})
    return Kokoro.load(model_file(store, settings.model, ".onnx"), store.path("kokoro-voices"), chosen)


def gguf_file() -> Path:
    """Return the file of the embedded language model."""
    return model_file(open_store(shipped()), LANGUAGE_MODEL, ".gguf")
