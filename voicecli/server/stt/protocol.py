"""The messages of `WS /v1/listen`: JSON text frames, with audio in binary frames between them. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voicecli.errors import VoiceCliError
from voicecli.types import LISTEN_RATE_HZ, Pcm

Endpoint = Literal["fast", "balanced", "patient", "silence"]
SampleFormat = Literal["s16le", "f32le"]


class ProtocolError(VoiceCliError):
    """A client sent an invalid message; `code` is for programs."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class Message(BaseModel):
    """A message of either side; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Start(Message):
    """First message: the audio format and what the client wants."""

    type: Literal["start"] = "start"
    language: str = ""
    """ISO 639-1 or "auto"; empty: the server's setting."""
    sample_rate_hz: Annotated[int, Field(ge=8_000, le=48_000)] = LISTEN_RATE_HZ
    format: SampleFormat = "s16le"
    partials: bool = True
    endpoint: Endpoint = "balanced"
    silence_ms: Annotated[int, Field(ge=250, le=10_000)] = 500
    """Silence that ends an utterance with the endpoint "silence". The default is that of VoiceAgentGuide's text."""
    hotwords: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=100)] = ()
    """Names and terms that are likely to come up."""
    words: bool = False
    """Finals carry the time of each word."""


class Flush(Message):
    """End the current utterance."""

    type: Literal["flush"]


class Cancel(Message):
    """Discard the current utterance and all finals not yet sent."""

    type: Literal["cancel"]


class Stop(Message):
    """No more audio comes: send the remaining finals and close."""

    type: Literal["stop"]


Command = Flush | Cancel | Stop
Request = Annotated[Start | Command, Field(discriminator="type")]
_REQUEST: TypeAdapter[Start | Command] = TypeAdapter(Request)


class Ready(Message):
    """The session has started."""

    type: Literal["ready"] = "ready"
    session: str
    model: str
    sample_rate_hz: int


class SpeechStarted(Message):
    """An utterance has begun."""

    type: Literal["speech_started"] = "speech_started"
    utterance: int
    at_s: float
    """Position in the session's audio, as all times are."""


class Partial(Message):
    """The words so far: those that two hypotheses agree on, and the rest."""

    type: Literal["partial"] = "partial"
    utterance: int
    stable: str
    unstable: str


class SpeechEnded(Message):
    """The utterance has ended; its final follows."""

    type: Literal["speech_ended"] = "speech_ended"
    utterance: int
    at_s: float


class WordTime(Message):
    """When a word was said."""

    text: str
    start_s: float
    end_s: float
    probability: float


class Timings(Message):
    """How long a final took."""

    queue_ms: int
    """Wait for the decodes of other sessions."""
    decode_ms: int
    after_end_ms: int
    """From the last voiced sample to this reply."""


class Final(Message):
    """The reply that ends an utterance."""

    type: Literal["final"] = "final"
    utterance: int
    text: str
    """Empty if there were no words."""
    language: str
    words: tuple[WordTime, ...] = ()
    audio_s: float
    reason: str = ""
    """Why there is no text."""
    timings: Timings


class Failure(Message):
    """An error. `utterance`: the one that ends with it instead of a final; null: it ends none."""

    type: Literal["error"] = "error"
    utterance: int | None = None
    code: str
    message: str
    hint: str = ""


Reply = Ready | SpeechStarted | Partial | SpeechEnded | Final | Failure


def parse_request(text: str) -> Start | Command:
    """Parse a text frame of the client. Raise ProtocolError if it is invalid."""
    try:
        return _REQUEST.validate_json(text)
    except ValidationError as error:
        raise invalid(error, "bad_message", "docs/protocol.md lists the messages") from error


def invalid(error: ValidationError, code: str, hint: str = "", whole: str = "message") -> ProtocolError:
    """Return a ProtocolError that names the first invalid field, or `whole` if it is not a field."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    return ProtocolError(code, f"{where}: {first['msg']}", hint)


def failure_of(error: VoiceCliError, utterance: int | None = None) -> Failure:
    """Return the reply for an error."""
    code = error.code if isinstance(error, ProtocolError) else "engine"
    return Failure(utterance=utterance, code=code, message=error.message, hint=error.hint)


class SampleReader:
    """Decodes the binary frames of one mono, little-endian stream; a frame may end inside a sample."""

    def __init__(self, sample_format: SampleFormat) -> None:
        """`sample_format`: s16le, or f32le from -1 to 1."""
        self._is_float = sample_format == "f32le"
        self._width = 4 if self._is_float else 2
        self._rest = b""

    def read(self, message: bytes) -> Pcm:
        """Return the complete samples, shape (n,). Values beyond full scale are clipped, NaN is silence."""
        data = self._rest + message
        whole = len(data) // self._width * self._width
        data, self._rest = data[:whole], data[whole:]
        if not self._is_float:
            return np.frombuffer(data, "<i2").astype(np.int16)
        samples = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
        pcm: Pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        return pcm
