"""Tables in Markdown, and a line on the machine that they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from voicecli.engines.cpu import physical_cores


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine() -> str:
    """Processor, cores and system."""
    cpuinfo = Path("/proc/cpuinfo")
    named = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    processor = named[0].split(":", 1)[1].strip() if named else platform.processor() or platform.machine()
    cores = physical_cores(os.cpu_count() or 1)
    return f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}"
