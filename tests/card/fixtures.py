from __future__ import annotations

import os
import shutil
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from voicecli.bench.virtual_card import VirtualCard, missing_tools


@pytest.fixture(scope="session")
def card(pytestconfig: pytest.Config) -> Iterator[VirtualCard]:
    """A virtual sound card; skips where PulseAudio is not installed."""
    if missing_tools() or shutil.which("pulseaudio") is None:
        if pytestconfig.getoption("--require-card"):
            raise RuntimeError("PulseAudio is not installed: apt-get install pulseaudio pulseaudio-utils")
        pytest.skip("needs pulseaudio and pulseaudio-utils")
    with VirtualCard() as virtual:
        yield virtual


@pytest.fixture(scope="session")
def spoken(model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A sentence as a WAV file, spoken by Kokoro."""
    from tests.defaults import SETTINGS
    from voicecli.engines.kokoro.engine import Kokoro

    voice = SETTINGS.tts.model_copy(update={"voice": "am_michael"})
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    kokoro = Kokoro.load(model, model_folder("kokoro-voices"), voice)
    folder = tmp_path_factory.mktemp("spoken")

    def speak(text: str) -> Path:
        path = folder / f"{abs(hash(text))}.wav"
        with wave.open(os.fspath(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(kokoro.sample_rate_hz)
            for audio_chunk in kokoro.synthesize(text):
                file.writeframes(audio_chunk.pcm.tobytes())
        return path

    return speak
