"""File descriptor 2 out of the way. ALSA, JACK and model libraries write to it behind Python's back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

STDERR_FD = 2


@contextmanager
def stderr_to(path: Path) -> Iterator[None]:
    """Append all that is written to file descriptor 2 to `path`, by whatever library; restores it on every way out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    saved = os.dup(STDERR_FD)
    try:
        with path.open("ab") as log:
            os.dup2(log.fileno(), STDERR_FD)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, STDERR_FD)
        os.close(saved)


@contextmanager
def own_stderr(log_path: Path) -> Iterator[TextIO]:
    """Standard error for the program alone: on a terminal, what libraries write to it goes to `log_path` meanwhile."""
    if not sys.stderr.isatty():
        yield sys.stderr
        return
    with open(os.dup(STDERR_FD), "w", encoding="utf8", buffering=1) as own, stderr_to(log_path):
        yield own
