"""Events of OpenAI's Realtime API, of the client and of the server. Pure.

There are two formats. The current one nests the settings (`session.audio.input.format`); the one before it has them
flat (`session.input_audio_format`) and is still what many clients send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voicecli.server.stt.openai_request import hotwords
from voicecli.server.stt.protocol import (
    Endpoint,
    Failure,
    Final,
    Partial,
    ProtocolError,
    Reply,
    SpeechEnded,
    SpeechStarted,
    Start,
    invalid,
)

TRANSCRIPTION = "conversation.item.input_audio_transcription"
FLAT_NAMES = {
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
}
FLAT_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
ENDPOINTS: dict[str, Endpoint] = {"low": "patient", "medium": "balanced", "auto": "balanced", "high": "fast"}


class Part(BaseModel):
    """Part of a client event. Unknown fields are ignored: `session.updated` says what is in force."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Format(Part):
    """Audio format."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Annotated[int, Field(ge=8_000, le=48_000)] = 24_000


class Transcription(Part):
    """Options of the transcription."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    keywords: tuple[str, ...] | None = None


class ServerVad(Part):
    """Turn detection by a fixed silence."""

    type: Literal["server_vad"] = "server_vad"
    silence_duration_ms: Annotated[int, Field(ge=250, le=10_000)] = 500


class SemanticVad(Part):
    """Turn detection by the end-of-turn model."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


class Config(Part):
    """Settings of a session; `turn_detection` None: the client commits each utterance."""

    format: Format = Format()
    transcription: Transcription = Transcription()
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = ServerVad()

    def start(self) -> Start:
        """Return the start message with the same settings. Raise ProtocolError."""
        options = self.transcription
        endpoint: Endpoint = "silence"
        silence_ms = ServerVad().silence_duration_ms
        match self.turn_detection:
            case SemanticVad(eagerness=eagerness):
                endpoint = ENDPOINTS[eagerness]
            case ServerVad(silence_duration_ms=silence_ms):
                pass
        try:
            return Start(
                language=options.language or "",
                sample_rate_hz=self.format.rate,
                partials=self.turn_detection is not None,
                endpoint=endpoint,
                silence_ms=silence_ms,
                hotwords=hotwords(options.prompt or "", options.keywords or ()),
            )
        except ValidationError as error:
            raise _invalid(error) from error


class Update(Part):
    """Change the settings of the session."""

    type: Literal["session.update", "transcription_session.update"]
    session: dict[str, Any]


class Append(Part):
    """Audio."""

    type: Literal["input_audio_buffer.append"]
    audio: str
    """Base64."""


class Commit(Part):
    """End the current utterance."""

    type: Literal["input_audio_buffer.commit"]


class Clear(Part):
    """Discard the current utterance."""

    type: Literal["input_audio_buffer.clear"]


ClientEvent = Update | Append | Commit | Clear
_CLIENT_EVENT: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])


def parse_event(text: str) -> ClientEvent:
    """Parse an event of the client. Raise ProtocolError if it is invalid."""
    try:
        return _CLIENT_EVENT.validate_json(text)
    except ValidationError as error:
        raise _invalid(error) from error


def updated(config: Config, session: Mapping[str, Any]) -> Config:
    """Return the settings after an update: parts that it names are replaced. Raise ProtocolError."""
    if session.get("type", "transcription") != "transcription":
        raise ProtocolError("invalid_value", "session.type: this server only transcribes")
    settings = _nested(session)
    changes = {name: settings[name] for name in Config.model_fields if name in settings}
    if changes.get("transcription", {}) is None:
        changes["transcription"] = {}
    try:
        return Config.model_validate({**config.model_dump(), **changes})
    except ValidationError as error:
        raise _invalid(error) from error


def _nested(session: Mapping[str, Any]) -> Mapping[str, Any]:
    if "audio" in session:
        settings = session["audio"].get("input", {}) if isinstance(session["audio"], dict) else None
        if not isinstance(settings, dict):
            raise ProtocolError("invalid_value", "session.audio.input has to be an object")
        return settings
    settings = {nested: session[flat] for flat, nested in FLAT_NAMES.items() if flat in session}
    if isinstance(flat_format := settings.get("format"), str):
        settings["format"] = {"type": FLAT_FORMATS.get(flat_format, flat_format)}
    return settings


def _invalid(error: ValidationError) -> ProtocolError:
    return invalid(error, "invalid_value", "docs/compatibility.md lists what is accepted", whole="event")


def session_object(config: Config, session: str, model: str, *, flat: bool) -> dict[str, Any]:
    """Return the `session` of an event, in the client's format."""
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
    audio_input = {
        "format": config.format.model_dump(),
        "transcription": transcription,
        "noise_reduction": None,
        "turn_detection": turn_detection,
    }
    return {**head, "type": "transcription", "audio": {"input": audio_input}}


class Events:
    """Sends the server events of one connection, numbered."""

    def __init__(self, session: str, send: Callable[[str], None], *, flat: bool) -> None:
        self.session = session
        self.flat = flat
        """Whether the client uses the older, flat format."""
        self.last_item: str | None = None
        self._send = send
        self._events = 0
        self._items = 0

    def emit(self, kind: str, **fields: object) -> None:
        """Send an event of type `kind`."""
        self._events += 1
        event = {"type": kind, "event_id": f"event_{self.session}_{self._events}", **fields}
        self._send(json.dumps(event, ensure_ascii=False))

    def error(self, code: str, message: str) -> None:
        """Send an error that ends no utterance."""
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": None}
        self.emit("error", error=error)

    def new_item(self) -> str:
        """Return a new id for an utterance."""
        self._items += 1
        return f"item_{self.session}_{self._items}"


@dataclass(slots=True)
class Item:
    """An utterance without a final yet."""

    id: str
    started: bool = False  # speech_started was sent
    committed: bool = False
    sent: str = ""  # text in its deltas so far


class Items:
    """Turns the replies of one Listener into events; its audio begins at `began_s` of the connection's."""

    def __init__(self, events: Events, began_s: float) -> None:
        self._events = events
        self._began_s = began_s
        self._open: dict[int, Item] = {}
        self.answered = 0
        """Utterances that have ended."""

    def send(self, reply: Reply) -> None:
        """Send the events for a reply; each utterance ends with one `completed` or one `failed`."""
        match reply:
            case SpeechStarted(utterance=utterance, at_s=at_s):
                item = self._item(utterance)
                item.started = True
                self._emit("input_audio_buffer.speech_started", item, audio_start_ms=self._ms(at_s))
            case Partial(utterance=utterance, stable=stable):
                self._delta(self._item(utterance), stable)
            case SpeechEnded(utterance=utterance, at_s=at_s):
                item = self._item(utterance)
                if item.started:
                    self._emit("input_audio_buffer.speech_stopped", item, audio_end_ms=self._ms(at_s))
                self._commit(item)
            case Final(utterance=utterance, reason="cancelled"):
                self._fail(self._close(utterance), "cancelled", "input_audio_buffer.clear came before its end")
            case Final(utterance=utterance):
                self._complete(self._close(utterance), reply)
            case Failure(utterance=int() as utterance, code=code, message=message):
                self._fail(self._close(utterance), code, message)
            case Failure(code="nothing_to_flush"):
                self._events.error("input_audio_buffer_commit_empty", "the buffer holds no speech to commit")
            case Failure(code=code, message=message):
                self._events.error(code, message)

    def _item(self, utterance: int) -> Item:
        return self._open.setdefault(utterance, Item(self._events.new_item()))

    def _close(self, utterance: int) -> Item:
        item = self._item(utterance)
        del self._open[utterance]
        self.answered += 1
        return item

    def _ms(self, at_s: float) -> int:
        return round(1000 * (self._began_s + at_s))

    def _emit(self, kind: str, item: Item, **fields: object) -> None:
        self._events.emit(kind, item_id=item.id, **fields)

    def _commit(self, item: Item) -> None:
        previous, self._events.last_item = self._events.last_item, item.id
        item.committed = True
        self._emit("input_audio_buffer.committed", item, previous_item_id=previous)
        content = [{"type": "input_audio", "transcript": None}]
        message = {
            "id": item.id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": content,
        }
        for kind in ("created",) if self._events.flat else ("added", "done"):
            self._events.emit(f"conversation.item.{kind}", previous_item_id=previous, item=message)

    def _delta(self, item: Item, text: str) -> None:
        """Send the text beyond what was sent. Deltas cannot be taken back: other changes come only with `completed`."""
        if text.startswith(item.sent) and len(text) > len(item.sent):
            self._emit(f"{TRANSCRIPTION}.delta", item, content_index=0, delta=text[len(item.sent) :])
            item.sent = text

    def _complete(self, item: Item, final: Final) -> None:
        if not item.committed:  # it was too short to be speech
            self._commit(item)
        self._delta(item, final.text)
        usage = {"type": "duration", "seconds": final.audio_s}
        self._emit(f"{TRANSCRIPTION}.completed", item, content_index=0, transcript=final.text, usage=usage)

    def _fail(self, item: Item, code: str, message: str) -> None:
        error = {"type": "transcription_error", "code": code, "message": message, "param": None}
        self._emit(f"{TRANSCRIPTION}.failed", item, content_index=0, error=error)
