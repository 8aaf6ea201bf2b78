"""How many threads an engine should take."""

from __future__ import annotations

import os
from pathlib import Path


def physical_cores(most: int) -> int:
    """Cores that this process may use, `most` at most. Two threads of one core would share its arithmetic."""
    if not hasattr(os, "sched_getaffinity"):
        return min(os.cpu_count() or 1, most)
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.add(siblings.read_text() if siblings.exists() else str(cpu))
    return min(len(cores), most)


def sleep_while_waiting() -> None:
    """Let OpenMP's threads sleep, not spin, while they wait for each other, in libraries loaded after the call.

    llama.cpp and CTranslate2 share the cores with each other and with the voice. Spinning, two threads that read a
    prompt beside one busy program needed up to 29 s for what takes 0.2 s; sleeping, 0.43 s (two cores, SmolLM2-135M).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
