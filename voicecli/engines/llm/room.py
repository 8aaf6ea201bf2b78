"""What this machine has for a language model of a server: free memory, also on a GPU, and cores."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from voicecli.engines.cpu import physical_cores
from voicecli.engines.llm.ranking import MOST_CORES, Room

GPU_S = 0.4
"""Longest wait for nvidia-smi, which runs beside the look for servers."""


async def this_room() -> Room:
    """Return what is free now."""
    return Room(_free_bytes(), physical_cores(MOST_CORES), await _free_gpu_bytes())


def _free_bytes() -> int:
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:  # not Linux
        return 0
    return int(found[1]) * 1024 if found else 0


async def _free_gpu_bytes() -> int:
    """Return the free memory of the first NVIDIA GPU; 0 if there is none or it is not reported in time."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    asked = await asyncio.create_subprocess_exec(
        program, "--query-gpu=memory.free", "--format=csv,noheader,nounits",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(GPU_S):
            output, _ = await asked.communicate()
    except TimeoutError:
        asked.kill()
        await asked.wait()
        return 0
    first = output.decode(errors="replace").partition("\n")[0].strip()
    return int(first) << 20 if first.isdecimal() else 0
