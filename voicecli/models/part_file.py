"""An unfinished file: bytes go to `<name>.part`, and the file gets its name once its hash is verified."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from voicecli.models.manifest import SourceFile
from voicecli.models.store import chunks_of


class SourceFailed(Exception):
    """A source cannot provide a file; the text says why. The next source may."""


class WrongBytes(SourceFailed):
    """A source provided bytes other than the requested ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the finished file must match."""

    name: str
    size: int | None
    """Size in bytes; None if unknown."""
    digest: str
    """Hex: 64 digits are a SHA-256; 40 are a git blob ID, which the hub names for small files."""

    @classmethod
    def of(cls, file: SourceFile, hub_digest: str = "") -> Expected:
        """Return what the manifest says of the file, with the hub's digest if the manifest has none."""
        return cls(file.name, file.size, file.sha256 or hub_digest)


class PartFile:
    """`<target>.part`, open within a `with`. Bytes of an earlier run are kept until `restart`."""

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

    async def resume(self) -> None:
        """Hash the bytes of an earlier run, so that writing continues after them."""
        self._sha256, self.size_bytes = hashlib.sha256(), 0
        for chunk in chunks_of(self.path):
            self._count(chunk)
            await asyncio.sleep(0)

    def restart(self) -> None:
        """Discard all bytes."""
        self._stream.truncate(0)
        self._sha256, self.size_bytes = hashlib.sha256(), 0

    def write(self, chunk: bytes) -> None:
        """Append bytes and hash them."""
        self._stream.write(chunk)
        self._count(chunk)

    def accept(self, expected: Expected) -> str:
        """Give the file its name and return its SHA-256. Raise WrongBytes and delete the bytes if they do not match."""
        self._stream.close()
        mismatch = self._mismatch(expected)
        if mismatch:
            self.path.unlink()
            raise WrongBytes(f"{expected.name}: {mismatch}")
        self.path.replace(self.target)
        return self._sha256.hexdigest()

    def _mismatch(self, expected: Expected) -> str:
        if expected.size is not None and self.size_bytes != expected.size:
            return f"expected {expected.size} bytes, got {self.size_bytes}"
        if len(expected.digest) == 64:
            kind, found = "sha256", self._sha256.hexdigest()
        else:
            kind, found = "git blob", _git_blob_id(self.path)
        if found == expected.digest:
            return ""
        return f"wrong bytes: expected {kind} {expected.digest[:12]}…, got {found[:12]}…"

    def _count(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self.size_bytes += len(chunk)


def _git_blob_id(path: Path) -> str:
    """Return git's ID of a file's content: SHA-1 over "blob", the size, a zero byte and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()
