"""Settings -> a text-to-speech server, ready to run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from voicecli.assemble.devices import CLOCK
from voicecli.assemble.engines import load_voice, report_on_loop
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.kokoro.calibration import VoiceCalibration
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.server.tts.speech import Speech
from voicecli.settings.model import Settings


@asynccontextmanager
async def open_tts(settings: Settings, prepare: Sequence[str], narrate: Callable[[str], None]) -> AsyncIterator[Speech]:
    """The model loaded and warm, the voices in `prepare` streaming beside that of the settings; gone with the context.

    Raises ModelMissing, EngineError or SettingsError.
    """
    sleep_while_waiting()
    with ThreadWorker("tts") as worker:
        kokoro = await load_voice(worker, open_store(settings), settings.tts, narrate)
        for voice in prepare:
            await worker.run(list, kokoro.preparing(voice, report_on_loop(narrate)))
        yield Speech(kokoro, worker, settings.tts.voice, settings.tts.speed, CLOCK, VoiceCalibration(kokoro, worker))
