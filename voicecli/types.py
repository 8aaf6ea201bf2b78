"""The values that flow between the parts. No behaviour beyond arithmetic on their own fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NewType

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Mono samples, shape (n,), int16: the only sample format between modules."""

TurnId = NewType("TurnId", int)
"""One utterance of the user and the answer to it. Minted once, carried everywhere, never looked up."""

LISTEN_RATE_HZ = 16_000
"""Rate of everything that is heard: what Whisper, Silero and webrtcvad take."""

FRAME_SAMPLES = 320
"""Samples of an `AudioFrame`: 20 ms, a length that webrtcvad accepts."""

FRAME_S = FRAME_SAMPLES / LISTEN_RATE_HZ


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """20 ms of the microphone."""

    pcm: Pcm  # (FRAME_SAMPLES,) at LISTEN_RATE_HZ
    captured_at_s: float  # clock time of the first sample


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """Speech as it goes to the recogniser, with pre-roll before and silence after."""

    pcm: Pcm  # (n,) at LISTEN_RATE_HZ
    started_at_s: float  # clock time of the first voiced sample
    ended_at_s: float  # clock time of the end of the last voiced frame

    @property
    def audio_s(self) -> float:
        return len(self.pcm) / LISTEN_RATE_HZ


@dataclass(frozen=True, slots=True)
class TranscribeOptions:
    """What may be asked of a recogniser beside the text, for one speaker or one recording."""

    language: str = ""  # ISO 639-1; empty: as the model is set; auto: each utterance's own
    hotwords: tuple[str, ...] = ()  # names and terms that are likely to be said, the most important first
    words: bool = False  # whether finals tell when each word was said


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript, with the marks that belong to it."""

    text: str
    start_s: float  # from the segment's first sample on
    end_s: float
    probability: float  # mean over its tokens


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser made of one segment."""

    text: str  # empty when nothing was said
    language: str  # ISO 639-1
    audio_s: float
    reason: str = ""  # why text was withheld: "no speech", "low confidence", "repetition"
    provisional: bool = False  # a draft that a final decode would not leave at that
    settled: int = 0  # words at the front that stand, however long the same utterance grows
    redecoded: bool = False  # a first, quicker decode looked wrong or unsure, so another was made with more effort
    words: tuple[Word, ...] = ()  # in order; empty for a draft, where the text is, and where nobody asked for them
    language_probability: float = 1.0  # of the language; 1 where it was given


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a language model is told of it."""

    name: str  # letters, digits, "_" and "-", 64 at most
    description: str
    parameters: Mapping[str, object]  # JSON Schema of an object


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A language model wants a tool to be used."""

    id: str  # pairs it with its result
    name: str
    arguments: str  # a JSON object, as the model wrote it


Approval = Literal["yes", "always", "no"]
"""Whether a tool may be used; always: until the conversation ends."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation as a language model sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()  # what an assistant asks for beside its text
    answers: ToolCall | None = None  # of a tool: the call that `text` is the result of


@dataclass(frozen=True, slots=True)
class Token:
    """A bit of streamed answer text."""

    text: str


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice that can be asked for."""

    name: str
    language: str  # such as "en-us"


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A stretch of the answer that is synthesised in one go."""

    text: str  # as a voice says it
    source_end: int  # characters of the answer, as written, that are covered when it has been spoken
    word_ends: tuple[int, ...] = ()  # the same for each word of `text.split()`; never decreases


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Some of the sound of a piece; a voice that streams gives several."""

    pcm: Pcm  # (n,) at the voice's rate
    share: float  # of the piece that has been spoken at its end, 0 to 1; 1 for the last
    word_ends_s: tuple[float, ...] | None = None
    """When each word that ends in it does, from its beginning on; None: the voice cannot tell.

    The stretches of a piece together have an end for each word of `text.split()`, in order.
    """


@dataclass(frozen=True, slots=True)
class WordEnd:
    """The end of a word in the sound of a chunk."""

    at_s: float  # from the chunk's beginning on
    source_end: int  # characters of the answer, as written, that have been said by then


@dataclass(frozen=True, slots=True)
class PlaybackChunk:
    """A stretch on its way to the speaker."""

    turn: TurnId
    pcm: Pcm  # (n,) at sample_rate_hz
    sample_rate_hz: int
    source_end: int  # characters of the answer, as written, that are covered when it has been heard
    words: tuple[WordEnd, ...] = ()  # in order; empty where the voice does not tell, or no word ends in it

    @property
    def audio_s(self) -> float:
        return len(self.pcm) / self.sample_rate_hz
