"""Options that several commands share, and the settings that they set.

An option is an `Annotated` type; a string beside it is the key of the setting that it sets. Options that belong
together are fields of an `OptionGroup`: a command takes the group as one parameter, and `grouped` spreads it for Typer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from voicecli.settings.backends import Backend

if TYPE_CHECKING:
    from voicecli.server.access import Access
    from voicecli.server.serving import Bind
    from voicecli.settings.load import Loaded

DEVICES, MODELS, SETTINGS = "Sound devices", "Models", "Settings"
LISTENING, ADDRESS, ACCESS, LIMITS = "Listening modes", "Address", "Access", "Limits"
OWN_SPEECH = "Folder of recordings; without it, questions spoken by Kokoro."

Completions = list[tuple[str, str]]
"""Names that the Tab key offers, each with a description for shells that show one."""


def option(*names: str, help: str, panel: str, **more: Any) -> Any:
    """Make a Typer option without a shown default: None unless given, so that it overrides the settings only then."""
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


def complete_models() -> Completions:
    """Return all models of the manifest."""
    from voicecli.models.manifest import Manifest

    return [(model.name, model.about) for model in Manifest.load().model]


def complete_whisper_models() -> Completions:
    """Return the models that recognize speech."""
    from voicecli.models.manifest import Manifest

    return [(model.name, model.about) for model in Manifest.load().model if model.kind == "stt"]


def complete_language_models() -> Completions:
    """Return the language models of the manifest."""
    from voicecli.models.manifest import Manifest

    return [(model.name, model.about) for model in Manifest.load().model if model.kind == "llm"]


def complete_voices() -> Completions:
    """Return the names of Kokoro's voices."""
    from voicecli.models.manifest import Manifest

    files = [file.name for model in Manifest.load().model if model.kind == "voices" for file in model.source[0].files]
    return [(name.removesuffix(".bin"), "") for name in files if name.endswith(".bin")]


class OptionGroup:
    """Base class of the dataclasses whose fields are options."""

    def overrides(self) -> dict[str, object]:
        """Return the value of each setting that this group can set; None if its option was not given."""
        hints = get_type_hints(type(self), include_extras=True)
        keys = {
            key: field.name
            for field in group_fields(type(self))
            for key in hints[field.name].__metadata__
            if isinstance(key, str)
        }
        return {key: getattr(self, name) for key, name in keys.items()}


def group_fields(kind: type[OptionGroup]) -> tuple[Field[Any], ...]:
    """Return the fields of a group, all of which are dataclasses."""
    return fields(kind)  # type: ignore[arg-type]


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with each parameter that is an `OptionGroup` replaced by the group's options."""
    groups: dict[str, type[OptionGroup]] = {}
    parameters: list[inspect.Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            groups[parameter.name] = kind
            own = get_type_hints(kind, include_extras=True)
            parameters += [_keyword(field.name, field.default, own[field.name]) for field in group_fields(kind)]
        else:
            parameters.append(_keyword(parameter.name, parameter.default, kind))

    def spread(**values: Any) -> None:
        made = {
            name: kind(**{field.name: values.pop(field.name) for field in group_fields(kind)})
            for name, kind in groups.items()
        }
        command(**made, **values)

    spread.__name__, spread.__doc__, spread.__module__ = command.__name__, command.__doc__, command.__module__
    spread.__annotations__ = {one.name: one.annotation for one in parameters}
    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return spread


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


class Profile(StrEnum):
    """Shipped settings for a kind of machine."""

    cpu = "cpu"
    gpu = "gpu"


class Endpoint(StrEnum):
    """Values of `listen.endpoint`."""

    fast = "fast"
    balanced = "balanced"
    patient = "patient"
    silence = "silence"


class BargeIn(StrEnum):
    """Values of `listen.barge_in`."""

    auto = "auto"
    headphones = "headphones"
    off = "off"


EndpointOption = Annotated[
    Endpoint | None,
    option(help="How quickly a pause ends your turn; silence uses a fixed timeout.", panel=DEVICES),
    "listen.endpoint",
]
InputDeviceOption = Annotated[
    str | None, option(help="Microphone: index or part of its name.", panel=DEVICES), "audio.input_device"
]
OutputDeviceOption = Annotated[
    str | None, option(help="Speaker: index or part of its name.", panel=DEVICES), "audio.output_device"
]
OfflineOption = Annotated[
    bool | None, option("--offline", help="Never download a model.", panel=MODELS), "models.offline"
]
ConfigOption = Annotated[
    Path | None,
    option("--config", metavar="FILE", help="Use this settings file instead of your own.", panel=SETTINGS),
]
SetOption = Annotated[
    list[str] | None,
    option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change any setting (talk --show-settings lists them). Repeatable.",
        panel=SETTINGS,
    ),
]
KokoroModelOption = Annotated[
    str | None, option("--model", help="Kokoro model: name or ONNX file.", panel=MODELS), "tts.model"
]


@dataclass(frozen=True)
class LlmOptions(OptionGroup):
    """The language model."""

    llm: Annotated[
        Backend | None, option(help="Where to look for the language model; auto: everywhere.", panel=MODELS)
    ] = None
    llm_url: Annotated[str | None, option(help="Base URL of an OpenAI-compatible server.", panel=MODELS), "llm.url"] = (
        None
    )
    model: Annotated[
        str | None,
        option(
            help="Language model: of download-models --list, Ollama or a server; a GGUF file; hf.co/OWNER/REPO.",
            panel=MODELS,
            autocompletion=complete_language_models,
        ),
        "llm.model",
    ] = None

    def overrides(self) -> dict[str, object]:
        """Return the settings; a URL alone selects the OpenAI-compatible backend."""
        return {"llm.backend": self.llm or ("openai" if self.llm_url else None), **super().overrides()}


@dataclass(frozen=True)
class RecognizerOptions(OptionGroup):
    """Speech-to-text."""

    stt_model: Annotated[
        str | None,
        option(help="Whisper model: name or folder.", panel=MODELS, autocompletion=complete_whisper_models),
        "stt.model",
    ] = None
    language: Annotated[
        str | None, option(help="Spoken language, such as en, or auto to detect it.", panel=MODELS), "stt.language"
    ] = None


@dataclass(frozen=True)
class VoiceOptions(OptionGroup):
    """Text-to-speech."""

    voice: Annotated[
        str | None,
        option(help="Kokoro voice, such as af_heart or bm_george.", panel=MODELS, autocompletion=complete_voices),
        "tts.voice",
    ] = None
    speed: Annotated[float | None, option(help="Speaking rate, 0.5 to 2.", panel=MODELS), "tts.speed"] = None


@dataclass(frozen=True)
class TurnOptions(OptionGroup):
    """When a turn ends, and what interrupts an answer."""

    endpoint: EndpointOption = None
    barge_in: Annotated[
        BargeIn | None,
        option(
            help="Interrupt answers by speaking; headphones: no echo is expected; off: answers are not interrupted.",
            panel=DEVICES,
        ),
        "listen.barge_in",
    ] = None


@dataclass(frozen=True)
class ProfileOptions(OptionGroup):
    """Where the settings come from."""

    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA GPU.", panel=SETTINGS)] = None
    config: ConfigOption = None

    def overrides_with(self, *groups: OptionGroup, **values: object) -> dict[str, object]:
        """Return the settings of these groups and of `values`, whose names have "__" in place of the dot."""
        merged = {name.replace("__", "."): value for name, value in values.items()}
        for group in (*groups, self):
            merged |= group.overrides()
        return merged

    def load(self, *groups: OptionGroup, **values: object) -> Loaded:
        """Load the settings with these options applied. Raise SettingsError if a key or value is wrong."""
        from voicecli.settings.load import load_settings

        overrides = self.overrides_with(*groups, **values)
        return load_settings(overrides, profile=self.profile or "", file=self.config)


@dataclass(frozen=True)
class SettingsOptions(ProfileOptions):
    """Where the settings come from, and changes to any of them."""

    offline: OfflineOption = None
    changed: SetOption = None

    def overrides(self) -> dict[str, object]:
        """Return the settings; `--set` wins over the option of the same setting."""
        from voicecli.settings.load import parsed

        return {**super().overrides(), **parsed(self.changed or ())}


@dataclass(frozen=True)
class ServerOptions(OptionGroup):
    """Where a server listens, who may connect, and for how long."""

    host: Annotated[
        str, typer.Option(help="Address to listen on; 127.0.0.1 accepts this machine only.", rich_help_panel=ADDRESS)
    ] = "127.0.0.1"
    tls_cert: Annotated[
        str, option("--tls-cert", metavar="FILE", help="Certificate (PEM); serves https and wss.", panel=ADDRESS)
    ] = ""
    tls_key: Annotated[
        str, option("--tls-key", metavar="FILE", help="Private key of the certificate (PEM).", panel=ADDRESS)
    ] = ""
    drain_s: Annotated[
        float,
        typer.Option("--drain", min=0, help="Seconds for sessions to finish at SIGTERM.", rich_help_panel=ADDRESS),
    ] = 10.0
    api_key: Annotated[
        str,
        typer.Option(
            envvar="VOICECLI_API_KEY", help="Key that clients must send.", rich_help_panel=ACCESS, show_default=False
        ),
    ] = ""
    insecure: Annotated[bool, option("--insecure", help="Let other machines connect without a key.", panel=ACCESS)] = (
        False
    )
    allow_origin: Annotated[
        list[str] | None,
        option("--allow-origin", help="Origin of web pages that may connect; * allows all. Repeatable.", panel=ACCESS),
    ] = None
    max_session_s: Annotated[
        float, typer.Option(min=1, help="Longest session, in seconds.", rich_help_panel=LIMITS)
    ] = 3600.0
    idle_s: Annotated[
        float, typer.Option(min=1, help="Close a session after this many idle seconds.", rich_help_panel=LIMITS)
    ] = 60.0

    def access(self) -> Access:
        """Return who may connect. Raise SettingsError if anybody on the network could."""
        from voicecli.server.access import Access, check_binding

        access = Access(self.api_key, frozenset(self.allow_origin or ()))
        check_binding(self.host, access, insecure=self.insecure)
        return access

    def bind(self, port: int) -> Bind:
        """Return the address. Raise SettingsError if half of a certificate is missing or this system cannot serve."""
        from voicecli.app.platform import require_unix
        from voicecli.errors import SettingsError
        from voicecli.server.serving import Bind

        require_unix("a server")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError(
                "--tls-cert and --tls-key must be given together", "add the other one: --tls-cert FILE --tls-key FILE"
            )
        return Bind(self.host, port, self.tls_cert, self.tls_key, drain_s=self.drain_s)
