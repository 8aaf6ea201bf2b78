"""The models that a conversation needs, and the memory that they take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from voicecli.doctor.finding import Finding

ModelState = Literal["whole", "incomplete", "absent", "damaged", "own", "unknown"]
"""own: a file or folder of the user's, of which no manifest tells what it should be; unknown: nothing of that name."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model, as it lies on disk."""

    name: str  # as the settings have it: of the manifest, or a path
    state: ModelState
    kind: str = ""  # stt, tts, voices, llm, turn
    size_bytes: int = 0  # what it has or, where it lacks, will have
    files: tuple[str, ...] = ()  # that lack, or whose bytes are wrong
    is_hashed: bool = False
    hint: str = ""  # of an unknown one: what may have been meant


def model_findings(models: list[ModelFacts], *, offline: bool) -> list[Finding]:
    """A line on each; `offline`: voicecli talk would not download what lacks.

    The first one that lacks has the command that fetches all of them.
    """
    lacking = [facts.name for facts in models if facts.state in ("absent", "incomplete")]
    all_of_them = {name: " ".join(lacking) for name in lacking[:1]}
    return [_model(facts, offline, all_of_them.get(facts.name, facts.name)) for facts in models]


def _model(facts: ModelFacts, offline: bool, to_fetch: str) -> Finding:
    reported = {"state": facts.state, "bytes": facts.size_bytes, "hashed": facts.is_hashed, "files": list(facts.files)}
    name, fetch = facts.name.rpartition("/")[2], f"voicecli download-models {to_fetch}"
    match facts.state:
        case "whole":
            checked = "every byte is right" if facts.is_hashed else "right in size, bytes not looked at"
            return Finding(name, "passed", f"{megabytes(facts.size_bytes)}, {checked}", facts=reported)
        case "own":
            return Finding(name, "passed", f"{megabytes(facts.size_bytes)}, your own: taken as it is", facts=reported)
        case "absent":
            later = "" if offline else "; voicecli talk would download it first"
            return Finding(name, "failed", f"is not there{later}", fetch, reported)
        case "incomplete":
            return Finding(name, "failed", f"lacks {first_names(facts.files)}", fetch, reported)
        case "damaged":
            cure = f"voicecli download-models --remove {facts.name} && {fetch}"
            return Finding(name, "failed", f"wrong bytes in {first_names(facts.files)}", cure, reported)
        case _:
            return Finding(
                name,
                "failed",
                "is neither a model of voicecli nor a file",
                facts.hint or "voicecli download-models --list",
                reported,
            )


def first_names(names: tuple[str, ...]) -> str:
    """Two names at most: the others are in the facts."""
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def megabytes(size_bytes: float) -> str:
    """In the unit that reads well."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


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
