"""How many threads an engine should take."""

from __future__ import annotations

import os

MOST_THREADS = 4
"""More than four threads gain little at batch size one, and hyper-threads lose (SYSTRAN/faster-whisper#33)."""


def usable_cores() -> int:
    """Cores that this process may run on, four at most."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows affinity
        cores = os.cpu_count() or 1
    return max(1, min(cores, MOST_THREADS))
