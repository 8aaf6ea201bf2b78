"""File descriptor 2 out of the way. ALSA, JACK and model libraries write to it behind Python's back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
