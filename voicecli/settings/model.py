"""All settings, as frozen models. Values come from `config/*.toml` and are merged by `settings_load`.

The defaults live in `config/default.toml` alone; a model here says what a key means and what it may be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from voicecli.settings.section import Positive, Section, as_table
from voicecli.settings.tools import ToolSettings

Device = Literal["cpu", "cuda"]
EndpointMode = Literal["fast", "balanced", "patient"]
ListenMode = Literal["hands-free", "push-to-talk", "wake-phrase"]


PHRASE_LETTERS = 4
"""Of a wake phrase, at the least: shorter ones sound like the beginning of many a sentence."""


def distinct_phrase(phrase: str) -> str:
    """A wake phrase that can be told from other words. Raises ValueError."""
    if sum(letter.isalnum() for letter in phrase) < PHRASE_LETTERS:
        raise ValueError(f"a wake phrase has at least {PHRASE_LETTERS} letters, or all kinds of words would wake")
    return phrase


class AudioSettings(Section):
    """Sound devices."""

    input_device: str
    """Part of a name, or an index from `voicecli devices`; empty: the system's default."""
    output_device: str
    """As `input_device`."""
    input_latency_s: Positive
    """Buffer asked of the input device."""
    output_latency_s: Positive
    """Buffer asked of the output device: it is what remains audible after an interruption."""
    echo: Literal["auto", "on", "off"]
    """Whether the assistant's own voice is taken out of the microphone, where microphone and speaker are both devices.
    auto: not with headphones (listen.barge_in), and without livekit it says so and goes on; on: that is an error."""
    ready_sound: bool
    """Whether a short sound tells that the assistant listens. The echo canceller learns the room from it."""


class ListenSettings(Section):
    """When is it speech, meant for the assistant, and when is the user done."""

    mode: ListenMode
    """What is answered: all that is said, what is said while a key is held, or what begins with the wake phrase."""
    wake_phrase: Annotated[str, AfterValidator(distinct_phrase)]
    """What one says first where mode is wake-phrase."""
    wake_timeout_s: Annotated[float, Field(ge=0, le=600)]
    """So long after an exchange one may go on without the phrase."""
    webrtc_mode: Annotated[int, Field(ge=0, le=3)]
    """Aggressiveness of the first gate, 0 lets most through."""
    silero_threshold: Annotated[float, Field(gt=0, lt=1)]
    """Speech probability above which the second gate opens."""
    start_ms: Annotated[int, Field(ge=20)]
    """Voiced time that makes an utterance."""
    early_decode_ms: Annotated[int, Field(ge=0)]
    """Silence after which what was said so far is decoded, in case it was all; 0: only after pause_ms."""
    pause_ms: Annotated[int, Field(ge=40)]
    """Silence after which the answer is prepared, unheard."""
    end_ms: Annotated[int, Field(ge=100)]
    """Silence after which the user is taken to be done where endpoint is silence; else only until the end-of-turn model
    has answered."""
    endpoint: EndpointMode | Literal["silence"]
    """How long a silence has to be: fast, balanced and patient ask the end-of-turn model, the words and the user's own
    pauses, and are bounds of that wait (audio/endpoint.py); silence waits end_ms and loads no model."""
    endpoint_model: str
    """Name in the manifest or path of a Smart Turn v3 ONNX file."""
    pre_roll_ms: Annotated[int, Field(ge=0)]
    """Audio before the first voiced frame that is sent to the recogniser."""
    min_speech_ms: Annotated[int, Field(ge=0)]
    """Utterances with less voiced time than this are dropped."""
    max_utterance_s: Annotated[float, Field(gt=1, le=600)]
    """Beyond this an utterance is closed between two words, and answered; what follows goes on with the question."""
    barge_in: Literal["auto", "headphones", "off"]
    """Whether speech interrupts the answer. headphones: the microphone cannot hear the speaker, so nothing is done
    about an echo; off: the assistant finishes first."""
    duck_db: Annotated[float, Field(ge=0)]
    """How much softer the answer gets at the first sound that may be speech."""
    barge_in_pause_ms: Annotated[int, Field(ge=20)]
    """Voiced time over an answer after which it falls silent and waits for the words."""
    min_interrupt_ms: Annotated[int, Field(ge=20)]
    """Voiced time after which words over an answer end it."""

    @property
    def judges_pauses(self) -> bool:
        """Whether the end-of-turn model is asked; while a key is held no pause is an end."""
        return self.endpoint != "silence" and self.mode != "push-to-talk"


class SttSettings(Section):
    """Speech-to-text."""

    model: str
    """Name in the manifest (`voicecli download-models --list`) or a folder with a CTranslate2 Whisper."""
    device: Device
    compute_type: str
    """CTranslate2's precision: int8, float16, float32, ..."""
    threads: Annotated[int, Field(ge=0)]
    """0: one for each physical core, four at most."""
    language: str
    """ISO 639-1 code, or auto: each utterance's own, where it is long and clear enough to tell."""
    window: Literal["short", "full"]
    """short encodes only the speech and reuses cached silence; full always encodes 30 s."""
    partial_interval_s: Positive
    """Time between two hypotheses while the user speaks."""


class LlmSettings(Section):
    """Language model."""

    backend: Literal["auto", "openai", "ollama", "embedded"]
    url: str
    """Base URL of an OpenAI-compatible server, for example http://127.0.0.1:30000/v1."""
    model: str
    """Model name at the server (openai, ollama); empty: the server's first."""
    api_key: SecretStr
    ollama_url: str
    ollama_model: str
    keep_alive: str
    """How long Ollama keeps the model in memory after an answer."""
    embedded_model: str
    """Name in the manifest or path of a GGUF file."""
    threads: Annotated[int, Field(ge=0)]
    """Threads of the embedded model; 0: one for each physical core but one, eight at most."""
    gpu_layers: Annotated[int, Field(ge=-1)]
    """Layers of the embedded model that a GPU holds; -1: as many as fit."""
    context_tokens: Annotated[int, Field(ge=512)]
    max_answer_tokens: Annotated[int, Field(ge=8)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    seed: Annotated[int, Field(ge=-1)]
    """Of the choice between tokens, where the back end takes one; -1: another with each answer."""
    system_prompt: str
    prefill: bool
    """Send the question ahead while it is being asked, to back ends that keep the prefix: the embedded model, Ollama,
    servers on this machine."""
    timeout_s: Positive
    """Longest wait for a connection or for the next token."""
    first_token_timeout_s: Positive
    """Longest wait of a conversation for a server to begin an answer; then it counts as gone."""
    fallback: Literal["embedded", "none"]
    """What answers in a conversation while the server is gone. embedded: embedded_model, where its file is there."""


class AskSettings(Section):
    """Questions of `voicecli ask`, whose answers are read; what `llm` says of them is for answers that are heard."""

    system_prompt: str
    """Of answers that are only written; `llm.system_prompt` is that of spoken ones."""
    max_answer_tokens: Annotated[int, Field(ge=8)]
    timeout_s: Positive
    """Longest wait for the next token. The first one comes when all of a long question has been read."""


class TtsSettings(Section):
    """Text-to-speech."""

    model: str
    """Name in the manifest or path of a Kokoro ONNX file."""
    voice: str
    """A name or a blend (af_heart:2+bm_george:1). It speaks its own language; others have voices in the table."""
    voices: Annotated[dict[str, str], BeforeValidator(as_table)]
    """Language (ISO 639-1) -> voice, in conversations in other languages than `voice` speaks. In the environment and
    on the command line: fr=ff_siwis,es=em_alex; languages that are not named keep theirs."""
    device: Device
    speed: Annotated[float, Field(ge=0.5, le=2.0)]
    threads: Annotated[int, Field(ge=0)]
    """0: one for each physical core."""
    first_chunk_chars: Annotated[int, Field(ge=10, le=200)]
    """A first clause of an answer that is longer may be cut before a phrase, so that the voice begins sooner; a whole
    clause has the better melody."""
    streaming: bool
    """Give out the sound of a piece as it is computed; false: when all of it is there."""


class ModelSettings(Section):
    """Model files."""

    dir: str
    """Where models are kept; empty: the user's cache folder."""
    offline: bool
    """Never download."""


class LogSettings(Section):
    """Log file."""

    file: str
    """Empty: `voicecli.log` in the user's log folder."""
    level: Literal["debug", "info", "warning", "error"]


class HistorySettings(Section):
    """What was said in `voicecli talk`, kept on this machine."""

    enabled: bool
    """Whether conversations are kept."""
    file: str
    """SQLite file; empty: `history.db` in the user's data folder."""


class UiSettings(Section):
    """The live screen."""

    theme: Literal["auto", "light", "dark", "none"]
    """Colours for the terminal's background; auto asks it, none has no colours (as NO_COLOR)."""
    mouse: bool
    """Take the mouse, for its wheel alone. Without it the wheel scrolls where the terminal sends arrow keys for it, and
    text is selected as everywhere; with it selecting needs Shift."""


class Settings(Section):
    """Everything that can be set."""

    audio: AudioSettings
    listen: ListenSettings
    stt: SttSettings
    llm: LlmSettings
    ask: AskSettings
    tts: TtsSettings
    tools: ToolSettings
    models: ModelSettings
    log: LogSettings
    history: HistorySettings
    ui: UiSettings

    @property
    def models_dir(self) -> Path:
        if self.models.dir:
            return Path(self.models.dir).expanduser()
        from platformdirs import user_cache_path

        return user_cache_path("voicecli") / "models"

    @property
    def log_file(self) -> Path:
        if self.log.file:
            return Path(self.log.file).expanduser()
        from platformdirs import user_log_path

        return user_log_path("voicecli") / "voicecli.log"

    @property
    def history_file(self) -> Path:
        if self.history.file:
            return Path(self.history.file).expanduser()
        from platformdirs import user_data_path

        return user_data_path("voicecli") / "history.db"
