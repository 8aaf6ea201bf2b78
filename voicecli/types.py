"""The values that flow between the parts. They do nothing beyond arithmetic on their own fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NewType

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Mono samples, shape (n,), int16: the only sample format between modules."""

TurnId = NewType("TurnId", int)
"""One utterance of the user and the answer to it."""

LISTEN_RATE_HZ = 16_000
"""Sample rate of everything that is heard: what Whisper, Silero and webrtcvad require."""

FRAME_SAMPLES = 320
"""Samples in an `AudioFrame`: 20 ms, a length that webrtcvad accepts."""

FRAME_S = FRAME_SAMPLES / LISTEN_RATE_HZ


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """20 ms from the microphone."""

    pcm: Pcm  # (FRAME_SAMPLES,) at LISTEN_RATE_HZ
    captured_at_s: float  # clock time of the first sample


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """Speech as the recognizer gets it, with pre-roll before and silence after."""

    pcm: Pcm  # (n,) at LISTEN_RATE_HZ
    started_at_s: float  # clock time of the first voiced sample
    ended_at_s: float  # clock time of the end of the last voiced frame

    @property
    def audio_s(self) -> float:
        return len(self.pcm) / LISTEN_RATE_HZ


@dataclass(frozen=True, slots=True)
class TranscribeOptions:
    """Options of a transcription, for one speaker or one recording."""

    language: str = ""  # ISO 639-1; empty: the model's setting; auto: find it in each utterance
    hotwords: tuple[str, ...] = ()  # names and terms that are likely to be said, most important first
    words: bool = False  # finals include when each word was said


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript, with its punctuation."""

    text: str
    start_s: float  # from the segment's first sample on
    end_s: float
    probability: float  # mean over its tokens


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of one segment."""

    text: str  # empty when nothing was said
    language: str  # ISO 639-1
    audio_s: float
    reason: str = ""  # why text was withheld: "no speech", "low confidence", "repetition"
    provisional: bool = False  # a partial that a final decode would not accept as it is
    settled: int = 0  # leading words that will not change, however long the utterance grows
    redecoded: bool = False  # a first, quicker decode looked wrong, so it was repeated with more effort
    words: tuple[Word, ...] = ()  # in order; empty for a partial, for an empty text, and where they were not asked for
    language_probability: float = 1.0  # of the language; 1 where it was given


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as it is described to a language model."""

    name: str  # letters, digits, "_" and "-", 64 at most
    description: str
    parameters: Mapping[str, object]  # JSON Schema of an object
    examples: tuple[tuple[str, Mapping[str, object]], ...] = ()
    """Requests, and the arguments that each leads to: for models that get tools in their prompt."""
    probe: tuple[str, Mapping[str, object]] | None = None
    """Such a request that no prompt contains, to find out whether a model understands the tools."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request of a language model to use a tool."""

    id: str  # pairs it with its result
    name: str
    arguments: str  # a JSON object, as the model wrote it


Approval = Literal["yes", "always", "no"]
"""The user's answer whether a tool may be used; always: until the conversation ends."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation as a language model sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()  # tool calls that an assistant asks for beside its text
    answers: ToolCall | None = None  # for a tool: the call that `text` is the result of


@dataclass(frozen=True, slots=True)
class Timings:
    """What a language model reports of one answer: tokens, and the time that they took."""

    read_tokens: int
    read_s: float
    written_tokens: int
    written_s: float
    threads: int  # that wrote; 0: not known


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model should pick its tokens; None: nothing in particular."""

    temperature: float | None = None
    repeat_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class GgufFile:
    """The file of a language model for the embedded llama.cpp."""

    name: str  # in the manifest, or of the file without its suffix
    path: Path
    why: str = ""  # why this one, if it was chosen among others
    measured: Callable[[Timings], None] | None = None  # takes in the timings of its answers
    sampling: Sampling = Sampling()
    wants_examples: bool = False  # it answers better after example turns


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository of the Hugging Face hub with GGUF files."""

    owner: str
    repo: str
    quantization: str  # such as Q4_K_M
    is_named: bool = False  # the user has named the quantization

    @property
    def name(self) -> str:
        """The name that Ollama knows, too."""
        return f"hf.co/{self.owner}/{self.repo}" + (f":{self.quantization}" if self.is_named else "")

    @property
    def folder(self) -> str:
        """The name of its folder among the models."""
        return f"{self.owner}--{self.repo}--{self.quantization}"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a streamed answer."""

    text: str
    at_limit: bool = False  # the model was made to stop here: `llm.max_answer_tokens`


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice that can be selected."""

    name: str
    language: str  # such as "en-us"


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A part of the answer that is synthesized in one go."""

    text: str  # the words that the voice says
    source_end: int  # characters of the answer, as written, that are covered once it was spoken
    word_ends: tuple[int, ...] = ()  # the same for each word of `text.split()`; never decreases


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A part of a text chunk's sound. A voice that streams yields several."""

    pcm: Pcm  # (n,) at the voice's rate
    share: float  # of the text chunk that is spoken at its end, 0 to 1; 1 for the last one
    word_ends_s: tuple[float, ...] | None = None
    """When each word that ends in it does, from its beginning; None: the voice does not know.

    The audio chunks of a text chunk together have an end for each word of `text.split()`, in order.
    """


@dataclass(frozen=True, slots=True)
class WordEnd:
    """The end of a word in an audio chunk."""

    at_s: float  # from the chunk's beginning on
    source_end: int  # characters of the answer, as written, that have been said by then


@dataclass(frozen=True, slots=True)
class PlaybackChunk:
    """An audio chunk on its way to the speaker."""

    turn: TurnId
    pcm: Pcm  # (n,) at sample_rate_hz
    sample_rate_hz: int
    source_end: int  # characters of the answer, as written, that are covered when it has been heard
    words: tuple[WordEnd, ...] = ()  # in order; empty where the voice does not know them, or no word ends in it

    @property
    def audio_s(self) -> float:
        return len(self.pcm) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """The memory that is available to this process."""

    available_bytes: float | None  # None: unknown on this system
    total_bytes: float | None
    limit: str = ""  # what limits it, if a container allows less than the machine has
