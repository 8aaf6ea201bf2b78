"""The voices of one resident model, as the routes use them: a text goes in, chunks of its sound come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from voicecli.conversation.answer import AnswerStream, TextTurn
from voicecli.conversation.language import AnswerLanguage
from voicecli.conversation.speaking import Synthesis
from voicecli.engines.base import Voice, Voices, Worker
from voicecli.engines.kokoro.current_voice import VoiceCalibration
from voicecli.events import Clock, Event
from voicecli.languages import code_of
from voicecli.server.tts.problems import NOTHING_TO_SAY, TOO_LONG, Refused
from voicecli.server.tts.protocol import MOST_CHARS
from voicecli.speech_text.normalize import normalize
from voicecli.speech_text.pacing import MOST_LEAD_S
from voicecli.speech_text.phrases import phrases_in
from voicecli.types import PlaybackChunk, TurnId


@dataclass(frozen=True, slots=True)
class Speech:
    """One engine for all clients. Each asks for one stretch of sound at a time, so they take turns on its worker."""

    voices: Voices
    worker: Worker
    voice: str  # where none is asked for
    speed: float  # likewise
    clock: Clock
    learning: VoiceCalibration

    def choose(self, voice: str, speed: float | None, language_code: str = "") -> Voice:
        """The voice that was asked for. Raises SettingsError."""
        return self.voices.speaking(voice or self.voice, speed or self.speed, language_code)

    def dictation(self, voice: Voice, utterance: int = 1) -> TextTurn:
        """A text that comes bit by bit and is read in the voice's language."""
        code = code_of(voice.language)
        spoken = partial(normalize, language=voice.language)
        return TextTurn(TurnId(utterance), AnswerLanguage(code, phrases=phrases_in(code), normalize=spoken))

    def whole(self, voice: Voice, text: str) -> AnswerStream:
        """A text that is there from the start. Raises Refused when it is too long, or has nothing to say."""
        if len(text) > MOST_CHARS:
            raise Refused(TOO_LONG)
        dictation = self.dictation(voice)
        dictation.write(text)
        dictation.close()
        if dictation.answer.is_exhausted:
            raise Refused(NOTHING_TO_SAY)
        return dictation.answer

    async def chunks(self, voice: Voice, answer: AnswerStream, hearer: Hearer) -> AsyncGenerator[PlaybackChunk, None]:
        """The sound of a turn. Each is computed when it is asked for; closing it costs the stretch under way at most.

        Raises StageError.
        """
        synthesis = Synthesis(voice, self.worker, self.clock, _publish_nothing)
        try:
            async with aclosing(synthesis.chunks(answer, hearer.lead_s)) as chunks:
                async for chunk in chunks:
                    hearer.got(chunk.audio_s)
                    yield chunk
        finally:
            self.learning.note(voice)  # not before: it would keep the worker from this text


@dataclass(slots=True)
class Hearer:
    """Guesses where a client is that plays what it gets: how long a piece, and how far ahead, is worth having."""

    clock: Clock
    downloads: bool = False  # takes all as soon as it can be had; what it has not taken yet holds synthesis back
    _ends_s: float = field(default=0.0, init=False)

    def got(self, audio_s: float) -> None:
        """It has, or is about to get, so much more."""
        self._ends_s = max(self._ends_s, self.clock()) + audio_s

    def forget(self) -> None:
        """It plays no more of what it has."""
        self._ends_s = 0.0

    def lead_s(self) -> float:
        """Sound that it has not played yet."""
        lead_s = max(0.0, self._ends_s - self.clock())
        return min(lead_s, MOST_LEAD_S) if self.downloads else lead_s


def _publish_nothing(event: Event) -> None:
    """No screen and no log reads a server's turns."""
