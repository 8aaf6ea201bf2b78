"""CPU threads of the engines: how many, and what they do while waiting."""

from __future__ import annotations

import os
from pathlib import Path


def physical_cores(most: int) -> int:
    """Return how many cores this process may use, up to `most`. Threads of one core would share its arithmetic."""
    if not hasattr(os, "sched_getaffinity"):
        return min(os.cpu_count() or 1, most)
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.add(siblings.read_text() if siblings.exists() else str(cpu))
    return min(len(cores), most)


def sleep_while_waiting() -> None:
    """Let OpenMP's threads sleep instead of spin while they wait, in libraries loaded after this call.

    llama.cpp and CTranslate2 share the cores with each other and with the voice. Reading a prompt with two threads
    takes 0.2 s; beside one busy program it took up to 29 s with spinning and 0.43 s with sleeping (two cores,
    SmolLM2-135M).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
