"""The messages of `WS /v1/listen`: JSON text frames, with audio in binary frames between them. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voicecli.errors import VoiceCliError
from voicecli.types import LISTEN_RATE_HZ

Endpoint = Literal["fast", "balanced", "patient", "silence"]
SampleFormat = Literal["s16le", "f32le"]


class ProtocolError(VoiceCliError):
    """A message that cannot be understood; `code` is for programs."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class Said(BaseModel):
    """A message of either side; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Start(Said):
    """The first message: how the audio comes, and what is wanted."""

    type: Literal["start"] = "start"
    language: str = ""
    """ISO 639-1 or "auto"; empty: the server's setting."""
    sample_rate_hz: Annotated[int, Field(ge=8_000, le=48_000)] = LISTEN_RATE_HZ
    format: SampleFormat = "s16le"
    partials: bool = True
    endpoint: Endpoint = "balanced"
    silence_ms: Annotated[int, Field(ge=250, le=10_000)] = 500
    """What ends an utterance with the endpoint "silence". The default is what VoiceAgentGuide's text says."""
    hotwords: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=100)] = ()
    """Names and terms that are likely to come up."""
    words: bool = False
    """Finals tell when each word was said."""


class Flush(Said):
    """What was said so far is an utterance."""

    type: Literal["flush"]


class Cancel(Said):
    """The utterance under way is of no interest."""

    type: Literal["cancel"]


class Stop(Said):
    """No more audio comes: send what is left, and close."""

    type: Literal["stop"]


Command = Flush | Cancel | Stop
Request = Annotated[Start | Command, Field(discriminator="type")]
_REQUEST: TypeAdapter[Start | Command] = TypeAdapter(Request)


class Ready(Said):
    type: Literal["ready"] = "ready"
    session: str
    model: str
    sample_rate_hz: int


class SpeechStarted(Said):
    type: Literal["speech_started"] = "speech_started"
    utterance: int
    at_s: float
    """Of the session's audio; so are all times."""


class Partial(Said):
    """Words so far: those that two hypotheses agree on, and the rest."""

    type: Literal["partial"] = "partial"
    utterance: int
    stable: str
    unstable: str


class SpeechEnded(Said):
    """The speaker is done; the final follows."""

    type: Literal["speech_ended"] = "speech_ended"
    utterance: int
    at_s: float


class WordTime(Said):
    text: str
    start_s: float
    end_s: float
    probability: float


class Timings(Said):
    queue_ms: int
    """The utterance waited for others."""
    decode_ms: int
    after_end_ms: int
    """From its last voiced sample to this reply."""


class Final(Said):
    """The one reply that ends an utterance."""

    type: Literal["final"] = "final"
    utterance: int
    text: str
    """Empty where there were no words."""
    language: str
    words: tuple[WordTime, ...] = ()
    audio_s: float
    reason: str = ""
    """Why there is no text."""
    timings: Timings


class Failure(Said):
    """`utterance`: the one that it ends, with no final to come; null: something else went wrong."""

    type: Literal["error"] = "error"
    utterance: int | None = None
    code: str
    message: str
    hint: str = ""


Reply = Ready | SpeechStarted | Partial | SpeechEnded | Final | Failure


def request_of(text: str) -> Start | Command:
    """Raises ProtocolError that names what is wrong."""
    try:
        return _REQUEST.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise ProtocolError("bad_message", f"{where}: {first['msg']}", "docs/protocol.md lists the messages") from error


def failure_of(error: VoiceCliError, utterance: int | None = None) -> Failure:
    """An error as a reply."""
    code = error.code if isinstance(error, ProtocolError) else "engine"
    return Failure(utterance=utterance, code=code, message=error.message, hint=error.hint)
