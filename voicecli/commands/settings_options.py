"""Options that set something, for the commands that hold or measure a conversation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from voicecli.commands.completion import voices, whisper_models
from voicecli.commands.options import option


class Llm(StrEnum):
    auto = "auto"
    openai = "openai"
    ollama = "ollama"
    embedded = "embedded"


class Endpoint(StrEnum):
    fast = "fast"
    balanced = "balanced"
    patient = "patient"
    silence = "silence"


class BargeIn(StrEnum):
    auto = "auto"
    headphones = "headphones"
    off = "off"


class Echo(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


class Theme(StrEnum):
    auto = "auto"
    light = "light"
    dark = "dark"
    none = "none"


class Mode(StrEnum):
    hands_free = "hands-free"
    push_to_talk = "push-to-talk"
    wake_phrase = "wake-phrase"


DEVICES, MODELS, SETTINGS, SCREEN = "Sound devices", "Models", "Settings", "Screen and settings"
TALK = "Ways to talk"

BargeInOption = Annotated[
    BargeIn | None,
    option(help="headphones: nothing is done about an echo; off: answers are not interrupted.", panel=DEVICES),
]
EchoOption = Annotated[
    Echo | None, option(help="Cancel the echo of open loudspeakers; auto: not with headphones.", panel=DEVICES)
]
EndpointOption = Annotated[
    Endpoint | None, option(help="How soon a silence is your end; silence: by its length alone.", panel=DEVICES)
]
ModeOption = Annotated[
    Mode | None, option(help="What is answered: all; what is said with the space bar held; after a phrase.", panel=TALK)
]
WakePhraseOption = Annotated[
    str | None, option(metavar="TEXT", help='What one says first, such as "hey computer"; the mode too.', panel=TALK)
]
LlmOption = Annotated[Llm | None, option(help="Where the answers come from; auto takes what it finds.", panel=MODELS)]
LlmUrlOption = Annotated[str | None, option(help="Base URL of an OpenAI-compatible server.", panel=MODELS)]
LlmModelOption = Annotated[str | None, option(help="Its model; the first one, unless named.", panel=MODELS)]
OllamaModelOption = Annotated[str | None, option(help="Model to ask Ollama for.", panel=MODELS)]
SttModelOption = Annotated[
    str | None, option(help="Whisper model: name or folder.", panel=MODELS, autocompletion=whisper_models)
]
LanguageOption = Annotated[str | None, option(help="Spoken language, such as en, or auto.", panel=MODELS)]
VoiceOption = Annotated[
    str | None, option(help="Kokoro voice, such as af_heart or bm_george.", panel=MODELS, autocompletion=voices)
]
SpeedOption = Annotated[float | None, option(help="Speaking rate, 0.5 to 2.", panel=MODELS)]
OfflineOption = Annotated[bool | None, option("--offline", help="Never download a model.", panel=MODELS)]
ThemeOption = Annotated[
    Theme | None, option(help="Colours for a light or dark background; auto asks the terminal.", panel=SCREEN)
]
SetOption = Annotated[
    list[str] | None,
    option("--set", metavar="SECTION.KEY=VALUE", help="Any setting (talk --show-settings); repeat.", panel=SETTINGS),
]


def backend_of(llm: Llm | None, llm_url: str | None) -> str | None:
    """Whoever names a server wants it to answer."""
    return llm or ("openai" if llm_url else None)
