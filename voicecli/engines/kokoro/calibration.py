"""Voices that were asked for and do not stream yet learn to, between the clients' stretches.

Blends do not, unless the server was started with them: there is no end of them, each would take 5 s of the engine, and
what is learnt is kept on disk.
"""

from __future__ import annotations

import asyncio
import logging

from voicecli.engines.base import Voice, Voices, Worker
from voicecli.errors import VoiceCliError

LOG = logging.getLogger(__name__)


class VoiceCalibration:
    """One voice at a time, once each."""

    def __init__(self, voices: Voices, worker: Worker) -> None:
        self._voices = voices
        self._worker = worker
        self._known = {known.name for known in voices.known_voices()}
        self._noted: asyncio.Queue[str] = asyncio.Queue()

    def note(self, voice: Voice) -> None:
        """It was spoken with."""
        if not voice.streams and voice.voice in self._known:
            self._known.discard(voice.voice)
            self._noted.put_nowait(voice.voice)

    async def serve(self) -> None:
        """Until cancelled. A voice that cannot be prepared goes on as it was."""
        while True:
            name = await self._noted.get()
            try:
                steps = self._voices.preparing(name)
                while await self._worker.run(next, steps, 0):
                    pass
            except VoiceCliError as error:
                LOG.warning("%s does not stream: %s", name, error.message)
