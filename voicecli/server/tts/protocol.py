"""What clients and the text-to-speech server say to each other. Unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MOST_CHARS = 10_000
"""Text that is taken at once: about eleven minutes of speech."""

SoundFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
Speed = Annotated[float, Field(ge=0.5, le=2)]


class Frame(BaseModel):
    """A message, as JSON in one text frame or body."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VoiceAgentGuideConfig(Frame):
    """How `/ws` is to speak one text."""

    voice: str = ""
    speed: Speed | None = None
    lang_code: str = ""
    volume_multiplier: Annotated[float, Field(ge=0.1, le=5)] = 1.0


class VoiceAgentGuideRequest(Frame):
    """A text for `/ws` that is not plain."""

    text: str
    config: VoiceAgentGuideConfig = VoiceAgentGuideConfig()


class SpeechRequest(Frame):
    """The body of POST /v1/audio/speech. There is one model, so `model` may be anything."""

    model: str = ""
    input: Annotated[str, Field(min_length=1, max_length=MOST_CHARS)]
    voice: str | VoiceId = ""
    response_format: SoundFormat = "mp3"
    speed: Speed | None = None
    instructions: Annotated[str, Field(max_length=0)] = ""  # no voice here follows any
    stream_format: Literal["audio"] = "audio"

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id


class VoiceId(Frame):
    """OpenAI's other way to name a voice."""

    id: str


class Start(Frame):
    """How to speak the utterances that begin from now on."""

    type: Literal["start"]
    voice: str = ""
    speed: Speed | None = None
    format: Literal["s16le"] = "s16le"
    sample_rate_hz: Literal[24_000] = 24_000


class Text(Frame):
    """Some text; the first of it begins an utterance."""

    type: Literal["text"]
    text: str


class End(Frame):
    """The utterance is written to its end."""

    type: Literal["end"]


class Cancel(Frame):
    """Nothing more of what is written shall be heard."""

    type: Literal["cancel"]


Asked = Annotated[Start | Text | End | Cancel, Field(discriminator="type")]
ASKED: TypeAdapter[Asked] = TypeAdapter(Asked)


class Ready(Frame):
    """How the next utterance will be spoken."""

    type: Literal["ready"] = "ready"
    voice: str
    language: str
    speed: float
    streams: bool  # the sound of a piece comes as it is computed, not all at once
    format: Literal["s16le"] = "s16le"
    sample_rate_hz: int


class AudioStarted(Frame):
    """Binary frames of this utterance follow."""

    type: Literal["audio_started"] = "audio_started"
    utterance: int


class SpokenWord(Frame):
    text: str  # as written, without the markup around it
    end_s: float  # in the sound of the utterance


class Spoken(Frame):
    """Words that end in the sound that has been sent."""

    type: Literal["spoken"] = "spoken"
    utterance: int
    words: tuple[SpokenWord, ...]


class Done(Frame):
    """All of it has been sent."""

    type: Literal["done"] = "done"
    utterance: int
    audio_s: float


class Cancelled(Frame):
    """The rest of it will not be sent."""

    type: Literal["cancelled"] = "cancelled"
    utterance: int
    audio_s: float  # that was sent


class Failed(Frame):
    """An utterance that ends here, or, without a number, a message that was not understood."""

    type: Literal["error"] = "error"
    utterance: int | None = None
    code: str
    message: str
    hint: str = ""


Told = Ready | AudioStarted | Spoken | Done | Cancelled | Failed
