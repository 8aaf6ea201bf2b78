"""The messages of the text-to-speech server and its clients. Unknown fields are errors. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_CHARS = 10_000
"""The longest text of one request or utterance: about eleven minutes of speech."""

SoundFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
Speed = Annotated[float, Field(ge=0.5, le=2)]


class Frame(BaseModel):
    """A message: JSON in one text frame or body."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VoiceAgentGuideConfig(Frame):
    """Options of one text on `/ws`."""

    voice: str = ""
    speed: Speed | None = None
    lang_code: str = ""
    volume_multiplier: Annotated[float, Field(ge=0.1, le=5)] = 1.0


class VoiceAgentGuideRequest(Frame):
    """A text on `/ws` that comes with options."""

    text: str
    config: VoiceAgentGuideConfig = VoiceAgentGuideConfig()


class SpeechRequest(Frame):
    """Body of POST /v1/audio/speech. There is one model, so `model` may be anything."""

    model: str = ""
    input: Annotated[str, Field(min_length=1, max_length=MAX_CHARS)]
    voice: str | VoiceId = ""
    response_format: SoundFormat = "mp3"
    speed: Speed | None = None
    instructions: Annotated[str, Field(max_length=0)] = ""  # no voice here follows instructions
    stream_format: Literal["audio"] = "audio"

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id


class VoiceId(Frame):
    """A voice as an object, OpenAI's other format."""

    id: str


class Start(Frame):
    """Options of the utterances that begin after this message."""

    type: Literal["start"]
    voice: str = ""
    speed: Speed | None = None
    format: Literal["s16le"] = "s16le"
    sample_rate_hz: Literal[24_000] = 24_000


class Text(Frame):
    """A part of the text; the first part begins an utterance."""

    type: Literal["text"]
    text: str


class End(Frame):
    """The text of the utterance is complete."""

    type: Literal["end"]


class Cancel(Frame):
    """Stop all utterances under way."""

    type: Literal["cancel"]


ClientMessage = Annotated[Start | Text | End | Cancel, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


class Ready(Frame):
    """Options of the next utterance."""

    type: Literal["ready"] = "ready"
    voice: str
    language: str
    speed: float
    streams: bool  # audio is sent while a clause is computed, not when it is complete
    format: Literal["s16le"] = "s16le"
    sample_rate_hz: int


class AudioStarted(Frame):
    """Binary frames of this utterance follow."""

    type: Literal["audio_started"] = "audio_started"
    utterance: int


class SpokenWord(Frame):
    """A word and when it ends."""

    text: str  # as written, without surrounding markup
    end_s: float  # in the audio of the utterance


class SpokenWords(Frame):
    """The words that end in the audio frame before."""

    type: Literal["spoken"] = "spoken"
    utterance: int
    words: tuple[SpokenWord, ...]


class Done(Frame):
    """All audio of an utterance has been sent."""

    type: Literal["done"] = "done"
    utterance: int
    audio_s: float


class Cancelled(Frame):
    """The rest of an utterance will not be sent."""

    type: Literal["cancelled"] = "cancelled"
    utterance: int
    audio_s: float  # that was sent


class Failed(Frame):
    """An error. `utterance`: the one that ends with it; null: a client message was invalid."""

    type: Literal["error"] = "error"
    utterance: int | None = None
    code: str
    message: str
    hint: str = ""


ServerMessage = Ready | AudioStarted | SpokenWords | Done | Cancelled | Failed
