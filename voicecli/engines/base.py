"""What an engine can do. Adapters satisfy these by shape; they import nothing from the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from voicecli.types import AudioChunk, KnownVoice, Message, SpeechSegment, Token, ToolCall, ToolSpec, Transcript

P = ParamSpec("P")
T = TypeVar("T")


class Worker(Protocol):
    """Where the blocking calls of one engine run, one at a time and in order."""

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        ...

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `call(...)`. A call whose awaiter is cancelled is skipped or its result dropped."""
        ...


class LanguageChoice(Protocol):
    """Decides, utterance by utterance, which language it is in. Asked on the recognizer's thread."""

    @property
    def wanted(self) -> str:
        """ISO 639-1, or auto: then `choose` is asked."""
        ...

    def choose(self, ranked: Sequence[tuple[str, float]], spoken_s: float) -> tuple[str, float]:
        """A language and its probability. `ranked`: all languages by theirs, the likeliest first."""
        ...


class SpeechToText(Protocol):
    """Runs on its own worker thread: both calls block."""

    name: str
    """For the screen: model, precision and device."""

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """The final text. Raises EngineError when decoding fails."""
        ...

    def draft(self, segment: SpeechSegment) -> Transcript:
        """A quick hypothesis on speech that is still growing; may be wrong at its end."""
        ...


class EndOfTurn(Protocol):
    """Runs on its own worker thread: the call blocks."""

    name: str

    def probability(self, segment: SpeechSegment) -> float:
        """That the speaker is done, 0 to 1; `segment` ends in a short silence. Raises EngineError."""
        ...


class LanguageModel(Protocol):
    """Runs on the event loop."""

    name: str
    """For the screen: model and where it runs."""

    async def warm(self, messages: Sequence[Message]) -> None:
        """Load the model and the prompt's prefix, so that the first answer comes as fast as the later ones.

        Raises BackendUnavailable when the server does not answer or lacks the model.
        """
        ...

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer. Closing the generator, or cancelling its reader, closes the stream to the server.

        Raises BackendUnavailable when the server is gone, EngineError when it reports a failure.
        """
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...


@runtime_checkable
class CallingModel(Protocol):
    """A `LanguageModel` that can be told of tools, and then may ask for calls of them."""

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """Tell of `tools` with each request from now on, `warm` too: they stand at the beginning of the prompt.

        `refused` is called, once, with the reason when the back end will not hear of tools; it then goes on without.
        """
        ...

    def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """As `LanguageModel.reply`, and the calls that are asked for, whole, at the end.

        An answer that goes on after calls is asked for by `messages` that end in their results. An empty token may
        come first, as a sign that something is being written.
        """
        ...


class TextToSpeech(Protocol):
    """Runs on its own worker thread: each step of the iterator blocks."""

    name: str
    sample_rate_hz: int

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """The sound of one piece, as it becomes ready: joined without a seam, silence trimmed, both ends faded to zero.

        Each stretch is one unit of work: an abandoned iterator computes nothing more. No stretch at all when the text
        has nothing to say. Raises EngineError when synthesis fails.
        """
        ...


class Voice(Protocol):
    """A `TextToSpeech` that shares its model with others: one voice at one speed."""

    name: str
    sample_rate_hz: int
    voice: str
    """Its name, or that of a blend."""
    language: str
    """What it speaks, such as "en-us"."""
    streams: bool
    """The sound of a piece comes as it is computed, not all at once."""

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """As `TextToSpeech.synthesize`."""
        ...


class Voices(Protocol):
    """A resident model with several voices. These calls are quick and do not run the model."""

    model: str
    """What it is called."""

    def known_voices(self) -> Sequence[KnownVoice]:
        """Those that can be blended and spoken with."""
        ...

    def speaking(self, voice: str, speed: float, language_code: str = "") -> Voice:
        """A view with a voice ("af_heart") or a blend ("af_heart:2+bm_george:1") of its own.

        `speed`: 0.5 to 2, 1 being the voice's own; `language_code`: Kokoro's letter, empty for the voice's own.
        Raises SettingsError, with the nearest names, when there is no such voice or language.
        """
        ...

    def preparing(self, voice: str) -> Iterator[int]:
        """Make a voice stream that does not yet. Each step of the iterator blocks and is one unit of work."""
        ...
