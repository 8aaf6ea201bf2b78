"""What a client of OpenAI's Realtime API says, in both of its shapes. Pure.

The present one nests its settings (`session.audio.input.format`); the one before it had them flat
(`session.input_audio_format`) and is still what many clients send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voicecli.server.stt.openai_forms import hotwords
from voicecli.server.stt.protocol import Endpoint, ProtocolError, Start

FLAT = {
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
}
FLAT_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
ENDPOINTS: dict[str, Endpoint] = {"low": "patient", "medium": "balanced", "auto": "balanced", "high": "fast"}


class Part(BaseModel):
    """Fields that only OpenAI's own models know are passed over: what is in force is told in `session.updated`."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Format(Part):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Annotated[int, Field(ge=8_000, le=48_000)] = 24_000


class Transcription(Part):
    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    keywords: tuple[str, ...] | None = None


class ServerVad(Part):
    type: Literal["server_vad"] = "server_vad"
    silence_duration_ms: Annotated[int, Field(ge=250, le=10_000)] = 500


class SemanticVad(Part):
    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


class Config(Part):
    """What a session goes by; `turn_detection` None: the client says where an utterance ends."""

    format: Format = Format()
    transcription: Transcription = Transcription()
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = ServerVad()

    def start(self) -> Start:
        """As the session protocol says it. Raises ProtocolError."""
        said = self.transcription
        endpoint: Endpoint = "silence"
        silence_ms = ServerVad().silence_duration_ms
        match self.turn_detection:
            case SemanticVad(eagerness=eagerness):
                endpoint = ENDPOINTS[eagerness]
            case ServerVad(silence_duration_ms=asked_ms):
                silence_ms = asked_ms
        try:
            return Start(
                language=said.language or "",
                sample_rate_hz=self.format.rate,
                partials=self.turn_detection is not None,
                endpoint=endpoint,
                silence_ms=silence_ms,
                hotwords=hotwords(said.prompt or "", said.keywords or ()),
            )
        except ValidationError as error:
            raise problem(error) from error


class Update(Part):
    type: Literal["session.update", "transcription_session.update"]
    session: dict[str, Any]


class Append(Part):
    type: Literal["input_audio_buffer.append"]
    audio: str
    """Base64."""


class Commit(Part):
    type: Literal["input_audio_buffer.commit"]


class Clear(Part):
    type: Literal["input_audio_buffer.clear"]


Event = Update | Append | Commit | Clear
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def event_of(text: str) -> Event:
    """Raises ProtocolError that names what is wrong."""
    try:
        return _EVENT.validate_json(text)
    except ValidationError as error:
        raise problem(error) from error


def updated(config: Config, session: Mapping[str, Any]) -> Config:
    """What is named is replaced, the rest stays. Raises ProtocolError."""
    if session.get("type", "transcription") != "transcription":
        raise ProtocolError("invalid_value", "session.type: this server transcribes and does nothing else")
    said = _nested(session)
    changes = {name: said[name] for name in Config.model_fields if name in said}
    if changes.get("transcription", {}) is None:
        changes["transcription"] = {}
    try:
        return Config.model_validate({**config.model_dump(), **changes})
    except ValidationError as error:
        raise problem(error) from error


def _nested(session: Mapping[str, Any]) -> Mapping[str, Any]:
    if "audio" in session:
        said = session["audio"].get("input", {}) if isinstance(session["audio"], dict) else None
        if not isinstance(said, dict):
            raise ProtocolError("invalid_value", "session.audio.input has to be an object")
        return said
    said = {ours: session[theirs] for theirs, ours in FLAT.items() if theirs in session}
    if isinstance(flat_format := said.get("format"), str):
        said["format"] = {"type": FLAT_FORMATS.get(flat_format, flat_format)}
    return said


def problem(error: ValidationError) -> ProtocolError:
    """The first thing that is wrong."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "event"
    return ProtocolError("invalid_value", f"{where}: {first['msg']}", "docs/compatibility.md lists what is taken")


def described(config: Config, session: str, model: str, *, flat: bool) -> dict[str, Any]:
    """The session as its client knows it."""
    transcription = {**config.transcription.model_dump(exclude_none=True), "model": model}
    turn_detection = config.turn_detection.model_dump() if config.turn_detection else None
    head = {"id": session, "object": "realtime.transcription_session"}
    if flat:
        return {
            **head,
            "input_audio_format": "pcm16",
            "input_audio_transcription": transcription,
            "turn_detection": turn_detection,
        }
    heard = {
        "format": config.format.model_dump(),
        "transcription": transcription,
        "noise_reduction": None,
        "turn_detection": turn_detection,
    }
    return {**head, "type": "transcription", "audio": {"input": heard}}
