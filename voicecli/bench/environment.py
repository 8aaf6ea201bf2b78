"""Describe the circumstances of a measurement: machine, settings, models, resources used, and reasons for doubt."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from voicecli import __version__
from voicecli.bench.machine import PROC, describe_machine, machine_cpu_s, stolen_cpu_s
from voicecli.bench.result import PROCESS, Count, Metric, Result, TurnRecord
from voicecli.engines import gpu
from voicecli.errors import EngineError
from voicecli.models.store import open_store, sha256_of
from voicecli.network import host_and_port
from voicecli.settings.load import value_of
from voicecli.settings.model import Settings

BUSY_CORES = 0.3
"""If other programs use more cores than this, the figures are not reliable."""

SECTIONS = ("listen", "stt", "llm", "tts")
"""Sections of the settings that figures depend on."""

SettingValue = str | int | float | bool


@dataclass(frozen=True, slots=True)
class RunStart:
    """The clocks at the start of a measurement."""

    at: datetime
    clock_s: float
    own_cpu_s: float  # of this process and its finished children
    machine_cpu_s: float | None  # of all processes; None if unknown
    stolen_cpu_s: float  # from a virtual machine by its host; 0 if unknown


@dataclass(frozen=True, slots=True)
class Found:
    """The measurements of a stage; the fields are those of `Result`."""

    corpus: str
    metrics: tuple[Metric, ...]
    counts: tuple[Count, ...] = ()
    turns: tuple[TurnRecord, ...] = ()
    warm_ups: dict[str, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    events: tuple[dict[str, object], ...] = ()
    seed: int = 0
    load: tuple[str, ...] | None = None  # doubts about other load, from a stage that measures the load itself


def begin() -> RunStart:
    """Start a measurement; call it before the models are loaded."""
    machine_s, stolen_s = (machine_cpu_s(), stolen_cpu_s()) if PROC.is_dir() else (None, 0.0)
    return RunStart(datetime.now(UTC), time.monotonic(), own_cpu_s(), machine_s, stolen_s)


def conclude(bench: str, begun: RunStart, settings: Settings, models: dict[str, str], found: Found) -> Result:
    """Return the result with its circumstances; `models` comes from `model_digests`."""
    took_s = time.monotonic() - begun.clock_s
    cpu_s = own_cpu_s() - begun.own_cpu_s
    machine_s = None if begun.machine_cpu_s is None else machine_cpu_s() - begun.machine_cpu_s
    used = (Count(PROCESS, "CPU time", round(cpu_s, 2), unit="s"), *peak_memory())
    where = describe_machine()
    load = found.load if found.load is not None else load_doubts(other_cores(machine_s, cpu_s, took_s), where.threads)
    stolen_s = stolen_cpu_s() - begun.stolen_cpu_s if begun.machine_cpu_s is not None else 0.0
    return Result(
        bench=bench,
        version=__version__,
        taken_at=begun.at.isoformat(timespec="seconds"),
        took_s=round(took_s, 2),
        device=device_of(settings),
        machine=where,
        settings=reported_settings(settings),
        models=models,
        corpus=found.corpus,
        seed=found.seed,
        metrics=found.metrics,
        counts=(*found.counts, *used),
        turns=found.turns,
        warm_ups={name: round(took, 3) for name, took in found.warm_ups.items()},
        doubts=(*load, *stolen_doubts(stolen_s / took_s), *found.doubts),
        events=found.events,
    )


def device_of(settings: Settings) -> str:
    """Return "gpu" if any engine runs on one, else "cpu"."""
    return "gpu" if "cuda" in (settings.stt.device, settings.tts.device) else "cpu"


def other_cores(machine_s: float | None, own_s: float, wall_s: float) -> float | None:
    """Return the cores that other programs used; None if unknown or if the totals contradict each other."""
    if machine_s is None or wall_s <= 0 or machine_s < 0.8 * own_s:
        return None
    return max(0.0, machine_s - own_s) / wall_s


def load_doubts(others: float | None, threads: int) -> tuple[str, ...]:
    """Return a warning if other load was high or is unknown."""
    if others is None:
        return ("the load by other programs is not known on this system",)
    if others > BUSY_CORES:
        return (f"other programs used {others:.1f} of {threads} cores meanwhile: measure again on a quiet machine",)
    return ()


def stolen_doubts(cores: float) -> tuple[str, ...]:
    """Return a warning if the host gave many of this virtual machine's cores to others."""
    if cores <= BUSY_CORES:
        return ()
    return (f"the host of this virtual machine gave {cores:.1f} of its cores to others meanwhile",)


def own_cpu_s() -> float:
    """Return the user and system time of this process and its finished children."""
    return sum(os.times()[:4])


def peak_memory() -> tuple[Count, ...]:
    """Return the peak memory as a count; nothing if it is unknown."""
    most_mb = peak_memory_mb()
    return () if most_mb is None else (Count(PROCESS, "peak memory", round(most_mb, 1), unit="MB"),)


def peak_memory_mb() -> float | None:
    """Return the peak memory of this process or of a finished child; None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6  # macOS counts bytes, Linux kilobytes


def reported_settings(settings: Settings) -> dict[str, SettingValue]:
    """Return `section.key` -> value, without secrets, paths and passwords; of the system prompt only its length."""
    return {
        f"{section}.{key}": reported_value(key, value_of(settings, f"{section}.{key}"))  # type: ignore[arg-type]
        for section in SECTIONS
        for key, value in getattr(settings, section)
        if not isinstance(value, SecretStr)
    }


def reported_value(key: str, value: SettingValue) -> SettingValue:
    """Return a value without private parts."""
    if not isinstance(value, str):
        return value
    if key in ("system_prompt", "place"):
        return f"{len(value.strip())} characters"
    if key.endswith("url"):
        return host_and_port(value)
    return Path(value).name if Path(value).expanduser().is_absolute() or "\\" in value else value


def model_digests(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """Return name -> SHA-256 of the largest file, from the manifest or of the user's own file or folder."""
    store = open_store(settings)
    digests = {}
    for name in names:
        own = Path(name).expanduser()
        if own.exists():
            files = [own] if own.is_file() else [file for file in own.rglob("*") if file.is_file()]
            digests[own.name] = sha256_of(max(files, key=lambda file: file.stat().st_size))
        else:
            digests[name] = store.digest(name)
    return digests


def require_device(settings: Settings, device: str) -> None:
    """Raise EngineError with everything that was checked, if `device` is gpu and this machine has no usable one."""
    if device != "gpu":
        return
    import ctranslate2
    import onnxruntime

    gpu.preload_libraries()
    devices, providers = ctranslate2.get_cuda_device_count(), onnxruntime.get_available_providers()
    if devices < 1:
        checked = [f"CUDA devices for CTranslate2: {devices}", *gpu.findings()]
        checked.append(f"ONNX Runtime's providers: {', '.join(providers)}")
        hint = "install the driver and pip install 'voicecli[gpu]', or measure the processor with --device cpu"
        raise EngineError(f"--device gpu: no GPU was found ({'; '.join(checked)})", hint)
    if settings.tts.device == "cuda":
        gpu.require_cuda_provider(providers)
