"""Protocols of the engines. Adapters implement them structurally and import nothing from the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from voicecli.types import AudioChunk, KnownVoice, Message, SpeechSegment, Token, ToolCall, ToolSpec, Transcript

DECODE_WINDOW_S = 28.0
"""Longest audio for one decode: Whisper's window is 30 s, and 2 s of silence belong in it (`whisper/encoder.py`)."""

P = ParamSpec("P")
T = TypeVar("T")


class Worker(Protocol):
    """Runs the blocking calls of one engine, one at a time and in order."""

    @property
    def idle(self) -> bool:
        """Whether no call is running or waiting."""
        ...

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `call(...)`. If the awaiting task is canceled, skip the call or drop its result."""
        ...


class LanguageChoice(Protocol):
    """Decides on the language of each utterance. Called on the recognizer's thread."""

    @property
    def wanted(self) -> str:
        """ISO 639-1 code, or auto: then `choose` decides."""
        ...

    def choose(self, ranked: Sequence[tuple[str, float]], spoken_s: float) -> tuple[str, float]:
        """Return a language and its probability. `ranked`: all languages with theirs, the likeliest first."""
        ...


class SpeechToText(Protocol):
    """A recognizer on a worker thread: both calls block."""

    name: str
    """Model, precision and device, for the screen."""

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Return the final text. Raise EngineError if decoding fails."""
        ...

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Return a quick hypothesis about unfinished speech; its end may be wrong. Raise EngineError on failure."""
        ...


class EndOfTurn(Protocol):
    """An end-of-turn detector on a worker thread: the call blocks."""

    name: str

    def probability(self, segment: SpeechSegment) -> float:
        """Return the probability, 0 to 1, that the speaker is done. `segment` ends in a short silence.

        Raise EngineError on failure.
        """
        ...


class LanguageModel(Protocol):
    """A language model on the event loop."""

    name: str
    """Model and where it runs, for the screen."""

    async def warm(self, messages: Sequence[Message]) -> None:
        """Load the model and the prompt's prefix, so that the first answer comes as fast as later ones.

        Raise BackendUnavailable if the server does not answer or lacks the model.
        """
        ...

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer. Closing the generator, or canceling its reader, closes the stream to the server.

        Raise BackendUnavailable if the server does not answer, EngineError if it reports a failure.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class CallingModel(Protocol):
    """A `LanguageModel` that can be offered tools, and may then ask for calls of them."""

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """Send `tools` with each request from now on, `warm` included: they are at the beginning of the prompt.

        If the backend refuses tools, call `refused` once with the reason and go on without tools.
        """
        ...

    def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer as `LanguageModel.reply` does, then the complete tool calls.

        For the answer after calls, `messages` end in their results. An empty token may come first, as a sign that
        the model is writing.
        """
        ...


class TextToSpeech(Protocol):
    """A synthesizer on a worker thread: each step of its iterator blocks."""

    name: str
    sample_rate_hz: int

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """Yield the sound of one text chunk as it becomes ready: seamless, silence trimmed, both ends faded to zero.

        Each audio chunk is one unit of work: an abandoned iterator computes nothing more. A text without anything to
        say yields nothing. Raise EngineError if synthesis fails.
        """
        ...


class Voice(Protocol):
    """A `TextToSpeech` that shares its model with others: one voice at one speed."""

    name: str
    sample_rate_hz: int
    voice: str
    """Name of the voice or of the blend."""
    language: str
    """Such as "en-us"."""
    streams: bool
    """Whether sound comes as it is computed, not one whole text chunk at a time."""

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """See `TextToSpeech.synthesize`."""
        ...


class Voices(Protocol):
    """A resident model with several voices. These calls are quick and do not run the model."""

    model: str
    """Name of the model."""

    def known_voices(self) -> Sequence[KnownVoice]:
        """Return the voices that can speak and be blended."""
        ...

    def speaking(self, voice: str, speed: float, language_code: str = "") -> Voice:
        """Return a view that speaks with a voice ("af_heart") or a blend ("af_heart:2+bm_george:1").

        `speed`: 0.5 to 2, where 1 is normal; `language_code`: Kokoro's letter, empty for the language of the voice.
        Raise SettingsError, with the nearest names, if there is no such voice or language.
        """
        ...

    def preparing(self, voice: str) -> Iterator[int]:
        """Calibrate a voice so that it streams. Each step of the iterator blocks and is one unit of work."""
        ...


class SpeechEngine(Voice, Voices, Protocol):
    """A resident model that speaks with the voice it was loaded with, and makes views that speak with others."""

    def preparing(self, voice: str, narrate: Callable[[str], None] = ...) -> Iterator[int]:
        """Calibrate a voice, as `Voices.preparing`; `narrate` is called from the worker's thread."""
        ...
