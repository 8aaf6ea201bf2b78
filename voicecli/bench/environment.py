"""What every measurement tells beside its figures: where, with what, at what expense, and why they may mislead."""

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
from voicecli.bench.machine import PROC, described, machine_cpu_s, stolen_cpu_s
from voicecli.bench.result import PROCESS, Count, Metric, Result, TurnRecord
from voicecli.engines import gpu
from voicecli.engines.llm.select import place
from voicecli.errors import EngineError
from voicecli.models.store import open_store, sha256_of
from voicecli.settings.load import value_of
from voicecli.settings.model import Settings

BUSY_CORES = 0.3
"""With more of the machine used by others, figures say little."""

SECTIONS = ("listen", "stt", "llm", "tts")
"""Of the settings: those that figures depend on."""

Told = str | int | float | bool


@dataclass(frozen=True, slots=True)
class RunStart:
    """The clocks at the beginning of a measurement."""

    at: datetime
    clock_s: float
    own_cpu_s: float  # of this process and its children that have ended
    machine_cpu_s: float | None  # of all processes; None where the system does not tell
    stolen_cpu_s: float  # from a virtual machine, by its host; 0 where the system does not tell


@dataclass(frozen=True, slots=True)
class Found:
    """What a stage has measured; the fields are those of `Result`."""

    corpus: str
    metrics: tuple[Metric, ...]
    counts: tuple[Count, ...] = ()
    turns: tuple[TurnRecord, ...] = ()
    warm_ups: dict[str, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    events: tuple[dict[str, object], ...] = ()
    seed: int = 0
    load: tuple[str, ...] | None = None  # doubts about other load, of a stage that has watched the machine itself


def begin() -> RunStart:
    """Before the models are loaded."""
    tells = PROC.is_dir()
    machine_s, stolen_s = (machine_cpu_s(), stolen_cpu_s()) if tells else (None, 0.0)
    return RunStart(datetime.now(UTC), time.monotonic(), own_cpu_s(), machine_s, stolen_s)


def conclude(bench: str, begun: RunStart, settings: Settings, models: dict[str, str], found: Found) -> Result:
    """A result with all that is needed to believe it; `models` is what `model_digests` gave."""
    took_s = time.monotonic() - begun.clock_s
    cpu_s = own_cpu_s() - begun.own_cpu_s
    machine_s = None if begun.machine_cpu_s is None else machine_cpu_s() - begun.machine_cpu_s
    used = (Count(PROCESS, "CPU time", round(cpu_s, 2), unit="s"), *peak_memory())
    where = described()
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
        doubts=(*load, *theft_doubts(stolen_s / took_s), *found.doubts),
        events=found.events,
    )


def device_of(settings: Settings) -> str:
    """gpu where any of the engines runs on one."""
    return "gpu" if "cuda" in (settings.stt.device, settings.tts.device) else "cpu"


def other_cores(machine_s: float | None, own_s: float, wall_s: float) -> float | None:
    """Cores that other programs used; None where the system does not tell, or tells less than this one used alone."""
    if machine_s is None or wall_s <= 0 or machine_s < 0.8 * own_s:
        return None
    return max(0.0, machine_s - own_s) / wall_s


def load_doubts(others: float | None, threads: int) -> tuple[str, ...]:
    """What other load makes of the figures."""
    if others is None:
        return ("whether other programs were at work is not known on this system",)
    if others > BUSY_CORES:
        return (f"other programs used {others:.1f} of {threads} cores meanwhile: measure again on a quiet machine",)
    return ()


def theft_doubts(cores: float) -> tuple[str, ...]:
    """What it makes of the figures that a host gave so much of this virtual machine to others."""
    if cores <= BUSY_CORES:
        return ()
    return (f"the host of this virtual machine gave {cores:.1f} of its cores to others meanwhile",)


def own_cpu_s() -> float:
    """User and system time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def peak_memory() -> tuple[Count, ...]:
    """As a count of the process; empty where nobody tells."""
    most_mb = peak_memory_mb()
    return () if most_mb is None else (Count(PROCESS, "peak memory", round(most_mb, 1), unit="MB"),)


def peak_memory_mb() -> float | None:
    """Most that this process, or one of its children that have ended, held at once; None where nobody tells."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6  # macOS counts bytes, Linux kilobytes


def reported_settings(settings: Settings) -> dict[str, Told]:
    """`section.key` -> value. No secret, no path, no password in a URL, and of the system prompt its length alone."""
    return {
        f"{section}.{key}": reported_value(key, value_of(settings, f"{section}.{key}"))  # type: ignore[arg-type]
        for section in SECTIONS
        for key, value in getattr(settings, section)
        if not isinstance(value, SecretStr)
    }


def reported_value(key: str, value: Told) -> Told:
    """Without what concerns the user alone."""
    if not isinstance(value, str):
        return value
    if key == "system_prompt":
        return f"{len(value.strip())} characters"
    if key.endswith("url"):
        return place(value)
    return Path(value).name if Path(value).expanduser().is_absolute() or "\\" in value else value


def model_digests(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """Name -> SHA-256 of its largest file: as the manifest has it, or of the user's own file or folder."""
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
    """Raise EngineError, naming all that was looked for, where `device` is gpu and this machine has none to use."""
    if device != "gpu":
        return
    import ctranslate2
    import onnxruntime

    gpu.preload_libraries()
    devices, providers = ctranslate2.get_cuda_device_count(), onnxruntime.get_available_providers()
    if devices < 1:
        looked = [f"CUDA devices for CTranslate2: {devices}", *gpu.findings()]
        looked.append(f"ONNX Runtime's providers: {', '.join(providers)}")
        hint = "--device cpu measures the processor; a GPU needs its driver, and pip install 'voicecli[gpu]'"
        raise EngineError(f"--device gpu: no GPU was found ({'; '.join(looked)})", hint)
    if settings.tts.device == "cuda":
        gpu.require_cuda_provider(providers)
