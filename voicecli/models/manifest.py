"""The manifest of the models that voicecli knows.

    config/models.toml -> Manifest -> Model -> Source (provides the whole model) -> SourceFile

`voicecli.models.store` looks for the files on disk, `voicecli.models.download` downloads them.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from voicecli.errors import SettingsError
from voicecli.settings.load import shipped_text

SourceKind = Literal["hub", "github", "pypi", "npm"]
_PACKAGE_PIN = {"pypi": "==", "npm": "@"}


def _plain_name(name: str) -> str:
    if not name or PurePosixPath(name).name != name or name.startswith(".") or name.endswith(".part") or "\\" in name:
        raise ValueError(f"{name!r} is not a plain file name")
    return name


PlainName = Annotated[str, AfterValidator(_plain_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Entry(BaseModel):
    """A frozen table that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a file: `path` inside the package, repository or release that `origin` names."""

    origin: str
    path: str


class SourceFile(Entry):
    """A file on disk, and the parts that it is joined from."""

    name: PlainName
    size: int | None = Field(default=None, ge=1)
    """Size in bytes; None: taken from the hub."""
    sha256: Sha256 | None = None
    """Digest of the file; None: taken from the hub."""
    parts: tuple[str, ...] = ()
    """Paths inside the source's origin, joined in order; default: the file's name. "package==version:path" names
    another package."""


class Source(Entry):
    """A place that provides the whole model."""

    kind: SourceKind
    origin: str
    """hub: owner/repo@revision; github: owner/repo@tag; pypi: package==version; npm: package@version."""
    files: tuple[SourceFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        pin = _PACKAGE_PIN.get(self.kind, "@")
        if pin not in self.origin[1:]:
            raise ValueError(f"{self.kind} origin {self.origin!r} names no version ({pin})")
        for file in self.files:
            if self.kind != "hub" and (file.size is None or file.sha256 is None):
                raise ValueError(f"{self.origin}: {file.name} needs size and sha256")
            if self.kind not in _PACKAGE_PIN and len(file.parts) > 1:
                raise ValueError(f"{self.origin}: only a package can hold {file.name} in parts")
        return self

    def parts(self, file: SourceFile) -> tuple[Part, ...]:
        """Return where the bytes of `file` are, in the order in which they are joined."""
        return tuple(self._part(text) for text in file.parts or (file.name,))

    def _part(self, text: str) -> Part:
        origin, colon, path = text.rpartition(":")
        return Part(origin, path) if colon else Part(self.origin, text)

    def __str__(self) -> str:
        return f"{self.kind} {self.origin.partition('@')[0] if self.kind == 'hub' else self.origin}"


class Chat(Entry):
    """How a language model is best asked."""

    temperature: float | None = Field(default=None, ge=0)
    """None: as `llm.temperature` says."""
    repeat_penalty: float | None = Field(default=None, gt=0)
    """Above 1: words that were written recently become less likely."""
    examples: bool = False
    """Whether example turns before the conversation make its answers better."""


class Model(Entry):
    """A model, its license and its sources in order of preference."""

    name: PlainName
    kind: Literal["stt", "tts", "voices", "llm", "turn", "own"]
    """own: a language model that the user has named, so that nothing more is known of it."""
    license: str
    about: str
    default: bool = False
    approx_mb: int | None = None
    source: tuple[Source, ...] = Field(min_length=1)
    # Of language models only:
    parameters_b: float = Field(default=0, ge=0)
    """Parameters, in billions."""
    memory_mb: int = Field(default=0, ge=0)
    """Memory in 10^6 bytes, with a context of 4096 tokens."""
    languages: tuple[str, ...] = ()
    """Languages that it answers in, ISO 639-1."""
    context_tokens: int = Field(default=0, ge=0)
    """Longest context that it was trained for."""
    tools: int | None = Field(default=None, ge=0, le=20)
    """Right calls for 20 requests that need a tool; None: not tried."""
    thinking: bool = False
    """Whether it can reason before it answers, which voicecli switches off."""
    score: int | None = Field(default=None, ge=0, le=60)
    """Right answers to the 60 questions; None: not measured."""
    chat: Chat = Chat()

    @model_validator(mode="after")
    def _is_described(self) -> Self:
        if self.kind == "llm" and not (self.parameters_b and self.memory_mb and self.languages and self.context_tokens):
            raise ValueError(f"{self.name} needs parameters_b, memory_mb, languages and context_tokens")
        return self

    @property
    def size_bytes(self) -> int | None:
        """Size in bytes at the first source whose sizes are all known, or None."""
        for source in self.source:
            sizes = [file.size for file in source.files if file.size is not None]
            if len(sizes) == len(source.files):
                return sum(sizes)
        return None

    @property
    def kinds(self) -> tuple[SourceKind, ...]:
        """Kinds of the sources, in order of preference."""
        return tuple(dict.fromkeys(source.kind for source in self.source))


class Manifest(Entry):
    """All known models."""

    model: tuple[Model, ...]

    @classmethod
    def load(cls) -> Manifest:
        """Return the manifest that is shipped with the program."""
        return cls.parse(shipped_text("models.toml"))

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Parse a manifest. Raise ValueError if it is invalid, which is a mistake of its author, not of the user."""
        return cls.model_validate(tomllib.loads(text))

    @cached_property
    def _by_name(self) -> dict[str, Model]:
        return {model.name: model for model in self.model}

    def find(self, name: str) -> Model:
        """Return the model called `name`. Raise SettingsError with the nearest known name if there is none."""
        if name in self._by_name:
            return self._by_name[name]
        near = difflib.get_close_matches(name.lower(), self._by_name, n=1, cutoff=0.4)
        guess = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(f"unknown model {name!r}", hint=f"{guess}To see all names: voicecli download-models --list")

    def is_default(self, name: str) -> bool:
        """Return whether this is the name of a model that a first conversation begins with."""
        return name in self._by_name and self._by_name[name].default

    def defaults(self) -> tuple[Model, ...]:
        """Return the models that a conversation on a CPU needs."""
        return tuple(model for model in self.model if model.default)
