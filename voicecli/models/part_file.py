"""A file on its way: bytes go to `<name>.part`, are hashed, and get their name only when they are right."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from voicecli.models.manifest import SourceFile, chunks_of


class SourceFailed(Exception):
    """This source cannot yield the file; the text says why. The next one may."""


class WrongBytes(SourceFailed):
    """The source answered, and its bytes are not the ones that were asked for."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the finished file must be."""

    name: str
    size: int | None
    """Bytes."""
    digest: str
    """Hex: 64 digits are a sha256; 40 are git's blob id, which the hub names for its small files."""

    @classmethod
    def of(cls, file: SourceFile, hub_digest: str = "") -> Expected:
        """From the manifest, or from the hub where the manifest leaves the digest to it."""
        return cls(file.name, file.size, file.sha256 or hub_digest)


class PartFile:
    """Open `<target>.part` for the length of a `with`. What an earlier run left is kept until `restart`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream: BinaryIO = self.path.open("ab")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    async def take_up(self) -> None:
        """Hash what an earlier run left, so that writing goes on behind it."""
        self._sha256, self.size_bytes = hashlib.sha256(), 0
        for chunk in chunks_of(self.path):
            self._count(chunk)
            await asyncio.sleep(0)

    def restart(self) -> None:
        """Drop what is there."""
        self._stream.truncate(0)
        self._sha256, self.size_bytes = hashlib.sha256(), 0

    def write(self, chunk: bytes) -> None:
        self._stream.write(chunk)
        self._count(chunk)

    def accept(self, expected: Expected) -> str:
        """Give the file its name; returns its sha256. Raises WrongBytes, and drops the bytes, if they are not right."""
        self._stream.close()
        fault = self._fault(expected)
        if fault:
            self.path.unlink()
            raise WrongBytes(f"{expected.name}: {fault}")
        self.path.replace(self.target)
        return self._sha256.hexdigest()

    def _fault(self, expected: Expected) -> str:
        if expected.size is not None and self.size_bytes != expected.size:
            return f"wanted {expected.size} bytes, got {self.size_bytes}"
        if len(expected.digest) == 64:
            kind, found = "sha256", self._sha256.hexdigest()
        else:
            kind, found = "git blob", _git_blob_id(self.path)
        if found == expected.digest:
            return ""
        return f"wrong bytes: wanted {kind} {expected.digest[:12]}…, got {found[:12]}…"

    def _count(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self.size_bytes += len(chunk)


def _git_blob_id(path: Path) -> str:
    """Git's name for a file's content: sha1 over "blob <size>\\0" and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()
