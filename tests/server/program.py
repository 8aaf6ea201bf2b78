"""`voicecli serve-stt` and `serve-tts` as a user starts them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

START_S = 60.0


class ServerProgram:
    """The process, up and ready when entered; killed at the end if it still runs."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "voicecli", *arguments, "--port", "0", "--offline"]
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        reported = ""
        for line in self._process.stderr:  # ends when the program does
            reported += line
            if found := re.search(r"https?://\S+", line):
                self.url = found[0]
                return self
        raise AssertionError(f"it did not start: {reported}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ws(self, path: str) -> str:
        return self.url.replace("http", "ws", 1) + path

    def terminate(self) -> None:
        """SIGTERM; returns at once."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self, timeout_s: float) -> tuple[int, float]:
        """Its exit code, and the seconds until it had ended."""
        began_s = time.monotonic()
        return self._process.wait(timeout_s), time.monotonic() - began_s
