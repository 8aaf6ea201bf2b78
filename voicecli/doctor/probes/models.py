"""Collect facts about model files and free memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from voicecli.doctor.models import MemoryFacts, ModelFacts
from voicecli.doctor.probes.processes import output_of
from voicecli.errors import SettingsError
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore


def model_facts(store: ModelStore, names: Sequence[str], *, quick: bool) -> list[ModelFacts]:
    """Return the facts of each model. With `quick`, compare sizes and do not hash."""
    return [one_model(store, name, quick) for name in names]


def one_model(store: ModelStore, name: str, quick: bool) -> ModelFacts:
    """Return the facts of a model, found as voicecli talk finds it: a user's own file takes precedence."""
    own = Path(name).expanduser()
    if own.exists():
        return ModelFacts(name, "own", kind_of(own), size_of(own))
    try:
        model = store.manifest.find(name)
    except SettingsError as error:
        return ModelFacts(name, "unknown", hint=error.hint)
    match store.state(name):
        case "absent":
            return ModelFacts(name, "absent", model.kind, expected_bytes(model))
        case "incomplete":
            return ModelFacts(name, "incomplete", model.kind, expected_bytes(model), tuple(store.missing(name)))
        case "installed":
            wrong = () if quick else tuple(store.wrong(name))
            return ModelFacts(
                name, "damaged" if wrong else "whole", model.kind, store.bytes_on_disk(name), wrong, is_hashed=not quick
            )


def expected_bytes(model: Model) -> int:
    """Return the size in the manifest, in bytes; 0 if unknown."""
    return model.size_bytes or (model.approx_mb or 0) * 1_000_000


def kind_of(path: Path) -> str:
    """Return the kind of a user's own file by its suffix; a folder is a Whisper model."""
    if path.is_dir():
        return "stt"
    return {".gguf": "llm", ".onnx": "tts"}.get(path.suffix, "")


def size_of(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


ROOT = Path("/")


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
