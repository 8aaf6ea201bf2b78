"""Cache of cut graphs and voice statistics beside the model. Damaged and outdated files are made again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDER = "streaming"
FORMAT = 2  # to be raised when cutting or calibrating changes
CHECKSUM_BYTES = 4


class StreamingCache:
    """Files of one model: `<model folder>/streaming/<model>-<key>/<name>`. Nothing is cached in a read-only folder."""

    def __init__(self, model: Path) -> None:
        """Raise OSError if the model does not exist."""
        stat = model.stat()
        key = hashlib.sha256(f"{FORMAT} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
        self._siblings = f"{model.stem}-"
        self.folder = model.parent / FOLDER / f"{model.stem}-{key}"

    def get_or_make(self, names: Sequence[str], make: Callable[[], Sequence[bytes]]) -> list[bytes]:
        """Return the contents of the files. If one is missing or damaged, make and write all of them."""
        contents = [self.read(name) for name in names]
        intact = [content for content in contents if content is not None]
        if len(intact) == len(names):
            return intact
        fresh = list(make())
        with contextlib.suppress(OSError):  # read-only or full: use them from memory, and make them again next time
            self._drop_outdated()
            for name, content in zip(names, fresh, strict=True):
                self._write(name, content)
        return fresh

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is missing or damaged."""
        try:
            stored = (self.folder / name).read_bytes()
        except OSError:
            return None
        content, checksum = stored[:-CHECKSUM_BYTES], stored[-CHECKSUM_BYTES:]
        return content if _checksum(content) == checksum else None

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=f"{name}.", suffix=".part", delete=False) as part:
            try:
                part.write(content)
                part.write(_checksum(content))
            except OSError:
                Path(part.name).unlink()
                raise
        os.replace(part.name, self.folder / name)

    def _drop_outdated(self) -> None:
        if self.folder.parent.is_dir():
            for folder in self.folder.parent.iterdir():
                if folder != self.folder and folder.name.startswith(self._siblings):
                    shutil.rmtree(folder)


def _checksum(content: bytes) -> bytes:
    """Return the checksum that ends a completely written file."""
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little")
