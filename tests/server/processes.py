"""Servers as processes, on a free port of this machine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """URL of `voicecli ARGUMENTS`, once it says that it is ready; it has to end in order."""
    command = [sys.executable, "-m", "voicecli", *arguments, "--port", "0", "--offline"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            told = []
            for line in process.stderr:
                told.append(line)
                if found := re.search(r"on (https?://\S+)", line):
                    break
            else:
                raise AssertionError("".join(told))
            guard.cancel()
            yield found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=30)
            guard.cancel()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest
