"""What this machine has for a language model: free memory, cores, a GPU; with the limits of a container."""

from __future__ import annotations

import math
import platform
import re
import shutil
import subprocess
from pathlib import Path

from voicecli.engines.cpu import physical_cores
from voicecli.types import MemoryFacts

ROOT = Path("/")

MOST_CORES = 1024


def processor(root: Path = ROOT) -> str:
    """Return the processor's name."""
    found = re.search(r"^model name\s*:\s*(.+)$", read(root / "proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def usable_cores(root: Path = ROOT) -> int:
    """Return how many cores this process may use, by its affinity and by the container's quota."""
    quota = quota_cores(root)
    cores = physical_cores(MOST_CORES)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def quota_cores(root: Path) -> float | None:
    """Return the cores that the control group of version 2 or 1 allows; None without a limit."""
    quota, _, period = read(root / "sys/fs/cgroup/cpu.max").strip().partition(" ")
    if not period:
        quota = read(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = read(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def held_bytes(root: Path = ROOT) -> int:
    """Return the memory of this process that only it uses, without files that it has mapped."""
    return int(kilobytes(read(root / "proc/self/status"), "RssAnon") or 0)


def gpu_free_bytes() -> int:
    """Return the free memory of the first NVIDIA GPU; 0 without one."""
    query = ("--query-gpu=memory.free", "--format=csv,noheader,nounits")
    first = output_of("nvidia-smi", *query).partition("\n")[0].strip()
    return int(first) << 20 if first.isdecimal() else 0


def memory_facts(root: Path = ROOT) -> MemoryFacts:
    """Return the memory of this machine from /proc on Linux or vm_stat on macOS; unknown on other systems."""
    meminfo = read(root / "proc/meminfo")
    if not meminfo:
        return from_vm_stat(output_of("vm_stat"), output_of("sysctl", "-n", "hw.memsize"))
    available, total = kilobytes(meminfo, "MemAvailable"), kilobytes(meminfo, "MemTotal")
    room = room_in_container(root)
    if room is not None and available is not None and room < available:
        return MemoryFacts(room, total, "the container's limit")
    return MemoryFacts(available, total)


def room_in_container(root: Path) -> float | None:
    """Return the free bytes within the control group's limit, cached files counted as free; None without a limit.

    Read the files of version 2, then those of version 1 (kernel: Documentation/admin-guide/cgroup-v2.rst and
    cgroup-v1/memory.rst). Inside a container its own group is mounted as the root.
    """
    folder = root / "sys/fs/cgroup"
    for limit_file, usage_file, stat_file, cached in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        limit, usage = read(folder / limit_file).strip(), read(folder / usage_file).strip()
        if limit.isdecimal() and usage.isdecimal():
            found = re.search(rf"^{cached} (\d+)$", read(folder / stat_file), re.MULTILINE)
            return int(limit) - int(usage) + (int(found[1]) if found else 0)
    return None


def from_vm_stat(vm_stat: str, memsize: str) -> MemoryFacts:
    """Return the memory of a Mac: pages that are free or can be reclaimed at once."""
    page = re.search(r"page size of (\d+) bytes", vm_stat)
    pages = [
        re.search(rf"^Pages {kind}:\s+(\d+)", vm_stat, re.MULTILINE) for kind in ("free", "inactive", "speculative")
    ]
    total = int(memsize) if memsize.isdecimal() else None
    if not page or not all(pages):
        return MemoryFacts(None, total)
    return MemoryFacts(int(page[1]) * sum(int(found[1]) for found in pages if found), total)


def kilobytes(meminfo: str, key: str) -> float | None:
    """Return a value of /proc/meminfo in bytes; None if it is missing."""
    found = re.search(rf"^{key}:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def read(path: Path) -> str:
    """Return the text of a file; empty if it is missing or unreadable."""
    try:
        return path.read_text(encoding="utf8")
    except OSError:
        return ""


def output_of(*command: str, within_s: float = 2.0) -> str:
    """Return the output of a program; empty if it is not installed, fails or takes too long."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
