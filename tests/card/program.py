"""`voicecli talk`, or another command, as a user starts it, on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from voicecli.events import Event
from voicecli.ui.jsonl import event_of

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b\][^\x07]*\x07")


class Program:
    """The process and what it has printed."""

    def __init__(self, env: Mapping[str, str], *arguments: str, command: str = "talk") -> None:
        self._env = {**env, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "48"}
        self._command = [sys.executable, "-m", "voicecli", command, *arguments]

    def __enter__(self) -> Self:
        self._terminal, inner = pty.openpty()
        self._process = subprocess.Popen(
            self._command, env=self._env, stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)
        self._printed = b""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        os.close(self._terminal)

    @property
    def text(self) -> str:
        """All that was printed, without escape sequences."""
        with self._changed:
            return ESCAPES.sub(b"", self._printed).decode("utf8", "replace").replace("\r", "")

    def await_text(self, pattern: str, timeout_s: float = 60.0, after: int = 0) -> int:
        """Wait until the output after the first `after` characters matches; returns where the match ends."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while (remaining_s := deadline_s - time.monotonic()) > 0:
                if match := re.search(pattern, self.text[after:], re.MULTILINE):
                    return after + match.end()
                if self._process.poll() is not None:
                    break
                self._changed.wait(min(0.1, remaining_s))
        raise AssertionError(f"{pattern!r} was not printed within {timeout_s} s:\n{self.text}")

    def await_raw(self, order: str, timeout_s: float = 15.0) -> None:
        """Wait for an escape sequence."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while order.encode() not in self._printed:
                assert time.monotonic() < deadline_s, f"{order!r} was not written within {timeout_s} s"
                self._changed.wait(0.1)

    def events(self, after: int = 0) -> list[Event]:
        """What was printed as JSON lines, from the `after`-th event on."""
        lines = [line for line in self.text.splitlines() if line.startswith('{"event"') and line.endswith("}")]
        return [event_of(line) for line in lines[after:]]

    def await_event(self, *kinds: type[Event], after: int = 0, timeout_s: float = 60.0) -> tuple[int, Event]:
        """The first event of one of the kinds from the `after`-th on, and the number of the next."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while (remaining_s := deadline_s - time.monotonic()) > 0:
                for index, event in enumerate(self.events(after)):
                    if isinstance(event, kinds):
                        return after + index + 1, event
                if self._process.poll() is not None:
                    break
                self._changed.wait(min(0.1, remaining_s))
        raise AssertionError(f"none of {kinds} within {timeout_s} s:\n{self.text[-3000:]}")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def interrupt(self) -> tuple[int, float]:
        """Ctrl-C; returns the exit code and the seconds that it took."""
        began_s = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(15)
        return code, time.monotonic() - began_s

    def _read(self) -> None:
        while True:
            try:
                block = os.read(self._terminal, 65536)
            except OSError:  # the other end was closed
                return
            with self._changed:
                self._printed += block
                self._changed.notify_all()
