"""Build a text-to-speech server from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from voicecli.assemble.engines import load_voice, narrate_on_loop
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.current_voice import VoiceCalibration
from voicecli.engines.worker import ThreadWorker
from voicecli.events import CLOCK
from voicecli.models.store import open_store
from voicecli.server.tts.speech import SpeechService
from voicecli.settings.model import Settings


@asynccontextmanager
async def open_tts(
    settings: Settings, prepare: Sequence[str], narrate: Callable[[str], None]
) -> AsyncIterator[SpeechService]:
    """Load and warm up the model; prepare the settings' voice and those in `prepare` for streaming.

    The model closes with the context. Raise ModelMissing, EngineError or SettingsError.
    """
    sleep_while_waiting()
    with ThreadWorker("tts") as worker:
        kokoro = await load_voice(worker, open_store(settings), settings.tts, narrate)
        for voice in prepare:
            await worker.run(list, kokoro.preparing(voice, narrate_on_loop(narrate)))
        calibration = VoiceCalibration(kokoro, worker)
        yield SpeechService(kokoro, worker, settings.tts.voice, settings.tts.speed, CLOCK, calibration)
