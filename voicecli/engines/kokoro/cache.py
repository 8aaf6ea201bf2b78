"""Cut graphs and statistics of voices, kept beside the model: made once, made again when damaged or outdated."""

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
FORMAT = 2  # counts up when cutting or calibrating changes
CHECKSUM_BYTES = 4


class StreamingCache:
    """Files of one model: `<model folder>/streaming/<model>-<key>/<name>`. A read-only folder keeps none."""

    def __init__(self, model: Path) -> None:
        """Raises OSError when the model is not there."""
        stat = model.stat()
        key = hashlib.sha256(f"{FORMAT} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
        self._siblings = f"{model.stem}-"
        self.folder = model.parent / FOLDER / f"{model.stem}-{key}"

    def get_or_make(self, names: Sequence[str], make: Callable[[], Sequence[bytes]]) -> list[bytes]:
        """Contents of the files; where one is absent or damaged, all are made and written."""
        contents = [self.read(name) for name in names]
        whole = [content for content in contents if content is not None]
        if len(whole) == len(names):
            return whole
        fresh = list(make())
        with contextlib.suppress(OSError):  # read-only or full: it works from memory, and is made again next time
            self._drop_outdated()
            for name, content in zip(names, fresh, strict=True):
                self._write(name, content)
        return fresh

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where it is absent or damaged."""
        try:
            sealed = (self.folder / name).read_bytes()
        except OSError:
            return None
        content, seal = sealed[:-CHECKSUM_BYTES], sealed[-CHECKSUM_BYTES:]
        return content if _checksum(content) == seal else None

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
    """Tells a file that was written whole from one that was not."""
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little")
