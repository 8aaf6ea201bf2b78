"""The voices of one loaded model: a text goes in, chunks of its audio come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from voicecli.conversation.answer import AnswerStream, TextTurn
from voicecli.conversation.language import AnswerLanguage
from voicecli.conversation.speaking import Synthesis
from voicecli.engines.base import Voice, Voices, Worker
from voicecli.events import Clock
from voicecli.languages import code_of
from voicecli.server.tts.errors import NOTHING_TO_SAY, TOO_LONG, Refused
from voicecli.server.tts.protocol import MAX_CHARS
from voicecli.speech_text.normalize import normalize
from voicecli.speech_text.pacing import MOST_LEAD_S
from voicecli.speech_text.phrases import phrases_in
from voicecli.types import PlaybackChunk, TurnId


class Calibration(Protocol):
    """Teaches voices to stream between the texts."""

    def note(self, voice: Voice) -> None:
        """Note that a voice was used."""
        ...

    async def serve(self) -> None:
        """Calibrate the noted voices until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechService:
    """One engine for all clients. Each requests one audio chunk at a time, so they alternate on its worker."""

    voices: Voices
    worker: Worker
    voice: str  # for clients that name none
    speed: float  # likewise
    clock: Clock
    calibration: Calibration

    def choose(self, voice: str, speed: float | None, language_code: str = "") -> Voice:
        """Return a voice by name. Raise SettingsError if there is none."""
        return self.voices.speaking(voice or self.voice, speed or self.speed, language_code)

    def text_turn(self, voice: Voice, utterance: int = 1) -> TextTurn:
        """Return a turn whose text arrives in parts and is read in the voice's language."""
        code = code_of(voice.language)
        spoken = partial(normalize, language=voice.language)
        return TextTurn(TurnId(utterance), AnswerLanguage(code, phrases=phrases_in(code), normalize=spoken))

    def complete_answer(self, voice: Voice, text: str) -> AnswerStream:
        """Return an answer with its whole text. Raise Refused if it is too long or has nothing to say."""
        if len(text) > MAX_CHARS:
            raise Refused(TOO_LONG)
        text_turn = self.text_turn(voice)
        text_turn.write(text)
        text_turn.close()
        if text_turn.answer.is_exhausted:
            raise Refused(NOTHING_TO_SAY)
        return text_turn.answer

    async def chunks(
        self, voice: Voice, answer: AnswerStream, playback: PlaybackEstimate
    ) -> AsyncGenerator[PlaybackChunk, None]:
        """Yield the audio of an answer. Each chunk is computed on request; closing wastes at most the one under way.

        Raise StageError if the voice fails.
        """
        synthesis = Synthesis(voice, self.worker, self.clock, lambda _: None)  # no screen and no log shows these turns
        try:
            async with aclosing(synthesis.chunks(answer, playback.lead_s)) as chunks:
                async for chunk in chunks:
                    playback.add(chunk.audio_s)
                    yield chunk
        finally:
            self.calibration.note(voice)  # not before: it would keep the worker from this text


@dataclass(slots=True)
class PlaybackEstimate:
    """Estimates the playback position of a client that plays what it gets, to decide how far ahead to synthesize."""

    clock: Clock
    downloads: bool = False  # the client stores the audio as fast as it comes; its reading speed limits synthesis
    _ends_s: float = field(default=0.0, init=False)

    def add(self, audio_s: float) -> None:
        """Add audio that is about to be sent."""
        self._ends_s = max(self._ends_s, self.clock()) + audio_s

    def reset(self) -> None:
        """Note that the client discards the audio it has not played."""
        self._ends_s = 0.0

    def lead_s(self) -> float:
        """Return how much audio the client has not played yet, in seconds."""
        lead_s = max(0.0, self._ends_s - self.clock())
        return min(lead_s, MOST_LEAD_S) if self.downloads else lead_s
