"""The voice in use of a resident text-to-speech model, and the calibration of voices that do not stream yet."""

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

    Voices are views of one model, so a new view takes a few milliseconds. A voice that does not stream yet gets a new
    view each time it is selected, because it may have been calibrated meanwhile.
    """

    def __init__(
        self, voices: Voices, voice: Voice, speed: float, note: Callable[[Voice], None] = lambda voice: None
    ) -> None:
        """`voice` is selected first; `note` is called with the voice of each text."""
        self._voices = voices
        self._current = voice
        self.speed = speed
        self._note = note
        self._views = {voice.voice: voice}
        self.name, self.voice = voice.name, voice.voice
        self.sample_rate_hz = voice.sample_rate_hz

    def language_of(self, voice: str) -> str:
        """Return a voice's language, such as "en-us". Raise SettingsError if the voice cannot be used."""
        return self._view(voice).language

    def select(self, voice: str) -> None:
        """Speak with this voice from the next text on. Raise SettingsError if it cannot be used."""
        self._current = self._view(voice)
        self.name, self.voice = self._current.name, self._current.voice

    def pace(self, speed: float) -> None:
        """Set the speed, where 1 is normal; it applies from the next `select` on."""
        self.speed = speed
        self._views.clear()

    def name_of(self, voice: str) -> str:
        """Return the engine's name with this voice. Raise SettingsError if the voice cannot be used."""
        return self._view(voice).name

    def names(self) -> list[str]:
        """Return the names of all voices on disk."""
        return [known.name for known in self._voices.known_voices()]

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """Speak with the selected voice; see `TextToSpeech.synthesize`."""
        self._note(self._current)
        return self._current.synthesize(text)

    def _view(self, voice: str) -> Voice:
        view = self._views.get(voice)
        if view is None or not view.streams:
            view = self._views[voice] = self._voices.speaking(voice, self.speed)
        return view


class VoiceCalibration:
    """Calibrates known voices after their first use, one at a time, between other synthesis.

    Blends are calibrated only if the server was started with them: their number is unlimited, each would occupy the
    engine for 5 s, and the result is stored on disk.
    """

    def __init__(self, voices: Voices, worker: Worker) -> None:
        self._voices = voices
        self._worker = worker
        self._known = {known.name for known in voices.known_voices()}
        self._noted: asyncio.Queue[str] = asyncio.Queue()

    def note(self, voice: Voice) -> None:
        """Queue a voice that was used, if it can be calibrated."""
        if not voice.streams and voice.voice in self._known:
            self._known.discard(voice.voice)
            self._noted.put_nowait(voice.voice)

    async def serve(self) -> None:
        """Calibrate queued voices until canceled. A voice that fails stays as it was."""
        while True:
            name = await self._noted.get()
            try:
                steps = self._voices.preparing(name)
                while await self._worker.run(next, steps, 0):
                    pass
            except VoiceCliError as error:
                LOG.warning("%s does not stream: %s", name, error.message)
