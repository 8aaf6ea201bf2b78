"""All settings, as frozen models; `voicecli.settings.load` merges their values from several places.

Each field says what it means, its unit and its default. The defaults themselves live in `config/default.toml`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from voicecli.settings.backends import Backend

Device = Literal["cpu", "cuda"]
EndpointMode = Literal["fast", "balanced", "patient"]
UpgradeMode = Literal["ask", "auto", "never"]
"""Whether a better embedded model is downloaded."""

ListenMode = Literal["hands-free", "push-to-talk", "wake-phrase"]
Positive = Annotated[float, Field(gt=0)]

PHRASE_LETTERS = 4
"""Fewest letters of a wake phrase: shorter ones sound like the beginning of many sentences."""
_ENTRY = re.compile(r"(?P<key>[a-z]{2,3})\s*=\s*(?P<value>[^,=\s]+)")


def as_table(value: object) -> object:
    """Parse a table written as text, "fr=ff_siwis,es=em_alex"; return other values as they are. Raise ValueError."""
    if not isinstance(value, str):
        return value
    entries = [_ENTRY.fullmatch(part.strip()) for part in value.split(",") if part.strip()]
    if any(entry is None for entry in entries):
        raise ValueError("a table is written key=value,key=value")
    return {entry["key"]: entry["value"] for entry in entries if entry is not None}


def as_list(value: object) -> object:
    """Split a list written as text with commas, as in the environment; return other values as they are."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def distinct_phrase(phrase: str) -> str:
    """Return the wake phrase. Raise ValueError if it is too short to be distinct from other words."""
    if sum(letter.isalnum() for letter in phrase) < PHRASE_LETTERS:
        raise ValueError(f"a wake phrase needs at least {PHRASE_LETTERS} letters, or many other words would match it")
    return phrase


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class AudioSettings(Section):
    """Sound devices."""

    input_device: str
    """Microphone: part of its name, or its index from `voicecli devices`. Default: "" (the system's default)."""
    output_device: str
    """Speaker: part of its name, or its index from `voicecli devices`. Default: "" (the system's default)."""
    input_latency_s: Positive
    """Buffer requested from the input device, in seconds. Default: 0.02."""
    output_latency_s: Positive
    """Buffer requested from the output device, in seconds; it stays audible after an interruption. Default: 0.025."""
    echo: Literal["auto", "on", "off"]
    """Echo cancellation between a speaker and a microphone that are both devices. "auto": off with headphones
    (listen.barge_in), and off with a notice if livekit is missing; "on": a missing livekit is an error.
    Default: "auto"."""
    ready_sound: bool
    """Play a short sound when the assistant starts listening; the echo canceller learns the room from it.
    Default: true."""


class ListenSettings(Section):
    """What counts as speech to the assistant, when a turn ends, and what interrupts an answer."""

    mode: ListenMode
    """What is answered: all speech, speech while a key is held, or speech that begins with the wake phrase.
    Default: "hands-free"."""
    wake_phrase: Annotated[str, AfterValidator(distinct_phrase)]
    """Words that a request begins with in the mode "wake-phrase". Default: "hey computer"."""
    wake_timeout_s: Annotated[float, Field(ge=0, le=600)]
    """Time after an exchange in which the wake phrase is not needed, in seconds. Default: 8.0."""
    webrtc_mode: Annotated[int, Field(ge=0, le=3)]
    """Aggressiveness of the WebRTC voice activity detector; 0 passes the most. Default: 1."""
    silero_threshold: Annotated[float, Field(gt=0, lt=1)]
    """Speech probability above which the Silero voice activity detector reports speech. Default: 0.7."""
    start_ms: Annotated[int, Field(ge=20)]
    """Voiced time that starts an utterance, in milliseconds. Default: 120."""
    early_decode_ms: Annotated[int, Field(ge=0)]
    """Silence after which the speech so far is decoded early, in milliseconds; 0: only at `pause_ms`. Default: 80."""
    pause_ms: Annotated[int, Field(ge=40)]
    """Silence after which the answer is prepared but not played, in milliseconds. Default: 200."""
    end_ms: Annotated[int, Field(ge=100)]
    """Silence that ends a turn, in milliseconds, if `endpoint` is "silence"; otherwise it applies only until the
    end-of-turn model has answered. Default: 700."""
    endpoint: EndpointMode | Literal["silence"]
    """How quickly a pause ends a turn. "fast", "balanced" and "patient" bound a wait that depends on the end-of-turn
    model, the words and the user's own pauses (turns/endpoint.py); "silence" waits `end_ms` and loads no model.
    Default: "balanced"."""
    endpoint_model: str
    """Smart Turn v3 model: its name in the manifest, or a path to an ONNX file. Default: "smart-turn-v3.2"."""
    pre_roll_ms: Annotated[int, Field(ge=0)]
    """Audio before the first voiced frame that the recognizer gets, in milliseconds. Default: 400."""
    min_speech_ms: Annotated[int, Field(ge=0)]
    """Utterances with less voiced time are dropped, in milliseconds. Default: 160."""
    max_utterance_s: Annotated[float, Field(gt=1, le=600)]
    """Longest utterance, in seconds: a longer one is split between two words and answered, and what follows continues
    the question. Default: 120.0."""
    barge_in: Literal["auto", "headphones", "off"]
    """Whether speech interrupts an answer. "headphones": the microphone cannot pick up the speaker, so nothing is done
    about echo; "off": the assistant finishes first. Default: "auto"."""
    duck_db: Annotated[float, Field(ge=0)]
    """How much the answer is lowered at the first sound that may be speech, in dB. Default: 12.0."""
    barge_in_pause_ms: Annotated[int, Field(ge=20)]
    """Voiced time during an answer after which it pauses until the words are known, in milliseconds. Default: 80."""
    min_interrupt_ms: Annotated[int, Field(ge=20)]
    """Voiced time from which words during an answer end it, in milliseconds. Default: 240."""

    @property
    def judges_pauses(self) -> bool:
        """Whether the end-of-turn model is used; in push-to-talk mode, releasing the key ends the turn."""
        return self.endpoint != "silence" and self.mode != "push-to-talk"


class SttSettings(Section):
    """Speech-to-text."""

    model: str
    """Whisper model: its name in the manifest (`voicecli download-models --list`), or a folder with one converted for
    CTranslate2. Default: "whisper-base"."""
    device: Device
    """Where the model runs. Default: "cpu"."""
    compute_type: str
    """Precision of CTranslate2: int8, float16, float32, ... Default: "int8"."""
    threads: Annotated[int, Field(ge=0)]
    """CPU threads; 0: one per physical core, at most four. Default: 0."""
    language: str
    """ISO 639-1 code, or "auto": detected for each utterance that is long and clear enough. Default: "en"."""
    window: Literal["short", "full"]
    """What the encoder gets. "short": only the speech, with cached silence; "full": always 30 s. Default: "short"."""
    partial_interval_s: Positive
    """Time between partial transcripts while the user speaks, in seconds. Default: 0.5."""


class LlmSettings(Section):
    """Language model."""

    backend: Backend
    """Which kind of model answers; "auto": the first that is available. Default: "auto"."""
    url: str
    """Base URL of an OpenAI-compatible server, for example http://127.0.0.1:30000/v1. Default: ""."""
    model: str
    """The model: a name of the manifest, the path of a GGUF file, hf.co/OWNER/REPO[:QUANTIZATION], or a name of Ollama
    or another server. Default: "" (the best that the back end has)."""
    api_key: SecretStr
    """Key for that server. Default: ""."""
    ollama_url: str
    """Base URL of Ollama. Default: "http://127.0.0.1:11434"."""
    keep_alive: str
    """How long Ollama keeps the model in memory after an answer. Default: "30m"."""
    threads: Annotated[int, Field(ge=0)]
    """CPU threads of the embedded model; 0: one per physical core, one fewer for a file up to 400 MB; at most eight.
    Default: 0."""
    gpu_layers: Annotated[int, Field(ge=-1)]
    """Layers of the embedded model on the GPU; -1: as many as fit. Default: 0."""
    context_tokens: Annotated[int, Field(ge=512)]
    """Context of the embedded model and of Ollama, in tokens. Default: 4096."""
    max_answer_tokens: Annotated[int, Field(ge=8)]
    """Longest answer, in tokens; in the last quarter of them it ends with its sentence. Default: 160."""
    temperature: Annotated[float, Field(ge=-1, le=2)]
    """Randomness of the answer; 0 always picks the likeliest token; -1: what suits the model. Default: -1.0."""
    repeat_penalty: Annotated[float, Field(ge=0, le=2)]
    """Divides the weight of tokens that came just before, for backends that know it; 1: does nothing; 0: what suits
    the model. Default: 0.0."""
    seed: Annotated[int, Field(ge=-1)]
    """Seed of the token choice, for backends that accept one; -1: a new one for each answer. Default: -1."""
    system_prompt: str
    """Instructions for spoken answers. Default: short answers, in `config/default.toml`."""
    place: str
    """Where you are, for the language model; for example "Lisbon". Default: ""."""
    prefill: bool
    """Send the question ahead while it is spoken, to backends that keep the prefix: the embedded model, Ollama and
    servers on this machine. Default: true."""
    timeout_s: Positive
    """Longest wait for a connection or the next token, in seconds. Default: 30.0."""
    first_token_timeout_s: Positive
    """Longest wait for a server to begin an answer in a conversation, in seconds; then it counts as unavailable.
    Default: 15.0."""
    upgrade: UpgradeMode
    """Whether a better embedded model is downloaded beside the conversation, where this machine can run one: "ask" the
    user once, "auto" without a question, "never". Default: "ask"."""
    fallback: Literal["embedded", "none"]
    """What answers while the server is unavailable; "embedded": the best embedded model that is installed.
    Default: "embedded"."""


class AskSettings(Section):
    """Written answers of `voicecli ask`; `llm` has the same settings for spoken answers."""

    system_prompt: str
    """Instructions for answers that are only written. Default: brief Markdown, in `config/default.toml`."""
    max_answer_tokens: Annotated[int, Field(ge=8)]
    """Longest answer, in tokens. Default: 1024."""
    timeout_s: Positive
    """Longest wait for the next token, in seconds; the first one comes when all of a long question has been read.
    Default: 300.0."""


class TtsSettings(Section):
    """Text-to-speech."""

    model: str
    """Kokoro model: its name in the manifest, or a path to an ONNX file. Default: "kokoro-v1.0-int8"."""
    voice: str
    """Voice, or a blend such as af_heart:2+bm_george:1. It speaks its own language; `voices` has those of other
    languages. Default: "af_heart"."""
    voices: Annotated[dict[str, str], BeforeValidator(as_table)]
    """Voice for each language (ISO 639-1) that `voice` does not speak. In the environment and on the command line:
    fr=ff_siwis,es=em_alex; other languages keep theirs. Default: a voice per language, in `config/default.toml`."""
    device: Device
    """Where the model runs. Default: "cpu"."""
    speed: Annotated[float, Field(ge=0.5, le=2.0)]
    """Speaking rate, as a factor. Default: 1.0."""
    threads: Annotated[int, Field(ge=0)]
    """CPU threads; 0: one per physical core. Default: 0."""
    first_chunk_chars: Annotated[int, Field(ge=10, le=200)]
    """Length from which the first clause of an answer may be cut before a phrase, in characters, so that speech starts
    sooner; a whole clause has better intonation. Default: 16."""
    streaming: bool
    """Send out the sound of a text chunk while it is computed; false: when all of it is ready. Default: true."""


class ToolServer(Section):
    """An MCP server: a program to start, or an address."""

    command: str = ""
    """Program to start. Default: ""."""
    args: tuple[str, ...] = ()
    """Arguments of the program. Default: none."""
    env: dict[str, SecretStr] = Field(default_factory=dict)
    """Environment of the program, in addition to HOME, PATH and a few others that every server gets. Default: none."""
    url: str = ""
    """Address of a server that speaks streamable HTTP. Default: ""."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    """HTTP headers of each request to `url`, such as tokens. Default: none."""
    only: tuple[str, ...] = ()
    """Names of the tools to use. Default: all."""

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server needs either a command or a url")
        return self


class ToolSettings(Section):
    """Tools of the language model."""

    enabled: bool
    """Whether the language model may use tools. Default: true."""
    allow: Annotated[tuple[str, ...], BeforeValidator(as_list)]
    """Tools that need no approval: "builtin", names of servers, or "server.tool"; * matches anything.
    Default: ["builtin"]."""
    timeout_s: Positive
    """Longest wait for a tool, in seconds. Default: 60.0."""
    servers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], ToolServer]
    """MCP servers, by names of your choice. Default: none."""

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        if "builtin" in self.servers:
            raise ValueError('"builtin" names the tools of voicecli: give servers.builtin another name')
        return self


class ModelSettings(Section):
    """Model files."""

    dir: str
    """Folder of the models. Default: "" (the user's cache folder)."""
    offline: bool
    """Never download a model. Default: false."""


class LogSettings(Section):
    """Log file."""

    file: str
    """Path of the log. Default: "" (`voicecli.log` in the user's log folder)."""
    level: Literal["debug", "info", "warning", "error"]
    """Least severe messages to log. Default: "info"."""


class HistorySettings(Section):
    """Conversations of `voicecli talk`, kept on this machine."""

    enabled: bool
    """Whether conversations are saved. Default: true."""
    file: str
    """Path of the SQLite file. Default: "" (`history.db` in the user's data folder)."""


class UiSettings(Section):
    """The live screen."""

    theme: Literal["auto", "light", "dark", "none"]
    """Colors for the terminal's background; "auto" asks the terminal, "none" uses no colors (as NO_COLOR does).
    Default: "auto"."""
    mouse: bool
    """Capture the mouse for its wheel. Without it, the wheel works in terminals that send arrow keys for it, and text
    is selected as usual; with it, selecting text needs Shift. Default: false."""


class Settings(Section):
    """All settings."""

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
        """The folder of the models."""
        if self.models.dir:
            return Path(self.models.dir).expanduser()
        from platformdirs import user_cache_path

        return user_cache_path("voicecli") / "models"

    @property
    def log_file(self) -> Path:
        """The path of the log."""
        if self.log.file:
            return Path(self.log.file).expanduser()
        from platformdirs import user_log_path

        return user_log_path("voicecli") / "voicecli.log"

    @property
    def history_file(self) -> Path:
        """The path of the history database."""
        if self.history.file:
            return Path(self.history.file).expanduser()
        from platformdirs import user_data_path

        return user_data_path("voicecli") / "history.db"
