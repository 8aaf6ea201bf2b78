"""What this machine has for a language model of a server."""

from __future__ import annotations

import asyncio

from voicecli.engines.llm.ranking import Room
from voicecli.engines.machine import gpu_free_bytes, memory_facts, usable_cores


async def this_room() -> Room:
    """Return the free memory, also of a GPU, and the cores. Asks other programs, in a thread."""
    return await asyncio.to_thread(
        lambda: Room(int(memory_facts().available_bytes or 0), usable_cores(), gpu_free_bytes())
    )
