"""Lines for pipes and for terminals that may close."""

from __future__ import annotations

import errno
from typing import TextIO

from voicecli.signals import write_nowhere


def print_line(out: TextIO, line: str) -> None:
    """Print it whole, at once. Raises BrokenPipeError when the reader has gone.

    A terminal that has closed reads no more, and that is no error of who writes: a signal ends the run, in order, and
    may come a moment later.
    """
    try:
        print(line, file=out, flush=True)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        write_nowhere(out.fileno())
