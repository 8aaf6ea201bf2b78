"""Describe the machine, and measure what a process and its children use of it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from voicecli.bench.result import Machine
from voicecli.engines.cpu import physical_cores
from voicecli.errors import SettingsError

PROC = Path("/proc")


LIBRARIES = (
    "ctranslate2",
    "faster-whisper",
    "onnxruntime",
    "onnxruntime-gpu",
    "kokoro-onnx",
    "xllamacpp",
    "openai",
    "numpy",
) + ("jiwer", "whisper-normalizer", "nvidia-cublas-cu12", "nvidia-cudnn-cu12")
"""Python packages that figures depend on."""

GPU_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
GPU_TIMEOUT_S = 10.0


def machine() -> str:
    """Return processor, cores and system in one line."""
    cores = physical_cores(os.cpu_count() or 1)
    return f"{processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def describe_machine() -> Machine:
    """Return the description of this machine."""
    return Machine(
        processor=processor(),
        cores=physical_cores(os.cpu_count() or 1),
        threads=usable_threads(),
        memory_gb=memory_gb(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        gpu=gpu(),
        libraries={name: version for name in LIBRARIES if (version := version_of(name))},
    )


def processor() -> str:
    """Return the processor's name."""
    cpuinfo = PROC / "cpuinfo"
    named = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return named[0].split(":", 1)[1].strip() if named else platform.processor() or platform.machine()


def usable_threads() -> int:
    """Return how many hardware threads this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gb() -> float:
    """Return the memory of the machine in 10^9 bytes; 0 if unknown."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return 0.0


def gpu() -> str:
    """Return name, memory and driver of each NVIDIA GPU according to nvidia-smi; empty without one."""
    try:
        output = subprocess.run(GPU_QUERY, capture_output=True, text=True, timeout=GPU_TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(line.strip() for line in output.splitlines() if line.strip())


def version_of(distribution: str) -> str:
    """Return the installed version of a package; empty if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children have used so far."""

    cpu_s: float  # user and system time, including finished children
    rss_bytes: int
    machine_cpu_s: float  # of all processes on the machine


class Process:
    """A process observed from outside through /proc, on Linux."""

    def __init__(self, pid: int) -> None:
        """Raise SettingsError if there is no such process, or no /proc."""
        self._pid = pid
        if not (PROC / str(pid) / "stat").is_file():
            raise SettingsError(
                f"cannot measure process {pid}: {PROC / str(pid)} does not exist",
                "set --pid to the server's process; omit it on systems other than Linux",
            )

    def usage(self) -> Usage:
        """Return the usage; zeros, except for the machine's, once the process has ended."""
        cpu_s, rss_bytes = 0.0, 0
        remaining = [self._pid]
        while remaining:
            folder = PROC / str(remaining.pop())
            try:
                # The second field is the name in brackets and may hold anything. Fields: man 5 proc_pid_stat.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                children = [path.read_text() for path in folder.glob("task/*/children")]
            except (FileNotFoundError, ProcessLookupError):
                continue
            cpu_s += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            rss_bytes += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
            remaining += [int(child) for text in children for child in text.split()]
        return Usage(cpu_s, rss_bytes, machine_cpu_s())


def stolen_cpu_s() -> float:
    """Return the CPU time since boot that the host of a virtual machine gave to others."""
    return int((PROC / "stat").read_text().split("\n", 1)[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def machine_cpu_s() -> float:
    """Return the CPU time since boot spent on anything."""
    total = (PROC / "stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _waits, *interrupts = map(int, total[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
