"""Is there room for the models? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicecli.doctor.finding import Finding
from voicecli.doctor.models import ModelFacts, megabytes

PROGRAM_BYTES = 150e6
"""voicecli with the libraries of all its engines and no model loaded: 146 MB (resident, Linux)."""

COMFORT = 1.3
"""The rest of the machine wants to live, too."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory that a model takes: a share of its size on disk, and a part that does not depend on it."""

    of_size: float
    fixed_bytes: float = 0.0


COSTS: Mapping[str, Cost] = {
    "stt": Cost(2.2),
    "tts": Cost(3.4),
    "voices": Cost(0.0),  # one of them is loaded, half a megabyte
    "turn": Cost(1.0, 60e6),
    "llm": Cost(1.0, 150e6),
}
"""Measured once loaded and put to work, on a CPU, each default model in a process of its own: whisper-base (150 MB)
took 327 MB at its peak, kokoro-v1.0-int8 (92 MB) 314 MB, smart-turn-v3.2 (9 MB) 67 MB, smollm2-135m-instruct (98 MB)
246 MB with 3500 of its 4096 tokens of context filled. llama.cpp maps the file as it is, so there the rest is context
and buffers. Together they make 1.1 GB; a whole conversation over files peaked at 1054 MB. Of other models this is an
estimate."""


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """What this process may still take."""

    available_bytes: float | None  # None: the system does not tell
    total_bytes: float | None
    limit: str = ""  # where a container allows less than the machine has


def memory_findings(facts: MemoryFacts, models: list[ModelFacts]) -> list[Finding]:
    """One line. `models` are those that will be in main memory."""
    needed = needed_bytes(models)
    reported = {"available bytes": facts.available_bytes, "total bytes": facts.total_bytes, "needed bytes": needed}
    if facts.available_bytes is None:
        return [
            Finding(
                "memory", "skipped", f"about {megabytes(needed)} are needed; free memory is not known", "", reported
            )
        ]
    where = f" ({facts.limit})" if facts.limit else ""
    text = f"{megabytes(facts.available_bytes)} free{where}, about {megabytes(needed)} needed"
    advice = "close other programs, or choose smaller models: voicecli download-models --list"
    if facts.available_bytes < needed:
        return [Finding("memory", "failed", text, advice, reported)]
    if facts.available_bytes < needed * COMFORT:
        return [Finding("memory", "warned", f"{text}: scarce", advice, reported)]
    return [Finding("memory", "passed", text, facts=reported)]


def needed_bytes(models: list[ModelFacts]) -> float:
    """With the program itself. A model of unknown kind counts with its size."""
    costs = [(COSTS.get(model.kind, Cost(1.0)), model.size_bytes) for model in models]
    return PROGRAM_BYTES + sum(cost.of_size * size + cost.fixed_bytes for cost, size in costs)
