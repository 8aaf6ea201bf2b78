"""What a server writes to stderr: its end is kept, so that an error can quote it."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self, TextIO

MOST_BYTES = 4000


class Tail:
    """A pipe; `file` is its writing end. Used as a context on the running loop."""

    def __init__(self) -> None:
        self._kept = b""

    def __enter__(self) -> Self:
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.file: TextIO = os.fdopen(writer, "w")
        asyncio.get_running_loop().add_reader(self._reader, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._read()
        self._forget()
        os.close(self._reader)
        self.file.close()

    @property
    def text(self) -> str:
        """What came last."""
        self._read()
        return self._kept.decode(errors="replace")

    def _read(self) -> None:
        try:
            while raw := os.read(self._reader, MOST_BYTES):
                self._kept = (self._kept + raw)[-MOST_BYTES:]
        except OSError:  # nothing more for now, or closed
            return
        self._forget()

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)
