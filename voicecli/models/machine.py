"""What the embedded language model can have of this machine."""

from __future__ import annotations

from voicecli.engines.machine import gpu_free_bytes, held_bytes, memory_facts, usable_cores
from voicecli.models.ladder import Machine

UNKNOWN_BYTES = 4_000_000_000
"""Free memory that is assumed where the system does not report it: the everyday model fits, the large ones do not."""


def this_machine(gpu_layers: int = 0) -> Machine:
    """Return what a conversation can have of this machine.

    What this process already holds counts as free: the choice is about how to spend it. `gpu_layers`: of the embedded
    language model; with 0 it uses no GPU.
    """
    available = memory_facts().available_bytes
    free = UNKNOWN_BYTES if available is None else int(available) + held_bytes()
    return Machine(free, usable_cores(), gpu_free_bytes() if gpu_layers else 0)
