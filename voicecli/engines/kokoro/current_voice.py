"""One resident text-to-speech model, heard with the voice of the language at hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from voicecli.engines.base import Voice, Voices, Worker
from voicecli.errors import VoiceCliError
from voicecli.types import AudioChunk

LOG = logging.getLogger(__name__)


class CurrentVoice:
    """A `TextToSpeech` whose voice may change between two answers.

    Voices are views on one model, so a new one costs some milliseconds. One that does not stream yet is looked at
    again each time that it is wanted: it may have learnt to.
    """

    def __init__(
        self, voices: Voices, voice: Voice, speed: float, note: Callable[[Voice], None] = lambda voice: None
    ) -> None:
        """`voice` speaks first; `note` is told each voice that was spoken with."""
        self._voices = voices
        self._current = voice
        self.speed = speed
        self._note = note
        self._views = {voice.voice: voice}
        self.name, self.voice = voice.name, voice.voice
        self.sample_rate_hz = voice.sample_rate_hz

    def language_of(self, voice: str) -> str:
        """What a voice speaks, such as "en-us". Raises SettingsError where it cannot be spoken with."""
        return self._view(voice).language

    def select(self, voice: str) -> None:
        """Speak with this one from the next text on. Raises SettingsError where it cannot be spoken with."""
        self._current = self._view(voice)
        self.name, self.voice = self._current.name, self._current.voice

    def pace(self, speed: float) -> None:
        """Speak at this speed, 1 being the voice's own, from the next `select` on."""
        self.speed = speed
        self._views.clear()

    def name_of(self, voice: str) -> str:
        """The engine's name with this voice. Raises SettingsError where it cannot be spoken with."""
        return self._view(voice).name

    def names(self) -> list[str]:
        """Of all voices on disk."""
        return [known.name for known in self._voices.known_voices()]

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """As the voice does."""
        self._note(self._current)
        return self._current.synthesize(text)

    def _view(self, voice: str) -> Voice:
        view = self._views.get(voice)
        if view is None or not view.streams:
            view = self._views[voice] = self._voices.speaking(voice, self.speed)
        return view


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
